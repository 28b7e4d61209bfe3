//! How a waiting reader is woken.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Rung by whoever appends, waited on by one reader. A ring before the wait is not lost.
#[derive(Debug, Default)]
pub(super) struct Doorbell {
    is_rung: Mutex<bool>,
    condvar: Condvar,
}

impl Doorbell {
    /// Wakes the reader, or keeps its next wait from beginning.
    pub(super) fn ring(&self) {
        let mut is_rung = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_rung {
            *is_rung = true;
            self.condvar.notify_one();
        }
    }

    /// Forgets earlier rings: call before looking, so that a wait after it misses nothing.
    pub(super) fn reset(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    /// Waits until it is rung, for `wait` at most.
    pub(super) fn wait(&self, wait: Duration) {
        if wait.is_zero() {
            return;
        }
        let is_rung = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.condvar.wait_timeout_while(is_rung, wait, |is_rung| !*is_rung);
        drop(waited);
    }
}
