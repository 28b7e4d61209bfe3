//! The two formats that Stopline speaks, and the header that picks one.

use crate::domain::ErrorReason;

use super::Refusal;
use super::refusal::Fault;
use super::salvage::Salvaged;

/// How a message is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// Protocol buffers.
    Protobuf,
    /// The canonical JSON mapping, with the field names of the contract.
    Json,
}

/// Media types as senders write them. Source: RFC 9110 section 8.3 for the form;
/// the three protobuf names are the ones in use until one is registered.
const MEDIA_TYPES: [(&str, Format); 4] = [
    ("application/x-protobuf", Format::Protobuf),
    ("application/protobuf", Format::Protobuf),
    ("application/vnd.google.protobuf", Format::Protobuf),
    ("application/json", Format::Json),
];

impl Format {
    /// The format that the `content-type` header names, or `default` without a
    /// header. Parameters and case do not matter.
    ///
    /// # Errors
    /// [`ErrorReason::UnsupportedFormat`] where it names another one.
    pub fn from_content_type(header: Option<&[u8]>, default: Self) -> Result<Self, Refusal> {
        let Some(header) = header else {
            return Ok(default);
        };
        let media_type = header.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        MEDIA_TYPES
            .iter()
            .find(|(name, _)| media_type.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, format)| *format)
            .ok_or_else(|| {
                Fault::whole(
                    ErrorReason::UnsupportedFormat,
                    "the content-type header names a format that is not spoken here; \
                     expected application/x-protobuf or application/json",
                )
                .of_message(Salvaged::default())
            })
    }

    /// What the `content-type` header of an answer in this format says.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_header_picks_the_format() {
        use Format::{Json, Protobuf};
        let cases: [(Option<&str>, Option<Format>); 12] = [
            (None, Some(Json)),
            (Some("application/x-protobuf"), Some(Protobuf)),
            (Some("application/protobuf"), Some(Protobuf)),
            (Some("application/vnd.google.protobuf"), Some(Protobuf)),
            (Some("APPLICATION/JSON"), Some(Json)),
            (Some("application/json; charset=utf-8"), Some(Json)),
            (Some(" application/json ;charset=utf-8"), Some(Json)),
            (Some("application/x-protobuf;messageType=\"a;b\""), Some(Protobuf)),
            (Some(""), None),
            (Some("text/plain"), None),
            (Some("application/jsonl"), None),
            (Some("avro/binary"), None),
        ];
        for (header, expected) in cases {
            let found = Format::from_content_type(header.map(str::as_bytes), Json);
            assert_eq!(found.as_ref().ok().copied(), expected, "{header:?}");
            if let Err(refusal) = found {
                assert_eq!(refusal.reason, ErrorReason::UnsupportedFormat);
            }
        }
    }

    #[test]
    fn the_format_of_an_answer_is_understood_again() {
        for format in [Format::Protobuf, Format::Json] {
            let header = format.content_type().as_bytes();
            assert_eq!(Format::from_content_type(Some(header), Format::Json), Ok(format));
        }
    }
}
