//! Processor time of this process, where the system tells it.

use std::fs;

/// Linux counts in hundredths of a second for user space, whatever it does inside.
const NANOS_PER_TICK: u64 = 10_000_000;
/// Fields of `/proc/self/stat` behind the name: user and system time, see proc(5).
const USER_TICKS: usize = 11;

/// Processor time that this process has used so far, in nanoseconds; to a hundredth of a
/// second. `None` where there is no `/proc`.
pub(super) fn used_nanos() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    ticks(&text).map(|ticks| ticks.saturating_mul(NANOS_PER_TICK))
}

fn ticks(stat: &str) -> Option<u64> {
    // The name is in brackets and may hold anything, brackets too.
    let (_, behind_name) = stat.rsplit_once(") ")?;
    let mut times = behind_name.split(' ').skip(USER_TICKS);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    user.checked_add(system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_system_time_are_added_up() {
        let stat = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 120 34 0 0 20 0 3 0 100";
        assert_eq!(ticks(stat), Some(154));
        assert_eq!(ticks("42 (a) S 1"), None);
        assert_eq!(ticks(""), None);
    }
}
