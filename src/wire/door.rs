//! The door: how bytes become words, and who is not let in.

use crate::domain::{Authorisation, ErrorReason, EventTime, Identifier, Offset, StopOrder};

use super::authorisation;
use super::currencies::Currencies;
use super::fields::{CardFields, Fields};
use super::format::Format;
use super::framing::unframed;
use super::json;
use super::keys::{KeyMaker, KeySeed};
use super::pan::PanKey;
use super::proto;
use super::refusal::{Fault, Refusal};
use super::salvage::{Meant, Salvaged};
use super::scratch::Scratch;
use super::stop_order;

/// What the door lets in. Every one of them is somebody's decision: no default.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DoorSettings {
    /// Card numbers are let in, hashed and wiped. Needs a [`PanKey`].
    pub accept_pan: bool,
    /// Account references and card tokens may be 13 to 19 digits: network tokens
    /// look like card numbers.
    pub numeric_references: bool,
    /// The largest value of a record, in bytes.
    pub message_bytes_max: usize,
}

/// How bytes become words. Built once; it holds the cluster's seed and secret.
pub struct Door {
    pub(super) settings: DoorSettings,
    pub(super) keys: KeyMaker,
    pub(super) pan_key: Option<PanKey>,
    pub(super) currencies: Currencies,
}

/// The key of a record, as far as there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KafkaKey<'k> {
    /// The message comes from a file: there is no record, and nothing to compare.
    Unchecked,
    /// The record's key, or that it has none.
    Record(Option<&'k [u8]>),
}

impl KafkaKey<'_> {
    pub(super) fn is_for(self, name: &str) -> bool {
        match self {
            Self::Unchecked => true,
            Self::Record(key) => key == Some(name.as_bytes()),
        }
    }
}

/// A message that was let in.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are messages, and none may cost an allocation"
)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incoming<'s> {
    /// A request, repeat, advice, reversal or outcome notice.
    Message {
        /// What it says.
        auth: Authorisation<'s>,
        /// Opaque bytes that its answer carries unchanged.
        switch_context: Option<&'s [u8]>,
    },
    /// An echo test (0800).
    Echo {
        /// Its id, where it has one.
        id: Option<Identifier<'s>>,
        /// The switch's time, where it says it.
        authorised_at: Option<EventTime>,
        /// Opaque bytes that its answer carries unchanged.
        switch_context: Option<&'s [u8]>,
    },
}

impl Door {
    /// The door for `settings`; all keys hang on `key_seed`, those of card numbers on `pan_key`.
    pub fn new(settings: DoorSettings, key_seed: &KeySeed, pan_key: Option<PanKey>) -> Self {
        Self { settings, keys: KeyMaker::new(key_seed), pan_key, currencies: Currencies::listed() }
    }

    /// What makes keys from names.
    pub const fn keys(&self) -> &KeyMaker {
        &self.keys
    }

    /// What makes tags from card numbers, where the door has one.
    pub const fn pan_key(&self) -> Option<&PanKey> {
        self.pan_key.as_ref()
    }

    /// What tags the card numbers that are let in; `None` where none is.
    pub(super) fn tagging_key(&self) -> Option<&PanKey> {
        self.pan_key.as_ref().filter(|_| self.settings.accept_pan)
    }

