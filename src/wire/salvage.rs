//! What of a refused message can still be read: its id, and the bytes that the switch asked
//! to get back. By one of them it finds the request that waits for an answer.
//!
//! The whole message is gone through once more, past fields that are wrong, up to where it
//! is torn. Only refusals come here.

use std::fmt;

use pbjson::private::BytesDeserialize;
use serde::de::{
    self, Deserialize, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use zeroize::Zeroizing;

use crate::domain::{Identifier, Text};

use super::authorisation::SWITCH_CONTEXT_BYTES_MAX;
use super::fields::refusable_id;
use super::format::Format;
use super::json::{self, JsonMessage, Oddities};
use super::protobuf::{Reader, WireType};

/// Opaque bytes of the switch that its answer carries unchanged, also one that says no more
/// than what was wrong. Nobody looks into them here, and they are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SwitchContext(Box<[u8]>);

impl SwitchContext {
    /// A copy of `bytes`, for what outlives the message.
    pub fn of(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SwitchContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SwitchContext({} bytes)", self.0.len())
    }
}

/// What a refusal gives back of its message.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Salvaged {
    pub(super) id: Option<Text>,
    pub(super) switch_context: Option<SwitchContext>,
}

/// What a message was meant to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Meant {
    Authorisation,
    StopOrder,
}

/// Number of `authorisation_id` in `Authorisation`.
const AUTHORISATION_ID: u32 = 2;
/// Number of `switch_context` in `Authorisation`.
const SWITCH_CONTEXT: u32 = 37;
/// Number of `order_id` in `StopOrder`.
const ORDER_ID: u32 = 1;

impl Salvaged {
    /// What can be given back of a message with these.
    pub(super) fn of(id: &str, switch_context: Option<&[u8]>) -> Self {
        let switch_context = switch_context.filter(|bytes| bytes.len() <= SWITCH_CONTEXT_BYTES_MAX);
        Self {
            id: refusable_id(id).map(Identifier::to_text),
            switch_context: switch_context.map(SwitchContext::of),
        }
    }

    /// What can be read in `payload`.
    #[cold]
    pub(super) fn read(format: Format, payload: &[u8], meant: Meant) -> Self {
        match (format, meant) {
            (Format::Protobuf, Meant::Authorisation) => {
                Self::of(text_of(payload, AUTHORISATION_ID), last_value(payload, SWITCH_CONTEXT))
            }
            (Format::Protobuf, Meant::StopOrder) => Self::of(text_of(payload, ORDER_ID), None),
            (Format::Json, Meant::Authorisation) => {
                let mut found = OfAuthorisation::default();
                // What breaks it ends the reading; what came before that stays.
                drop(json::read(payload, &mut found));
                let context = found.switch_context.as_deref().and_then(from_base64);
                Self::of(found.id.as_deref().unwrap_or_default(), context.as_deref())
            }
            (Format::Json, Meant::StopOrder) => {
                let mut found = OfOrder::default();
                drop(json::read(payload, &mut found));
                Self::of(found.id.as_deref().unwrap_or_default(), None)
            }
        }
    }
}

fn text_of(payload: &[u8], number: u32) -> &str {
    let value = last_value(payload, number).map(std::str::from_utf8);
    value.and_then(Result::ok).unwrap_or_default()
}

/// The bytes of top-level field `number` in `payload`, which may be torn elsewhere:
/// the last whole value before the tear.
fn last_value(payload: &[u8], number: u32) -> Option<&[u8]> {
    let mut reader = Reader::new(payload);
    let mut found = None;
    while let Ok(Some((field, wire_type))) = reader.key() {
        if field == number && wire_type == WireType::LengthDelimited {
            match reader.bytes(wire_type) {
                Ok(bytes) => found = Some(bytes),
                Err(_) => break,
            }
        } else if reader.skip(field, wire_type).is_err() {
            break;
        }
    }
    found
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: de::value::StrDeserializer<'_, de::value::Error> = text.into_deserializer();
    BytesDeserialize::deserialize(text).ok().map(|bytes| bytes.0)
}

/// A text that may hold a card number.
type Wiped = Zeroizing<Option<String>>;

#[derive(Default)]
struct OfAuthorisation {
    id: Wiped,
    switch_context: Wiped,
}

impl JsonMessage for OfAuthorisation {
    const NAMES: &'static [&'static str] = &["", "authorisation_id", "switch_context"];
    const ODDITIES: Oddities = Oddities::LetPass;

    fn is_enum(_number: usize) -> bool {
        false
    }

    fn take<'de, A: MapAccess<'de>>(&mut self, number: usize, map: &mut A) -> Result<(), A::Error> {
        let MaybeText(found) = map.next_value()?;
        let field = if number == 1 { &mut self.id } else { &mut self.switch_context };
        *field = found;
        Ok(())
    }
}

#[derive(Default)]
struct OfOrder {
    id: Wiped,
}

impl JsonMessage for OfOrder {
    const NAMES: &'static [&'static str] = &["", "order_id"];
    const ODDITIES: Oddities = Oddities::LetPass;

    fn is_enum(_number: usize) -> bool {
        false
    }

    fn take<'de, A: MapAccess<'de>>(&mut self, _: usize, map: &mut A) -> Result<(), A::Error> {
        let MaybeText(found) = map.next_value()?;
        self.id = found;
        Ok(())
    }
}

/// A JSON value of any type; kept where it is a text.
struct MaybeText(Wiped);

impl<'de> Deserialize<'de> for MaybeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(|text| Self(Zeroizing::new(text)))
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(text))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}
