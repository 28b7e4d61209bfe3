//! What a record of the decisions says, as far as it is checked.

use sha2::{Digest as _, Sha256};

use crate::service::journal::record::{Content, content, header};
use crate::service::log::TailRecord;
use crate::wire::Format;
use crate::wire::proto::record::Answer;

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
    let Content { answer, canonical } = content(record, default_format)?;
    Some(Answered { answer, digest: Digest::of(&canonical), bytes_count: canonical.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Offset, PartitionId};

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
