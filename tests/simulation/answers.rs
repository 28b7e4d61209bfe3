//! Which kinds of answer were judged: traffic that is always approved proves little.

use std::collections::BTreeMap;

use stopline::wire::proto::{Decision, record::Answer};

/// What a run must have judged, by its names in the contract. What lies outside the windows
/// is not asked for: where so much time passes, nothing is about what is that old.
const MUST_HAPPEN: [&str; 18] = [
    "approved",
    "stepped up",
    "declined",
    "declined by a stop order",
    "judged again",
    "counted before",
    "original unknown",
    "NOTED_ECHO",
    "NOTED_APPLIED",
    "NOTED_PENDING",
    "NOTED_NOTHING_TO_DO",
    "NOTED_OVER_REVERSED",
    "ERROR_REASON_MALFORMED",
    "ERROR_REASON_EMPTY",
    "ERROR_REASON_FIELD_MISSING",
    "ERROR_REASON_MISROUTED",
    "ERROR_REASON_CONFLICTING_REPEAT",
    "ERROR_REASON_CONTRADICTS_ORIGINAL",
];

/// How often each kind was judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(BTreeMap<&'static str, u64>);

impl Answers {
    /// `answer` was the first to an input.
    pub(crate) fn note(&mut self, answer: &Answer) {
        match answer {
            Answer::Decision(decision) => self.note_decision(decision),
            Answer::Acknowledgement(noted) => self.count(noted.noted().as_str_name()),
            Answer::Error(error) => self.count(error.reason().as_str_name()),
        }
    }

    fn note_decision(&mut self, decision: &Decision) {
        self.count(match decision.outcome() {
            stopline::wire::proto::Outcome::Approve => "approved",
            stopline::wire::proto::Outcome::StepUp => "stepped up",
            _ => "declined",
        });
        for (is_so, name) in [
            (decision.stop_order.is_some(), "declined by a stop order"),
            (decision.judged_again, "judged again"),
            (decision.counted_before, "counted before"),
            (decision.original_unknown, "original unknown"),
        ] {
            if is_so {
                self.count(name);
            }
        }
    }

    fn count(&mut self, name: &'static str) {
        *self.0.entry(name).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (name, times) in &other.0 {
            *self.0.entry(name).or_default() += times;
        }
    }

    /// What never happened, in words.
    pub(crate) fn holes(&self) -> impl Iterator<Item = String> {
        let missing = MUST_HAPPEN.iter().filter(|name| !self.0.contains_key(**name));
        missing.map(|name| format!("no answer is {name}"))
    }

    pub(crate) fn in_words(&self) -> String {
        let answers = self.0.iter().map(|(name, times)| format!("{name} {times}"));
        answers.collect::<Vec<_>>().join(", ")
    }
}
