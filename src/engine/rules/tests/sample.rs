//! A request and its parts, for the tests of this room.

use std::sync::Arc;

use crate::domain::{
    AccountKey, Amount, Authorisation, CardKey, Channel, CheckResult, Currency, EntryMode,
    EventTime, IdKey, Identifier, Initiator, MessageType, Processing, Reason, Scheme, Span,
};
use crate::engine::velocity::{FeatureSpec, What};

use super::super::{
    Action, Bands, CausePolicy, Condition, FailAnswer, FailPolicy, FeatureIndex, Field,
    MerchantInitiatedStepUp, Mode, Number, Operand, Relation, Rule, RuleSet, RuleSetFault,
    RuleSetParts, Threshold, ThresholdIndex, Unit,
};

pub(super) const YUAN: Currency = Currency::from_numeric(156);

/// A purchase of 100.00 CNY with every field that a condition can read.
pub(super) fn request() -> Authorisation<'static> {
    Authorisation {
        message_type: MessageType::from_indicator(100).expect("spoken"),
        id: Identifier::new("a-1", 64).expect("valid"),
        id_key: IdKey::from_bits(1),
        original_id: None,
        original_key: None,
        processing: Processing::Purchase,
        incremental: false,
        account: AccountKey::from_bits(2),
        card: Some(CardKey::from_bits(3)),
        amount: Amount::new(10_000, YUAN),
        billing_amount: None,
        authorised_at: EventTime::from_unix_millis(1_700_000_000_000).expect("in range"),
        original_authorised_at: None,
        deadline: None,
        merchant_id: None,
        acquirer_id: None,
        merchant: None,
        acquirer: None,
        device: None,
        ip: None,
        email: None,
        merchant_category: Some(7_995),
        merchant_country: Some(*b"CN"),
        entry_mode: Some(EntryMode::Ecommerce),
        channel: Some(Channel::App),
        initiator: Initiator::Cardholder,
        eci: Some(5),
        cavv_result: Some(CheckResult::Match),
        cvv2_result: Some(CheckResult::NoMatch),
        avs_result: Some(CheckResult::PartialMatch),
        expiry_result: Some(CheckResult::NotProcessed),
        bin: Some(62_284_800),
        ip_country: Some(*b"HK"),
        scheme: Some(Scheme::UnionPay),
        portfolio: Some(Identifier::new("gold", 32).expect("valid")),
        response_code: None,
        outcome_elsewhere: None,
    }
}

/// The same with nothing that may be absent.
pub(super) fn bare_request() -> Authorisation<'static> {
    Authorisation {
        amount: None,
        merchant_category: None,
        merchant_country: None,
        entry_mode: None,
        channel: None,
        eci: None,
        cavv_result: None,
        cvv2_result: None,
        avs_result: None,
        expiry_result: None,
        bin: None,
        ip_country: None,
        scheme: None,
        portfolio: None,
        ..request()
    }
}

pub(super) fn field(field: Field) -> Number {
    Number::Read(Operand::Field(field))
}

pub(super) fn feature() -> Number {
    Number::Read(Operand::Feature(FeatureIndex(0)))
}

pub(super) fn threshold() -> Number {
    Number::Read(Operand::Threshold(ThresholdIndex(0)))
}

pub(super) fn compare(left: Number, relation: Relation, right: Number) -> Condition {
    Condition::Compare { left, relation, right }
}

/// A condition that every request with an amount fulfils.
pub(super) fn any_amount() -> Condition {
    compare(field(Field::Amount), Relation::GreaterOrEqual, Number::Literal(0))
}

pub(super) fn rule(name: &str, condition: Condition, action: Action, mode: Mode) -> Rule {
    Rule::new(Arc::from(name), condition, action, mode)
}

/// Bands at 300 and 700, one feature (a maximum, so it can be absent), one threshold
/// (5), and `rules`.
pub(super) fn parts(rules: Vec<Rule>) -> RuleSetParts {
    RuleSetParts {
        currency: YUAN,
        bands: Bands {
            step_up_at: 300,
            decline_at: 700,
            merchant_initiated_step_up: MerchantInitiatedStepUp::Decline,
        },
        fail_policy: FailPolicy::new(|_| {
            CausePolicy::always(FailAnswer::Decline { reason: Reason::NotScored })
        })
        .expect("sound"),
        thresholds: vec![Threshold { name: "limit".into(), value: 5, unit: Unit::Number }],
        features: vec![FeatureSpec::plain("largest", What::Max, Span::from_seconds(600))],
        lists: Vec::new(),
        rules,
    }
}

pub(super) fn rule_set(rules: Vec<Rule>) -> Result<RuleSet, RuleSetFault> {
    RuleSet::new(parts(rules))
}
