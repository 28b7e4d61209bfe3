//! From what fired to the outcome.

use crate::domain::{Authorisation, Initiator, Outcome, Reason};

use super::super::{Action, Condition, MerchantInitiatedStepUp, Mode, Relation, RuleSet, Verdict};
use super::sample::{any_amount, compare, feature, parts, request, rule, rule_set, threshold};

fn points(points: i32, reason: Reason) -> Action {
    Action::Points { points, reason }
}

fn judge(rule_set: &RuleSet, initiator: Initiator) -> Verdict {
    let mut verdict = Verdict::default();
    let auth = Authorisation { initiator, ..request() };
    rule_set.judge(&auth, Some(10_000), &[Some(7)], &mut verdict);
    verdict
}

fn check(actions: &[Action], initiator: Initiator) -> (Outcome, Option<Reason>, u16) {
    let rules = actions.iter().enumerate();
    let rules =
        rules.map(|(at, action)| rule(&format!("rule_{at}"), any_amount(), *action, Mode::Live));
    let verdict = judge(&rule_set(rules.collect()).expect("sound"), initiator);
    assert_eq!(verdict.fired.len(), actions.len(), "every rule is evaluated");
    (verdict.outcome, verdict.reason, verdict.score)
}

type Ruled = (Outcome, Option<Reason>, u16);

#[test]
fn the_sum_of_points_picks_the_band_and_the_strongest_rule_the_reason() {
    use Initiator::{Cardholder, Merchant};
    use Outcome::{Approve, Decline, StepUp};
    use Reason::{
        SecurityViolation, SuspectedFraud, VelocityAmountExceeded, VelocityCountExceeded,
    };
    let gives = |one, reason| points(one, reason);
    let relief = Action::Relief { points: 500 };
    let two = |one, other| [gives(400, one), gives(400, other)];
    let cases: [(&[Action], Initiator, Ruled); 10] = [
        (&[], Cardholder, (Approve, None, 0)),
        (&[Action::Tag], Cardholder, (Approve, None, 0)),
        (&[gives(299, SuspectedFraud)], Cardholder, (Approve, None, 299)),
        (&[gives(300, SuspectedFraud)], Cardholder, (StepUp, Some(SuspectedFraud), 300)),
        (&[gives(300, SuspectedFraud)], Merchant, (Decline, Some(SuspectedFraud), 300)),
        (
            &[gives(300, SuspectedFraud), gives(400, VelocityAmountExceeded)],
            Cardholder,
            (Decline, Some(VelocityAmountExceeded), 700),
        ),
        // Equal points: the reason first in precedence, in whatever order they fire.
        (
            &two(SuspectedFraud, VelocityCountExceeded),
            Cardholder,
            (Decline, Some(VelocityCountExceeded), 800),
        ),
        (
            &two(SecurityViolation, SuspectedFraud),
            Cardholder,
            (Decline, Some(SecurityViolation), 800),
        ),
        (&[gives(700, SuspectedFraud), relief], Cardholder, (Approve, None, 200)),
        (&[relief], Cardholder, (Approve, None, 0)),
    ];
    for (actions, initiator, ruled) in cases {
        assert_eq!(check(actions, initiator), ruled, "{actions:?} {initiator:?}");
    }
}

#[test]
fn a_rule_that_declines_or_steps_up_outright_does_so_whatever_the_points() {
    use Initiator::{Cardholder, Merchant};
    use Outcome::{Decline, StepUp};
    use Reason::{
        AuthenticationRequired, NotPermitted, SecurityViolation, SuspectedFraud,
        VelocityCountExceeded,
    };
    let declines = |reason| Action::Decline { reason };
    let asks = Action::StepUp;
    let much = |reason| points(999, reason);
    let cases: [(&[Action], Initiator, Ruled); 6] = [
        (
            &[much(VelocityCountExceeded), much(SuspectedFraud), declines(NotPermitted)],
            Cardholder,
            (Decline, Some(NotPermitted), 999),
        ),
        (
            &[declines(NotPermitted), declines(SecurityViolation)],
            Cardholder,
            (Decline, Some(SecurityViolation), 0),
        ),
        (&[asks], Cardholder, (StepUp, Some(AuthenticationRequired), 0)),
        (&[asks], Merchant, (Decline, Some(AuthenticationRequired), 0)),
        (&[asks, much(SuspectedFraud)], Cardholder, (Decline, Some(SuspectedFraud), 999)),
        (&[asks, points(300, SuspectedFraud)], Cardholder, (StepUp, Some(SuspectedFraud), 300)),
    ];
    for (actions, initiator, ruled) in cases {
        assert_eq!(check(actions, initiator), ruled, "{actions:?} {initiator:?}");
    }
}

