//! Reads the canonical JSON mapping into the contract's own types.
//!
//! As the generated reader does, with four differences: it knows which field is
//! wrong without repeating its value; null is absent for every field; a message
//! says for itself whether [`Oddities`] are let pass; and a number beyond 64 bits
//! is a number out of range.

use std::fmt;
use std::marker::PhantomData;
use std::num::IntErrorKind;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use crate::domain::ErrorReason;

use super::refusal::Fault;

/// Fields that the contract does not have, and fields that come twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Oddities {
    /// As in protobuf: unknown fields are left out, and the last of two values counts.
    LetPass,
    /// The message is refused: a typo in it would do harm.
    Refused,
}

/// A message of the contract that can be read from JSON, field by field.
pub(super) trait JsonMessage {
    /// Its fields' names in the contract, each at its number; at most 64.
    const NAMES: &'static [&'static str];

    /// What becomes of odd fields.
    const ODDITIES: Oddities;

    /// Takes the next value of `map` as field `number`.
    fn take<'de, A: MapAccess<'de>>(&mut self, number: usize, map: &mut A) -> Result<(), A::Error>;

    /// Whether field `number` is an enum.
    fn is_enum(number: usize) -> bool;
}

/// Reads `text` into `message`, which is empty. After a fault it holds what was read so far.
///
/// # Errors
/// What is wrong, with line and column and never with a value.
pub(super) fn read<M: JsonMessage>(text: &[u8], message: &mut M) -> Result<(), Fault> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let mut place = Place::Outside;
    let visitor = FieldByField { message, place: &mut place };
    (&mut reader)
        .deserialize_map(visitor)
        .and_then(|()| reader.end())
        .map_err(|error| fault::<M>(place, &error))
}

/// Where the reader is. It is asked after a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Before, between or behind fields, or in one that is let pass.
    Outside,
    /// At the value of the field with this number.
    Field(usize),
    /// At a field that the contract does not have, and that is refused.
    UnknownField,
    /// At a field that came before, and that is refused.
    SecondTime(usize),
}

#[cold]
fn fault<M: JsonMessage>(at: Place, error: &serde_json::Error) -> Fault {
    let (line, column) = (error.line(), error.column());
    let place = format!("(line {line}, column {column})");
    let (number, is_second_time) = match at {
        Place::Field(number) => (number, false),
        Place::SecondTime(number) => (number, true),
        Place::Outside | Place::UnknownField => (0, false),
    };
    let field = M::NAMES.get(number).copied().unwrap_or_default();
    match (error.classify(), field) {
        // Its name is not repeated: a sender may have put anything there.
        (Category::Data, _) if at == Place::UnknownField => Fault::whole(
            ErrorReason::Malformed,
            &format!("the JSON has a field that the contract does not have {place}"),
        ),
        (Category::Data, field) if is_second_time => {
            Fault::invalid(field, &format!("comes twice {place}"))
        }
        (Category::Data, "") => {
            Fault::whole(ErrorReason::Malformed, &format!("the value is no JSON object {place}"))
        }
        (Category::Data, "message_type") => Fault::of(
            ErrorReason::UnknownMessageType,
            field,
            &format!("is not a message type that is spoken here {place}"),
        ),
        (Category::Data, field) if M::is_enum(number) => Fault::of(
            ErrorReason::UnknownEnumValue,
            field,
            &format!("has a value that this engine does not know {place}"),
        ),
        (Category::Data, field) => Fault::invalid(
            field,
            &format!("does not have its type: expected {} {place}", expected_of(field)),
        ),
        (Category::Eof, _) => {
            Fault::whole(ErrorReason::Malformed, &format!("the JSON text is cut short {place}"))
        }
        (Category::Syntax | Category::Io, _) => Fault::whole(
            ErrorReason::Malformed,
            &format!("the JSON text is not well-formed {place}"),
        ),
    }
}

/// What a field that is no enum takes, by its name: names end with their units.
fn expected_of(field: &str) -> &'static str {
    match field {
        _ if field.ends_with("amount_minor_units") => {
            "a whole number of minor units (1280, not 12.80)"
        }
        _ if field.ends_with("_millis") => "Unix milliseconds, a whole number (1795503600000)",
        "merchant_category_code" | "eci" => "a whole number (7995, not 7995.0)",
        "incremental" => "true or false",
        "switch_context" => "bytes as a text in base64",
        _ => "a text in quotation marks",
    }
}

