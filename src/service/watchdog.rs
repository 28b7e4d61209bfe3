//! A worker that no longer moves takes its process down, inside the session timeout.
//!
//! Its partitions are then given to others, and its own last records are still in the
//! order that they were sent in. A worker that hangs and comes back later would be worse:
//! for a while there would be two.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use thiserror::Error;

use super::Clock;
use super::worker::LEASE;

/// How long a worker that takes its turns may stand still.
const LEASE_LOOKS: u64 = LEASE.as_secs();
/// What a worker that drains, commits or closes may take on top of what it may wait.
const CLOSING_LOOKS: u64 = 10;
/// From one look to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// A worker's beat. It is watched from its first beat on, until it is dropped, also by a
/// panic.
#[derive(Debug, Default)]
pub struct Heartbeat(Arc<Pulse>);

#[derive(Debug, Default)]
struct Pulse {
    count: AtomicU64,
    is_closing: AtomicBool,
}

/// What a worker is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// It takes its turns.
    Turning,
    /// It waits for a drain, a commit or a closing, which have bounds of their own.
    Closing,
}

impl Heartbeat {
    /// Says that the worker moves. Hot path: one addition.
    pub fn beat(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has beaten.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Says what the worker is at from now on, which is a beat too.
    pub fn set_pace(&self, pace: Pace) {
        self.0.is_closing.store(pace == Pace::Closing, Ordering::Relaxed);
        self.beat();
    }
}

/// A worker has stood still for too long.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error(
    "{worker} has not moved for {seconds} s: the process is aborted, so that another can take its \
     partitions over; its committed positions are right, and a restart goes on from them"
)]
pub struct Wedged {
    /// Which one.
    pub worker: String,
    /// For how long it was looked at.
    pub seconds: u64,
}

/// Looks at workers once a second. It counts looks, no time: a process that was stopped and
/// resumed has not been looked at meanwhile.
#[derive(Debug)]
pub struct Watchdog {
    watched: Vec<Watched>,
    closing_looks: u64,
}

#[derive(Debug)]
struct Watched {
    worker: String,
    pulse: Weak<Pulse>,
    seen_count: u64,
    still_looks: u64,
}

impl Watchdog {
    /// One that watches nobody yet; a drain, a commit and a closing may take `drain_timeout`.
    pub fn new(drain_timeout: Duration) -> Self {
        let closing_looks = drain_timeout.as_secs().saturating_add(CLOSING_LOOKS);
        Self { watched: Vec::new(), closing_looks }
    }

    /// Watches `worker` by its `heartbeat` too.
    pub fn watch(&mut self, worker: &str, heartbeat: &Heartbeat) {
        self.watched.push(Watched {
            worker: worker.to_owned(),
            pulse: Arc::downgrade(&heartbeat.0),
            seen_count: 0,
            still_looks: 0,
        });
    }

    /// Looks until nobody is left to be watched; at the first who has stood still for too
    /// long it does `end`, and goes away.
    pub fn guard(mut self, clock: &Clock, end: impl FnOnce(Wedged)) {
        while !self.watched.is_empty() {
            clock.sleep(INTERVAL);
            if let Err(wedged) = self.look() {
                return end(wedged);
            }
        }
    }

    /// Looks at everybody once.
    ///
    /// # Errors
    /// One has stood still for too long.
    fn look(&mut self) -> Result<(), Wedged> {
        let closing_looks = self.closing_looks;
        let mut wedged = None;
        self.watched.retain_mut(|watched| {
            let Some(pulse) = watched.pulse.upgrade() else {
                return false;
            };
            let is_closing = pulse.is_closing.load(Ordering::Relaxed);
            let looks_max = if is_closing { closing_looks } else { LEASE_LOOKS };
            if watched.stands_still(&pulse) && watched.still_looks >= looks_max {
                let worker = watched.worker.clone();
                wedged.get_or_insert(Wedged { worker, seconds: watched.still_looks });
            }
            true
        });
        wedged.map_or(Ok(()), Err)
    }
}

