//! Confluent framing: recognised, and taken off.
//!
//! ```text
//! protobuf   00 │ schema id, 4 bytes │ message indexes: count, then each, zigzag │ message
//! JSON       00 │ schema id, 4 bytes │ text
//! ```
//!
//! Neither a protobuf message (its first key is never 0) nor a JSON text starts
//! with a zero byte, so a frame cannot be mistaken. The schema id is not looked
//! up: the contract is compiled in.
//!
//! Source: Confluent Platform, "Schema Registry serializers and deserializers",
//! section "Wire format"; a single byte 0 stands for the indexes `[0]`.

use crate::domain::ErrorReason;

use super::Format;
use super::protobuf::Reader;
use super::refusal::Fault;

const MAGIC: u8 = 0;
const SCHEMA_ID_BYTES: usize = 4;

/// The message in `value` without its frame, where it has one.
///
/// # Errors
/// [`ErrorReason::Malformed`] where a frame is cut short or, in protobuf, names
/// another than the first message of its schema.
pub(super) fn unframed(format: Format, value: &[u8]) -> Result<&[u8], Fault> {
    let Some((&MAGIC, framed)) = value.split_first() else {
        return Ok(value);
    };
    let Some((_, rest)) = framed.split_at_checked(SCHEMA_ID_BYTES) else {
        return Err(cut_short());
    };
    match format {
        Format::Json => Ok(rest),
        Format::Protobuf => without_indexes(rest),
    }
}

fn without_indexes(bytes: &[u8]) -> Result<&[u8], Fault> {
    let mut reader = Reader::new(bytes);
    let count = reader.varint().map_err(|_| cut_short())?;
    // Zigzag: 0 is the short form of one index 0; 2 is one index, which must be 0.
    let is_first_message = match count {
        0 => true,
        2 => reader.varint().map_err(|_| cut_short())? == 0,
        _ => false,
    };
    if is_first_message {
        Ok(reader.rest())
    } else {
        Err(Fault::whole(
            ErrorReason::Malformed,
            "the schema frame names another than the first message of its schema",
        ))
    }
}

#[cold]
fn cut_short() -> Fault {
    Fault::whole(ErrorReason::Malformed, "the schema frame is cut short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_off_and_a_bare_message_left_alone() {
        type Case = (Format, &'static [u8], Option<&'static [u8]>);
        use Format::{Json, Protobuf};
        let cases: [Case; 10] = [
            (Protobuf, &[8, 100], Some(&[8, 100])),
            (Protobuf, &[0, 0, 0, 0, 7, 0, 8, 100], Some(&[8, 100])),
            (Protobuf, &[0, 0, 0, 0, 7, 2, 0, 8, 100], Some(&[8, 100])),
            (Protobuf, &[0, 0, 0, 0, 7, 2, 2, 8, 100], None),
            (Protobuf, &[0, 0, 0, 0, 7, 4, 0, 0, 8, 100], None),
            (Protobuf, &[0, 0, 0, 0, 7], None),
            (Protobuf, &[0, 0, 0], None),
            (Json, b"{}", Some(b"{}")),
            (Json, b"\0\0\0\0\x07{}", Some(b"{}")),
            (Json, b"\0\0", None),
        ];
        for (format, value, expected) in cases {
            assert_eq!(unframed(format, value).ok(), expected, "{format:?} {value:?}");
        }
    }
}