struct FieldByField<'m, M> {
    message: &'m mut M,
    /// Kept outside, to be there after a fault.
    place: &'m mut Place,
}

impl<'de, M: JsonMessage> Visitor<'de> for FieldByField<'_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        const { assert!(M::NAMES.len() <= 64) };
        let mut seen = 0_u64;
        while let Some(number) = map.next_key_seed(FieldNumber::<M>(PhantomData))? {
            let bit = 1_u64 << number;
            let is_second_time = seen & bit != 0;
            seen |= bit;
            *self.place = match (M::ODDITIES, number) {
                (Oddities::LetPass, 0) => Place::Outside,
                (Oddities::Refused, 0) => Place::UnknownField,
                (Oddities::Refused, number) if is_second_time => Place::SecondTime(number),
                (Oddities::LetPass | Oddities::Refused, number) => Place::Field(number),
            };
            match *self.place {
                Place::Outside => drop(map.next_value::<IgnoredAny>()?),
                Place::Field(number) => self.message.take(number, &mut map)?,
                Place::UnknownField | Place::SecondTime(_) => {
                    return Err(de::Error::custom("an odd field"));
                }
            }
            *self.place = Place::Outside;
        }
        Ok(())
    }
}

/// Looks a key of the object up: 0 for one that the contract does not have.
struct FieldNumber<M>(PhantomData<M>);

impl<'de, M: JsonMessage> DeserializeSeed<'de> for FieldNumber<M> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<M: JsonMessage> Visitor<'_> for FieldNumber<M> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<usize, E> {
        let named = M::NAMES.iter().position(|name| is_name(key, name));
        Ok(named.unwrap_or(0))
    }
}

/// True where `key` is `name`, or its `lowerCamelCase` form, which the mapping allows too.
fn is_name(key: &str, name: &str) -> bool {
    if key == name {
        return !name.is_empty();
    }
    let mut key = key.bytes();
    let mut is_first_of_word = false;
    for letter in name.bytes() {
        if letter == b'_' {
            is_first_of_word = true;
            continue;
        }
        let expected = if is_first_of_word { letter.to_ascii_uppercase() } else { letter };
        is_first_of_word = false;
        if key.next() != Some(expected) {
            return false;
        }
    }
    key.next().is_none() && !name.is_empty()
}

/// A 64-bit integer, as number or text; beyond 64 bits it is the nearest there is,
/// which no field takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Integer(pub(super) i64);

impl Integer {
    /// The same as a 32-bit field; beyond 32 bits the nearest, which no field takes.
    pub(super) fn to_uint32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntegerVisitor).map(Self)
    }
}

struct IntegerVisitor;

impl Visitor<'_> for IntegerVisitor {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, as number or text")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        Ok(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// What is written like an integer but too long for one arrives here.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<i64, E> {
        if value >= 9.2e18 {
            Ok(i64::MAX)
        } else if value <= -9.2e18 {
            Ok(i64::MIN)
        } else {
            Err(E::custom("not an integer"))
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
        text.parse::<i64>().or_else(|fault| {
            if *fault.kind() == IntErrorKind::PosOverflow {
                Ok(i64::MAX)
            } else if *fault.kind() == IntErrorKind::NegOverflow {
                Ok(i64::MIN)
            } else {
                Err(E::custom("not an integer"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_called_by_its_name_or_its_camel_case_form() {
        let cases = [
            ("currency", "currency", true),
            ("message_type", "message_type", true),
            ("messageType", "message_type", true),
            ("cvv2Result", "cvv2_result", true),
            ("messagetype", "message_type", false),
            ("message", "message_type", false),
            ("message_types", "message_type", false),
            ("", "", false),
        ];
        for (key, name, expected) in cases {
            assert_eq!(is_name(key, name), expected, "{key} {name}");
        }
    }

    #[test]
    fn integers_come_as_number_or_text_and_never_wrap() {
        let cases = [
            ("1", Some(1)),
            ("-1", Some(-1)),
            ("\"1\"", Some(1)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", Some(i64::MAX)),
            ("99999999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999999", Some(i64::MIN)),
            ("\"99999999999999999999\"", Some(i64::MAX)),
            ("\"-99999999999999999999\"", Some(i64::MIN)),
            ("1.5", None),
            ("\"1.5\"", None),
            ("\"\"", None),
            ("true", None),
            ("[1]", None),
        ];
        for (text, expected) in cases {
            let found = serde_json::from_str::<Integer>(text).ok();
            assert_eq!(found.map(|integer| integer.0), expected, "{text}");
        }
    }
}
