//! Business days, as the moments at which they begin: no dates and no zones in here.

use std::sync::Arc;

use thiserror::Error;

use crate::domain::{EventTime, Span};

/// The most business days in a calendar: forty years of them.
pub const CALENDAR_DAYS_MAX: usize = 40 * 366;

/// The most business days in a window.
pub const BUSINESS_DAYS_MAX: u16 = 30;

/// When business days begin. A day lasts until the next business day begins, so that what
/// follows on a weekend or holiday belongs to the business day before it.
///
/// ```text
///  civil days    │ Fri │ Sat │ Sun │ Mon │ Tue │ ...  │ Thu 31 │
///  business days ├─────────────────┼─────┼─────┼ ...  ┼────────┤
///              start 0          start 1  start 2             ends_at: nothing is known
///                                                            from here on
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BusinessCalendar {
    starts: Vec<EventTime>,
    ends_at: EventTime,
    zone: Arc<str>,
}

/// Why starts make no calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum CalendarFault {
    /// It has no business day at all.
    #[error("the calendar has no business day")]
    Empty,
    /// It has more than the limit.
    #[error("the calendar has {count} business days; at most {CALENDAR_DAYS_MAX} are allowed")]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// One does not begin after the one before it, or not before the end.
    #[error("the calendar's business days are not in order")]
    OutOfOrder,
}

impl BusinessCalendar {
    /// The calendar whose business days begin at `starts`, and that knows nothing from
    /// `ends_at` on. `zone` is for people: no decision hangs on it.
    ///
    /// # Errors
    /// A [`CalendarFault`].
    pub fn new(
        starts: Vec<EventTime>,
        ends_at: EventTime,
        zone: Arc<str>,
    ) -> Result<Self, CalendarFault> {
        if starts.len() > CALENDAR_DAYS_MAX {
            return Err(CalendarFault::TooMany { count: starts.len() });
        }
        let Some(last) = starts.last() else { return Err(CalendarFault::Empty) };
        let rises = starts.array_windows().all(|[one, next]| one < next);
        if !rises || *last >= ends_at {
            return Err(CalendarFault::OutOfOrder);
        }
        Ok(Self { starts, ends_at, zone })
    }

    /// When each business day begins, in order.
    pub fn starts(&self) -> &[EventTime] {
        &self.starts
    }

    /// The first moment that it knows nothing of.
    pub fn ends_at(&self) -> EventTime {
        self.ends_at
    }

    /// The time zone that its days were made in, for people.
    pub fn zone(&self) -> &str {
        &self.zone
    }

    /// When the business day begins that lies `earlier` business days before that of `now`;
    /// `None` where the calendar does not reach. Costs a binary search.
    fn start_of(&self, now: EventTime, earlier: usize) -> Option<EventTime> {
        if now >= self.ends_at {
            return None;
        }
        let begun = self.starts.partition_point(|start| *start <= now);
        self.starts.get(begun.checked_sub(1 + earlier)?).copied()
    }
}

/// So many business days of a calendar: today's, and those before it.
///
/// ```text
///  "3 business days" at ▼                    Sat 7 and Sun 8 are no business days
///
///  │ Thu 5 │ Fri 6 │ Sat 7 │ Sun 8 │ Mon 9 │ Tue 10 │
///          ●━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━▼      Tuesday: from Friday 00:00 on
///  ●━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━▼              Monday: from Thursday 00:00 on
///                        ▼ on a Saturday or Sunday: the day is Friday's, so from
///                          Wednesday 00:00 on
/// ```
///
/// The window opens with the first moment of its first day, that moment included, in the
/// calendar's zone; it is longer where weekends and holidays lie in it. What happens on
/// those counts. It moves at the beginning of a business day only, and never back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BusinessDays {
    count: u16,
    calendar: Arc<BusinessCalendar>,
}

impl BusinessDays {
    /// `count` business days of `calendar`; `None` where that is not 1 to
    /// [`BUSINESS_DAYS_MAX`], or more than the calendar has.
    pub fn new(count: u16, calendar: Arc<BusinessCalendar>) -> Option<Self> {
        let is_sound =
            (1..=BUSINESS_DAYS_MAX).contains(&count) && usize::from(count) <= calendar.starts.len();
        is_sound.then_some(Self { count, calendar })
    }

    /// How many.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Of which calendar.
    pub fn calendar(&self) -> &Arc<BusinessCalendar> {
        &self.calendar
    }

    /// The longest that they ever take, from the first moment to the last, weekends and
    /// holidays included.
    fn longest(&self) -> Span {
        let ends = self.calendar.starts.iter().skip(1).chain([&self.calendar.ends_at]);
        let ends = ends.skip(usize::from(self.count) - 1);
        let spans = self.calendar.starts.iter().zip(ends).map(|(start, end)| end.since(*start));
        spans.max().unwrap_or_default()
    }
}

