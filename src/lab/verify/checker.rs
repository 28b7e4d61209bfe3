//! Holds every record against its input and against the decision that binds.

use std::collections::BTreeMap;

use super::answer::{Answered, read_answer, says_repeat, writer_of};
use super::finding::{FindingKind, Findings, First, Place};
use super::ledger::{Binding, Column, Found, IdSeen, Kind, Ledger};
use super::reading::Stretch;
use super::report::{Counts, Report};
use crate::domain::{IdKey, Input, MessageClass, Offset, PartitionId, Span};
use crate::service::journal::record::{answered_input, header};
use crate::service::log::{TailRecord, partition_of_key};
use crate::wire::proto::{Decision, ErrorReason, record::Answer};
use crate::wire::{Door, Format, Incoming, KafkaKey, Scratch};

/// What the cost of a kept answer besides its bytes is taken to be, at the most.
const KEPT_ANSWER_BYTES_MAX: u64 = 512;

/// What is taken to be right: the settings that the log was written under.
pub struct Basis {
    /// What understands an input, and makes keys from ids.
    pub door: Door,
    /// Format of an input that names none.
    pub default_format: Format,
    /// Partitions of the authorisations.
    pub partitions_count: u32,
    /// How long a writer keeps an answer for repeats.
    pub answers_age: Span,
    /// In how much memory per partition, in bytes.
    pub answers_bytes_max: u64,
}

/// Checks O1 (complete) and O2 (one truth). Give it all inputs, then all records.
pub struct Checker {
    basis: Basis,
    ledger: Ledger,
    scratch: Scratch,
    answers: BTreeMap<PartitionId, Answers>,
    counts: Counts,
    findings: Findings,
    voids: First<Place>,
}

/// What is known of the records of one partition.
#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    /// Records before the first one read are gone.
    is_cut: bool,
    lowest_answered: Option<Offset>,
    /// What the decisions so far cost a writer that keeps them, at the most.
    cost_bytes: u64,
}

/// A decision on its way through the checks.
#[derive(Clone, Copy)]
struct Held<'r> {
    record: &'r TailRecord,
    answers: Input,
    decided: Input,
    decision: &'r Decision,
    answered: &'r Answered,
}

impl Checker {
    /// A checker of the inputs and records in these stretches.
    pub fn new(basis: Basis, inputs: &[Stretch], records: &[Stretch]) -> Self {
        let answers = records.iter().map(|stretch| {
            let is_cut = stretch.beginning.0 > 0;
            (stretch.partition, Answers { is_cut, ..Answers::default() })
        });
        Self {
            basis,
            ledger: Ledger::new(inputs),
            scratch: Scratch::default(),
            answers: answers.collect(),
            counts: Counts::default(),
            findings: Findings::default(),
            voids: First::default(),
        }
    }

    /// Notes what an input asks for.
    pub fn note_input(&mut self, record: &TailRecord) {
        let input = Input { partition: record.partition, offset: record.offset };
        let kind = self.kind_of(record);
        self.ledger.note(input, kind);
        self.counts.inputs += 1;
        match kind {
            Kind::Request(id) => {
                self.counts.requests += 1;
                let seen = IdSeen { first_sent: input, first_decided: None };
                let first_sent = self.ledger.ids.entry(id).or_insert(seen).first_sent;
                if first_sent.partition != input.partition {
                    let kind = FindingKind::IdOnTwoPartitions;
                    self.findings.add(kind, input.into(), Some(first_sent.into()));
                }
            }
            Kind::Noted => self.counts.noted += 1,
            Kind::Poison | Kind::Absent => self.counts.poison += 1,
        }
    }

