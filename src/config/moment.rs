//! Moments as RFC 3339 writes them: with a date, a time and a zone.

use toml::value::{Datetime, Offset};

use crate::domain::EventTime;

const DAY_MILLIS: i64 = 86_400_000;
/// Days from 0000-03-01, where the civil count below begins, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;
/// Days in the 400 years after which the calendar repeats.
const ERA_DAYS: i64 = 146_097;

/// The moment written as `text`, such as `2026-11-24T08:00:00+08:00`. `None` where it is
/// none, says no zone, or lies outside the years that the engine knows.
pub(super) fn parse_moment(text: &str) -> Option<EventTime> {
    let written: Datetime = text.trim().parse().ok()?;
    let (date, time) = (written.date?, written.time?);
    let minutes = match written.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let of_day = (i64::from(time.hour) * 60 + i64::from(time.minute) - minutes) * 60
        + i64::from(time.second.unwrap_or(0));
    let millis = i64::from(time.nanosecond.unwrap_or(0) / 1_000_000);
    let days = days_since_epoch(date.year.into(), date.month.into(), date.day.into());
    EventTime::from_unix_millis(days * DAY_MILLIS + of_day * 1_000 + millis)
}

/// `moment` as a file would say it, in UTC.
pub fn show_moment(moment: EventTime) -> String {
    let millis = moment.unix_millis();
    let (year, month, day) = date_of(millis.div_euclid(DAY_MILLIS));
    let of_day = millis.rem_euclid(DAY_MILLIS);
    let (seconds, millis) = (of_day / 1_000, of_day % 1_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March here, so
/// that the leap day is the last of a year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
        - DAYS_TO_EPOCH
}

/// The date, `days` after 1970-01-01: the other way round.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let of_era = days.rem_euclid(ERA_DAYS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = days.div_euclid(ERA_DAYS) * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_a_date_a_time_and_a_zone() {
        let cases = [
            ("2026-11-24T00:00:00Z", Some(1_795_478_400_000)),
            ("2026-11-24T08:00:00+08:00", Some(1_795_478_400_000)),
            ("2026-11-23 19:30:00-04:30", Some(1_795_478_400_000)),
            ("2026-11-24T00:00:00.250Z", Some(1_795_478_400_250)),
            ("2000-02-29T00:00:00Z", Some(951_782_400_000)),
            ("2000-03-01T00:00:00Z", Some(951_868_800_000)),
            ("2099-12-31T23:59:59Z", Some(4_102_444_799_000)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-11-24T00:00:00", None),
            ("2026-11-24", None),
            ("00:00:00", None),
            ("1999-12-31T23:59:59Z", None),
            ("2100-01-01T00:00:00Z", None),
            ("yesterday", None),
            ("", None),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_moment(text).map(EventTime::unix_millis), millis, "{text}");
        }
    }

    #[test]
    fn every_day_is_shown_as_it_is_read() {
        let days = EventTime::EARLIEST.unix_millis()..EventTime::LATEST.unix_millis();
        for millis in days.step_by(86_400_000) {
            let moment = EventTime::nearest_to(millis + 45_296_007);
            let shown = show_moment(moment);
            assert_eq!(parse_moment(&shown), Some(moment), "{shown}");
        }
        assert_eq!(show_moment(EventTime::LATEST), "2099-12-31T23:59:59.999Z");
        assert_eq!(show_moment(EventTime::EARLIEST), "2000-01-01T00:00:00Z");
    }
}
