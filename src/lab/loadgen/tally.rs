//! What the answers of a run add up to.

use std::collections::BTreeSet;

use super::ticket::{Stream, Ticket};
use crate::lab::answers::Answers;
use crate::lab::figures::{Latencies, Percentiles, grouped};

/// Writers that are told apart; a run under restarts has one for each.
const WRITERS_COUNT_MAX: usize = 1_000;

/// Who answered, and how.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A decision, an acknowledgement or an echo.
    Answer,
    /// The engine says that it did not understand.
    Error,
}

/// An answer to a message of this run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered<'r> {
    /// What it answers.
    pub(super) ticket: Ticket,
    /// When it was read, in nanoseconds after the start.
    pub(super) read_nanos: u64,
    /// When the broker appended it, in Unix milliseconds.
    pub(super) appended_at_unix_millis: i64,
    /// The answer's value.
    pub(super) value: &'r [u8],
}

/// Who has an answer among the messages of one kind, and when they got it.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    /// Which messages have their answer.
    pub(super) answers: Answers,
    /// Messages whose latency was taken.
    pub(super) measured: u64,
    /// From due to read, in microseconds.
    latency_micros: Latencies,
}

impl Counted {
    fn new() -> Self {
        Self { answers: Answers::default(), measured: 0, latency_micros: Latencies::new() }
    }

    /// From due to read, in microseconds.
    pub(super) fn latency_micros(&self) -> Percentiles {
        self.latency_micros.percentiles()
    }
}

/// Counts answers.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Messages that are due earlier are sent and counted, but not measured.
    warm_up_nanos: u64,
    /// Answers to requests.
    pub(super) requests: Counted,
    /// Answers to probes.
    pub(super) probes: Counted,
    /// Messages answered with an error.
    pub(super) errors: u64,
    /// Answers in another partition than their request.
    pub(super) strays: u64,
    /// Records that belong to nobody here.
    pub(super) foreign: u64,
    /// Who answered.
    pub(super) writers: BTreeSet<String>,
    /// When the first and the last request got its answer, in the broker's time.
    pub(super) appended_at_unix_millis: Option<(i64, i64)>,
    /// From due to read, since the last [`Self::moment`], warm-up too.
    lately_micros: Latencies,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(warm_up_nanos: u64) -> Self {
        Self {
            warm_up_nanos,
            requests: Counted::new(),
            probes: Counted::new(),
            errors: 0,
            strays: 0,
            foreign: 0,
            writers: BTreeSet::new(),
            appended_at_unix_millis: None,
            lately_micros: Latencies::new(),
        }
    }

    /// Counts a record; false where what it answers had one before.
    pub(super) fn answered(&mut self, answered: &Answered<'_>) -> bool {
        let Ticket { stream, sequence, due_nanos, .. } = answered.ticket;
        let counted = match stream {
            Stream::Requests => &mut self.requests,
            Stream::Probes => &mut self.probes,
        };
        if !counted.answers.note(sequence, answered.value) {
            return false;
        }
        let micros = answered.read_nanos.saturating_sub(due_nanos) / 1_000;
        if due_nanos >= self.warm_up_nanos {
            counted.measured += 1;
            counted.latency_micros.record(micros);
        }
        if stream == Stream::Requests {
            self.lately_micros.record(micros);
            let at = answered.appended_at_unix_millis;
            let (first, last) = self.appended_at_unix_millis.unwrap_or((at, at));
            self.appended_at_unix_millis = Some((first.min(at), last.max(at)));
        }
        true
    }

    /// Notes of what kind a message's first answer is.
    pub(super) fn is_of_kind(&mut self, kind: Kind) {
        self.errors += u64::from(kind == Kind::Error);
    }

    /// Notes who wrote a record.
    pub(super) fn written_by(&mut self, writer: &str) {
        if !self.writers.contains(writer) && self.writers.len() < WRITERS_COUNT_MAX {
            self.writers.insert(writer.to_owned());
        }
    }

    /// The figures at `at_nanos`, latencies since the last time.
    pub(super) fn moment(&mut self, at_nanos: u64, sent: u64) -> Moment {
        let lately = std::mem::replace(&mut self.lately_micros, Latencies::new());
        Moment {
            at_nanos,
            is_warm_up: at_nanos < self.warm_up_nanos,
            sent,
            answered: self.requests.answers.answered,
            duplicates: self.requests.answers.duplicates,
            errors: self.errors,
            latency_micros: lately.percentiles(),
        }
    }
}

