//! An authorisation's fields as the sender wrote them, before anything is judged.

use crate::domain::{ErrorReason, Identifier};

use super::pan::is_like_pan;
use super::proto;
use super::protobuf::{Reader, Torn, WireType};
use super::refusal::Fault;

/// Names of `Authorisation`'s fields in the contract, each at its number.
pub(super) const FIELD_NAMES: [&str; 38] = [
    "",
    "message_type",
    "authorisation_id",
    "original_id",
    "processing_code",
    "incremental",
    "card_token",
    "pan",
    "account_reference",
    "amount_minor_units",
    "currency",
    "billing_amount_minor_units",
    "billing_currency",
    "authorised_at_millis",
    "original_authorised_at_millis",
    "deadline_millis",
    "merchant_id",
    "acquirer_id",
    "terminal_id",
    "merchant_category_code",
    "merchant_country",
    "entry_mode",
    "channel",
    "initiator",
    "eci",
    "cavv_result",
    "cvv2_result",
    "avs_result",
    "expiry_result",
    "bin",
    "device_id",
    "ip_address",
    "ip_country",
    "email_digest",
    "scheme",
    "portfolio",
    "response_code",
    "switch_context",
];

/// The longest authorisation id, card token or account reference, in characters.
pub(super) const NAME_LENGTH_MAX: usize = 64;

/// The card as the sender wrote it, in both forms: the only sight of a number before
/// `pan.rs`. Never the last form alone, as the format has it: a number would come in
/// before a token, and nobody would know.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CardFields<'a> {
    pub(super) token: Option<&'a str>,
    pub(super) pan: Option<&'a str>,
}

