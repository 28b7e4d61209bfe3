//! What is remembered of each input: what it asks for, and what was decided.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::answer::{Digest, Writer};
use super::finding::Place;
use super::reading::Stretch;
use super::report::Position;
use crate::domain::{IdKey, Input, Offset, PartitionId};

/// What is remembered of one offset of the authorisations.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// A record answers it.
    pub(super) is_answered: bool,
    /// The first decision of it.
    pub(super) binding: Option<Binding>,
}

/// What an input asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Kind {
    /// There is no input: its offset was never written, or not as far as is read.
    #[default]
    Absent,
    /// A decision on the authorisation with this id.
    Request(IdKey),
    /// An acknowledgement.
    Noted,
    /// An error: it cannot be understood.
    Poison,
}

/// A binding decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub(super) digest: Digest,
    pub(super) writer: Writer,
    /// The last void copy, see [`Digest::mark`]; zero for none.
    pub(super) void_mark: u64,
    /// The partition's broker time when it was decided.
    pub(super) decided_at_unix_millis: i64,
    /// What its partition's answers before it cost a writer that keeps them, at the most.
    pub(super) cost_before_bytes: u64,
}

/// Where an id of a request was seen first.
#[derive(Clone, Copy, Debug)]
pub(super) struct IdSeen {
    pub(super) first_sent: Input,
    /// The input whose decision lies first, in the same partition.
    pub(super) first_decided: Option<Offset>,
}

/// The most memory that an offset of the authorisations takes, in bytes: its entry, and its
/// id in a table that is at least 7/16 full.
pub const BYTES_PER_INPUT: usize = size_of::<Entry>() + (size_of::<(IdKey, IdSeen)>() + 1) * 16 / 7;

const _: () = assert!(BYTES_PER_INPUT <= 240, "Invariant: ten million inputs take 2.4 GB.");

/// All that is remembered.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) partitions: BTreeMap<PartitionId, Column>,
    pub(super) ids: HashMap<IdKey, IdSeen>,
}

/// The entries of one partition, by offset.
#[derive(Debug)]
pub(super) struct Column {
    stretch: Stretch,
    entries: Vec<Entry>,
}

/// What a ledger knows of a place.
#[derive(Debug)]
pub(super) enum Found<'l> {
    Input(&'l mut Entry),
    /// It lies before the first offset that the log still holds.
    Older,
    /// There is no such input.
    Nowhere,
}

impl Ledger {
    /// A ledger for what lies in `stretches`.
    pub(super) fn new(stretches: &[Stretch]) -> Self {
        let inputs_count: usize = stretches.iter().map(Stretch::len).sum();
        let columns = stretches.iter().map(|stretch| (stretch.partition, Column::new(*stretch)));
        Self { partitions: columns.collect(), ids: HashMap::with_capacity(inputs_count) }
    }

    /// Notes what the input at `input` asks for.
    pub(super) fn note(&mut self, input: Input, kind: Kind) {
        let column = self.partitions.get_mut(&input.partition);
        if let Some(entry) = column.and_then(|column| column.entry(input.offset)) {
            entry.kind = kind;
        }
    }

    pub(super) fn find(&mut self, input: Input) -> Found<'_> {
        let Some(column) = self.partitions.get_mut(&input.partition) else {
            return Found::Nowhere;
        };
        if (0..column.stretch.beginning.0).contains(&input.offset.0) {
            return Found::Older;
        }
        match column.entry(input.offset) {
            Some(entry) if entry.kind != Kind::Absent => Found::Input(entry),
            Some(_) | None => Found::Nowhere,
        }
    }
}

impl Column {
    fn new(stretch: Stretch) -> Self {
        Self { stretch, entries: vec![Entry::default(); stretch.len()] }
    }

    fn entry(&mut self, offset: Offset) -> Option<&mut Entry> {
        let index = offset.0.checked_sub(self.stretch.beginning.0)?;
        self.entries.get_mut(usize::try_from(index).ok()?)
    }

    /// From where the partition is to be answered on.
    pub(super) fn position(&self) -> Position {
        let Stretch { partition, beginning, end } = self.stretch;
        let answered_count =
            self.entries.iter().rposition(|entry| entry.is_answered).map_or(0, |index| index + 1);
        let answered = self.entries.iter().take(answered_count);
        let unanswered = answered.filter(|entry| entry.kind != Kind::Absent && !entry.is_answered);
        let next = beginning.0 + i64::try_from(answered_count).unwrap_or(i64::MAX);
        Position {
            partition: partition.0,
            next,
            end: end.0,
            unanswered_below: unanswered.count() as u64,
        }
    }

    /// All inputs below `end`, in order.
    pub(super) fn inputs_below(&self, end: Offset) -> impl Iterator<Item = (Place, &Entry)> {
        let Stretch { partition, beginning, .. } = self.stretch;
        (beginning.0..end.0)
            .zip(&self.entries)
            .filter(|(_, entry)| entry.kind != Kind::Absent)
            .map(move |(offset, entry)| (Place { partition, offset: Offset(offset) }, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(partition: i32, offset: i64) -> Input {
        Input { partition: PartitionId(partition), offset: Offset(offset) }
    }

    #[test]
    fn an_input_is_found_older_or_nowhere() {
        let (beginning, end) = (Offset(10), Offset(13));
        let mut ledger = Ledger::new(&[Stretch { partition: PartitionId(2), beginning, end }]);
        for offset in [9, 10, 12, 13] {
            ledger.note(input(2, offset), Kind::Noted);
        }
        let mut found = |partition, offset| match ledger.find(input(partition, offset)) {
            Found::Input(_) => "input",
            Found::Older => "older",
            Found::Nowhere => "nowhere",
        };
        let cases = [
            (2, -1, "nowhere"),
            (2, 0, "older"),
            (2, 9, "older"),
            (2, 10, "input"),
            (2, 11, "nowhere"),
            (2, 12, "input"),
            (2, 13, "nowhere"),
            (2, i64::MIN, "nowhere"),
            (1, 10, "nowhere"),
        ];
        for (partition, offset, expected) in cases {
            assert_eq!(found(partition, offset), expected, "{partition}:{offset}");
        }
        let column = &ledger.partitions[&PartitionId(2)];
        let below: Vec<_> = column.inputs_below(Offset(12)).map(|(at, _)| at.offset.0).collect();
        assert_eq!(below, [10]);
    }
}