    /// Holds a record against its input and the binding decision.
    pub fn note_record(&mut self, record: &TailRecord) {
        let at = Place::of(record);
        self.counts.records += 1;
        let Some(input) = answered_input(record) else {
            return self.findings.add(FindingKind::UnnamedRecord, at, None);
        };
        let mut find = |kind| self.findings.add(kind, at, Some(input.into()));
        if input.partition != record.partition {
            return find(FindingKind::WrongPartition);
        }
        let (kind, was_answered) = match self.ledger.find(input) {
            Found::Input(entry) => (entry.kind, std::mem::replace(&mut entry.is_answered, true)),
            Found::Older => {
                self.counts.of_older_inputs += 1;
                return;
            }
            Found::Nowhere => return find(FindingKind::OrphanRecord),
        };
        let answers = self.answers.entry(input.partition).or_default();
        let lowest = answers.lowest_answered.get_or_insert(input.offset);
        *lowest = input.offset.min(*lowest);
        let Some(answered) = read_answer(record, self.basis.default_format) else {
            return find(FindingKind::UnreadableRecord);
        };
        if !is_fit(&answered.answer, kind) {
            return find(FindingKind::WrongKind);
        }
        match &answered.answer {
            Answer::Decision(decision) => {
                let Some(decided) = decided_input(decision) else {
                    return find(FindingKind::OtherAuthorisation);
                };
                self.counts.decisions += 1;
                let held = Held { record, answers: input, decided, decision, answered: &answered };
                self.note_decision(&held);
            }
            Answer::Acknowledgement(_) => self.counts.acknowledgements += 1,
            Answer::Error(_) => self.counts.errors += 1,
        }
        if was_answered && !matches!(answered.answer, Answer::Decision(_)) {
            self.counts.copies_that_bind_nothing += 1;
        }
    }

    /// What is broken, now that all was read: inputs below `decided_ends` must have a record.
    pub fn finish(mut self, decided_ends: &[(PartitionId, Offset)]) -> Report {
        for (partition, end) in decided_ends {
            let Some(column) = self.ledger.partitions.get(partition) else {
                continue;
            };
            let answers = self.answers.get(partition).copied().unwrap_or_default();
            for (at, entry) in column.inputs_below(*end) {
                self.counts.inputs_decided += 1;
                // Where the oldest records are gone, so may be those of the oldest inputs.
                let is_beyond_records =
                    answers.is_cut && answers.lowest_answered.is_none_or(|low| at.offset < low);
                match (entry.is_answered, is_beyond_records) {
                    (true, _) => {}
                    (false, true) => self.counts.inputs_older_than_records += 1,
                    (false, false) => self.findings.add(FindingKind::MissingRecord, at, None),
                }
            }
        }
        let positions = self.ledger.partitions.values().map(Column::position).collect();
        Report::new(self.counts, self.findings, self.voids, positions)
    }

    fn kind_of(&mut self, record: &TailRecord) -> Kind {
        let Basis { door, default_format, partitions_count, .. } = &self.basis;
        let key = record.key.as_deref();
        let named = header(record, "content-type");
        let incoming = Format::from_content_type(named, *default_format).and_then(|format| {
            let value = record.value.as_deref();
            door.decode(format, KafkaKey::Record(key), value, &mut self.scratch)
        });
        match incoming {
            Err(_) => Kind::Poison,
            Ok(Incoming::Echo { .. }) => Kind::Noted,
            Ok(Incoming::Message { auth, .. }) => {
                let home = key.map(|key| partition_of_key(key, *partitions_count));
                match auth.message_type.class {
                    _ if home != Some(record.partition) => Kind::Poison,
                    MessageClass::Request => Kind::Request(auth.id_key),
                    MessageClass::Advice
                    | MessageClass::Reversal
                    | MessageClass::OutcomeNotice
                    | MessageClass::EchoTest => Kind::Noted,
                }
            }
        }
    }

