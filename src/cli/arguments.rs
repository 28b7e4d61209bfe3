//! Values on the command line that more than one command takes.

use std::time::Duration;

/// Reads a length of time: 90s, 2m, 1h.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("expected a whole number with s, m or h, from 1s to 24h, not {text:?}");
    let digits_end = text.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits_end);
    let seconds_per_unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(expected()),
    };
    let seconds = digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(seconds_per_unit))
        .filter(|seconds| (1..=86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(expected)
}

/// Reads a length of time that may be none at all: 0s, or as [`length`].
pub(super) fn length_or_none(text: &str) -> Result<Duration, String> {
    if text == "0s" { Ok(Duration::ZERO) } else { length(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_whole_seconds_minutes_or_hours() {
        let cases = [
            ("60s", Some(60)),
            ("90s", Some(90)),
            ("5", None),
            ("2m", Some(120)),
            ("1h", Some(3_600)),
            ("0s", None),
            ("25h", None),
            ("s", None),
            ("1.5s", None),
            ("10ms", None),
            ("", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(length(text).ok().map(|found| found.as_secs()), seconds, "{text:?}");
        }
    }

    #[test]
    fn no_time_at_all_may_be_asked_for_where_it_makes_sense() {
        assert_eq!(length_or_none("0s"), Ok(Duration::ZERO));
        assert_eq!(length_or_none("2m"), Ok(Duration::from_mins(2)));
        assert!(length_or_none("0m").is_err());
    }
}
