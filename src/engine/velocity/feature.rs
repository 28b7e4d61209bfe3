//! What a velocity feature counts, as declared by operations.

use std::sync::Arc;

use super::{EventField, EventTest, Lookback, Slot};
use crate::domain::{AMOUNT_MINOR_UNITS_MAX, EventTime, Outcome, Span};

/// One declared feature, validated: what is counted of the authorisations of one account or
/// card, in (t − delay − window, t − delay], or on so many business days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeatureSpec {
    /// Its name in rules and evidence.
    pub name: Arc<str>,
    /// Whose authorisations are counted.
    pub key: Key,
    /// What is counted.
    pub what: What,
    /// How far back.
    pub window: Lookback,
    /// How long before now the window ends. Where it does, the authorisation being judged is
    /// never in it.
    pub delay: Span,
    /// Which outcomes count. A filter leaves the authorisation being judged out:
    /// its outcome is not known yet.
    pub outcomes: OutcomeFilter,
    /// What else must hold of what counts; of the one being judged, too.
    pub test: Option<EventTest>,
    /// Whether the authorisation being judged counts.
    pub with_current: bool,
    /// What stands for absence; `None` stays absent. What a calendar does not reach is absent
    /// all the same: nothing is known of it.
    pub absent_as: Option<i64>,
    /// Whether it is left out where the engine is overloaded: it is absent then, whatever
    /// stands for absence otherwise.
    pub is_optional: bool,
}

impl FeatureSpec {
    /// `what` over `window` of every authorisation of an account, the one being judged
    /// included.
    pub fn plain(name: &str, what: What, window: impl Into<Lookback>) -> Self {
        Self {
            name: name.into(),
            key: Key::Account,
            what,
            window: window.into(),
            delay: Span::ZERO,
            outcomes: OutcomeFilter::ANY,
            test: None,
            with_current: true,
            absent_as: None,
            is_optional: false,
        }
    }

    /// How long an authorisation must be remembered for it.
    pub fn reach(&self) -> Span {
        self.delay.plus(self.window.longest())
    }

    /// Only events later than this count at `now`; `None` where its calendar does not reach.
    /// Hot path.
    pub fn opens_after(&self, now: EventTime) -> Option<EventTime> {
        self.window.opens_after(now.minus(self.delay))
    }

    /// True where the authorisation being judged can count.
    pub fn may_count_current(&self) -> bool {
        self.with_current
            && self.delay == Span::ZERO
            && self.what != What::SecondsSinceLast
            && self.outcomes.is_any()
            && self.test.as_ref().is_none_or(|test| !test.reads(EventField::Outcome))
    }

    /// The furthest from zero that its value can get.
    pub fn largest(&self) -> i128 {
        let counted = match self.what {
            What::Sum => i128::from(i64::MAX) + 1,
            What::Mean | What::Max | What::Min => i128::from(AMOUNT_MINOR_UNITS_MAX),
            // The years 2000 to 2099.
            What::SecondsSinceLast => 1 << 32,
            // No memory holds 2^40 events of one account.
            What::Count
            | What::DistinctMerchants
            | What::DistinctCountries
            | What::DistinctCategories
            | What::DistinctDevices
            | What::DistinctIps
            | What::DistinctCards
            | What::DistinctAccounts
            | What::CountryChanges => 1 << 40,
        };
        let stand_in = self.absent_as.map_or(0, |it| i128::from(it).abs());
        counted.max(stand_in)
    }

    /// True where it has a value, whatever was counted. Of a card it has none where the
    /// authorisation names no card.
    pub fn is_never_absent(&self) -> bool {
        let has_value = self.what.is_zero_for_none() || self.absent_as.is_some();
        has_value && self.key == Key::Account && !self.is_optional
    }
}

/// Whose authorisations a feature counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Key {
    /// The account's.
    Account,
    /// The card's, as far as they came to the partition that decides: a card that is used
    /// under accounts of several partitions has a part of its windows in each.
    Card,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Account, Self::Card];

    /// Its name in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Card => "card",
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// Authorisations.
    Count,
    /// Their amounts in the policy's currency, minor units.
    Sum,
    /// Sum divided by the number of authorisations with an amount, rounded down to whole minor
    /// units; absent for none. An incremental adds to its original, as for `Max` and `Min`.
    Mean,
    /// The largest amount that an authorisation comes to; absent for none.
    Max,
    /// The smallest; absent for none.
    Min,
    /// Different merchants.
    DistinctMerchants,
    /// Different merchant countries.
    DistinctCountries,
    /// Different merchant categories.
    DistinctCategories,
    /// Different devices.
    DistinctDevices,
    /// Different addresses of devices.
    DistinctIps,
    /// Different cards.
    DistinctCards,
    /// Different accounts.
    DistinctAccounts,
    /// How often the merchant's country was another one than that of the authorisation before.
    /// Those without a country are passed over, and so are incrementals.
    CountryChanges,
    /// Whole seconds since the latest earlier authorisation; absent for none.
    SecondsSinceLast,
}

