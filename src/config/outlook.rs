//! What a sound configuration will come to in time: calendars end, entries of lists lapse.

use crate::domain::{EventTime, Span};
use crate::engine::velocity::Lookback;

use super::load::Configuration;
use super::problem::{Code, Problem, Problems, Severity};

/// How long before its end a calendar is complained of: the next year's holidays are
/// published by then.
const CALENDAR_ENDS_SOON: Span = Span::from_seconds(45 * 86_400);

const MS_A_DAY: i64 = 86_400_000;

impl Configuration {
    /// What is wrong with it at `now`, or soon will be: an error where a window counts
    /// business days that its calendar does not know, a warning where the calendar ends
    /// within 45 days, and one for each list of which values have lapsed.
    pub fn outlook(&self, now: EventTime) -> Problems {
        let mut problems = self.lapsed_entries(now);
        let Some(calendar) = self.rule_set.calendar() else { return problems };
        let file = self.calendar_file.as_ref().map_or("?".into(), |file| file.to_string_lossy());
        if let Some(feature) = self.rule_set.out_of_calendar(now) {
            let days = match &feature.window {
                Lookback::BusinessDays(days) => days.count(),
                Lookback::Span(_) => 0,
            };
            let what = if now >= calendar.ends_at() {
                format!("{file} has ended: no business day is known any more")
            } else {
                format!("{file} does not reach back {days} business days from now")
            };
            let what = format!("{what}, and `velocity.{}` is absent", feature.name);
            let problem = Problem::nowhere(what);
            problems.push(problem.code(Code::Calendar).help("add the [[year]] that is missing"));
            return problems;
        }
        let left = calendar.ends_at().since(now);
        if left < CALENDAR_ENDS_SOON {
            let days = left.millis() / MS_A_DAY;
            let what =
                format!("{file} ends in {days} days; windows in business days are absent then");
            let problem = Problem { severity: Severity::Warning, ..Problem::nowhere(what) };
            problems.push(problem.code(Code::Calendar).help("add the next [[year]]"));
        }
        problems
    }
}
