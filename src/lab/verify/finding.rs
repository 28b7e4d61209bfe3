//! What can be found, and how it is named: by place, never by content.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Serialize, Serializer};

use crate::domain::{Input, Offset, PartitionId};
use crate::service::log::TailRecord;

/// How many findings are shown.
pub(super) const SHOWN_MAX: usize = 20;

/// What is broken, or worth a note.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// O1: an input in the decided range has no record.
    MissingRecord,
    /// O1: a record answers an input of another partition.
    WrongPartition,
    /// O1: a record answers an input that the log does not hold (yet).
    OrphanRecord,
    /// O1: a record does not say which input it answers.
    UnnamedRecord,
    /// O1: a record's value is no answer in its format.
    UnreadableRecord,
    /// O2: an answer is not of the kind that its input asks for.
    WrongKind,
    /// O2: a decision is about another authorisation than its input, or than the input that it
    /// says it decides.
    OtherAuthorisation,
    /// O2: a later copy of a binding decision differs, by the same writer.
    DifferingCopy,
    /// O2: a repeat does not carry the binding decision's bytes.
    DifferingRepeat,
    /// O2: one writer decided one id twice, within the time and room for which it keeps answers,
    /// and did not say so.
    DecidedTwice,
    /// A note: a repeat came when its answer was forgotten. It was judged again, and says so.
    JudgedAgain,
    /// A note: the sender used one id on two partitions, whose offsets have no order.
    IdOnTwoPartitions,
}

impl FindingKind {
    /// Its name in the report: `snake_case`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingRecord => "missing_record",
            Self::WrongPartition => "wrong_partition",
            Self::OrphanRecord => "orphan_record",
            Self::UnnamedRecord => "unnamed_record",
            Self::UnreadableRecord => "unreadable_record",
            Self::WrongKind => "wrong_kind",
            Self::OtherAuthorisation => "other_authorisation",
            Self::DifferingCopy => "differing_copy",
            Self::DifferingRepeat => "differing_repeat",
            Self::DecidedTwice => "decided_twice",
            Self::JudgedAgain => "judged_again",
            Self::IdOnTwoPartitions => "id_on_two_partitions",
        }
    }

    /// False for what the contract allows, or what is the sender's fault: a note.
    pub const fn is_violation(self) -> bool {
        !matches!(self, Self::JudgedAgain | Self::IdOnTwoPartitions)
    }

    /// Its name as a note, for people.
    pub(super) fn note(self) -> &'static str {
        if self == Self::IdOnTwoPartitions {
            "ids used twice by the sender"
        } else {
            "judged again"
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::MissingRecord => "has no record, and the group has committed behind it",
            Self::WrongPartition => "answers an input of another partition,",
            Self::OrphanRecord => "names an input that the log does not hold,",
            Self::UnnamedRecord => "does not say which input it answers",
            Self::UnreadableRecord => "cannot be read; it answers",
            Self::WrongKind => "is not the kind of answer that its input asks for,",
            Self::OtherAuthorisation => "is about another authorisation than its input,",
            Self::DifferingCopy => "differs from the binding decision by the same writer, on",
            Self::DifferingRepeat => "is a repeat without the binding decision's bytes, on",
            Self::DecidedTwice => "decides an id again that its writer had decided, at",
            Self::JudgedAgain => "judges a repeat again whose answer was forgotten, after",
            Self::IdOnTwoPartitions => "has an id that was sent to another partition too, at",
        }
    }

    const fn is_of_an_input(self) -> bool {
        matches!(self, Self::MissingRecord | Self::IdOnTwoPartitions)
    }
}

/// Partition and offset, in either topic; shown and serialised as `PARTITION:OFFSET`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The partition.
    pub partition: PartitionId,
    /// The offset in it.
    pub offset: Offset,
}

impl Place {
    /// Where `record` lies.
    pub(super) const fn of(record: &TailRecord) -> Self {
        Self { partition: record.partition, offset: record.offset }
    }
}

impl From<Input> for Place {
    fn from(input: Input) -> Self {
        Self { partition: input.partition, offset: input.offset }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition.0, self.offset.0)
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One thing that is broken, and where. Ordered by place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Finding {
    /// Where it shows: a record's place, or an input's where that is what is wrong.
    pub at: Place,
    /// What it is.
    pub kind: FindingKind,
    /// The input that it is about, where it is another place.
    pub input: Option<Place>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, kind, input } = self;
        let topic = if kind.is_of_an_input() { "input" } else { "record" };
        write!(f, "{topic} {at} {}", kind.what())?;
        match input {
            Some(input) => write!(f, " input {input}"),
            None => Ok(()),
        }
    }
}

/// All findings counted, the first violations and the first notes kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    pub(super) counts: BTreeMap<FindingKind, u64>,
    pub(super) first: First<Finding>,
    pub(super) first_notes: First<Finding>,
}

impl Findings {
    pub(super) fn add(&mut self, kind: FindingKind, at: Place, input: Option<Place>) {
        *self.counts.entry(kind).or_default() += 1;
        let first = if kind.is_violation() { &mut self.first } else { &mut self.first_notes };
        first.add(Finding { at, kind, input });
    }
}

/// The first [`SHOWN_MAX`] of what was added, in order.
#[derive(Clone, Debug)]
pub(super) struct First<T>(BTreeSet<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(BTreeSet::new())
    }
}

impl<T: Ord> First<T> {
    pub(super) fn add(&mut self, found: T) {
        self.0.insert(found);
        if self.0.len() > SHOWN_MAX {
            self.0.pop_last();
        }
    }

    pub(super) fn into_vec(self) -> Vec<T> {
        self.0.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(partition: i32, offset: i64) -> Place {
        Place { partition: PartitionId(partition), offset: Offset(offset) }
    }

    #[test]
    fn all_findings_are_counted_and_the_first_kept() {
        let mut findings = Findings::default();
        for offset in (0..100).rev() {
            findings.add(FindingKind::MissingRecord, place(1, offset), None);
        }
        findings.add(FindingKind::WrongKind, place(0, 500), Some(place(0, 7)));
        assert_eq!(findings.counts[&FindingKind::MissingRecord], 100);
        let first = findings.first.into_vec();
        assert_eq!(first.len(), SHOWN_MAX);
        assert_eq!(first[0].at, place(0, 500));
        assert_eq!(first[19].at, place(1, 18));
        let shown = "record 0:500 is not the kind of answer that its input asks for, input 0:7";
        assert_eq!(first[0].to_string(), shown);
    }
}
