//! What sender, reader and screen tell each other while they run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::lab::progress::Progress;

/// Stands for "not yet" where a moment is kept.
const NEVER: u64 = u64::MAX;

/// Flags and figures that only ever move forward.
#[derive(Debug)]
pub(super) struct Signals {
    /// How much was sent.
    pub(super) progress: Progress,
    order_published_at_nanos: AtomicU64,
    is_order_enforced: AtomicBool,
}

impl Signals {
    /// Nothing has happened yet.
    pub(super) fn new() -> Self {
        Self {
            progress: Progress::default(),
            order_published_at_nanos: AtomicU64::new(NEVER),
            is_order_enforced: AtomicBool::new(false),
        }
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

    /// The lost card was declined.
    pub(super) fn order_enforced(&self) {
        self.is_order_enforced.store(true, Ordering::SeqCst);
    }

    /// True once the lost card was declined.
    pub(super) fn is_order_enforced(&self) -> bool {
        self.is_order_enforced.load(Ordering::SeqCst)
    }
}
