//! What makes no rule set, and what its hash is of.

use crate::domain::{Currency, Reason};

use super::super::{
    Action, CausePolicy, FEATURES_COUNT_MAX, FailAnswer, FailPolicy, FeatureIndex, Field, Mode,
    Number, Operand, Relation, RuleSet, RuleSetParts, ThresholdIndex,
};
use super::sample::{any_amount, compare, feature, field, parts, rule, threshold};

const SUSPECTED: Action = Action::Points { points: 100, reason: Reason::SuspectedFraud };

#[test]
fn parts_that_could_not_be_right_are_refused() {
    type Spoil = fn(&mut RuleSetParts);
    let cases: [(&str, Spoil); 14] = [
        ("bands begin at 0", |it| it.bands.step_up_at = 0),
        ("bands begin at 300 and 300", |it| it.bands.decline_at = 300),
        ("bands begin at 300 and 1000", |it| {
            it.bands.decline_at = 1_000;
        }),
        ("two features are named", |it| {
            it.features.extend_from_within(..);
        }),
        ("two thresholds are named", |it| {
            it.thresholds.extend_from_within(..);
        }),
        ("two rules are named", |it| it.rules.extend_from_within(..)),
        ("there are 513 features", |it| {
            let feature = it.features.first().expect("one").clone();
            it.features = vec![feature; FEATURES_COUNT_MAX + 1];
        }),
        ("reads a feature, threshold or list that is not declared", |it| {
            let beyond = Number::Read(Operand::Feature(FeatureIndex(1)));
            let condition = compare(beyond, Relation::Equal, Number::Literal(1));
            it.rules.push(rule("bad", condition, SUSPECTED, Mode::Live));
        }),
        ("reads a feature, threshold or list that is not declared", |it| {
            let beyond = Number::Read(Operand::Threshold(ThresholdIndex(1)));
            let condition = compare(feature(), Relation::Equal, beyond);
            it.rules.push(rule("bad", condition, SUSPECTED, Mode::Live));
        }),
        ("has 1000 points", |it| {
            let action = Action::Points { points: 1_000, reason: Reason::SuspectedFraud };
            it.rules.push(rule("bad", any_amount(), action, Mode::Live));
        }),
        ("stands for `lost_card`", |it| {
            let action = Action::Decline { reason: Reason::LostCard };
            it.rules.push(rule("bad", any_amount(), action, Mode::Shadow));
        }),
        ("steps up merchant-initiated payments", |it| {
            let merchant = compare(field(Field::Initiator), Relation::Equal, Number::Literal(2));
            it.rules.push(rule("bad", merchant, Action::StepUp, Mode::Live));
        }),
        ("multiplies more than", |it| {
            let amount = || Box::new(field(Field::Amount));
            let square = Box::new(Number::Product(amount(), amount()));
            let cube = Number::Product(square, amount());
            let condition = compare(cube, Relation::Equal, Number::Literal(1));
            it.rules.push(rule("bad", condition, SUSPECTED, Mode::Live));
        }),
        ("reads neither field nor feature", |it| {
            let condition = compare(threshold(), Relation::Equal, Number::Literal(1));
            it.rules.push(rule("bad", condition, SUSPECTED, Mode::Live));
        }),
    ];
    for (expected, spoil) in cases {
        let mut parts = parts(vec![rule("good", any_amount(), SUSPECTED, Mode::Live)]);
        spoil(&mut parts);
        let fault = RuleSet::new(parts).expect_err(expected).to_string();
        assert!(fault.contains(expected), "{fault}, not {expected}");
    }
}

#[test]
fn the_hash_is_that_of_the_canonical_text_and_changes_with_what_decides() {
    let good = || parts(vec![rule("good", any_amount(), SUSPECTED, Mode::Live)]);
    let rule_set = RuleSet::new(good()).expect("sound");
    let canonical = "stopline-rule-set 1\n\
        currency 156\n\
        bands step_up_at=300 decline_at=700 merchant_initiated_step_up=decline\n\
        fail late rest:decline=not_scored without_amount:decline=not_scored\n\
        fail overload rest:decline=not_scored without_amount:decline=not_scored\n\
        fail stop_list_stale rest:decline=not_scored without_amount:decline=not_scored\n\
        fail recovering rest:decline=not_scored without_amount:decline=not_scored\n\
        fail history_truncated rest:decline=not_scored without_amount:decline=not_scored\n\
        threshold limit 5\n\
        feature largest what=max window_millis=600000 outcomes=any with_current=true \
        absent_as=none\n\
        rule good live points=100 reason=suspected_fraud when (>= amount 0)\n";
    assert_eq!(rule_set.canonical(), canonical);
    // printf '…' | sha256sum | cut -c 1-16
    assert_eq!(format!("{:016x}", rule_set.hash().0), "20bac47d02827dca");

    let changes: [fn(&mut RuleSetParts); 7] = [
        |it| {
            let late = FailAnswer::Decline { reason: Reason::IssuerUnavailable };
            it.fail_policy = FailPolicy::new(|_| CausePolicy::always(late)).expect("sound");
        },
        |it| it.bands.step_up_at = 301,
        |it| it.currency = Currency::from_numeric(840),
        |it| it.thresholds.iter_mut().for_each(|it| it.value += 1),
        |it| {
            it.features.iter_mut().for_each(|it| it.with_current = false);
        },
        |it| it.features.iter_mut().for_each(|it| it.absent_as = Some(0)),
        |it| it.rules = vec![rule("good", any_amount(), SUSPECTED, Mode::Shadow)],
    ];
    for change in changes {
        let mut parts = good();
        change(&mut parts);
        let other = RuleSet::new(parts).expect("sound");
        assert_ne!(other.hash(), rule_set.hash(), "{}", other.canonical());
    }
}
