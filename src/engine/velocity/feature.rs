//! What a velocity feature counts, as declared by operations.

use std::sync::Arc;

use super::Lookback;
use crate::domain::{Outcome, Processing};

/// One declared feature, validated: what is counted of an account's authorisations
/// in (t − window, t], or on so many business days.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeatureSpec {
    /// Its name in rules and evidence.
    pub name: Arc<str>,
    /// What is counted.
    pub what: What,
    /// How far back.
    pub window: Lookback,
    /// Which outcomes count. A filter leaves the authorisation being judged out:
    /// its outcome is not known yet.
    pub outcomes: OutcomeFilter,
    /// Which kinds of payment count; of the one being judged, too.
    pub processings: ProcessingFilter,
    /// Whether the authorisation being judged counts.
    pub with_current: bool,
    /// What stands for absence; `None` stays absent. What a calendar does not reach is absent
    /// all the same: nothing is known of it.
    pub absent_as: Option<i64>,
    /// Whether it is left out where the engine is overloaded: it is absent then, whatever
    /// stands for absence otherwise.
    pub is_optional: bool,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// Authorisations.
    Count,
    /// Their amounts in the policy's currency, minor units.
    Sum,
    /// Sum divided by the number of authorisations with an amount, rounded down to whole minor
    /// units; absent for none. An incremental adds to its original, as for `Max`.
    Mean,
    /// The largest amount that an authorisation comes to; absent for none.
    Max,
    /// Different merchants.
    DistinctMerchants,
    /// Different merchant countries.
    DistinctCountries,
    /// Whole seconds since the latest earlier authorisation; absent for none.
    SecondsSinceLast,
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

/// A set of kinds of payment; those towards the cardholder leave no event, and are in none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ProcessingFilter(u8);

impl ProcessingFilter {
    /// Every kind.
    pub const ANY: Self = Self(1 | 2 | 4 | 8);
    /// No kind.
    pub const NONE: Self = Self(0);

    /// This set and `processing`.
    #[must_use]
    pub const fn with(self, processing: Processing) -> Self {
        Self(self.0 | Self::bit(processing))
    }

    /// True where `processing` is in it.
    pub const fn holds(self, processing: Processing) -> bool {
        self.0 & Self::bit(processing) != 0
    }

    /// True where it filters nothing.
    pub const fn is_any(self) -> bool {
        self.0 == Self::ANY.0
    }

    const fn bit(processing: Processing) -> u8 {
        match processing {
            Processing::Purchase => 1,
            Processing::Cash => 2,
            Processing::QuasiCash => 4,
            Processing::AccountCheck => 8,
            Processing::Refund | Processing::Credit => 0,
        }
    }
}
