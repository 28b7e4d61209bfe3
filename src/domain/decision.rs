//! What Stopline answers: a decision, an acknowledgement or an error.

use std::sync::Arc;

use super::{
    AccountKey, Amount, Authorisation, CardKey, EventTime, FailCause, FailCauses, Identifier,
    Input, InputError, Offset, Scheme, ShadowRuleFired, Text,
};

/// One answer. Exactly one goes out for each input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// A request was decided.
    Decision(Box<Decision>),
    /// An advice, reversal, outcome notice or echo test was noted.
    Acknowledgement(Box<Acknowledgement>),
    /// The input could not be understood, or contradicts an earlier one.
    Error(Box<InputError>),
}

/// The answer to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What was asked.
    pub request: RequestFacts,
    /// Approve, step up or decline.
    pub outcome: Outcome,
    /// Why; `None` when approved.
    pub reason: Option<Reason>,
    /// Sum of points, clipped to 0 to 999.
    pub score: u16,
    /// Every live rule that fired, in rule-set order.
    pub fired: Vec<FiredRule>,
    /// Every shadow rule that fired, in rule-set order.
    pub shadow: Vec<ShadowRuleFired>,
    /// The feature vector in rule-set order.
    pub evidence: Evidence,
    /// The rule set that judged.
    pub rule_set: RuleSetHash,
    /// The offset after the last stop order applied.
    pub stop_list_version: Offset,
    /// The order that declined.
    pub stop_order: Option<StopOrderSeen>,
    /// Version of the engine that decided.
    pub engine_version: Arc<str>,
    /// What held when it was decided: past its deadline, something missing.
    pub causes: FailCauses,
    /// The cause whose declared answer this is; `None` where rules or a stop order decided.
    pub by_policy: Option<FailCause>,
    /// Step of the overload ladder that was met.
    pub overload_step: u8,
    /// A repeat whose stored answer is gone: judged anew, counted once.
    pub is_judged_again: bool,
    /// The windows held it already, by an earlier input: it left no event of its own.
    pub is_counted_before: bool,
    /// An incremental whose original is not in the windows: it counts as an authorisation
    /// of its own.
    pub original_unknown: bool,
}

impl Decision {
    /// True where rules judged, or a stop order declined, and a part was switched off or
    /// something was missing.
    pub fn is_degraded(&self) -> bool {
        self.by_policy.is_none() && (!self.causes.is_empty() || self.overload_step != 0)
    }
}

/// What a decision keeps of its request, so that nobody must join topics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestFacts {
    /// The switch's id.
    pub id: Text,
    /// DE0 of the answer.
    pub answer_indicator: u16,
    /// The input decided.
    pub input: Input,
    /// What velocity hangs on.
    pub account: AccountKey,
    /// The card.
    pub card: Option<CardKey>,
    /// What was asked for.
    pub amount: Option<Amount>,
    /// The amount that thresholds and sums use, in the policy's currency.
    pub policy_minor_units: Option<i64>,
    /// The switch's time, as received.
    pub authorised_at: EventTime,
    /// The time that the windows used.
    pub event_at: EventTime,
    /// The partition's highest broker time.
    pub appended_at: EventTime,
    /// DE42.
    pub merchant_id: Option<Text>,
    /// DE32.
    pub acquirer_id: Option<Text>,
    /// DE18.
    pub merchant_category: Option<u16>,
    /// Two capital letters.
    pub merchant_country: Option<[u8; 2]>,
    /// The card's scheme: it picks the codes.
    pub scheme: Option<Scheme>,
    /// The issuer's product line.
    pub portfolio: Option<Text>,
}

impl RequestFacts {
    /// What is kept of `auth`, met as `input` with the times the engine used.
    pub fn of(
        auth: &Authorisation<'_>,
        input: Input,
        policy_minor_units: Option<i64>,
        event_at: EventTime,
        appended_at: EventTime,
    ) -> Self {
        Self {
            id: auth.id.to_text(),
            answer_indicator: auth.message_type.answer_indicator(),
            input,
            account: auth.account,
            card: auth.card,
            amount: auth.amount,
            policy_minor_units,
            authorised_at: auth.authorised_at,
            event_at,
            appended_at,
            merchant_id: auth.merchant_id.map(Identifier::to_text),
            acquirer_id: auth.acquirer_id.map(Identifier::to_text),
            merchant_category: auth.merchant_category,
            merchant_country: auth.merchant_country,
            scheme: auth.scheme,
            portfolio: auth.portfolio.map(Identifier::to_text),
        }
    }
}

/// The answer to a message that is noted and not judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledgement {
    /// The message's own id; an echo test may have none.
    pub id: Option<Text>,
    /// DE0 of the answer.
    pub answer_indicator: u16,
    /// The input noted.
    pub input: Input,
    /// The authorisation that it refers to.
    pub original_id: Option<Text>,
    /// What became of it.
    pub noted: Noted,
    /// The account; an echo test has none.
    pub account: Option<AccountKey>,
    /// The switch's time; an echo test may have none.
    pub authorised_at: Option<EventTime>,
    /// The partition's highest broker time.
    pub appended_at: EventTime,
}

/// What became of a message that is noted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Noted {
    /// An echo test: nothing to remember.
    Echo,
    /// It changed what its authorisation counts for.
    Applied,
    /// Its authorisation has not come yet: it waits.
    Pending,
    /// All of it was known before, or is about money towards the cardholder.
    NothingToDo,
    /// Its authorisation is in no window any more.
    OutsideWindows,
    /// More was taken back than was authorised; what was authorised is taken back.
    OverReversed,
}

/// Approve, step up or decline.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// Go ahead.
    Approve,
    /// Ask the cardholder to authenticate (soft decline).
    StepUp,
    /// No.
    Decline,
}

