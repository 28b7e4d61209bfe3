//! What [`Foresight`] says of random conditions, held against payments of every kind.

use std::sync::Arc;

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::foresight::Foresight;
use super::load::parse_rules;
use super::vocabulary::Vocabulary;
use crate::domain::{Authorisation, Identifier, Initiator};
use crate::engine::fixtures::purchase;
use crate::engine::rules::{
    Action, Choices, Condition, FeatureIndex, Field, Mode, Number, Operand, Relation, Rule,
    RuleSet, RuleSetParts, TextField, ThresholdIndex, Verdict,
};

const RULES: &str = r#"
currency = "CNY"
bands = { step_up_at = 300, decline_at = 700, merchant_initiated_step_up = "decline" }
thresholds = { three = 3, five = 5 }
rule = [{ name = "a", when = "eci == 1", then = { decline = "suspected_fraud" }, mode = "live" }]
fail_policy.late = { bands = [{ then = "approve" }], without_amount = { then = "approve" } }
fail_policy.overload = { bands = [{ then = "approve" }], without_amount = { then = "approve" } }
fail_policy.stop_list_stale = { bands = [{ then = "judge" }], without_amount = { then = "judge" } }
fail_policy.recovering = { bands = [{ then = "judge" }], without_amount = { then = "judge" } }
[fail_policy.history_truncated]
bands = [{ then = "judge" }]
without_amount = { then = "judge" }
[[velocity]]
name = "count"
key = "account"
what = "count"
window = "10m"
[[velocity]]
name = "last"
key = "account"
what = "seconds_since_last"
window = "10m"
"#;

fn rule_set() -> RuleSet {
    parse_rules("rules.toml".as_ref(), RULES).expect("sound").0
}

fn vocabulary(rule_set: &RuleSet) -> Vocabulary {
    Vocabulary {
        currency: Some(rule_set.currency()),
        is_complete: true,
        is_sound: true,
        features: rule_set.features().to_vec(),
        thresholds: rule_set.thresholds().to_vec(),
        lists: Vec::new(),
    }
}

const OPERANDS: [Operand; 6] = [
    Operand::Field(Field::Eci),
    Operand::Field(Field::Initiator),
    Operand::Feature(FeatureIndex(0)),
    Operand::Feature(FeatureIndex(1)),
    Operand::Threshold(ThresholdIndex(0)),
    Operand::Threshold(ThresholdIndex(1)),
];

const RELATIONS: [Relation; 6] = [
    Relation::Equal,
    Relation::NotEqual,
    Relation::Less,
    Relation::LessOrEqual,
    Relation::Greater,
    Relation::GreaterOrEqual,
];

fn number(random: &mut ChaCha8Rng, depth: u32) -> Number {
    let boxed = |random: &mut ChaCha8Rng| Box::new(number(random, depth - 1));
    match random.random_range(0..if depth == 0 { 6 } else { 9 }) {
        0 | 1 => Number::Literal(*[-1, 0, 1, 2, 3, 5, 99, 600].choose(random).expect("some")),
        2..6 => Number::Read(*OPERANDS.choose(random).expect("some")),
        6 => Number::Sum(boxed(random), boxed(random)),
        7 => Number::Difference(boxed(random), boxed(random)),
        _ => Number::Negation(boxed(random)),
    }
}

fn condition(random: &mut ChaCha8Rng, depth: u32) -> Condition {
    let parts = |random: &mut ChaCha8Rng| {
        let count = random.random_range(1..4);
        (0..count).map(|_| condition(random, depth - 1)).collect()
    };
    match random.random_range(0..if depth == 0 { 7 } else { 12 }) {
        0..4 => Condition::Compare {
            left: number(random, 1),
            relation: *RELATIONS.choose(random).expect("some"),
            right: number(random, 1),
        },
        4 => Condition::Among { value: number(random, 1), choices: Choices::new(vec![0, 1, 2, 5]) },
        5 => Condition::Has(*OPERANDS.choose(random).expect("some")),
        6 => match random.random_range(0..3) {
            0 => Condition::HasText(TextField::Portfolio),
            1 => Condition::TextDiffers { field: TextField::Portfolio, text: "a".into() },
            _ => Condition::TextAmong {
                field: TextField::Portfolio,
                choices: Choices::new(vec!["a".into()]),
            },
        },
        7 => Condition::Not(Box::new(condition(random, depth - 1))),
        8 | 9 => Condition::All(parts(random)),
        _ => Condition::Any(parts(random)),
    }
}

type Evidence = [Option<i64>; 2];

/// Payments of every kind that the conditions tell apart, with their evidence.
fn payments() -> Vec<(Authorisation<'static>, Evidence)> {
    let plain = purchase(1);
    let mut payments = Vec::new();
    for eci in [None, Some(0), Some(1), Some(3), Some(5), Some(99)] {
        for initiator in [Initiator::Cardholder, Initiator::Merchant] {
            for portfolio in [None, Some("a"), Some("b")] {
                for count in [0, 1, 2, 4, 6, 700] {
                    for last in [None, Some(0), Some(1), Some(5), Some(600)] {
                        let portfolio = portfolio.map(|it| Identifier::new(it, 9).expect("valid"));
                        let payment = Authorisation { initiator, eci, portfolio, ..plain };
                        payments.push((payment, [Some(count), last]));
                    }
                }
            }
        }
    }
    payments
}

#[test]
fn what_is_said_to_be_never_or_always_so_is() {
    const SEED: u64 = 7;
    let rule_set = rule_set();
    let vocabulary = vocabulary(&rule_set);
    let payments = payments();
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut never, mut always, mut neither) = (0, 0, 0);
    for case in 0..4_000 {
        let condition = condition(&mut random, 3);
        if !condition.reads_the_request() {
            continue;
        }
        let mut foresight = Foresight::new(&vocabulary);
        let (is_never, is_always) =
            (foresight.is_never(&condition), foresight.is_always(&condition));
        let rule = Rule::new(Arc::from("x"), condition.clone(), Action::Tag, Mode::Live);
        let alone = RuleSet::new(RuleSetParts {
            currency: rule_set.currency(),
            bands: *rule_set.bands(),
            fail_policy: rule_set.fail_policy().clone(),
            thresholds: rule_set.thresholds().to_vec(),
            features: rule_set.features().to_vec(),
            lists: Vec::new(),
            rules: vec![rule],
        });
        let alone = alone.expect("sound");
        let mut verdict = Verdict::default();
        let mut fired_count = 0;
        for (payment, evidence) in &payments {
            alone.judge(payment, None, evidence, &mut verdict);
            fired_count += verdict.fired.len();
        }
        let told = format!("seed {SEED}, case {case}: {condition:?}");
        assert!(!is_never || fired_count == 0, "fires: {told}");
        assert!(!is_always || fired_count == payments.len(), "does not fire: {told}");
        match (is_never, is_always) {
            (true, _) => never += 1,
            (_, true) => always += 1,
            (false, false) => neither += 1,
        }
    }
    assert!(never > 200 && always > 100 && neither > 1_000, "{never}, {always}, {neither}");
}
