//! Why a request may not be judged as usual: something is missing, or nobody waits any more.

/// One thing that a fail policy declares an answer for. Of several that hold and are answered
/// alike, the first one listed names the decision.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum FailCause {
    /// Its deadline has passed: whoever asked may have gone on without us.
    Late,
    /// The overload ladder stands at the step that judges nothing any more.
    Overload,
    /// Nobody knows whether the stop list is up to date.
    StopListStale,
    /// It waited while its partition was restored.
    Recovering,
    /// The windows do not hold all the history that the rules ask for.
    HistoryTruncated,
}

impl FailCause {
    /// All of them, in their order.
    pub const ALL: [Self; 5] =
        [Self::Late, Self::Overload, Self::StopListStale, Self::Recovering, Self::HistoryTruncated];

    /// Its name in config, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Overload => "overload",
            Self::StopListStale => "stop_list_stale",
            Self::Recovering => "recovering",
            Self::HistoryTruncated => "history_truncated",
        }
    }

    /// True where rules may go on all the same. Late and overload are there so that no rule
    /// is evaluated: whoever is late, or drowns, must not take longer still.
    pub const fn may_be_judged(self) -> bool {
        match self {
            Self::Late | Self::Overload => false,
            Self::StopListStale | Self::Recovering | Self::HistoryTruncated => true,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of causes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct FailCauses(u8);

impl FailCauses {
    /// None holds: a request is judged as usual.
    pub const NONE: Self = Self(0);

    /// This set, and `cause` too where it `holds`.
    #[must_use]
    pub const fn with_if(self, cause: FailCause, holds: bool) -> Self {
        if holds { Self(self.0 | cause.bit()) } else { self }
    }

    /// True where `cause` is in it.
    pub const fn holds(self, cause: FailCause) -> bool {
        self.0 & cause.bit() != 0
    }

    /// True where none is in it. Hot path.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in it, in their order.
    pub fn iter(self) -> impl Iterator<Item = FailCause> {
        FailCause::ALL.into_iter().filter(move |cause| self.holds(*cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_into_it_in_the_order_of_the_causes() {
        let set = FailCauses::NONE
            .with_if(FailCause::HistoryTruncated, true)
            .with_if(FailCause::Overload, false)
            .with_if(FailCause::Late, true);
        assert_eq!(set.iter().collect::<Vec<_>>(), [FailCause::Late, FailCause::HistoryTruncated]);
        assert!(FailCauses::NONE.is_empty() && !set.is_empty());
        assert!(FailCause::ALL.is_sorted());
    }
}
