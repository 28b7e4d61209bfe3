//! How much was sent: what a sender tells its reader.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Only ever moves forward.
#[derive(Debug, Default)]
pub(super) struct Progress {
    sent: AtomicU64,
    is_all_sent: AtomicBool,
}

impl Progress {
    /// One more request went to the log.
    pub(super) fn one_sent(&self) {
        self.sent.fetch_add(1, Ordering::SeqCst);
    }

    /// Requests that went to the log.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// No more requests will be sent.
    pub(super) fn all_sent(&self) {
        self.is_all_sent.store(true, Ordering::SeqCst);
    }

    /// True once no more requests will be sent.
    pub(super) fn is_all_sent(&self) -> bool {
        self.is_all_sent.load(Ordering::SeqCst)
    }
}