/// The figures of a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// When, in nanoseconds after the start.
    pub at_nanos: u64,
    /// Nothing is measured yet.
    pub is_warm_up: bool,
    /// Requests handed to the client.
    pub sent: u64,
    /// Requests answered.
    pub answered: u64,
    /// Records beyond one per request.
    pub duplicates: u64,
    /// Requests answered with an error.
    pub errors: u64,
    /// From due to read, of the answers since the moment before, in microseconds.
    pub latency_micros: Percentiles,
}

impl Moment {
    /// As a line.
    pub fn as_line(&self) -> String {
        let Percentiles { p50, p99, max, .. } = self.latency_micros;
        // A second without an answer has no latency, which is not one of zero.
        let micros = |it: u64| if max == 0 { "-".to_owned() } else { grouped(it) };
        let note = if self.is_warm_up { "  warming up" } else { "" };
        format!(
            "{:>4} s  {} sent  {} answered  {} open  {} duplicates  {} errors  \
             µs p50 {}  p99 {}  max {}{note}",
            self.at_nanos / 1_000_000_000,
            grouped(self.sent),
            grouped(self.answered),
            grouped(self.sent.saturating_sub(self.answered)),
            grouped(self.duplicates),
            grouped(self.errors),
            micros(p50),
            micros(p99),
            micros(max),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(sequence: u64, due_nanos: u64, latency_nanos: u64) -> Answered<'static> {
        Answered {
            ticket: Ticket { run: 1, stream: Stream::Requests, sequence, due_nanos },
            read_nanos: due_nanos + latency_nanos,
            appended_at_unix_millis: 1_000 + (due_nanos / 1_000_000).cast_signed(),
            value: b"approve",
        }
    }

    #[test]
    fn latency_is_from_due_to_the_first_answer_and_not_of_the_warm_up() {
        let mut tally = Tally::new(1_000_000);
        assert!(tally.answered(&answered(0, 999_999, 70_000)));
        assert!(tally.answered(&answered(1, 1_000_000, 500_000)));
        assert!(!tally.answered(&answered(1, 1_000_000, 900_000)));
        let requests = &tally.requests;
        assert_eq!((requests.answers.answered, requests.answers.duplicates), (2, 1));
        let latency = requests.latency_micros();
        assert_eq!((requests.measured, latency.p50, latency.max), (1, 500, 500));
        assert_eq!(tally.appended_at_unix_millis, Some((1_000, 1_001)));
    }

    #[test]
    fn answers_to_probes_are_counted_apart() {
        let mut tally = Tally::new(0);
        let request = answered(0, 5_000_000, 500_000);
        let ticket = Ticket { stream: Stream::Probes, ..request.ticket };
        let probe = Answered { ticket, read_nanos: 5_300_000, ..request };
        assert!(tally.answered(&probe));
        assert!(tally.answered(&request));
        let answered = |counted: &Counted| (counted.answers.answered, counted.latency_micros().max);
        assert_eq!((answered(&tally.requests), answered(&tally.probes)), ((1, 500), (1, 300)));
        assert_eq!(tally.moment(0, 1).latency_micros.p50, 500);
    }

    #[test]
    fn a_moment_tells_what_came_since_the_one_before() {
        let mut tally = Tally::new(1_000_000_000);
        tally.answered(&answered(0, 0, 1_500_000));
        tally.is_of_kind(Kind::Error);
        let line = tally.moment(900_000_000, 3).as_line();
        assert_eq!(
            line,
            "   0 s  3 sent  1 answered  2 open  0 duplicates  1 errors  \
             µs p50 1,500  p99 1,500  max 1,500  warming up"
        );
        tally.is_of_kind(Kind::Answer);
        let next = tally.moment(1_900_000_000, 1_003);
        assert_eq!((next.latency_micros, next.errors), (Percentiles::default(), 1));
        assert!(next.as_line().ends_with("µs p50 -  p99 -  max -"), "{}", next.as_line());
        assert!(!next.is_warm_up);
    }

    #[test]
    fn each_writer_is_named_once() {
        let mut tally = Tally::new(0);
        for writer in ["here-0/1", "here-0/2", "here-0/1"] {
            tally.written_by(writer);
        }
        assert_eq!(tally.writers.len(), 2);
    }
}
