//! What is said of a backlog, to people and to programs.

use serde::Serialize;

use super::backlog::BacklogSettings;
use super::faults::{self, LogHas};
use super::summary::{verdict, writers};
use super::tally::Tally;
use crate::lab::figures::grouped;

/// The figures of a backlog, as `--summary` writes them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct BacklogSummary {
    /// True where nothing is in `faults`.
    pub is_good: bool,
    /// True where an answer is missing, differs from another or lies elsewhere.
    pub is_broken: bool,
    /// Why it is not good.
    pub faults: Vec<String>,
    /// Requests that were in the log before one was answered.
    pub backlog: u64,
    /// How long it took to put them there, in milliseconds.
    pub produced_millis: u64,
    /// Cards that paid.
    pub cards: u32,
    /// Which traffic.
    pub seed: u64,
    /// `application/x-protobuf` or `application/json`.
    pub content_type: String,
    /// Who answered.
    pub writers: Vec<String>,
    /// Requests that got a record.
    pub answered: u64,
    /// Requests that got none.
    pub missing: u64,
    /// Records beyond one per request.
    pub duplicates: u64,
    /// Of these, those whose value is not the first one's.
    pub differing_copies: u64,
    /// Requests answered with an error.
    pub errors: u64,
    /// Records in another partition than their request.
    pub strays: u64,
    /// When the first answer was appended, in the broker's time.
    pub first_answer_at_unix_millis: Option<i64>,
    /// From the first to the last answer, in milliseconds.
    pub answering_millis: u64,
    /// Answers a second, from the first to the last.
    pub decisions_per_second: u64,
}

impl BacklogSummary {
    /// Adds a backlog of `count` requests up.
    pub(super) fn of(
        settings: &BacklogSettings,
        count: u64,
        produced_millis: u64,
        tally: &Tally,
    ) -> Self {
        let answers = &tally.requests.answers;
        let missing = faults::missing(count, answers);
        let first_and_last = tally.appended_at_unix_millis;
        let answering_millis =
            first_and_last.map_or(0, |(first, last)| last.saturating_sub(first).unsigned_abs());
        let mut faults = faults::of_answers(tally, count, 0, LogHas::All);
        if count < settings.count {
            faults.push("it was stopped before its time".to_owned());
        }
        Self {
            is_good: faults.is_empty(),
            is_broken: faults::is_broken(tally, missing, LogHas::All),
            faults,
            backlog: count,
            produced_millis,
            cards: settings.cards_count,
            seed: settings.seed,
            content_type: settings.format.content_type().to_owned(),
            writers: tally.writers.iter().cloned().collect(),
            answered: answers.answered,
            missing,
            duplicates: answers.duplicates,
            differing_copies: answers.differing_copies,
            errors: tally.errors,
            strays: tally.strays,
            first_answer_at_unix_millis: first_and_last.map(|(first, _)| first),
            answering_millis,
            decisions_per_second: per_second(answers.answered, answering_millis),
        }
    }

    /// The closing words, a line each.
    pub fn as_lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} requests in the log, {} answered, {} missing, {} duplicates ({} differing), \
                 {} errors",
                grouped(self.backlog),
                grouped(self.answered),
                grouped(self.missing),
                grouped(self.duplicates),
                grouped(self.differing_copies),
                grouped(self.errors),
            ),
            format!("answered by {}", writers(&self.writers)),
            format!(
                "{} decisions a second, in {} ms from the first to the last",
                grouped(self.decisions_per_second),
                grouped(self.answering_millis),
            ),
        ];
        lines.extend(verdict("The run is good: every request has its answer.", &self.faults));
        lines
    }
}

/// So many in so long; less than a millisecond counts as one.
fn per_second(count: u64, millis: u64) -> u64 {
    count.saturating_mul(1_000).checked_div(millis.max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::loadgen::tally::Answered;
    use crate::lab::loadgen::ticket::{Stream, Ticket};
    use crate::wire::Format;

    const SETTINGS: BacklogSettings = BacklogSettings {
        count: 3,
        cards_count: 10,
        seed: 1,
        format: Format::Protobuf,
        grace: Duration::from_secs(1),
    };

    fn tally(answered_count: u64) -> Tally {
        let mut tally = Tally::new(0);
        for sequence in 0..answered_count {
            tally.answered(&Answered {
                ticket: Ticket { run: 1, stream: Stream::Requests, sequence, due_nanos: 0 },
                read_nanos: 1,
                appended_at_unix_millis: 5_000 + sequence.cast_signed() * 5,
                value: b"approve",
            });
        }
        tally
    }

    #[test]
    fn its_pace_is_from_the_first_answer_to_the_last() {
        let summary = BacklogSummary::of(&SETTINGS, 3, 7, &tally(3));
        assert!(summary.is_good, "{:?}", summary.faults);
        assert_eq!(summary.first_answer_at_unix_millis, Some(5_000));
        assert_eq!((summary.answering_millis, summary.decisions_per_second), (10, 300));
        assert!(summary.as_lines().join("\n").contains("300 decisions a second, in 10 ms"));
    }

    #[test]
    fn what_is_not_answered_breaks_a_promise() {
        let summary = BacklogSummary::of(&SETTINGS, 3, 7, &tally(2));
        assert_eq!((summary.missing, summary.is_good, summary.is_broken), (1, false, true));
        let none = BacklogSummary::of(&SETTINGS, 3, 7, &tally(0));
        assert_eq!((none.decisions_per_second, none.first_answer_at_unix_millis), (0, None));
        assert!(none.as_lines().join("\n").contains("answered by nobody"));
    }

    #[test]
    fn a_backlog_that_was_cut_short_is_not_the_one_asked_for() {
        let summary = BacklogSummary::of(&SETTINGS, 2, 7, &tally(2));
        assert_eq!((summary.is_good, summary.is_broken), (false, false));
    }
}
