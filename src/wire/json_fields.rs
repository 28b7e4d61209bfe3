//! Which JSON value each field takes: `Authorisation` and `StopOrder`, at their numbers.

use pbjson::private::BytesDeserialize;
use serde::de::{Deserialize, MapAccess};
use zeroize::Zeroize;

use super::fields::FIELD_NAMES;
use super::json::{Integer, JsonMessage, Oddities};
use super::proto;
use super::scratch::Scratch;

impl JsonMessage for Scratch {
    const NAMES: &'static [&'static str] = &FIELD_NAMES;
    /// Senders may be newer than this engine.
    const ODDITIES: Oddities = Oddities::LetPass;

    fn is_enum(number: usize) -> bool {
        matches!(number, 1 | 4 | 21..=23 | 25..=28 | 34)
    }

    fn take<'de, A: MapAccess<'de>>(&mut self, number: usize, map: &mut A) -> Result<(), A::Error> {
        let Self { message, card } = self;
        match number {
            1 => message.message_type = enumeration::<A, proto::MessageType>(map)?,
            2 => text(&mut message.authorisation_id, map)?,
            3 => optional_text(&mut message.original_id, map)?,
            4 => message.processing_code = enumeration::<A, proto::ProcessingCode>(map)?,
            5 => message.incremental = map.next_value::<Option<bool>>()?.unwrap_or_default(),
            6 => card_text(&mut card.token, map)?,
            7 => card_text(&mut card.pan, map)?,
            8 => text(&mut message.account_reference, map)?,
            9 => message.amount_minor_units = integer(map)?,
            10 => text(&mut message.currency, map)?,
            11 => message.billing_amount_minor_units = integer(map)?,
            12 => optional_text(&mut message.billing_currency, map)?,
            13 => message.authorised_at_millis = integer(map)?.unwrap_or_default(),
            14 => message.original_authorised_at_millis = integer(map)?,
            15 => message.deadline_millis = integer(map)?,
            16 => optional_text(&mut message.merchant_id, map)?,
            17 => optional_text(&mut message.acquirer_id, map)?,
            18 => optional_text(&mut message.terminal_id, map)?,
            19 => message.merchant_category_code = uint32(map)?,
            20 => optional_text(&mut message.merchant_country, map)?,
            21 => message.entry_mode = enumeration::<A, proto::EntryMode>(map)?,
            22 => message.channel = enumeration::<A, proto::Channel>(map)?,
            23 => message.initiator = enumeration::<A, proto::Initiator>(map)?,
            24 => message.eci = uint32(map)?,
            25 => message.cavv_result = enumeration::<A, proto::CheckResult>(map)?,
            26 => message.cvv2_result = enumeration::<A, proto::CheckResult>(map)?,
            27 => message.avs_result = enumeration::<A, proto::CheckResult>(map)?,
            28 => message.expiry_result = enumeration::<A, proto::CheckResult>(map)?,
            29 => optional_text(&mut message.bin, map)?,
            30 => optional_text(&mut message.device_id, map)?,
            31 => optional_text(&mut message.ip_address, map)?,
            32 => optional_text(&mut message.ip_country, map)?,
            33 => optional_text(&mut message.email_digest, map)?,
            34 => message.scheme = enumeration::<A, proto::Scheme>(map)?,
            35 => optional_text(&mut message.portfolio, map)?,
            36 => optional_text(&mut message.response_code, map)?,
            _ => message.switch_context = bytes(map)?,
        }
        Ok(())
    }
}

impl JsonMessage for proto::StopOrder {
    const NAMES: &'static [&'static str] = &[
        "",
        "order_id",
        "card_token",
        "account_reference",
        "pan_tag",
        "pan_key_id",
        "cause",
        "scope",
        "merchant_id",
        "acquirer_id",
        "merchant_category_code",
        "report_channel",
        "reported_at_millis",
        "in_force_from_millis",
        "lapses_at_millis",
        "lifted_at_millis",
        "lift_reason",
        "source",
    ];
    /// Without its `lapses_at_millis`, an order stands for ever.
    const ODDITIES: Oddities = Oddities::Refused;

    fn is_enum(number: usize) -> bool {
        matches!(number, 6 | 7 | 11)
    }

    fn take<'de, A: MapAccess<'de>>(&mut self, number: usize, map: &mut A) -> Result<(), A::Error> {
        match number {
            1 => text(&mut self.order_id, map)?,
            2 => optional_text(&mut self.card_token, map)?,
            3 => optional_text(&mut self.account_reference, map)?,
            4 => optional_text(&mut self.pan_tag, map)?,
            5 => optional_text(&mut self.pan_key_id, map)?,
            6 => self.cause = enumeration::<A, proto::StopCause>(map)?,
            7 => self.scope = enumeration::<A, proto::StopScope>(map)?,
            8 => optional_text(&mut self.merchant_id, map)?,
            9 => optional_text(&mut self.acquirer_id, map)?,
            10 => self.merchant_category_code = uint32(map)?,
            11 => self.report_channel = enumeration::<A, proto::ReportChannel>(map)?,
            12 => self.reported_at_millis = integer(map)?,
            13 => self.in_force_from_millis = integer(map)?,
            14 => self.lapses_at_millis = integer(map)?,
            15 => self.lifted_at_millis = integer(map)?,
            16 => optional_text(&mut self.lift_reason, map)?,
            _ => optional_text(&mut self.source, map)?,
        }
        Ok(())
    }
}

/// The number of an enum value, written as its name or its number; null is absent.
fn enumeration<'de, A, E>(map: &mut A) -> Result<i32, A::Error>
where
    A: MapAccess<'de>,
    E: Deserialize<'de> + Into<i32>,
{
    Ok(map.next_value::<Option<E>>()?.map_or(0, Into::into))
}

fn integer<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<i64>, A::Error> {
    let found = map.next_value::<Option<Integer>>()?;
    Ok(found.map(|integer| integer.0))
}

fn uint32<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<u32>, A::Error> {
    let found = map.next_value::<Option<Integer>>()?;
    Ok(found.map(Integer::to_uint32))
}

fn bytes<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Vec<u8>>, A::Error> {
    let found = map.next_value::<Option<BytesDeserialize<Vec<u8>>>>()?;
    Ok(found.map(|bytes| bytes.0))
}

/// Replaces `field`; what it held before is wiped.
fn text<'de, A: MapAccess<'de>>(field: &mut String, map: &mut A) -> Result<(), A::Error> {
    let found = map.next_value::<Option<String>>()?;
    field.zeroize();
    *field = found.unwrap_or_default();
    Ok(())
}

/// Replaces `field`; what it held before is wiped.
fn optional_text<'de, A: MapAccess<'de>>(
    field: &mut Option<String>,
    map: &mut A,
) -> Result<(), A::Error> {
    let found = map.next_value()?;
    field.zeroize();
    *field = found;
    Ok(())
}

/// The same for a form of the card; null leaves what came before, which is then refused.
fn card_text<'de, A: MapAccess<'de>>(
    field: &mut Option<String>,
    map: &mut A,
) -> Result<(), A::Error> {
    if let Some(found) = map.next_value()? {
        field.zeroize();
        *field = Some(found);
    }
    Ok(())
}