impl Watched {
    /// Counts a look; true where nothing has moved since the last.
    fn stands_still(&mut self, pulse: &Pulse) -> bool {
        let count = pulse.count.load(Ordering::Relaxed);
        let has_moved = count != self.seen_count || count == 0;
        self.seen_count = count;
        self.still_looks = if has_moved { 0 } else { self.still_looks + 1 };
        !has_moved
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    /// A watchdog over `worker-0` and `worker-1`, and their hearts.
    fn watched() -> (Watchdog, [Heartbeat; 2]) {
        let mut watchdog = Watchdog::new(Duration::from_secs(20));
        let hearts = [Heartbeat::default(), Heartbeat::default()];
        for (number, heart) in hearts.iter().enumerate() {
            watchdog.watch(&format!("worker-{number}"), heart);
        }
        (watchdog, hearts)
    }

    /// Looks while `hearts` beat, until one is found wedged, for at most `looks_max`.
    fn wedged_within(
        watchdog: &mut Watchdog,
        looks_max: u64,
        hearts: &[&Heartbeat],
    ) -> Option<Wedged> {
        (0..looks_max).find_map(|_| {
            for heart in hearts {
                heart.beat();
            }
            watchdog.look().err()
        })
    }

    #[test]
    fn a_worker_that_stands_still_for_its_lease_is_named() {
        let (mut watchdog, [still, moving]) = watched();
        still.beat();
        assert_eq!(wedged_within(&mut watchdog, 8, &[&moving]), None);
        let found = wedged_within(&mut watchdog, 1, &[&moving]).expect("eight looks in vain");
        assert_eq!((found.worker.as_str(), found.seconds), ("worker-0", 8));
        assert!(found.to_string().starts_with("worker-0 has not moved for 8 s"), "{found}");
    }

    #[test]
    fn a_beat_in_time_is_enough() {
        let (mut watchdog, [slow, moving]) = watched();
        for _ in 0..10 {
            slow.beat();
            assert_eq!(wedged_within(&mut watchdog, 8, &[&moving]), None);
        }
    }

    #[test]
    fn who_has_not_begun_or_has_ended_is_not_watched() {
        let (mut watchdog, [not_begun, ended]) = watched();
        ended.beat();
        drop(ended);
        assert_eq!(wedged_within(&mut watchdog, 100, &[]), None);
        drop(not_begun);
        assert_eq!(wedged_within(&mut watchdog, 1, &[]), None);
        assert!(watchdog.watched.is_empty());
    }

    #[test]
    fn a_worker_that_closes_has_the_time_of_a_drain_and_no_more() {
        let (mut watchdog, [closing, moving]) = watched();
        closing.set_pace(Pace::Closing);
        assert_eq!(wedged_within(&mut watchdog, 30, &[&moving]), None);
        let found = wedged_within(&mut watchdog, 1, &[&moving]).expect("thirty looks in vain");
        assert_eq!((found.worker.as_str(), found.seconds), ("worker-0", 30));

        let (mut watchdog, [turning, moving]) = watched();
        turning.set_pace(Pace::Closing);
        assert_eq!(wedged_within(&mut watchdog, 20, &[&moving]), None);
        turning.set_pace(Pace::Turning);
        assert_eq!(wedged_within(&mut watchdog, 8, &[&moving]), None);
        assert!(wedged_within(&mut watchdog, 1, &[&moving]).is_some());
    }

    #[test]
    fn the_guard_does_what_it_is_told_once_and_ends_when_all_have_left() {
        let ends = AtomicUsize::new(0);
        let (watchdog, [still, _moving]) = watched();
        still.beat();
        let clock = Clock::manual(0);
        watchdog.guard(&clock, |wedged| {
            assert_eq!(wedged.worker, "worker-0");
            ends.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(ends.load(Ordering::SeqCst), 1);
        assert_eq!(clock.monotonic_nanos(), 9_000_000_000, "the first beat, and eight in vain");

        let (watchdog, hearts) = watched();
        let panicked = thread::spawn(move || {
            for heart in &hearts {
                heart.beat();
            }
            panic!("a worker's last words, after {} beat", hearts[0].count());
        });
        assert!(panicked.join().is_err());
        watchdog.guard(&clock, |wedged| panic!("{wedged}"));
    }
}
