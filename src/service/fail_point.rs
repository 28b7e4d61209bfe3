//! A place where a test freezes the process: between the check of the lease and the
//! handing over of a record, so that a zombie really writes. A release build has none.

#[cfg(debug_assertions)]
pub(super) use armed::{after_send, before_send};

#[cfg(debug_assertions)]
mod armed {
    use std::process::{Command, id};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    static FREEZE_AT: OnceLock<Option<u64>> = OnceLock::new();
    static HANDED_COUNT: AtomicU64 = AtomicU64::new(0);

    /// The signal reaches a process some time after it was sent: until then nothing goes on.
    const TAKES_EFFECT: Duration = Duration::from_millis(200);
    /// How long a record takes at most to be on its way.
    const ON_ITS_WAY: Duration = Duration::from_millis(200);

    fn freeze_at() -> Option<u64> {
        *FREEZE_AT
            .get_or_init(|| std::env::var("STOPLINE_FREEZE_BEFORE_SEND").ok()?.trim().parse().ok())
    }

    /// Stops this process (SIGSTOP) before it hands over its N-th record, where the variable
    /// `STOPLINE_FREEZE_BEFORE_SEND` is N. It goes on at SIGCONT, and hands it over.
    pub(in crate::service) fn before_send() {
        let Some(freeze_at) = freeze_at() else { return };
        if HANDED_COUNT.fetch_add(1, Ordering::Relaxed) + 1 == freeze_at {
            tracing::warn!(record = freeze_at, "frozen by STOPLINE_FREEZE_BEFORE_SEND");
            let frozen = Command::new("sh").args(["-c", &format!("kill -STOP {}", id())]).status();
            std::thread::sleep(TAKES_EFFECT);
            tracing::warn!(?frozen, "going on");
        }
    }

    /// Leaves that record the time to go out: who steps down takes back what has not.
    pub(in crate::service) fn after_send() {
        if freeze_at() == Some(HANDED_COUNT.load(Ordering::Relaxed)) {
            std::thread::sleep(ON_ITS_WAY);
        }
    }
}

/// Nothing: a release build has no fail point.
#[cfg(not(debug_assertions))]
#[inline]
pub(super) const fn before_send() {}

/// Nothing: a release build has no fail point.
#[cfg(not(debug_assertions))]
#[inline]
pub(super) const fn after_send() {}
