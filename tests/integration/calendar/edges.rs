//! Where a window in business days opens and closes, to the millisecond.

use stopline::domain::{EventTime, IdKey, Span};
use stopline::engine::rules::RuleSet;
use stopline::engine::velocity::{CardState, Event, Measure, RecordedOutcome, Window};

use super::{plain, rule_set, shipped, when};

const SHANGHAI: &str = "Asia/Shanghai";

/// Whether an event at `at` counts at `now`, one business day back, and three.
fn counts(rule_set: &RuleSet, at: EventTime, now: EventTime) -> (bool, bool) {
    let mut card = CardState::default();
    card.record(Event::plain(at, IdKey::from_bits(1), Some(100), RecordedOutcome::Approved));
    let window = Window::new(&card, None, now);
    let mut found = rule_set.features().iter().map(|feature| {
        window.value(feature, &mut Measure::default()).expect("the calendar reaches") == 1
    });
    (found.next().expect("one day"), found.next().expect("three days"))
}

/// What began at `first` counts at `now` over `days` business days, and what was a
/// millisecond before it does not.
fn check(calendar: &str, zone: &str, days: u16, now: &str, first: &str) {
    let rule_set = rule_set(calendar);
    let (now_at, first_at) = (when(now, zone), when(first, zone));
    let counted = |at| {
        let (one, three) = counts(&rule_set, at, now_at);
        if days == 1 { one } else { three }
    };
    assert!(counted(first_at), "{days} business days at {now}: {first} is inside");
    let before = first_at.minus(Span::from_millis(1));
    assert!(!counted(before), "{days} business days at {now}: before {first} is outside");
}

#[test]
fn a_window_opens_at_midnight_of_its_first_day_in_the_calendars_zone() {
    // 1 June 2026 is a Monday; 00:00 in Shanghai is 16:00 of the day before in UTC.
    let calendar = plain(SHANGHAI);
    check(&calendar, SHANGHAI, 1, "2026-06-03T12:00:00", "2026-06-03T00:00:00");
    check(&calendar, SHANGHAI, 3, "2026-06-03T12:00:00", "2026-06-01T00:00:00");
    check(&calendar, SHANGHAI, 1, "2026-06-03T00:00:00", "2026-06-03T00:00:00");
    check(&calendar, SHANGHAI, 1, "2026-06-02T23:59:59.999", "2026-06-02T00:00:00");
    assert_eq!(when("2026-06-03T00:00:00", SHANGHAI), when("2026-06-02T16:00:00", "UTC"));
}

#[test]
fn a_weekend_belongs_to_the_friday_before_it() {
    let calendar = plain(SHANGHAI);
    for now in ["2026-06-05T09:00:00", "2026-06-06T09:00:00", "2026-06-07T23:59:59.999"] {
        check(&calendar, SHANGHAI, 1, now, "2026-06-05T00:00:00");
        check(&calendar, SHANGHAI, 3, now, "2026-06-03T00:00:00");
    }
    check(&calendar, SHANGHAI, 1, "2026-06-08T00:00:00", "2026-06-08T00:00:00");
    check(&calendar, SHANGHAI, 3, "2026-06-08T00:00:00", "2026-06-04T00:00:00");
}

#[test]
fn what_happens_on_a_weekend_counts_in_the_windows_over_it() {
    let rule_set = rule_set(&plain(SHANGHAI));
    let sunday = when("2026-06-07T12:00:00", SHANGHAI);
    assert_eq!(counts(&rule_set, sunday, when("2026-06-07T13:00:00", SHANGHAI)), (true, true));
    assert_eq!(counts(&rule_set, sunday, when("2026-06-08T00:00:00", SHANGHAI)), (false, true));
    assert_eq!(counts(&rule_set, sunday, when("2026-06-09T23:59:59", SHANGHAI)), (false, true));
    assert_eq!(counts(&rule_set, sunday, when("2026-06-10T00:00:00", SHANGHAI)), (false, false));
}

#[test]
fn a_holiday_is_no_business_day() {
    // Friday 19 June 2026 is a holiday: three days back from Monday 22 is Wednesday 17.
    let calendar = plain(SHANGHAI);
    check(&calendar, SHANGHAI, 3, "2026-06-22T10:00:00", "2026-06-17T00:00:00");
    check(&calendar, SHANGHAI, 1, "2026-06-19T10:00:00", "2026-06-18T00:00:00");
}

#[test]
fn a_make_up_workday_is_a_business_day_and_a_long_holiday_is_none() {
    let calendar = shipped();
    // Saturday 14 February 2026 is worked; 15 to 23 is the Spring Festival.
    check(&calendar, SHANGHAI, 1, "2026-02-14T10:00:00", "2026-02-14T00:00:00");
    check(&calendar, SHANGHAI, 3, "2026-02-14T10:00:00", "2026-02-12T00:00:00");
    check(&calendar, SHANGHAI, 1, "2026-02-23T23:59:59.999", "2026-02-14T00:00:00");
    check(&calendar, SHANGHAI, 3, "2026-02-24T00:00:00", "2026-02-13T00:00:00");
    check(&calendar, SHANGHAI, 3, "2026-02-26T00:00:00", "2026-02-24T00:00:00");
    // Saturday 28 is worked, too; Sunday 1 March is not.
    check(&calendar, SHANGHAI, 1, "2026-03-01T12:00:00", "2026-02-28T00:00:00");
}

#[test]
fn a_day_is_as_long_as_clocks_make_it_where_they_are_changed() {
    let berlin = plain("Europe/Berlin");
    // 29 March 2026, a Sunday, has 23 hours; 25 October, a Sunday, has 25.
    check(&berlin, "Europe/Berlin", 3, "2026-03-30T12:00:00", "2026-03-26T00:00:00");
    check(&berlin, "Europe/Berlin", 3, "2026-10-26T00:00:00", "2026-10-22T00:00:00");
    let start = when("2026-03-26T00:00:00", "Europe/Berlin");
    let hours = when("2026-03-30T00:00:00", "Europe/Berlin").since(start).millis() / 3_600_000;
    assert_eq!(hours, 4 * 24 - 1, "the clocks did change");
}

#[test]
fn a_day_that_has_no_midnight_begins_with_its_first_moment() {
    // In Cairo, on Friday 24 April 2026, clocks go from 00:00 to 01:00.
    let cairo = plain("Africa/Cairo");
    check(&cairo, "Africa/Cairo", 1, "2026-04-24T12:00:00", "2026-04-24T01:00:00");
    let last = when("2026-04-24T01:00:00", "Africa/Cairo").minus(Span::from_millis(1));
    assert_eq!(last, when("2026-04-23T23:59:59.999", "Africa/Cairo"));
}

#[test]
fn a_window_never_moves_back() {
    let rule_set = rule_set(&shipped());
    let mut earlier = None;
    let first = when("2025-01-20T00:00:00", SHANGHAI).unix_millis();
    for quarter in 0..96 * 700 {
        let now = EventTime::from_unix_millis(first + quarter * 900_000).expect("in range");
        let opens: Vec<_> =
            rule_set.features().iter().map(|it| it.window.opens_after(now)).collect();
        assert!(opens.iter().all(Option::is_some), "{now:?}");
        assert!(earlier.as_ref() <= Some(&opens), "{now:?}");
        earlier = Some(opens);
    }
}