impl Outcome {
    /// All of them, mildest first.
    pub const ALL: [Self; 3] = [Self::Approve, Self::StepUp, Self::Decline];

    /// Its name in config, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::StepUp => "step_up",
            Self::Decline => "decline",
        }
    }
}

/// Why an authorisation is not approved, in order of precedence: where several
/// hold, the first one listed picks the response code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Reported lost. Only from a stop order.
    LostCard,
    /// Reported stolen. Only from a stop order.
    StolenCard,
    /// Known to be counterfeit. Only from a stop order.
    CounterfeitCard,
    /// Stopped by the issuer or by law. Only from a stop order.
    RestrictedCard,
    /// Frozen by the cardholder. Only from a stop order.
    CardholderFreeze,
    /// The cardholder stopped one payment (R0). Only from a stop order.
    PaymentStopped,
    /// The cardholder revoked one authorisation to charge (R1). Only from a stop order.
    AuthorisationRevoked,
    /// The cardholder revoked all of them (R3). Only from a stop order.
    AllAuthorisationsRevoked,
    /// Too many authorisations in a window.
    VelocityCountExceeded,
    /// Too much money in a window.
    VelocityAmountExceeded,
    /// The card's data did not match.
    SecurityViolation,
    /// A pattern of fraud.
    SuspectedFraud,
    /// Not permitted to this card.
    NotPermitted,
    /// The cardholder must authenticate.
    AuthenticationRequired,
    /// Not now, and no word on why. Only from the fail policy.
    DoNotHonour,
    /// The issuer cannot answer as it should. Only from the fail policy.
    IssuerUnavailable,
    /// Nothing was judged: a malfunction. Only from the fail policy.
    NotScored,
}

impl Reason {
    /// All of them, in order of precedence.
    pub const ALL: [Self; 17] = [
        Self::LostCard,
        Self::StolenCard,
        Self::CounterfeitCard,
        Self::RestrictedCard,
        Self::CardholderFreeze,
        Self::PaymentStopped,
        Self::AuthorisationRevoked,
        Self::AllAuthorisationsRevoked,
        Self::VelocityCountExceeded,
        Self::VelocityAmountExceeded,
        Self::SecurityViolation,
        Self::SuspectedFraud,
        Self::NotPermitted,
        Self::AuthenticationRequired,
        Self::DoNotHonour,
        Self::IssuerUnavailable,
        Self::NotScored,
    ];

    /// Its name in config, metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LostCard => "lost_card",
            Self::StolenCard => "stolen_card",
            Self::CounterfeitCard => "counterfeit_card",
            Self::RestrictedCard => "restricted_card",
            Self::CardholderFreeze => "cardholder_freeze",
            Self::PaymentStopped => "payment_stopped",
            Self::AuthorisationRevoked => "authorisation_revoked",
            Self::AllAuthorisationsRevoked => "all_authorisations_revoked",
            Self::VelocityCountExceeded => "velocity_count_exceeded",
            Self::VelocityAmountExceeded => "velocity_amount_exceeded",
            Self::SecurityViolation => "security_violation",
            Self::SuspectedFraud => "suspected_fraud",
            Self::NotPermitted => "not_permitted",
            Self::AuthenticationRequired => "authentication_required",
            Self::DoNotHonour => "do_not_honour",
            Self::IssuerUnavailable => "issuer_unavailable",
            Self::NotScored => "not_scored",
        }
    }

    /// True where a rule may stand for it; the others come from stop orders or the fail policy.
    pub const fn is_for_rules(self) -> bool {
        match self {
            Self::VelocityCountExceeded
            | Self::VelocityAmountExceeded
            | Self::SecurityViolation
            | Self::SuspectedFraud
            | Self::NotPermitted
            | Self::AuthenticationRequired => true,
            Self::LostCard
            | Self::StolenCard
            | Self::CounterfeitCard
            | Self::RestrictedCard
            | Self::CardholderFreeze
            | Self::PaymentStopped
            | Self::AuthorisationRevoked
            | Self::AllAuthorisationsRevoked
            | Self::DoNotHonour
            | Self::IssuerUnavailable
            | Self::NotScored => false,
        }
    }

    /// True where the fail policy may decline for it.
    pub const fn is_for_fail_policy(self) -> bool {
        matches!(self, Self::DoNotHonour | Self::IssuerUnavailable | Self::NotScored)
    }
}

/// A rule that fired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FiredRule {
    /// Its name in the rule set.
    pub name: Arc<str>,
    /// What it added to the score.
    pub points: i32,
    /// What it stands for; `None` for a tag.
    pub reason: Option<Reason>,
    /// What it read, in the order of its condition.
    pub values: Vec<ValueSeen>,
}

/// A value that a rule read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ValueSeen {
    /// The feature, field or threshold.
    pub name: Arc<str>,
    /// Its value; `None` where it was absent.
    pub value: Option<i64>,
}

/// The feature vector in rule-set order; `None` is absent, which is not zero.
pub type Evidence = Vec<Option<i64>>;

/// The first 8 bytes of the SHA-256 of a rule set's canonical form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RuleSetHash(pub u64);

/// The stop order that declined an authorisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StopOrderSeen {
    /// Its id.
    pub order_id: Text,
    /// Its offset in the stop-orders topic.
    pub offset: Offset,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorReason;

    #[test]
    fn reasons_are_listed_in_their_order_of_precedence() {
        assert!(Reason::ALL.is_sorted());
        assert_eq!(Reason::ALL.first(), Some(&Reason::LostCard));
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        names.extend(ErrorReason::ALL.iter().map(|reason| reason.name()));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
