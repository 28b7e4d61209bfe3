//! A request and its parts, for the tests of this room.

use std::sync::Arc;

use crate::domain::{
    Amount, Authorisation, Channel, CheckResult, Currency, EntryMode, Identifier, Reason, Scheme,
    Span,
};
use crate::engine::fixtures::purchase;
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
        amount: Amount::new(10_000, YUAN),
        merchant_category: Some(7_995),
        merchant_country: Some(*b"CN"),
        entry_mode: Some(EntryMode::Ecommerce),
        channel: Some(Channel::App),
        eci: Some(5),
        cavv_result: Some(CheckResult::Match),
        cvv2_result: Some(CheckResult::NoMatch),
        avs_result: Some(CheckResult::PartialMatch),
        expiry_result: Some(CheckResult::NotProcessed),
        bin: Some(62_284_800),
        ip_country: Some(*b"HK"),
        scheme: Some(Scheme::UnionPay),
        portfolio: Some(Identifier::new("gold", 32).expect("valid")),
        ..bare_request()
    }
}

/// The same with nothing that may be absent.
pub(super) fn bare_request() -> Authorisation<'static> {
    purchase(2)
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
