//! What a worker counts: plain numbers of its own, handed over once a second.

use hdrhistogram::Histogram;

use super::causes::{CauseCounts, TakenBy};
use super::fired::FiredRules;
use super::overload::OverloadTally;
use crate::domain::{ErrorReason, FailCause, FailCauses, MessageClass, Outcome, Reason};

/// What became of one message, for counting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// A decision was made.
    Decided {
        /// Approve, step up or decline.
        outcome: Outcome,
        /// Why.
        reason: Option<Reason>,
        /// What held then.
        causes: FailCauses,
        /// Who took it.
        taken_by: TakenBy,
    },
    /// A stored answer was sent again.
    Repeated,
    /// It was noted, not judged.
    Noted(MessageClass),
    /// It was refused with an error record.
    Refused(ErrorReason),
}

/// How long one message took inside, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StageNanos {
    /// Bytes to words.
    pub decode: u64,
    /// Looked up, scored, committed, written as canonical bytes.
    pub decide: u64,
    /// Into the request's format, headers made.
    pub encode: u64,
}

impl StageNanos {
    /// All stages together.
    pub const fn total(self) -> u64 {
        self.decode + self.decide + self.encode
    }
}

/// What a worker has counted since it was last handed over.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Decisions by outcome and reason; see [`Tally::decisions`].
    decisions: [[u64; REASONS_COUNT]; Outcome::ALL.len()],
    /// Errors by reason, in the order of [`ErrorReason::ALL`].
    refused: [u64; ErrorReason::ALL.len()],
    /// Acknowledgements by class; see [`Tally::noted`].
    noted: [u64; CLASSES.len()],
    /// Rules that fired.
    pub fired: FiredRules,
    /// Stored answers sent again.
    pub repeated: u64,
    /// Decisions made after their deadline.
    pub late: u64,
    /// Decisions made without all the history that the rules ask for.
    pub history_truncated: u64,
    /// Decisions by the causes of the fail policy that held.
    pub causes: CauseCounts,
    /// Records acknowledged by the log.
    pub acknowledged: u64,
    /// Records sent again because their delivery failed.
    pub sent_again: u64,
    /// Faults that the log mends by itself.
    pub faults: u64,
    /// Inputs that the journal answered already, adopted.
    pub adopted: u64,
    /// Inputs behind a committed position that no record answers.
    pub unanswered: u64,
    /// Records of the journal that somebody else wrote.
    pub foreign_records: u64,
    /// Decisions of this engine that somebody else's, which bind, took the place of.
    pub amended: u64,
    /// Unread places in the journal that were read.
    pub gaps: u64,
    /// The overload ladder.
    pub overload: OverloadTally,
    /// Bytes in to bytes out, per message, in nanoseconds.
    pub engine_nanos: Histogram<u64>,
    /// From the broker's append to the decision, in milliseconds.
    pub age_millis: Histogram<u64>,
}

const REASONS_COUNT: usize = Reason::ALL.len() + 1;

const CLASSES: [(MessageClass, &str); 5] = [
    (MessageClass::Request, "request"),
    (MessageClass::Advice, "advice"),
    (MessageClass::Reversal, "reversal"),
    (MessageClass::OutcomeNotice, "outcome_notice"),
    (MessageClass::EchoTest, "echo_test"),
];

/// A minute in nanoseconds: what takes longer is recorded as this.
const NANOS_MAX: u64 = 60_000_000_000;
/// A week in milliseconds: what is older is recorded as this.
const AGE_MILLIS_MAX: u64 = 7 * 24 * 3_600_000;

impl Default for Tally {
    fn default() -> Self {
        Self {
            decisions: [[0; REASONS_COUNT]; Outcome::ALL.len()],
            refused: [0; ErrorReason::ALL.len()],
            noted: [0; CLASSES.len()],
            fired: FiredRules::default(),
            repeated: 0,
            late: 0,
            history_truncated: 0,
            causes: CauseCounts::default(),
            acknowledged: 0,
            sent_again: 0,
            faults: 0,
            adopted: 0,
            unanswered: 0,
            foreign_records: 0,
            amended: 0,
            gaps: 0,
            overload: OverloadTally::default(),
            engine_nanos: histogram(NANOS_MAX),
            age_millis: histogram(AGE_MILLIS_MAX),
        }
    }
}

fn histogram(high: u64) -> Histogram<u64> {
    Histogram::new_with_bounds(1, high, 3).expect("Invariant: the bounds are valid.")
}

