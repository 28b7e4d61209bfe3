//! The causes of the fail policy, counted, and said once when they begin and end.

use tracing::{info, warn};

use crate::domain::{Decision, FailCause, FailCauses, Outcome};

/// Who took a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TakenBy {
    /// The rules.
    Rules,
    /// A stop order in force.
    StopOrder,
    /// The fail policy.
    FailPolicy,
}

impl TakenBy {
    /// Who took `decision`.
    pub fn of(decision: &Decision) -> Self {
        if decision.by_policy.is_some() {
            Self::FailPolicy
        } else if decision.stop_order.is_some() {
            Self::StopOrder
        } else {
            Self::Rules
        }
    }
}

/// What becomes of a request while a cause holds, by its name in metrics.
const WAYS: [&str; 5] = ["approve", "step_up", "decline", "judged", "stopped"];

const fn way_of(taken_by: TakenBy, outcome: Outcome) -> usize {
    match (taken_by, outcome) {
        (TakenBy::FailPolicy, Outcome::Approve) => 0,
        (TakenBy::FailPolicy, Outcome::StepUp) => 1,
        (TakenBy::FailPolicy, Outcome::Decline) => 2,
        (TakenBy::Rules, _) => 3,
        (TakenBy::StopOrder, _) => 4,
    }
}

/// Decisions by the causes that held and what came of it. One counts under each of its causes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct CauseCounts([[u64; WAYS.len()]; FailCause::ALL.len()]);

impl CauseCounts {
    /// Counts one decision. Hot path.
    pub(super) fn count(&mut self, causes: FailCauses, taken_by: TakenBy, outcome: Outcome) {
        if causes.is_empty() {
            return;
        }
        let way = way_of(taken_by, outcome);
        for (cause, row) in FailCause::ALL.into_iter().zip(&mut self.0) {
            if causes.holds(cause)
                && let Some(count) = row.get_mut(way)
            {
                *count += 1;
            }
        }
    }

    /// Adds what `other` counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.0.iter_mut().flatten().zip(other.0.iter().flatten()) {
            *ours += theirs;
        }
    }

    /// Each cause and what came of it, by name, with how often; also those that never did.
    pub fn iter(&self) -> impl Iterator<Item = (FailCause, &'static str, u64)> {
        let rows = FailCause::ALL.into_iter().zip(self.0);
        rows.flat_map(|(cause, row)| {
            WAYS.into_iter().zip(row).map(move |(way, count)| (cause, way, count))
        })
    }

    /// Decisions while `cause` held.
    pub fn of(&self, cause: FailCause) -> u64 {
        self.0.get(cause as usize).map_or(0, |row| row.iter().sum())
    }
}

/// How long a cause must not have held before it is said to be over.
const OVER_AFTER_NANOS: u64 = 10_000_000_000;

/// Says when a cause begins and when it is over: one line each, however many requests it met.
#[derive(Debug, Default)]
pub(super) struct CauseWatch {
    /// For each cause that holds, since when, when it last did, and for how many requests.
    held: [Option<Held>; FailCause::ALL.len()],
}

#[derive(Clone, Copy, Debug)]
struct Held {
    since_nanos: u64,
    last_nanos: u64,
    requests_count: u64,
}

/// What is to be said of a cause.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    Begins,
    IsOver { requests_count: u64, lasted_seconds: u64 },
}

impl CauseWatch {
    /// Looks at what was counted since it looked last.
    pub(super) fn look(&mut self, counts: &CauseCounts, now_nanos: u64) {
        self.notice(counts, now_nanos, |cause, word| match word {
            Word::Begins => warn!(cause, "requests cannot be judged as usual: see [fail_policy]"),
            Word::IsOver { requests_count, lasted_seconds } => {
                info!(cause, requests_count, lasted_seconds, "requests are judged as usual again");
            }
        });
    }

    fn notice(
        &mut self,
        counts: &CauseCounts,
        now_nanos: u64,
        mut say: impl FnMut(&'static str, Word),
    ) {
        for (cause, held) in FailCause::ALL.into_iter().zip(&mut self.held) {
            let met = counts.of(cause);
            match held {
                None if met > 0 => {
                    say(cause.name(), Word::Begins);
                    *held = Some(Held {
                        since_nanos: now_nanos,
                        last_nanos: now_nanos,
                        requests_count: met,
                    });
                }
                Some(found) if met > 0 => {
                    found.last_nanos = now_nanos;
                    found.requests_count += met;
                }
                Some(Held { since_nanos, last_nanos, requests_count })
                    if now_nanos.saturating_sub(*last_nanos) >= OVER_AFTER_NANOS =>
                {
                    let lasted_seconds = last_nanos.saturating_sub(*since_nanos) / 1_000_000_000;
                    let requests_count = *requests_count;
                    say(cause.name(), Word::IsOver { requests_count, lasted_seconds });
                    *held = None;
                }
                Some(_) | None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_decision_is_counted_under_each_of_its_causes_by_what_came_of_it() {
        let causes = FailCauses::NONE
            .with_if(FailCause::Late, true)
            .with_if(FailCause::HistoryTruncated, true);
        let mut counts = CauseCounts::default();
        counts.count(causes, TakenBy::FailPolicy, Outcome::Decline);
        counts.count(causes, TakenBy::StopOrder, Outcome::Decline);
        counts.count(FailCauses::NONE, TakenBy::Rules, Outcome::Approve);
        let twice = {
            let mut twice = counts;
            twice.merge(&counts);
            twice
        };
        let found: Vec<_> = twice.iter().filter(|(_, _, count)| *count > 0).collect();
        let expected = [
            (FailCause::Late, "decline", 2),
            (FailCause::Late, "stopped", 2),
            (FailCause::HistoryTruncated, "decline", 2),
            (FailCause::HistoryTruncated, "stopped", 2),
        ];
        assert_eq!(found, expected);
        assert_eq!((twice.of(FailCause::Late), twice.of(FailCause::Overload)), (4, 0));
    }

    #[test]
    fn a_cause_is_said_once_when_it_begins_and_once_when_it_is_over() {
        let mut late = CauseCounts::default();
        let causes = FailCauses::NONE.with_if(FailCause::Late, true);
        late.count(causes, TakenBy::FailPolicy, Outcome::Decline);
        let nothing = CauseCounts::default();
        let mut watch = CauseWatch::default();
        let mut said = Vec::new();
        // Late at 0 s to 3 s and, after a pause too short to matter, at 9 s; then never again.
        for second in 0..60 {
            let counts = if second <= 3 || second == 9 { &late } else { &nothing };
            watch.notice(counts, second * SECOND, |cause, word| said.push((second, cause, word)));
        }
        let over = Word::IsOver { requests_count: 5, lasted_seconds: 9 };
        assert_eq!(said, [(0, "late", Word::Begins), (19, "late", over)]);
    }
}
