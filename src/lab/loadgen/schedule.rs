//! Whether the requests went out when they were due.

use std::time::Duration;

use crate::lab::figures::{Latencies, Percentiles};

/// A rate counts as held where 99 of 100 requests were with the client no later than this
/// after they were due. A stall of the sender that is longer than one hundredth of the run
/// breaks it, and so does a machine that cannot make so many; a late wake-up does not.
pub const SCHEDULE_LAG_P99_MAX: Duration = Duration::from_millis(10);

/// How many requests were due, and how late they were handed to the client.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    /// Requests that were due until the sending ended, warm-up included.
    pub(super) due: u64,
    lag_micros: Latencies,
}

impl Schedule {
    /// Nothing sent yet.
    pub(super) fn new() -> Self {
        Self { due: 0, lag_micros: Latencies::new() }
    }

    /// So many more requests are to be sent now.
    pub(super) fn owed(&mut self, count: u64) {
        self.due += count;
    }

    /// Notes that a request due at `due_nanos` was with the client at `sent_nanos`.
    pub(super) fn sent(&mut self, due_nanos: u64, sent_nanos: u64) {
        self.lag_micros.record(sent_nanos.saturating_sub(due_nanos) / 1_000);
    }

    /// How late they were, in microseconds.
    pub(super) fn lag_micros(&self) -> Percentiles {
        self.lag_micros.percentiles()
    }
}

/// True where so late a schedule still is the rate that was asked for.
pub(super) fn is_held(lag_micros: Percentiles) -> bool {
    u128::from(lag_micros.p99) <= SCHEDULE_LAG_P99_MAX.as_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thousand requests, `late_count` of them late by `lag_nanos`.
    fn schedule(late_count: u64, lag_nanos: u64) -> Schedule {
        let mut schedule = Schedule::new();
        for request in 0..1_000 {
            let due_nanos = request * 1_000_000;
            let lag_nanos = if request < late_count { lag_nanos } else { 60_000 };
            schedule.sent(due_nanos, due_nanos + lag_nanos);
        }
        schedule
    }

    #[test]
    fn a_rate_is_held_until_more_than_one_request_in_a_hundred_is_too_late() {
        let cases = [(0, 0, true), (10, 500_000_000, true), (11, 500_000_000, false)];
        for (late_count, lag_nanos, expected) in cases {
            let lag = schedule(late_count, lag_nanos).lag_micros();
            assert_eq!(is_held(lag), expected, "{late_count} late: {lag:?}");
        }
        assert!(is_held(schedule(1_000, 9_900_000).lag_micros()));
        assert!(!is_held(schedule(1_000, 10_100_000).lag_micros()));
    }

    #[test]
    fn what_is_owed_is_counted_whether_or_not_it_is_sent() {
        let mut schedule = Schedule::new();
        schedule.owed(2);
        schedule.sent(0, 1);
        assert_eq!(schedule.due, 2);
    }

    #[test]
    fn a_request_that_goes_out_when_due_has_no_lag() {
        let mut schedule = Schedule::new();
        schedule.sent(5_000, 4_000);
        assert_eq!(schedule.lag_micros().max, 0);
    }
}
