//! What each step leaves out of a decision, and what it never does.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use stopline::domain::{Decision, FailCause, Outcome, Reason};
use stopline::engine::rules::{Operand, RuleSet};
use stopline::wire::proto;

use super::Desk;
use crate::support::{BEGINNING, POLICY, Rig, door, engine_by, loss_order, purchase, rule_set};

/// The tests' policy, with a mean and a count that may be left out.
fn optional_policy() -> String {
    format!(
        "{POLICY}
[[velocity]]
name = \"mean_1h\"
key = \"account\"
what = \"mean\"
window = \"1h\"
absent_as = 0
optional = true

[[velocity]]
name = \"merchants_1h\"
key = \"account\"
what = \"distinct\"
of = \"merchant\"
window = \"1h\"
optional = true

[[rule]]
name = \"many_merchants\"
when = \"velocity.merchants_1h >= 3\"
then = {{ points = 400, reason = \"suspected_fraud\" }}
mode = \"live\"

[[rule]]
name = \"not_above_mean\"
when = \"!(amount > velocity.mean_1h)\"
then = {{ tag = true }}
mode = \"live\"

[[rule]]
name = \"spread\"
when = \"velocity.merchants_1h >= 2\"
then = {{ decline = \"suspected_fraud\" }}
mode = \"shadow\"
"
    )
}

fn names(fired: &[stopline::domain::FiredRule]) -> Vec<&str> {
    fired.iter().map(|rule| &*rule.name).collect()
}

fn from_abroad(id: &str) -> proto::Authorisation {
    proto::Authorisation { merchant_country: Some("US".to_owned()), ..purchase(id, "account") }
}

#[test]
fn at_step_1_shadow_rules_are_not_evaluated_and_nothing_else_changes() {
    let at = |step| {
        let mut desk = Desk::new(POLICY);
        for number in 0..4 {
            desk.decision(&from_abroad(&format!("id-{number}")), 0);
        }
        desk.decision(&from_abroad("last"), step)
    };
    let (whole, shed) = (at(0), at(1));
    let on_trial: Vec<_> = whole.shadow.iter().map(|rule| &**rule.name()).collect();
    assert_eq!(on_trial, ["abroad"]);
    assert!(shed.shadow.is_empty());
    assert_eq!(shed.outcome, Outcome::StepUp);
    let without_shadow = Decision { shadow: Vec::new(), overload_step: 1, ..whole };
    assert_eq!(shed, without_shadow);
}

#[test]
fn at_step_2_an_optional_feature_is_absent_and_every_other_one_is_not() {
    let policy = optional_policy();
    let at = |step| {
        let mut desk = Desk::new(&policy);
        for number in 0..3 {
            let merchant_id = Some(format!("merchant-{number}"));
            let id = format!("id-{number}");
            desk.decision(&proto::Authorisation { merchant_id, ..purchase(&id, "account") }, 0);
        }
        desk.decision(&purchase("last", "account"), step)
    };
    let whole = at(1);
    assert_eq!(whole.evidence, [Some(4), Some(10_000), Some(5_000), Some(3)]);
    assert_eq!(names(&whole.fired), ["few_in_10m", "many_merchants", "not_above_mean"]);
    assert_eq!(whole.outcome, Outcome::Decline);
    let shed = at(2);
    // Whatever stands for absence otherwise: it is absent, also in what a rule shows.
    assert_eq!(shed.evidence, [Some(4), Some(10_000), None, None]);
    assert_eq!(names(&shed.fired), ["few_in_10m", "not_above_mean"]);
    let shown = shed.fired.last().expect("fired").values.last().expect("read");
    assert_eq!((&*shown.name, shown.value), ("velocity.mean_1h", None));
    assert_eq!((shed.outcome, shed.overload_step), (Outcome::StepUp, 2));
    assert!(shed.shadow.is_empty(), "what step 1 leaves out, step 2 leaves out too");
}

#[test]
fn at_step_3_the_fail_policy_answers_and_neither_rules_nor_features_are_looked_at() {
    let mut desk = Desk::new(POLICY);
    for number in 0..10 {
        let decision = desk.decision(&purchase(&format!("id-{number}"), "account"), 3);
        let told = (decision.outcome, decision.reason, decision.by_policy);
        let declined = (Outcome::Decline, Some(Reason::NotScored), Some(FailCause::Overload));
        assert_eq!(told, declined, "as the policy says");
        assert_eq!((decision.score, decision.overload_step), (0, 3));
        assert_eq!(decision.evidence, []);
        assert!(decision.fired.is_empty() && decision.shadow.is_empty());
    }
    // All of it was remembered: what comes next is judged by it.
    let decision = desk.decision(&purchase("next", "account"), 0);
    assert_eq!(decision.evidence, [Some(11), Some(0)], "declined by nobody who looked: no spend");
    assert_eq!(decision.reason, Some(Reason::VelocityCountExceeded));
}

#[test]
fn a_stopped_card_is_declined_at_every_step() {
    let rig = Rig::new(1);
    rig.publish(&loss_order("order", "account"));
    let mut engine = engine_by(rule_set(&optional_policy()), &rig.shared);
    engine.open_partition(stopline::domain::PartitionId(0), stopline::engine::History::Whole);
    let mut desk = Desk { engine, door: door(), next: 0 };
    for step in [0, 1, 2, 3, 4, 255] {
        let decision = desk.decision(&purchase(&format!("id-{step}"), "account"), step);
        let told = (decision.outcome, decision.reason, decision.overload_step);
        assert_eq!(told, (Outcome::Decline, Some(Reason::LostCard), step));
        assert!(decision.stop_order.is_some());
    }
}

#[test]
fn a_repeat_gets_the_bytes_that_were_given_under_another_step() {
    let mut desk = Desk::new(POLICY);
    for (given, repeated) in [(0, 3), (1, 0), (2, 1), (3, 0)] {
        let request = from_abroad(&format!("id-{given}"));
        let (first, _) = desk.decide(&request, given);
        assert_eq!(desk.decide(&request, repeated), (first, None));
    }
}

#[test]
fn that_a_feature_is_optional_is_part_of_the_rule_sets_hash() {
    let optional = optional_policy();
    let (with, without) = (rule_set(&optional), rule_set(&optional.replace("optional = true", "")));
    assert_ne!(with.hash(), without.hash());
    let lines = |rule_set: &RuleSet, wanted: &str| {
        let canonical = rule_set.canonical();
        canonical.lines().filter(|line| line.ends_with(wanted)).count()
    };
    assert_eq!(lines(&with, " absent_as=0 optional"), 1);
    assert_eq!(lines(&with, " absent_as=none optional"), 1);
    assert_eq!(lines(&without, "optional"), 0);
}

fn random_message(random: &mut ChaCha8Rng, number: usize) -> proto::Authorisation {
    let account = format!("account-{}", random.random_range(0..4));
    let minutes = i64::try_from(number).expect("small");
    proto::Authorisation {
        amount_minor_units: Some(random.random_range(1..600_000)),
        authorised_at_millis: BEGINNING + minutes * 60_000 - random.random_range(0..300_000),
        merchant_id: Some(format!("merchant-{}", random.random_range(0..6))),
        merchant_country: Some(["CN", "US", "HK"][random.random_range(0..3)].to_owned()),
        initiator: random.random_range(0..3),
        merchant_category_code: Some([5_411, 6_051, 7_995][random.random_range(0..3)]),
        ..purchase(&format!("id-{number}"), &account)
    }
}

#[test]
fn without_shadow_rules_every_outcome_is_the_same() {
    let policies = [optional_policy(), include_str!("../../../config/rules.toml").to_owned()];
    let (mut shadows, mut firings) = (0, 0);
    for policy in &policies {
        for seed in 0..30 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            let (mut whole, mut shed) = (Desk::new(policy), Desk::new(policy));
            for number in 0..80 {
                let message = random_message(&mut random, number);
                let step = random.random_range(0..2);
                let (expected, found) =
                    (whole.decision(&message, 0), shed.decision(&message, step));
                shadows += usize::from(step == 1 && !expected.shadow.is_empty());
                firings += expected.fired.len();
                let shadow = if step == 1 { Vec::new() } else { expected.shadow.clone() };
                let expected = Decision { shadow, overload_step: step, ..expected };
                assert_eq!(found, expected, "seed {seed}, message {number}");
            }
        }
    }
    assert!(shadows > 100 && firings > 100, "{shadows} shadows left out, {firings} rules fired");
}

/// The names of the rules that read an optional feature.
fn readers_of_optional(rule_set: &RuleSet) -> Vec<&str> {
    let is_optional = |operand: &Operand| match operand {
        Operand::Feature(at) => rule_set.features()[at.0].is_optional,
        Operand::Field(_) | Operand::Threshold(_) => false,
    };
    let rules = rule_set.rules().iter();
    let reads = rules.filter(|rule| rule.condition().reads().iter().any(is_optional));
    reads.map(|rule| &**rule.name()).collect()
}

#[test]
fn without_optional_features_only_the_rules_that_read_them_may_differ() {
    let mut differing = 0;
    for policy in [optional_policy(), include_str!("../../../config/rules.toml").to_owned()] {
        let rule_set = rule_set(&policy);
        let readers = readers_of_optional(&rule_set);
        assert!(!readers.is_empty());
        for seed in 0..60 {
            // One history, and the last message of it at step 1 and at step 2.
            let last = |step| {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let mut desk = Desk::new(&policy);
                for number in 0..25 {
                    desk.decision(&random_message(&mut random, number), 0);
                }
                desk.decision(&random_message(&mut random, 25), step)
            };
            let (whole, shed) = (last(1), last(2));
            for (feature, (whole, shed)) in
                rule_set.features().iter().zip(whole.evidence.iter().zip(&shed.evidence))
            {
                let expected = if feature.is_optional { &None } else { whole };
                assert_eq!(shed, expected, "{} with seed {seed}", feature.name);
            }
            let others = |decision: &Decision| -> Vec<_> {
                let fired = decision.fired.iter();
                fired.filter(|rule| !readers.contains(&&*rule.name)).cloned().collect()
            };
            assert_eq!(others(&shed), others(&whole), "seed {seed}");
            if names(&shed.fired) == names(&whole.fired) {
                let ruled =
                    |decision: &Decision| (decision.outcome, decision.reason, decision.score);
                assert_eq!(ruled(&shed), ruled(&whole), "seed {seed}");
            } else {
                differing += 1;
            }
        }
    }
    assert!(differing > 5, "{differing} differ: the test could not fail");
}
