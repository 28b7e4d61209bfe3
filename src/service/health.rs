//! Whether this process is alive and ready, as its parts say of themselves.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Clock;

/// What the parts of a process say of themselves; every part is ready or says why not.
#[derive(Debug)]
pub struct Health {
    parts: Mutex<BTreeMap<String, Part>>,
    clock: Clock,
    lease: Duration,
}

#[derive(Clone, Debug)]
struct Part {
    not_ready: Option<String>,
    /// When it last said that it lives; `None` for a part that need not.
    beat_at_nanos: Option<u64>,
}

impl Health {
    /// Health of a process whose workers must be heard of within `lease`.
    pub fn new(clock: Clock, lease: Duration) -> Self {
        Self { parts: Mutex::new(BTreeMap::new()), clock, lease }
    }

    /// Says that `part` is not ready, and why.
    pub fn not_ready(&self, part: &str, why: &str) {
        let mut parts = self.parts();
        let entry =
            parts.entry(part.to_owned()).or_insert(Part { not_ready: None, beat_at_nanos: None });
        entry.not_ready = Some(why.to_owned());
    }

    /// Says that `part` is ready.
    pub fn ready(&self, part: &str) {
        if let Some(part) = self.parts().get_mut(part) {
            part.not_ready = None;
        }
    }

    /// Says that `part` lives: its thread comes round.
    pub fn beat(&self, part: &str) {
        let now = self.clock.monotonic_nanos();
        if let Some(part) = self.parts().get_mut(part) {
            part.beat_at_nanos = Some(now);
        }
    }

    /// Why the process is not ready, a line each; empty when it is.
    pub fn why_not_ready(&self) -> Vec<String> {
        let parts = self.parts();
        let waiting = parts
            .iter()
            .filter_map(|(name, part)| Some(format!("{name}: {}", part.not_ready.as_ref()?)));
        waiting.chain(self.silent(&parts)).collect()
    }

    /// Why the process is not alive, a line each; empty when it is.
    pub fn why_not_alive(&self) -> Vec<String> {
        self.silent(&self.parts()).collect()
    }

    fn silent(&self, parts: &BTreeMap<String, Part>) -> impl Iterator<Item = String> + use<> {
        let now = self.clock.monotonic_nanos();
        let lease_nanos = u64::try_from(self.lease.as_nanos()).unwrap_or(u64::MAX);
        let lines: Vec<String> = parts
            .iter()
            .filter(|(_, part)| {
                part.beat_at_nanos.is_some_and(|beat| now.saturating_sub(beat) > lease_nanos)
            })
            .map(|(name, _)| format!("{name}: not heard of for more than {:?}", self.lease))
            .collect();
        lines.into_iter()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<String, Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_all_its_parts_are() {
        let health = Health::new(Clock::manual(0), Duration::from_secs(10));
        health.not_ready("stop list", "reading");
        health.not_ready("worker 0", "waiting for partitions");
        assert_eq!(
            health.why_not_ready(),
            ["stop list: reading", "worker 0: waiting for partitions"]
        );
        health.ready("stop list");
        health.ready("worker 0");
        assert!(health.why_not_ready().is_empty());
    }

    #[test]
    fn a_part_that_is_not_heard_of_within_the_lease_is_not_alive() {
        let clock = Clock::manual(0);
        let health = Health::new(clock.clone(), Duration::from_secs(10));
        health.not_ready("worker 0", "starting");
        health.beat("worker 0");
        health.ready("worker 0");
        clock.advance(Duration::from_secs(10));
        assert!(health.why_not_alive().is_empty());
        clock.advance(Duration::from_secs(1));
        assert_eq!(health.why_not_alive(), ["worker 0: not heard of for more than 10s"]);
        assert!(!health.why_not_ready().is_empty());
    }
}
