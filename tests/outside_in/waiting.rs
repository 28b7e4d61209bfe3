//! Waiting with a bound: nothing here sleeps and hopes.

use std::thread;
use std::time::{Duration, Instant};

/// Looks every 10 ms until there is something to see. Fails after `within`, naming `what`.
pub(crate) fn eventually<T>(what: &str, within: Duration, look: impl FnMut() -> Option<T>) -> T {
    look_for(within, look).unwrap_or_else(|| panic!("{what}: not within {within:?}"))
}

/// Looks every 10 ms until there is something to see; nothing where there is none after
/// `within`.
pub(crate) fn look_for<T>(within: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let seen = look();
        if seen.is_some() || began.elapsed() >= within {
            return seen;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
