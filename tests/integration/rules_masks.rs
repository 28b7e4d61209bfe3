//! Rule sets as they run (atoms and masks), against each condition evaluated part by part:
//! the same rules fire with the same points, whatever is absent.

use std::sync::Arc;

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use stopline::domain::{Amount, Authorisation, Currency, Identifier, Initiator, Reason};
use stopline::engine::rules::{
    Action, Choices, Condition, FeatureIndex, Field, Mode, Number, Operand, Relation, Rule,
    RuleSet, RuleSetFault, RuleSetParts, TextField, Threshold, ThresholdIndex, Unit, Verdict,
};

use crate::support::{purchase, rule_set};
use crate::words::request;

const RULE_SETS_COUNT: usize = 2_000;
const RULES_COUNT: usize = 12;
const ROWS_COUNT: usize = 12;
const FEATURES_COUNT: usize = 7;
const RELATIONS: [Relation; 6] = [
    Relation::Equal,
    Relation::NotEqual,
    Relation::Less,
    Relation::LessOrEqual,
    Relation::Greater,
    Relation::GreaterOrEqual,
];
const FIELDS: [Field; 6] = [
    Field::Amount,
    Field::MerchantCategory,
    Field::Initiator,
    Field::Eci,
    Field::Bin,
    Field::Incremental,
];
/// Values at which arithmetic turns.
const EDGES: [i64; 12] = [
    i64::MIN,
    i64::MIN + 1,
    -1_000_000_007,
    -64,
    -1,
    0,
    1,
    63,
    64,
    1_000_000_000_000,
    i64::MAX - 1,
    i64::MAX,
];

struct Draw(ChaCha8Rng);

impl Draw {
    fn literal(&mut self) -> i64 {
        match self.0.random_range(0..10) {
            0 => *EDGES.choose(&mut self.0).expect("some"),
            1 => self.0.random_range(-30_000..30_000),
            _ => self.0.random_range(-4..9),
        }
    }

    fn operand(&mut self) -> Operand {
        match self.0.random_range(0..10) {
            0..5 => Operand::Feature(FeatureIndex(self.0.random_range(0..FEATURES_COUNT))),
            5..8 => Operand::Field(*FIELDS.choose(&mut self.0).expect("some")),
            _ => Operand::Threshold(ThresholdIndex(self.0.random_range(0..3))),
        }
    }

    fn number(&mut self, depth: u32) -> Number {
        let kind = if depth == 0 { 0 } else { self.0.random_range(0..9) };
        let mut part = || Box::new(self.number(depth - 1));
        match kind {
            5 => Number::Sum(part(), part()),
            6 => Number::Difference(part(), part()),
            7 => Number::Product(part(), part()),
            8 => Number::Negation(part()),
            _ if self.0.random() => Number::Literal(self.literal()),
            _ => Number::Read(self.operand()),
        }
    }

    fn comparison(&mut self) -> Condition {
        match self.0.random_range(0..12) {
            0 => Condition::Has(self.operand()),
            1 => Condition::HasText(TextField::Portfolio),
            2 => Condition::TextDiffers { field: TextField::Portfolio, text: "gold".into() },
            3 => Condition::TextAmong {
                field: TextField::Portfolio,
                choices: Choices::new(vec!["gold".into(), "silver".into()]),
            },
            4 | 5 => {
                let count = self.0.random_range(1..6);
                let choices = (0..count).map(|_| self.literal()).collect();
                let value = self.number(1);
                Condition::Among { value, choices: Choices::new(choices) }
            }
            _ => {
                let depth = self.0.random_range(0..3);
                let (left, right) = (self.number(depth), self.number(depth));
                let relation = *RELATIONS.choose(&mut self.0).expect("some");
                Condition::Compare { left, relation, right }
            }
        }
    }

    fn condition(&mut self, depth: u32) -> Condition {
        let kind = if depth == 0 { 0 } else { self.0.random_range(0..10) };
        let count = self.0.random_range(1..5);
        let mut parts = || (0..count).map(|_| self.condition(depth - 1)).collect();
        match kind {
            2..5 => Condition::All(parts()),
            5..8 => Condition::Any(parts()),
            8 | 9 => Condition::Not(Box::new(self.condition(depth - 1))),
            _ => self.comparison(),
        }
    }

