//! Waiting with a bound: nothing here sleeps and hopes.

use std::thread;
use std::time::{Duration, Instant};

/// Looks every 10 ms until there is something to see. Fails after `within`, naming `what`.
pub(crate) fn eventually<T>(
    what: &str,
    within: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < within, "{what}: not within {within:?}");
        thread::sleep(Duration::from_millis(10));
    }
}