#[test]
fn a_merchant_initiated_step_up_can_be_approved() {
    let mut parts = parts(vec![
        rule("step_up", any_amount(), Action::StepUp, Mode::Live),
        rule("some", any_amount(), points(400, Reason::SuspectedFraud), Mode::Live),
    ]);
    parts.bands.merchant_initiated_step_up = MerchantInitiatedStepUp::Approve;
    let verdict = judge(&RuleSet::new(parts).expect("sound"), Initiator::Merchant);
    assert_eq!((verdict.outcome, verdict.reason), (Outcome::Approve, None));
}

#[test]
fn a_shadow_rule_is_reported_and_changes_nothing() {
    let live = || rule("live", any_amount(), points(100, Reason::SuspectedFraud), Mode::Live);
    let actions = [
        points(999, Reason::VelocityCountExceeded),
        Action::Relief { points: 999 },
        Action::Decline { reason: Reason::NotPermitted },
        Action::StepUp,
        Action::Tag,
    ];
    let alone = judge(&rule_set(vec![live()]).expect("sound"), Initiator::Cardholder);
    for action in actions {
        let rules = vec![rule("shadow", any_amount(), action, Mode::Shadow), live()];
        let beside = judge(&rule_set(rules).expect("sound"), Initiator::Cardholder);
        assert_eq!(
            (beside.outcome, beside.reason, beside.score, &beside.fired),
            (alone.outcome, alone.reason, alone.score, &alone.fired),
            "{action:?}"
        );
        let shadow: Vec<_> = beside.shadow.iter().map(|it| &**it.name()).collect();
        assert_eq!(shadow, ["shadow"]);
    }
}

#[test]
fn a_fired_rule_shows_what_it_read_and_what_was_absent() {
    let condition = Condition::Any(vec![
        compare(feature(), Relation::Greater, threshold()),
        any_amount(),
        compare(feature(), Relation::Greater, threshold()),
    ]);
    let rules = vec![rule("reads", condition, Action::Tag, Mode::Live)];
    let rule_set = rule_set(rules).expect("sound");
    let mut verdict = Verdict::default();
    let values = |verdict: &Verdict| -> Vec<(String, Option<i64>)> {
        let fired = verdict.fired.first().expect("fired");
        let values = fired.values.iter();
        values.map(|it| (it.name.to_string(), it.value)).collect()
    };
    rule_set.judge(&request(), Some(10_000), &[Some(7)], &mut verdict);
    let named = |feature, amount| {
        [("velocity.largest", feature), ("thresholds.limit", Some(5)), ("amount", amount)]
            .map(|(name, value)| (name.to_owned(), value))
    };
    assert_eq!(values(&verdict), named(Some(7), Some(10_000)));
    rule_set.judge(&request(), Some(10_000), &[None], &mut verdict);
    assert_eq!(values(&verdict), named(None, Some(10_000)));
}

#[test]
fn a_verdict_that_is_used_again_holds_nothing_of_the_last_one() {
    let rules = vec![
        rule("live", any_amount(), points(700, Reason::SuspectedFraud), Mode::Live),
        rule("shadow", any_amount(), Action::Tag, Mode::Shadow),
    ];
    let rule_set = rule_set(rules).expect("sound");
    let mut verdict = Verdict::default();
    rule_set.judge(&request(), Some(1), &[None], &mut verdict);
    assert_eq!(verdict.outcome, Outcome::Decline);
    rule_set.judge(&request(), None, &[None], &mut verdict);
    assert_eq!((verdict.outcome, verdict.reason, verdict.score), (Outcome::Approve, None, 0));
    assert!(verdict.fired.is_empty() && verdict.shadow.is_empty());
}
