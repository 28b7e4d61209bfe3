//! What sender, reader and screen tell each other while they run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::service::Clock;

/// Stands for "not yet" where a moment is kept.
const NEVER: u64 = u64::MAX;

/// Flags and figures that only ever move forward.
#[derive(Debug)]
pub(super) struct Signals {
    sent: AtomicU64,
    order_published_at_nanos: AtomicU64,
    is_all_sent: AtomicBool,
    is_order_enforced: AtomicBool,
}

impl Signals {
    /// Nothing has happened yet.
    pub(super) fn new() -> Self {
        Self {
            sent: AtomicU64::new(0),
            order_published_at_nanos: AtomicU64::new(NEVER),
            is_all_sent: AtomicBool::new(false),
            is_order_enforced: AtomicBool::new(false),
        }
    }

    /// One more request went to the log.
    pub(super) fn one_sent(&self) {
        self.sent.fetch_add(1, Ordering::SeqCst);
    }

    /// Requests that went to the log.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// The stop order is about to go to the log.
    pub(super) fn order_published(&self, at_nanos: u64) {
        self.order_published_at_nanos.store(at_nanos, Ordering::SeqCst);
    }

    /// When the stop order went to the log, once it has.
    pub(super) fn order_published_at_nanos(&self) -> Option<u64> {
        let at_nanos = self.order_published_at_nanos.load(Ordering::SeqCst);
        (at_nanos != NEVER).then_some(at_nanos)
    }

    /// No more requests will be sent.
    pub(super) fn all_sent(&self) {
        self.is_all_sent.store(true, Ordering::SeqCst);
    }

    /// True once no more requests will be sent.
    pub(super) fn is_all_sent(&self) -> bool {
        self.is_all_sent.load(Ordering::SeqCst)
    }

    /// The lost card was declined.
    pub(super) fn order_enforced(&self) {
        self.is_order_enforced.store(true, Ordering::SeqCst);
    }

    /// True once the lost card was declined.
    pub(super) fn is_order_enforced(&self) -> bool {
        self.is_order_enforced.load(Ordering::SeqCst)
    }
}

/// Time since the demo began.
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
}