impl Tally {
    /// Counts one answered message.
    pub fn count(&mut self, told: Told, nanos: u64, age_millis: u64) {
        self.engine_nanos.saturating_record(nanos.max(1));
        self.age_millis.saturating_record(age_millis.max(1));
        match told {
            Told::Decided { outcome, reason, causes, taken_by } => {
                let column = reason.map_or(0, |reason| 1 + reason as usize);
                let row = self.decisions.get_mut(outcome as usize);
                if let Some(count) = row.and_then(|row| row.get_mut(column)) {
                    *count += 1;
                }
                self.late += u64::from(causes.holds(FailCause::Late));
                let is_truncated = causes.holds(FailCause::HistoryTruncated);
                self.history_truncated += u64::from(is_truncated);
                self.causes.count(causes, taken_by, outcome);
            }
            Told::Repeated => self.repeated += 1,
            Told::Noted(class) => {
                let place = CLASSES.iter().position(|(found, _)| *found == class);
                if let Some(count) = place.and_then(|place| self.noted.get_mut(place)) {
                    *count += 1;
                }
            }
            Told::Refused(reason) => {
                if let Some(count) = self.refused.get_mut(reason as usize) {
                    *count += 1;
                }
            }
        }
    }

    /// Decisions by outcome and reason, none of them zero.
    pub fn decisions(&self) -> impl Iterator<Item = (Outcome, Option<Reason>, u64)> {
        let reasons = || std::iter::once(None).chain(Reason::ALL.into_iter().map(Some));
        Outcome::ALL
            .into_iter()
            .zip(&self.decisions)
            .flat_map(move |(outcome, row)| {
                reasons().zip(row).map(move |(reason, count)| (outcome, reason, *count))
            })
            .filter(|(_, _, count)| *count > 0)
    }

    /// Errors by reason, none of them zero.
    pub fn refused(&self) -> impl Iterator<Item = (ErrorReason, u64)> {
        ErrorReason::ALL.into_iter().zip(self.refused).filter(|(_, count)| *count > 0)
    }

    /// Acknowledgements by the name of their class, none of them zero.
    pub fn noted(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CLASSES
            .into_iter()
            .zip(self.noted)
            .map(|((_, name), count)| (name, count))
            .filter(|(_, count)| *count > 0)
    }

    /// The names of all classes that are acknowledged.
    pub fn class_names() -> impl Iterator<Item = &'static str> {
        CLASSES.into_iter().map(|(_, name)| name)
    }

    /// Adds what `other` counted.
    pub fn merge(&mut self, other: &Self) {
        let ours = self.decisions.iter_mut().flatten();
        for (ours, theirs) in ours.zip(other.decisions.iter().flatten()) {
            *ours += theirs;
        }
        for (ours, theirs) in self.refused.iter_mut().zip(other.refused) {
            *ours += theirs;
        }
        for (ours, theirs) in self.noted.iter_mut().zip(other.noted) {
            *ours += theirs;
        }
        self.fired.merge(&other.fired);
        self.repeated += other.repeated;
        self.late += other.late;
        self.history_truncated += other.history_truncated;
        self.causes.merge(&other.causes);
        self.acknowledged += other.acknowledged;
        self.sent_again += other.sent_again;
        self.faults += other.faults;
        self.adopted += other.adopted;
        self.unanswered += other.unanswered;
        self.foreign_records += other.foreign_records;
        self.amended += other.amended;
        self.gaps += other.gaps;
        self.overload.merge(&other.overload);
        self.engine_nanos += &other.engine_nanos;
        self.age_millis += &other.age_millis;
    }

    /// Starts again from nothing, keeping its buffers.
    pub fn clear(&mut self) {
        let mut cleared = Self::default();
        std::mem::swap(&mut cleared.engine_nanos, &mut self.engine_nanos);
        std::mem::swap(&mut cleared.age_millis, &mut self.age_millis);
        cleared.engine_nanos.reset();
        cleared.age_millis.reset();
        *self = cleared;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_told_message_is_counted_in_its_place() {
        let mut tally = Tally::default();
        let decided = |outcome, reason| Told::Decided {
            outcome,
            reason,
            causes: FailCauses::NONE.with_if(FailCause::Late, true),
            taken_by: TakenBy::FailPolicy,
        };
        tally.count(decided(Outcome::Approve, None), 900, 1);
        tally.count(decided(Outcome::Decline, Some(Reason::NotScored)), 1_100, 1);
        tally.count(Told::Repeated, 100, 1);
        tally.count(Told::Noted(MessageClass::EchoTest), 100, 1);
        tally.count(Told::Refused(ErrorReason::UnsupportedFormat), 100, 1);
        let mut twice = tally.clone();
        twice.merge(&tally);
        assert_eq!(
            twice.decisions().collect::<Vec<_>>(),
            [(Outcome::Approve, None, 2), (Outcome::Decline, Some(Reason::NotScored), 2)]
        );
        assert_eq!(twice.noted().collect::<Vec<_>>(), [("echo_test", 2)]);
        assert_eq!(twice.refused().collect::<Vec<_>>(), [(ErrorReason::UnsupportedFormat, 2)]);
        assert_eq!((twice.repeated, twice.late, twice.engine_nanos.len()), (2, 4, 10));
        twice.clear();
        assert_eq!((twice.decisions().count(), twice.engine_nanos.len()), (0, 0));
    }

    #[test]
    fn enum_positions_match_the_tables() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        for (place, reason) in ErrorReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place);
        }
    }
}