impl What {
    /// Its name in canonical texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Max => "max",
            Self::Min => "min",
            Self::DistinctMerchants => "distinct_merchants",
            Self::DistinctCountries => "distinct_countries",
            Self::DistinctCategories => "distinct_categories",
            Self::DistinctDevices => "distinct_devices",
            Self::DistinctIps => "distinct_ips",
            Self::DistinctCards => "distinct_cards",
            Self::DistinctAccounts => "distinct_accounts",
            Self::CountryChanges => "country_changes",
            Self::SecondsSinceLast => "seconds_since_last",
        }
    }

    /// What differs, where different things are counted.
    pub const fn subject(self) -> Option<Subject> {
        match self {
            Self::DistinctMerchants => Some(Subject::Merchant),
            Self::DistinctCountries => Some(Subject::Country),
            Self::DistinctCategories => Some(Subject::Category),
            Self::DistinctDevices => Some(Subject::Kept(Slot::Device)),
            Self::DistinctIps => Some(Subject::Kept(Slot::Ip)),
            Self::DistinctCards => Some(Subject::Kept(Slot::Card)),
            Self::DistinctAccounts => Some(Subject::Kept(Slot::Account)),
            Self::Count
            | Self::Sum
            | Self::Mean
            | Self::Max
            | Self::Min
            | Self::CountryChanges
            | Self::SecondsSinceLast => None,
        }
    }

    /// True where it is an amount.
    pub const fn is_money(self) -> bool {
        matches!(self, Self::Sum | Self::Mean | Self::Max | Self::Min)
    }

    /// True where it is zero, and not absent, where nothing was counted.
    pub const fn is_zero_for_none(self) -> bool {
        !matches!(self, Self::Mean | Self::Max | Self::Min | Self::SecondsSinceLast)
    }
}

/// What may differ between authorisations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// The merchant.
    Merchant,
    /// The merchant's country.
    Country,
    /// The merchant's category.
    Category,
    /// A key that is kept because of this.
    Kept(Slot),
}

/// What became of an authorisation, as its windows remember it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RecordedOutcome {
    /// Approved: counts as spend.
    Approved,
    /// Stepped up: neither spend nor decline.
    SteppedUp,
    /// Declined.
    Declined,
    /// Nobody said: an input of before the first start, without an answer.
    Unknown,
    /// Nobody decided: a host was down, a line broke. No evidence: only a filter that
    /// asks for it counts it.
    Failed,
    /// All of it was taken back: it counts for nothing.
    Reversed,
}

impl From<Outcome> for RecordedOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Approve => Self::Approved,
            Outcome::StepUp => Self::SteppedUp,
            Outcome::Decline => Self::Declined,
        }
    }
}

/// A set of outcomes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OutcomeFilter(u8);

impl OutcomeFilter {
    /// Every outcome, the one not known yet included; not what failed or was taken back.
    pub const ANY: Self = Self(1 | 2 | 4 | 8);
    /// No outcome.
    pub const NONE: Self = Self(0);

    /// This set and `outcome`.
    #[must_use]
    pub const fn with(self, outcome: RecordedOutcome) -> Self {
        Self(self.0 | Self::bit(outcome))
    }

    /// True where `outcome` is in it.
    pub const fn holds(self, outcome: RecordedOutcome) -> bool {
        self.0 & Self::bit(outcome) != 0
    }

    /// True where it filters nothing.
    pub const fn is_any(self) -> bool {
        self.0 == Self::ANY.0
    }

    const fn bit(outcome: RecordedOutcome) -> u8 {
        match outcome {
            RecordedOutcome::Approved => 1,
            RecordedOutcome::SteppedUp => 2,
            RecordedOutcome::Declined => 4,
            RecordedOutcome::Unknown => 8,
            RecordedOutcome::Failed => 16,
            RecordedOutcome::Reversed => 0,
        }
    }
}