    fn rule(&mut self, name: usize) -> Rule {
        let depth = self.0.random_range(0..5);
        let condition = self.condition(depth);
        let mode = *Mode::ALL.choose(&mut self.0).expect("two");
        let points = self.0.random_range(1..400);
        let action = Action::Points { points, reason: Reason::SuspectedFraud };
        Rule::new(Arc::from(format!("rule_{name}")), condition, action, mode)
    }

    /// Rules that a rule set takes: what reads nothing or may be inexact is drawn again.
    fn rule_set(&mut self, base: &RuleSet) -> RuleSet {
        let mut rules: Vec<Rule> = Vec::new();
        let limits = [5, 0, -3].into_iter().enumerate();
        let parts = |rules| RuleSetParts {
            currency: base.currency(),
            bands: *base.bands(),
            fail_policy: base.fail_policy().clone(),
            thresholds: limits
                .clone()
                .map(|(at, value)| Threshold {
                    name: format!("limit_{at}").into(),
                    value,
                    unit: Unit::Number,
                })
                .collect(),
            features: base.features()[..FEATURES_COUNT].to_vec(),
            lists: Vec::new(),
            rules,
        };
        while rules.len() < RULES_COUNT {
            let rule = self.rule(rules.len());
            match RuleSet::new(parts(vec![rule.clone()])) {
                Ok(_) => rules.push(rule),
                Err(RuleSetFault::ReadsNothing { .. } | RuleSetFault::TooLarge { .. }) => {}
                Err(fault) => panic!("{fault}"),
            }
        }
        RuleSet::new(parts(rules)).expect("each is sound")
    }

    fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.0.random_bool(0.75).then(|| draw(self))
    }

    fn evidence(&mut self) -> Vec<Option<i64>> {
        (0..FEATURES_COUNT).map(|_| self.maybe(Self::literal)).collect()
    }

    fn request(&mut self) -> Authorisation<'static> {
        Authorisation {
            incremental: self.0.random(),
            amount: self
                .maybe(|draw| draw.0.random_range(0..9))
                .and_then(|it| Amount::new(it, Currency::from_numeric(156))),
            merchant_category: self.maybe(|draw| draw.0.random_range(1..9)),
            initiator: if self.0.random() { Initiator::Merchant } else { Initiator::Cardholder },
            eci: self.maybe(|draw| draw.0.random_range(0..9)),
            bin: self.maybe(|draw| draw.0.random_range(0..3)),
            portfolio: self.maybe(|draw| {
                let word = *["gold", "silver", "lead"].choose(&mut draw.0).expect("some");
                Identifier::new(word, 32).expect("valid")
            }),
            ..request(&purchase("a-1", "account"))
        }
    }
}

#[test]
fn masks_and_conditions_part_by_part_fire_the_same_rules_with_the_same_points() {
    let seed = std::env::var("STOPLINE_SEED").ok().map_or(11, |it| it.parse().expect("a number"));
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed));
    let base = rule_set(include_str!("../../config/rules.toml"));
    let (mut by_masks, mut by_tree) = (Verdict::default(), Verdict::default());
    let (mut fired, mut asked) = (0, 0);
    for _ in 0..RULE_SETS_COUNT {
        let rule_set = draw.rule_set(&base);
        for _ in 0..ROWS_COUNT {
            let (auth, evidence) = (draw.request(), draw.evidence());
            let amount = auth.amount.map(Amount::minor_units);
            rule_set.judge(&auth, amount, &evidence, &mut by_masks);
            rule_set.judge_by_tree(&auth, amount, &evidence, &mut by_tree);
            let found = |verdict: &Verdict| {
                let Verdict { outcome, reason, score, fired, shadow, .. } = verdict.clone();
                (outcome, reason, score, fired, shadow)
            };
            assert_eq!(
                found(&by_masks),
                found(&by_tree),
                "seed {seed}, {auth:?}, {evidence:?}\n{}",
                rule_set.canonical()
            );
            fired += by_masks.fired.len() + by_masks.shadow.len();
            asked += RULES_COUNT;
        }
    }
    assert!(asked >= 100_000, "{asked} rules on rows");
    assert!((asked / 10..asked * 9 / 10).contains(&fired), "{fired} of {asked} fired");
}
