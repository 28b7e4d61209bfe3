//! What there is to show at a moment; as a line for an output that is no terminal.

use super::plan::Plan;
use super::tally::Tally;
use crate::lab::figures::{Percentiles, grouped, micros};
use crate::wire::proto::Outcome;

/// What stays the same while the demo runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stage {
    /// Which traffic.
    pub seed: u64,
    /// Messages a second, as asked for.
    pub rate_per_second: u32,
    /// Cards that pay.
    pub cards_count: u32,
    /// Partitions of the topics.
    pub partitions_count: u32,
    /// How long it is meant to last, in nanoseconds.
    pub length_nanos: u64,
    /// Rules that judge.
    pub rules_count: usize,
    /// Where the log is: "in-process log, no network", or the brokers.
    pub log: String,
    /// What else should be known before it begins, a line each.
    pub notes: Vec<String>,
}

/// The figures of a moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frame {
    /// When, in nanoseconds after the start.
    pub at_nanos: u64,
    /// Requests in the log.
    pub sent: u64,
    /// Requests answered.
    pub answered: u64,
    /// Records beyond one per request.
    pub duplicates: u64,
    /// Outcomes and reasons, in order.
    pub counts: Vec<Count>,
    /// Decode, decide and encode together, in nanoseconds.
    pub engine_nanos: Percentiles,
    /// From due to read, in microseconds.
    pub end_to_end_micros: Percentiles,
    /// The story so far, a line each act.
    pub story: Vec<String>,
}

/// How many got an outcome, or a reason for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    /// Outcome or reason.
    pub name: String,
    /// What it is.
    pub kind: CountKind,
    /// In all.
    pub total: u64,
    /// Since the frame before, a second.
    pub per_second: u64,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CountKind {
    /// An outcome.
    Outcome(Outcome),
    /// A reason for that outcome.
    Reason(Outcome),
}

impl Frame {
    /// The figures of `tally` at `at_nanos`; rates are what came since `earlier`.
    pub(super) fn of(tally: &Tally, at_nanos: u64, sent: u64, earlier: &Self) -> Self {
        let passed_nanos = at_nanos.saturating_sub(earlier.at_nanos).max(1);
        let count = |name: String, kind: CountKind, total: u64| {
            let before = earlier.total_of(&name, kind);
            let more = u128::from(total.saturating_sub(before)) * 1_000_000_000;
            let per_second = u64::try_from(more / u128::from(passed_nanos)).unwrap_or(u64::MAX);
            Count { name, kind, total, per_second }
        };
        let outcomes = [
            ("approve", Outcome::Approve, tally.approved),
            ("step up", Outcome::StepUp, tally.stepped_up),
            ("decline", Outcome::Decline, tally.declined),
        ];
        let mut counts = Vec::new();
        for (name, outcome, total) in outcomes {
            counts.push(count(name.to_owned(), CountKind::Outcome(outcome), total));
            for ((_, reason), &total) in tally.reasons.iter().filter(|((of, _), _)| *of == outcome)
            {
                counts.push(count(reason.clone(), CountKind::Reason(outcome), total));
            }
        }
        Self {
            at_nanos,
            sent,
            answered: tally.answers.answered,
            duplicates: tally.answers.duplicates,
            counts,
            engine_nanos: tally.engine_nanos.percentiles(),
            end_to_end_micros: tally.end_to_end_micros.percentiles(),
            story: Vec::new(),
        }
    }

    fn total_of(&self, name: &str, kind: CountKind) -> u64 {
        self.counts
            .iter()
            .find(|count| count.kind == kind && count.name == name)
            .map_or(0, |count| count.total)
    }

    /// Decisions in all, and a second.
    pub(super) fn decisions(&self) -> (u64, u64) {
        self.counts
            .iter()
            .filter(|count| matches!(count.kind, CountKind::Outcome(_)))
            .fold((0, 0), |(total, per_second), count| {
                (total + count.total, per_second + count.per_second)
            })
    }

    /// The figures in one line, for an output that is no terminal.
    pub fn as_line(&self, stage: &Stage) -> String {
        let (_, per_second) = self.decisions();
        let counts: Vec<String> = self
            .counts
            .iter()
            .filter(|count| count.per_second > 0)
            .map(|count| format!("{} {}", count.name, grouped(count.per_second)))
            .collect();
        let latency = |columns: [String; 5]| {
            let [p50, p99, p999, p9999, max] = columns;
            format!("p50 {p50} p99 {p99} p99.9 {p999} p99.99 {p9999} max {max}")
        };
        format!(
            "{:>3} s  {}/s: {} | engine µs {} | end to end ({}) µs {}",
            self.at_nanos / 1_000_000_000,
            grouped(per_second),
            counts.join(", "),
            latency(self.engine_nanos.columns(micros)),
            stage.log,
            latency(self.end_to_end_micros.columns(grouped)),
        )
    }
}

impl Stage {
    /// What runs, in a line.
    pub fn summary(&self) -> String {
        format!(
            "{} requests a second on {} cards, {} partitions, {} rules, seed {}",
            grouped(u64::from(self.rate_per_second)),
            grouped(u64::from(self.cards_count)),
            self.partitions_count,
            self.rules_count,
            self.seed
        )
    }

    /// When latencies begin to be measured, in words.
    pub(super) fn warm_up(&self) -> String {
        match Plan::new(self.length_nanos).warm_up_nanos() {
            1_000_000_000 => "after a second of warm-up".to_owned(),
            nanos => format!("after {} ms of warm-up", nanos / 1_000_000),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::wire::proto::{Decision, Reason};

    pub(in crate::lab::demo) fn stage() -> Stage {
        Stage {
            seed: 1,
            rate_per_second: 2_000,
            cards_count: 100_000,
            partitions_count: 4,
            length_nanos: 60_000_000_000,
            rules_count: 10,
            log: "in-process log, no network".to_owned(),
            notes: Vec::new(),
        }
    }

    pub(in crate::lab::demo) fn frame() -> Frame {
        let mut tally = Tally::new();
        for sequence in 0..1_500 {
            tally.answers.note(sequence, b"");
            tally.engine_nanos.record(2_500);
            tally.end_to_end_micros.record(140);
            tally.decided(&Decision { outcome: Outcome::Approve.into(), ..Decision::default() });
        }
        let earlier = Frame::of(&tally, 11_000_000_000, 1_500, &Frame::default());
        tally.answers.note(1_500, b"");
        tally.decided(&Decision {
            outcome: Outcome::Decline.into(),
            reason: Reason::VelocityCountExceeded.into(),
            ..Decision::default()
        });
        let mut frame = Frame::of(&tally, 11_500_000_000, 1_501, &earlier);
        frame.story = vec!["ordinary traffic flows".to_owned()];
        frame
    }

    #[test]
    fn a_plain_line_has_rates_and_both_latencies_apart() {
        let line = frame().as_line(&stage());
        assert!(line.starts_with(" 11 s  2/s: decline 2, velocity_count_exceeded 2 | engine µs"));
        assert!(line.contains("end to end (in-process log, no network) µs p50 140"));
    }

    #[test]
    fn what_was_not_measured_is_shown_as_a_dash() {
        let line = Frame::default().as_line(&stage());
        assert!(line.contains("engine µs p50 - p99 - p99.9 - p99.99 - max -"), "{line}");
    }

    #[test]
    fn the_warm_up_is_told_as_long_as_it_is() {
        assert_eq!(stage().warm_up(), "after a second of warm-up");
        let short = Stage { length_nanos: 1_000_000_000, ..stage() };
        assert_eq!(short.warm_up(), "after 500 ms of warm-up");
    }
}