/// How far back a feature counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lookback {
    /// (now − span, now]: an event exactly this old is outside.
    Span(Span),
    /// From the beginning of the first of these days on.
    BusinessDays(BusinessDays),
}

impl Lookback {
    /// Only events later than this count at `now`; `None` where the calendar does not reach
    /// back, or forward, so far. Hot path.
    pub fn opens_after(&self, now: EventTime) -> Option<EventTime> {
        match self {
            Self::Span(span) => Some(now.minus(*span)),
            Self::BusinessDays(days) => {
                let first = days.calendar.start_of(now, usize::from(days.count) - 1)?;
                // The first moment of a day is part of it; moments are whole milliseconds.
                Some(first.minus(Span::from_millis(1)))
            }
        }
    }

    /// The longest that it ever is: so long an event must be remembered.
    pub fn longest(&self) -> Span {
        match self {
            Self::Span(span) => *span,
            Self::BusinessDays(days) => days.longest(),
        }
    }

    /// The calendar that it needs.
    pub fn calendar(&self) -> Option<&Arc<BusinessCalendar>> {
        match self {
            Self::Span(_) => None,
            Self::BusinessDays(days) => Some(&days.calendar),
        }
    }
}

impl From<Span> for Lookback {
    fn from(span: Span) -> Self {
        Self::Span(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> EventTime {
        EventTime::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("in range")
    }

    fn calendar(days: &[i64], end: i64) -> Result<BusinessCalendar, CalendarFault> {
        let starts = days.iter().map(|day| at(day * DAY)).collect();
        BusinessCalendar::new(starts, at(end * DAY), "UTC".into())
    }

    /// Days 0, 1 and 4 to 6; 2, 3 and 7 are none; it ends with day 7.
    fn days(count: u16) -> Lookback {
        let calendar = Arc::new(calendar(&[0, 1, 4, 5, 6], 8).expect("sound"));
        Lookback::BusinessDays(BusinessDays::new(count, calendar).expect("enough"))
    }

    #[test]
    fn a_window_opens_with_the_first_moment_of_its_first_day() {
        let just_before = |day: i64| at(day * DAY).minus(Span::from_millis(1));
        let cases = [
            // (days, now in seconds, the day that it begins with)
            (1, 0, Some(0)),
            (1, DAY - 1, Some(0)),
            (1, DAY, Some(1)),
            (2, DAY, Some(0)),
            // Days 2 and 3 belong to day 1.
            (1, 2 * DAY, Some(1)),
            (2, 4 * DAY - 1, Some(0)),
            (2, 4 * DAY, Some(1)),
            (3, 4 * DAY, Some(0)),
            (3, 6 * DAY, Some(4)),
            // To the last moment of the calendar, also on a day that is none.
            (5, 8 * DAY - 1, Some(0)),
            (1, 8 * DAY, None),
            (1, -1, None),
            (2, DAY - 1, None),
        ];
        for (count, now, day) in cases {
            assert_eq!(days(count).opens_after(at(now)), day.map(just_before), "{count} at {now}");
        }
    }

    #[test]
    fn the_longest_span_is_over_the_most_days_that_are_none() {
        for (count, expected) in [(1, 3), (2, 4), (3, 5), (4, 7), (5, 8)] {
            assert_eq!(days(count).longest(), Span::from_seconds(expected * DAY), "{count}");
        }
    }

    #[test]
    fn nothing_inside_a_window_is_ever_as_old_as_the_longest() {
        for count in 1..=5 {
            for hour in 0..8 * 24 {
                let now = at(hour * 3_600);
                if let Some(after) = days(count).opens_after(now) {
                    assert!(now.since(after) <= days(count).longest(), "{count} at {hour}");
                }
            }
        }
    }

    #[test]
    fn days_that_are_not_in_order_or_none_at_all_make_no_calendar() {
        assert_eq!(calendar(&[], 1), Err(CalendarFault::Empty));
        for (days, end) in [(&[1, 0][..], 9), (&[0, 0], 9), (&[0, 1], 1), (&[0], 0)] {
            assert_eq!(calendar(days, end), Err(CalendarFault::OutOfOrder));
        }
        let many: Vec<_> = (0..=i64::try_from(CALENDAR_DAYS_MAX).expect("few")).collect();
        assert_eq!(
            calendar(&many, 20_000).map(|_| ()),
            Err(CalendarFault::TooMany { count: many.len() })
        );
        let few = Arc::new(calendar(&[0, 1], 2).expect("sound"));
        for count in [0, 3, BUSINESS_DAYS_MAX + 1] {
            assert_eq!(BusinessDays::new(count, Arc::clone(&few)), None);
        }
    }
}