    fn note_decision(&mut self, held: &Held<'_>) {
        let Held { record, answers, decided, decision, answered } = *held;
        let is_repeat = says_repeat(record) || decided != answers;
        self.counts.repeats += u64::from(is_repeat);
        let id = self.basis.door.keys().id_key(&decision.authorisation_id);
        let at = Place::of(record);
        if !self.asks_for(answers, id) || decided.partition != answers.partition {
            let kind = FindingKind::OtherAuthorisation;
            return self.findings.add(kind, at, Some(answers.into()));
        }
        let entry = match self.ledger.find(decided) {
            Found::Input(entry) if entry.kind == Kind::Request(id) => entry,
            Found::Older => {
                self.counts.of_older_inputs += 1;
                return;
            }
            Found::Input(_) | Found::Nowhere => {
                let kind = FindingKind::OtherAuthorisation;
                return self.findings.add(kind, at, Some(decided.into()));
            }
        };
        let writer = writer_of(record);
        let Some(binding) = &mut entry.binding else {
            let answers = self.answers.entry(decided.partition).or_default();
            let binding = Binding {
                digest: answered.digest,
                writer,
                void_mark: 0,
                decided_at_unix_millis: decision.appended_at_millis,
                cost_before_bytes: answers.cost_bytes,
            };
            entry.binding = Some(binding);
            let bytes = u64::try_from(answered.bytes_count).unwrap_or(u64::MAX);
            answers.cost_bytes += bytes.saturating_add(KEPT_ANSWER_BYTES_MAX);
            self.counts.binding += 1;
            return self.note_first_decision(id, decided, decision, &binding, at);
        };
        let mark = answered.digest.mark(writer);
        match (binding.digest == answered.digest, is_repeat) {
            (true, true) => self.counts.repeats_identical += 1,
            (true, false) => self.counts.copies_identical += 1,
            // Its writer keeps what it decided itself, until it reads that it is void.
            (false, true) if binding.void_mark == mark => self.counts.repeats_void += 1,
            (false, false) if binding.writer != writer => {
                binding.void_mark = mark;
                self.counts.copies_void += 1;
                self.voids.add(at);
            }
            (false, true) => {
                self.findings.add(FindingKind::DifferingRepeat, at, Some(decided.into()));
            }
            (false, false) => {
                self.findings.add(FindingKind::DifferingCopy, at, Some(decided.into()));
            }
        }
    }

    /// The first decision of an input: is it the first about its id, too? If not, the answer
    /// to the earlier request was not found any more (journal rule J10).
    fn note_first_decision(
        &mut self,
        id: IdKey,
        decided: Input,
        decision: &Decision,
        binding: &Binding,
        at: Place,
    ) {
        let Some(seen) = self.ledger.ids.get_mut(&id) else {
            return;
        };
        let partition = decided.partition;
        let Some(first) = seen.first_decided else {
            if seen.first_sent.partition == partition {
                seen.first_decided = Some(decided.offset);
            }
            return;
        };
        if seen.first_sent.partition != partition {
            return;
        }
        let first = Input { partition, offset: first };
        let Found::Input(entry) = self.ledger.find(first) else {
            return;
        };
        let Some(earlier) = entry.binding else {
            return;
        };
        // The record of the first may lie behind: it was sent again.
        let aged = Span::from_millis(
            binding
                .decided_at_unix_millis
                .saturating_sub(earlier.decided_at_unix_millis)
                .saturating_abs(),
        );
        let cost_bytes = binding.cost_before_bytes.saturating_sub(earlier.cost_before_bytes);
        let is_forgotten =
            aged > self.basis.answers_age || cost_bytes > self.basis.answers_bytes_max;
        // The contract allows it, and whoever reads the decision is told.
        if decision.judged_again {
            self.findings.add(FindingKind::JudgedAgain, at, Some(first.into()));
        }
        if earlier.writer == binding.writer && !is_forgotten && !decision.judged_again {
            self.findings.add(FindingKind::DecidedTwice, at, Some(first.into()));
        } else {
            self.counts.ids_decided_again += 1;
        }
    }

    fn asks_for(&mut self, input: Input, id: IdKey) -> bool {
        match self.ledger.find(input) {
            Found::Input(entry) => entry.kind == Kind::Request(id),
            Found::Older | Found::Nowhere => false,
        }
    }
}

/// The input that `decision` says it decides.
fn decided_input(decision: &Decision) -> Option<Input> {
    let decided = decision.decided_input?;
    Some(Input { partition: PartitionId(decided.partition), offset: Offset(decided.offset) })
}

/// True where `answer` is of the kind that an input of `kind` asks for.
fn is_fit(answer: &Answer, kind: Kind) -> bool {
    match (kind, answer) {
        (Kind::Request(_), Answer::Decision(_))
        | (Kind::Noted, Answer::Acknowledgement(_))
        | (Kind::Poison, Answer::Error(_)) => true,
        // A deadline in a header that cannot be read refuses a request that is sound in itself.
        (Kind::Request(_), Answer::Error(error)) => {
            error.reason() == ErrorReason::ConflictingRepeat || error.field == "deadline_millis"
        }
        (Kind::Noted, Answer::Error(error)) => matches!(
            error.reason(),
            ErrorReason::ConflictingRepeat | ErrorReason::ContradictsOriginal
        ),
        (Kind::Request(_) | Kind::Noted | Kind::Poison | Kind::Absent, _) => false,
    }
}
