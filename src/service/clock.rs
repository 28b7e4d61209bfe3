//! The only place that reads a clock.
//!
//! Everything else is told what time it is: the engine by its arguments, the
//! worker and the lab by a [`Clock`] that a test or the simulator turns by hand.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one file that reads the machine's clocks"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const NANOS_PER_MILLI: u64 = 1_000_000;

/// Tells wall time and elapsed time. Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    /// The machine's; the moment it was made is its monotonic zero.
    System(Instant),
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    /// Where wall time stood at monotonic zero; a step of the wall moves it.
    unix_millis_at_zero: AtomicI64,
    monotonic_nanos: AtomicU64,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands at `unix_millis` until it is moved.
    pub fn manual(unix_millis: i64) -> Self {
        Self(Source::Manual(Arc::new(Manual {
            unix_millis_at_zero: AtomicI64::new(unix_millis),
            monotonic_nanos: AtomicU64::new(0),
        })))
    }

    /// Wall time in milliseconds since 1970-01-01T00:00:00Z; may step back.
    pub fn unix_millis(&self) -> i64 {
        match &self.0 {
            Source::System(_) => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Source::Manual(manual) => {
                let elapsed = manual.monotonic_nanos.load(Ordering::SeqCst) / NANOS_PER_MILLI;
                manual.unix_millis_at_zero.load(Ordering::SeqCst).saturating_add_unsigned(elapsed)
            }
        }
    }

    /// Nanoseconds since this clock was made; never steps back. Hot path: tens of nanoseconds.
    pub fn monotonic_nanos(&self) -> u64 {
        match &self.0 {
            Source::System(zero) => u64::try_from(zero.elapsed().as_nanos()).unwrap_or(u64::MAX),
            Source::Manual(manual) => manual.monotonic_nanos.load(Ordering::SeqCst),
        }
    }

    /// Moves a manual clock on, wall and elapsed time alike; the machine's cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(manual) = &self.0 {
            let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
            manual.monotonic_nanos.fetch_add(nanos, Ordering::SeqCst);
        }
    }

    /// Lets `wait` pass: the machine's thread sleeps, a manual clock moves on.
    pub fn sleep(&self, wait: Duration) {
        match &self.0 {
            Source::System(_) => std::thread::sleep(wait),
            Source::Manual(_) => self.advance(wait),
        }
    }

    /// Steps a manual clock's wall time to `unix_millis`, as a time server would; elapsed time
    /// does not notice.
    pub fn step_wall_to(&self, unix_millis: i64) {
        if let Source::Manual(manual) = &self.0 {
            let by = unix_millis.saturating_sub(self.unix_millis());
            manual.unix_millis_at_zero.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// A point `wait` from now, to be asked whether it has passed.
    pub fn deadline(&self, wait: Duration) -> Deadline<'_> {
        let wait_nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Deadline { clock: self, at_nanos: self.monotonic_nanos().saturating_add(wait_nanos) }
    }
}

/// A point in elapsed time, see [`Clock::deadline`].
#[derive(Clone, Copy, Debug)]
pub struct Deadline<'c> {
    clock: &'c Clock,
    at_nanos: u64,
}

impl Deadline<'_> {
    /// How long it is still to go; zero once it has passed.
    pub fn remaining(&self) -> Duration {
        Duration::from_nanos(self.at_nanos.saturating_sub(self.clock.monotonic_nanos()))
    }

    /// True from then on.
    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_by_hand_and_its_clones_move_with_it() {
        let clock = Clock::manual(1_000);
        let clone = clock.clone();
        assert_eq!((clock.unix_millis(), clock.monotonic_nanos()), (1_000, 0));
        clock.advance(Duration::from_micros(2_500));
        assert_eq!(clone.unix_millis(), 1_002);
        assert_eq!(clone.monotonic_nanos(), 2_500_000);
    }

    #[test]
    fn a_step_of_the_wall_leaves_elapsed_time_alone() {
        let clock = Clock::manual(1_000);
        clock.advance(Duration::from_secs(1));
        clock.step_wall_to(500);
        assert_eq!(clock.unix_millis(), 500);
        assert_eq!(clock.monotonic_nanos(), 1_000_000_000);
    }

    #[test]
    fn a_deadline_passes_when_its_time_is_up() {
        let clock = Clock::manual(0);
        let deadline = clock.deadline(Duration::from_millis(10));
        clock.advance(Duration::from_millis(9));
        assert_eq!(deadline.remaining(), Duration::from_millis(1));
        assert!(!deadline.has_passed());
        clock.advance(Duration::from_millis(1));
        assert!(deadline.has_passed());
    }

    #[test]
    fn the_system_clock_tells_a_time_of_this_century_and_never_steps_back() {
        let clock = Clock::system();
        assert!(clock.unix_millis() > 1_700_000_000_000);
        let earlier = clock.monotonic_nanos();
        assert!(clock.monotonic_nanos() >= earlier);
    }
}
