//! Time as a try tells it: nanoseconds since it began.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::service::Clock;

/// How often somebody who waits looks whether it must end.
const PATIENCE: Duration = Duration::from_millis(50);

/// Time since a try began.
#[derive(Clone, Debug)]
pub(super) struct Elapsed {
    clock: Clock,
    began_at_nanos: u64,
    /// Wall time when it began.
    pub(super) began_at_unix_millis: i64,
}

impl Elapsed {
    /// Begins now.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            began_at_nanos: clock.monotonic_nanos(),
            began_at_unix_millis: clock.unix_millis(),
            clock,
        }
    }

    /// Nanoseconds since it began.
    pub(super) fn nanos(&self) -> u64 {
        self.clock.monotonic_nanos().saturating_sub(self.began_at_nanos)
    }

    /// The wall time of a moment, in Unix milliseconds.
    pub(super) fn unix_millis_at(&self, nanos: u64) -> i64 {
        self.began_at_unix_millis.saturating_add_unsigned(nanos / 1_000_000)
    }

    /// Waits until `due_nanos`; false where it must end before.
    pub(super) fn wait_until(&self, due_nanos: u64, must_end: &AtomicBool) -> bool {
        loop {
            if must_end.load(Ordering::SeqCst) {
                return false;
            }
            let left = due_nanos.saturating_sub(self.nanos());
            if left == 0 {
                return true;
            }
            self.clock.sleep(Duration::from_nanos(left).min(PATIENCE));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_as_long_as_it_is_due_and_ends_where_it_must() {
        let elapsed = Elapsed::new(Clock::manual(1_000));
        let must_end = AtomicBool::new(false);
        assert!(elapsed.wait_until(120_000_000, &must_end));
        assert_eq!(elapsed.nanos(), 120_000_000);
        assert_eq!(elapsed.unix_millis_at(elapsed.nanos()), 1_120);
        must_end.store(true, Ordering::SeqCst);
        assert!(!elapsed.wait_until(u64::MAX, &must_end));
    }
}
