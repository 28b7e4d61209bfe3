//! What a record of the decisions says, as far as it is checked.

use prost::Message as _;
use sha2::{Digest as _, Sha256};

use crate::domain::{Input, Offset, PartitionId};
use crate::service::log::TailRecord;
use crate::wire::proto::record::Answer;
use crate::wire::{Format, decode_record, proto};

/// Half of the SHA-256 of a content: 2^64 contents until two of them meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Digest(u128);

impl Digest {
    /// The digest of `bytes`.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        let half = hash.first_chunk::<16>();
        Self(u128::from_le_bytes(*half.expect("Invariant: a SHA-256 has 32 bytes.")))
    }

    /// The same together with who wrote it, in 64 bits; never zero.
    pub(super) fn mark(self, writer: Writer) -> u64 {
        let mut bytes = self.0.to_le_bytes().to_vec();
        bytes.extend_from_slice(&writer.0.to_le_bytes());
        Self::of(&bytes).low().max(1)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    const fn low(self) -> u64 {
        self.0 as u64
    }
}

/// Who wrote a record: the hash of its header `stopline-writer`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Writer(u64);

/// A record that could be read.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Answered {
    pub(super) answer: Answer,
    /// Of the canonical bytes, in whichever format it was written.
    pub(super) digest: Digest,
    /// How long the canonical bytes are.
    pub(super) bytes_count: usize,
}

/// The input that `record` says it answers: the header `stopline-input`.
pub(super) fn answered_input(record: &TailRecord) -> Option<Input> {
    let text = std::str::from_utf8(header(record, "stopline-input")?).ok()?;
    let (partition, offset) = text.split_once(':')?;
    let (partition, offset) = (partition.parse().ok()?, offset.parse().ok()?);
    Some(Input { partition: PartitionId(partition), offset: Offset(offset) })
}

/// Who wrote `record`. Those that do not say are one writer.
pub(super) fn writer_of(record: &TailRecord) -> Writer {
    Writer(Digest::of(header(record, "stopline-writer").unwrap_or_default()).low())
}

/// True where `record` says that it repeats a stored answer.
pub(super) fn says_repeat(record: &TailRecord) -> bool {
    header(record, "stopline-repeat") == Some(b"1")
}

/// What `record` answers; `None` where its value is no answer in its format.
pub(super) fn read_answer(record: &TailRecord, default_format: Format) -> Option<Answered> {
    let named = header(record, "content-type");
    let format = Format::from_content_type(named, default_format).ok()?;
    let value = record.value.as_deref()?;
    let (content, canonical) = match format {
        // The bytes as they are: one content has one sequence of bytes.
        Format::Protobuf => (decode_record(value).ok()?, value.to_vec()),
        Format::Json => {
            let content: proto::Record = serde_json::from_slice(value).ok()?;
            let canonical = content.encode_to_vec();
            (content, canonical)
        }
    };
    Some(Answered {
        answer: content.answer?,
        digest: Digest::of(&canonical),
        bytes_count: canonical.len(),
    })
}

/// The value of the first header called `name`.
pub(super) fn header<'r>(record: &'r TailRecord, name: &str) -> Option<&'r [u8]> {
    record.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(headers: &[(&str, &str)]) -> TailRecord {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        TailRecord {
            partition: PartitionId(0),
            offset: Offset(0),
            appended_at_unix_millis: 0,
            key: None,
            value: None,
            headers: headers.iter().map(owned).collect(),
        }
    }

    #[test]
    fn an_answer_names_its_input_as_partition_and_offset() {
        let cases = [
            ("3:17", Some((3, 17))),
            ("3", None),
            ("", None),
            ("3:", None),
            ("a:1", None),
            ("1:2:3", None),
            ("1: 2", None),
        ];
        for (text, expected) in cases {
            let found = answered_input(&record(&[("stopline-input", text)]));
            assert_eq!(found.map(|input| (input.partition.0, input.offset.0)), expected, "{text}");
        }
        assert_eq!(answered_input(&record(&[])), None);
    }

    #[test]
    fn a_content_by_another_writer_has_another_mark() {
        let writer = |name| writer_of(&record(&[("stopline-writer", name)]));
        assert_eq!(writer("a/1"), writer("a/1"));
        assert_ne!(writer("a/1"), writer("a/2"));
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        assert_eq!(one.mark(writer("a")), one.mark(writer("a")));
        assert_ne!(one.mark(writer("a")), one.mark(writer("b")));
        assert_ne!(one.mark(writer("a")), other.mark(writer("a")));
    }
}
