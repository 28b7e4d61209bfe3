//! Moments, spans and positions in a log.

use std::fmt;

/// A moment in Unix milliseconds, between the years 2000 and 2099.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(i64);

impl EventTime {
    /// 2000-01-01T00:00:00Z.
    pub const EARLIEST: Self = Self(946_684_800_000);
    /// 2099-12-31T23:59:59.999Z.
    pub const LATEST: Self = Self(4_102_444_799_999);

    /// The moment `unix_millis`, or `None` outside [`Self::EARLIEST`] to [`Self::LATEST`].
    pub const fn from_unix_millis(unix_millis: i64) -> Option<Self> {
        if unix_millis < Self::EARLIEST.0 || unix_millis > Self::LATEST.0 {
            return None;
        }
        Some(Self(unix_millis))
    }

    /// The moment nearest to `unix_millis` that can be held.
    #[must_use]
    pub fn nearest_to(unix_millis: i64) -> Self {
        Self(unix_millis.clamp(Self::EARLIEST.0, Self::LATEST.0))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// How long `self` is after `earlier`; zero where it is not after it.
    pub fn since(self, earlier: Self) -> Span {
        Span::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// `span` before this moment, not before [`Self::EARLIEST`].
    #[must_use]
    pub fn minus(self, span: Span) -> Self {
        Self::nearest_to(self.0.saturating_sub(span.millis()))
    }

    /// `span` after this moment, not after [`Self::LATEST`].
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self::nearest_to(self.0.saturating_add(span.millis()))
    }
}

impl fmt::Debug for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// A length of time in whole milliseconds, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Span(i64);

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `millis`, or zero where that is negative.
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis < 0 { 0 } else { millis })
    }

    /// `seconds` whole seconds.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1_000))
    }

    /// Both, one after the other.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Its length in milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }
}

/// Number of a partition, the same in authorisations and decisions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PartitionId(pub i32);

/// Position of a record in its partition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Offset(pub i64);

impl Offset {
    /// The position right behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Where an input lies in the authorisations topic.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Input {
    /// Its partition: it decides which state it meets.
    pub partition: PartitionId,
    /// Its offset there.
    pub offset: Offset,
}

/// All that the engine is told about a message besides its content: it reads no clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Met {
    /// The input itself.
    pub input: Input,
    /// The partition's highest broker time so far, this message included.
    pub appended_at: EventTime,
    /// From the broker's append to now.
    pub age: Span,
    /// Step of the overload ladder; 0 is none.
    pub overload_step: u8,
    /// The deadline that came beside the message, in a header. One in the message goes before.
    pub deadline: Option<EventTime>,
    /// The stop list has not been known to be up to date for longer than is allowed.
    pub is_stop_list_stale: bool,
    /// It waited for longer than is allowed while its partition was restored.
    pub is_recovering: bool,
}

impl Met {
    /// `input`, just appended at `appended_at`, while nothing is amiss.
    pub const fn fresh(input: Input, appended_at: EventTime) -> Self {
        Self {
            input,
            appended_at,
            age: Span::ZERO,
            overload_step: 0,
            deadline: None,
            is_stop_list_stale: false,
            is_recovering: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_outside_the_years_2000_to_2099_is_refused() {
        let cases = [
            (0, false),
            (946_684_799_999, false),
            (946_684_800_000, true),
            (4_102_444_799_999, true),
            (4_102_444_800_000, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ];
        for (unix_millis, accepted) in cases {
            assert_eq!(
                EventTime::from_unix_millis(unix_millis).is_some(),
                accepted,
                "{unix_millis}"
            );
        }
    }

    #[test]
    fn the_span_since_a_later_moment_is_zero() {
        assert_eq!(EventTime::EARLIEST.since(EventTime::LATEST), Span::ZERO);
        assert_eq!(
            EventTime::EARLIEST.plus(Span::from_seconds(1)).since(EventTime::EARLIEST).millis(),
            1_000
        );
    }
}