    /// The words of one record of the authorisations topic. They borrow from
    /// `value`, or from `scratch` where it is JSON. Hot path: protobuf allocates
    /// nothing.
    ///
    /// # Errors
    /// A [`Refusal`] that names reason and field, and gives back id and switch context where
    /// they can be read.
    pub fn decode<'s>(
        &self,
        format: Format,
        key: KafkaKey<'_>,
        value: Option<&'s [u8]>,
        scratch: &'s mut Scratch,
    ) -> Result<Incoming<'s>, Refusal> {
        let payload = self.payload(format, value, Meant::Authorisation)?;
        match format {
            Format::Protobuf => self.decode_protobuf(key, payload).map_err(|refusal| {
                if is_like_json(payload) { meant_as_json(payload) } else { refusal }
            }),
            Format::Json => self.decode_json(key, payload, scratch),
        }
    }

    /// The order in one record of the stop-orders topic, which lies at `offset`
    /// and was appended at `appended_at`.
    ///
    /// # Errors
    /// A [`Refusal`] that names reason and field, and the order's id where one can be read.
    pub fn decode_stop_order(
        &self,
        format: Format,
        key: KafkaKey<'_>,
        value: Option<&[u8]>,
        offset: Offset,
        appended_at: EventTime,
    ) -> Result<StopOrder, Refusal> {
        let payload = self.payload(format, value, Meant::StopOrder)?;
        let mut message = proto::StopOrder::default();
        stop_order::read(format, payload, &mut message)
            .and_then(|()| stop_order::translate(self, &message, key, offset, appended_at))
            .map_err(|fault| fault.of_message(Salvaged::read(format, payload, Meant::StopOrder)))
    }

    fn payload<'v>(
        &self,
        format: Format,
        value: Option<&'v [u8]>,
        meant: Meant,
    ) -> Result<&'v [u8], Refusal> {
        let nothing = Salvaged::default;
        let empty =
            || Fault::whole(ErrorReason::Empty, "the record has no value").of_message(nothing());
        let value = value.filter(|value| !value.is_empty()).ok_or_else(empty)?;
        let bytes_max = self.settings.message_bytes_max;
        if value.len() > bytes_max {
            let head = value.get(..bytes_max).unwrap_or_default();
            let head = unframed(format, head).unwrap_or_default();
            let salvaged = Salvaged::read(format, head, meant);
            let detail = format!("the record's value is larger than {bytes_max} bytes");
            return Err(Fault::whole(ErrorReason::TooLarge, &detail).of_message(salvaged));
        }
        let payload = unframed(format, value).map_err(|fault| fault.of_message(nothing()))?;
        Some(payload).filter(|payload| !payload.is_empty()).ok_or_else(empty)
    }

    fn decode_protobuf<'s>(
        &self,
        key: KafkaKey<'_>,
        payload: &'s [u8],
    ) -> Result<Incoming<'s>, Refusal> {
        let mut fields = Fields::default();
        let mut card = CardFields::default();
        fields
            .read(&mut card, payload)
            .and_then(|()| authorisation::translate(self, &fields, card, key))
            .map_err(|fault| {
                // Also behind a field of the wrong type, up to where the message is torn.
                let meant = Meant::Authorisation;
                fault.of_message(Salvaged::read(Format::Protobuf, payload, meant))
            })
    }

    fn decode_json<'s>(
        &self,
        key: KafkaKey<'_>,
        payload: &[u8],
        scratch: &'s mut Scratch,
    ) -> Result<Incoming<'s>, Refusal> {
        scratch.wipe();
        if let Err(fault) = json::read(payload, scratch) {
            scratch.wipe();
            let salvaged = Salvaged::read(Format::Json, payload, Meant::Authorisation);
            return Err(fault.of_message(salvaged));
        }
        let card = std::mem::take(&mut scratch.card);
        let fields = Fields::of(&scratch.message);
        authorisation::translate(self, &fields, card.fields(), key).map_err(|fault| {
            fault.of_message(Salvaged::of(fields.authorisation_id, fields.switch_context))
        })
    }
}

/// True for what begins as a JSON object does; no protobuf message of ours does.
fn is_like_json(payload: &[u8]) -> bool {
    payload.trim_ascii_start().first() == Some(&b'{')
}

/// What a sender is told who forgot to say that a message is JSON.
#[cold]
fn meant_as_json(payload: &[u8]) -> Refusal {
    let what = "the value looks like JSON: say so with the header content-type: application/json \
                (header names are lower case)";
    let salvaged = Salvaged::read(Format::Json, payload, Meant::Authorisation);
    Fault::whole(ErrorReason::Malformed, what).of_message(salvaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAN: &str = "4111111111111111";

    fn door() -> Door {
        let settings =
            DoorSettings { accept_pan: true, numeric_references: false, message_bytes_max: 65_536 };
        let secret = PanKey::from_bytes([9; 32]);
        Door::new(settings, &KeySeed::from_bytes([7; 16]), Some(secret))
    }

    fn scratch_after(text: &str) -> Scratch {
        let mut scratch = Scratch::default();
        let key = KafkaKey::Unchecked;
        drop(door().decode(Format::Json, key, Some(text.as_bytes()), &mut scratch));
        scratch
    }

    #[test]
    fn no_card_number_stays_in_the_scratch() {
        let cases = [
            // Let in, refused by a field, refused while reading.
            format!(r#"{{"pan":"{PAN}","message_type":800}}"#),
            format!(r#"{{"pan":"{PAN}","message_type":100}}"#),
            format!(r#"{{"pan":"{PAN}","message_type":"#),
        ];
        for text in cases {
            let scratch = scratch_after(&text);
            assert!(scratch.card.fields() == CardFields::default(), "{text}");
        }
        let torn = format!(r#"{{"account_reference":"{PAN}","eci":"x"}}"#);
        assert!(scratch_after(&torn).message == proto::Authorisation::default());
    }

    #[test]
    fn json_without_its_header_is_told_which_header_it_lacks() {
        let mut scratch = Scratch::default();
        let text = br#" {"message_type": 100, "authorisation_id": "a"}"#;
        let refused =
            door().decode(Format::Protobuf, KafkaKey::Unchecked, Some(text), &mut scratch);
        let refusal = refused.expect_err("it is no protobuf");
        assert_eq!(refusal.reason, ErrorReason::Malformed);
        assert!(refusal.detail.contains("content-type: application/json"), "{refusal}");
    }
}