/// The fields of `Authorisation`, borrowed. Never printed: any may hold a card number.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Fields<'a> {
    pub(super) message_type: i32,
    pub(super) authorisation_id: &'a str,
    pub(super) original_id: Option<&'a str>,
    pub(super) processing_code: i32,
    pub(super) incremental: bool,
    pub(super) account_reference: &'a str,
    pub(super) amount_minor_units: Option<i64>,
    pub(super) currency: &'a str,
    pub(super) billing_amount_minor_units: Option<i64>,
    pub(super) billing_currency: Option<&'a str>,
    pub(super) authorised_at_millis: i64,
    pub(super) original_authorised_at_millis: Option<i64>,
    pub(super) deadline_millis: Option<i64>,
    pub(super) merchant_id: Option<&'a str>,
    pub(super) acquirer_id: Option<&'a str>,
    pub(super) terminal_id: Option<&'a str>,
    pub(super) merchant_category_code: Option<u32>,
    pub(super) merchant_country: Option<&'a str>,
    pub(super) entry_mode: i32,
    pub(super) channel: i32,
    pub(super) initiator: i32,
    pub(super) eci: Option<u32>,
    pub(super) cavv_result: i32,
    pub(super) cvv2_result: i32,
    pub(super) avs_result: i32,
    pub(super) expiry_result: i32,
    pub(super) bin: Option<&'a str>,
    pub(super) device_id: Option<&'a str>,
    pub(super) ip_address: Option<&'a str>,
    pub(super) ip_country: Option<&'a str>,
    pub(super) email_digest: Option<&'a str>,
    pub(super) scheme: i32,
    pub(super) portfolio: Option<&'a str>,
    pub(super) response_code: Option<&'a str>,
    pub(super) switch_context: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Reads the protobuf message `bytes` into `self` and `card`. Hot path: allocates nothing.
    pub(super) fn read(&mut self, card: &mut CardFields<'a>, bytes: &'a [u8]) -> Result<(), Fault> {
        let mut reader = Reader::new(bytes);
        let mut number = 0;
        loop {
            let field = match reader.key() {
                Ok(None) => return Ok(()),
                Ok(Some((found, wire_type))) => {
                    number = found;
                    self.read_field(card, &mut reader, number, wire_type)
                }
                Err(torn) => Err(torn),
            };
            field.map_err(|torn| malformed(number, torn))?;
        }
    }

    fn read_field(
        &mut self,
        card: &mut CardFields<'a>,
        reader: &mut Reader<'a>,
        number: u32,
        layout: WireType,
    ) -> Result<(), Torn> {
        match number {
            1 => self.message_type = reader.enumeration(layout)?,
            2 => self.authorisation_id = reader.text(layout)?,
            3 => self.original_id = Some(reader.text(layout)?),
            4 => self.processing_code = reader.enumeration(layout)?,
            5 => self.incremental = reader.bool(layout)?,
            6 => card.token = Some(reader.text(layout)?),
            7 => card.pan = Some(reader.text(layout)?),
            8 => self.account_reference = reader.text(layout)?,
            9 => self.amount_minor_units = Some(reader.int64(layout)?),
            10 => self.currency = reader.text(layout)?,
            11 => self.billing_amount_minor_units = Some(reader.int64(layout)?),
            12 => self.billing_currency = Some(reader.text(layout)?),
            13 => self.authorised_at_millis = reader.int64(layout)?,
            14 => self.original_authorised_at_millis = Some(reader.int64(layout)?),
            15 => self.deadline_millis = Some(reader.int64(layout)?),
            16 => self.merchant_id = Some(reader.text(layout)?),
            17 => self.acquirer_id = Some(reader.text(layout)?),
            18 => self.terminal_id = Some(reader.text(layout)?),
            19 => self.merchant_category_code = Some(reader.uint32(layout)?),
            20 => self.merchant_country = Some(reader.text(layout)?),
            21 => self.entry_mode = reader.enumeration(layout)?,
            22 => self.channel = reader.enumeration(layout)?,
            23 => self.initiator = reader.enumeration(layout)?,
            24 => self.eci = Some(reader.uint32(layout)?),
            25 => self.cavv_result = reader.enumeration(layout)?,
            26 => self.cvv2_result = reader.enumeration(layout)?,
            27 => self.avs_result = reader.enumeration(layout)?,
            28 => self.expiry_result = reader.enumeration(layout)?,
            29 => self.bin = Some(reader.text(layout)?),
            30 => self.device_id = Some(reader.text(layout)?),
            31 => self.ip_address = Some(reader.text(layout)?),
            32 => self.ip_country = Some(reader.text(layout)?),
            33 => self.email_digest = Some(reader.text(layout)?),
            34 => self.scheme = reader.enumeration(layout)?,
            35 => self.portfolio = Some(reader.text(layout)?),
            36 => self.response_code = Some(reader.text(layout)?),
            37 => self.switch_context = Some(reader.bytes(layout)?),
            unknown => reader.skip(unknown, layout)?,
        }
        Ok(())
    }

    /// The fields of a decoded `message`, all but its card.
    pub(super) fn of(message: &'a proto::Authorisation) -> Self {
        Self {
            message_type: message.message_type,
            authorisation_id: &message.authorisation_id,
            original_id: message.original_id.as_deref(),
            processing_code: message.processing_code,
            incremental: message.incremental,
            account_reference: &message.account_reference,
            amount_minor_units: message.amount_minor_units,
            currency: &message.currency,
            billing_amount_minor_units: message.billing_amount_minor_units,
            billing_currency: message.billing_currency.as_deref(),
            authorised_at_millis: message.authorised_at_millis,
            original_authorised_at_millis: message.original_authorised_at_millis,
            deadline_millis: message.deadline_millis,
            merchant_id: message.merchant_id.as_deref(),
            acquirer_id: message.acquirer_id.as_deref(),
            terminal_id: message.terminal_id.as_deref(),
            merchant_category_code: message.merchant_category_code,
            merchant_country: message.merchant_country.as_deref(),
            entry_mode: message.entry_mode,
            channel: message.channel,
            initiator: message.initiator,
            eci: message.eci,
            cavv_result: message.cavv_result,
            cvv2_result: message.cvv2_result,
            avs_result: message.avs_result,
            expiry_result: message.expiry_result,
            bin: message.bin.as_deref(),
            device_id: message.device_id.as_deref(),
            ip_address: message.ip_address.as_deref(),
            ip_country: message.ip_country.as_deref(),
            email_digest: message.email_digest.as_deref(),
            scheme: message.scheme,
            portfolio: message.portfolio.as_deref(),
            response_code: message.response_code.as_deref(),
            switch_context: message.switch_context.as_deref(),
        }
    }
}

#[cold]
fn malformed(number: u32, torn: Torn) -> Fault {
    let name = usize::try_from(number)
        .ok()
        .and_then(|number| FIELD_NAMES.get(number))
        .copied()
        .unwrap_or_default();
    match name {
        "" => Fault::whole(ErrorReason::Malformed, &format!("the message {}", torn.what())),
        field => Fault::of(ErrorReason::Malformed, field, torn.what()),
    }
}

/// `text` as the id that a refusal may repeat: a name, and no card number.
pub(super) fn refusable_id(text: &str) -> Option<Identifier<'_>> {
    Identifier::new(text, NAME_LENGTH_MAX).ok().filter(|_| !is_like_pan(text.as_bytes()))
}
