//! What the instances judge by: one policy for the engine's loader and the oracle, and two
//! others with the same features.

use std::sync::{Arc, LazyLock};

use stopline::domain::{Currency, Reason, Span};
use stopline::engine::rules::RuleSet;

use crate::oracle::policy::{
    Condition, Counts, Feature, Field, Number, Policy, Read, Relation, Rule, Then, What,
};
use crate::support::{FAIL_POLICY, rule_set};

/// Answers are kept so long.
pub(crate) const ANSWERS_AGE: Span = Span::from_seconds(600);
/// So late may a request come …
pub(crate) const LATENESS: Span = Span::from_seconds(600);
/// … and an advice.
pub(crate) const ADVICE_LATENESS: Span = Span::from_seconds(1_200);
const LONGEST_WINDOW: Span = Span::from_seconds(3_600);
/// How far back windows and what waits reach together.
pub(crate) const HORIZON_MILLIS: i64 = LONGEST_WINDOW.plus(ADVICE_LATENESS).millis();

/// The usual one, a strict and a lax one.
pub(crate) static RULE_SETS: LazyLock<[Arc<RuleSet>; 3]> = LazyLock::new(|| {
    [policy(), with_thresholds(1, 2, 50_000), with_thresholds(5, 5, 900_000)]
        .map(|policy| rule_set(&format!("{}{FAIL_POLICY}", policy.to_toml())))
});

/// The usual policy.
pub(crate) fn policy() -> Policy {
    with_thresholds(3, 5, 150_000)
}

fn with_thresholds(few: i64, many: i64, large: i64) -> Policy {
    Policy {
        currency: ("CNY", Currency::from_numeric(156)),
        step_up_at: 300,
        decline_at: 700,
        merchant_initiated_go_ahead: false,
        thresholds: vec![("few", few), ("many", many), ("large", large)],
        amounts: vec!["large"],
        features: features(),
        rules: rules(),
        answers_age: ANSWERS_AGE,
        lateness: LATENESS,
        advice_lateness: ADVICE_LATENESS,
    }
}

fn features() -> Vec<Feature> {
    const APPROVED: &[Counts] = &[Counts::Approved];
    let ten_minutes = Span::from_seconds(600);
    let any = Feature::plain;
    vec![
        any("count_10m", What::Count, ten_minutes),
        Feature {
            outcomes: Some(APPROVED),
            with_current: false,
            ..any("sum_1h", What::Sum, LONGEST_WINDOW)
        },
        any("asked_1h", What::Sum, LONGEST_WINDOW),
        any("largest_10m", What::Max, ten_minutes),
        any("merchants_1h", What::DistinctMerchants, LONGEST_WINDOW),
    ]
}

fn rules() -> Vec<Rule> {
    let feature = |name| Number::Read(Read::Feature(name));
    let threshold = |name| Number::Read(Read::Threshold(name));
    let more = |left, right| Condition::Compare(left, Relation::More, right);
    let live = |name, when, then| Rule { name, when, then, is_live: true };
    let points = Then::Points(400, Reason::VelocityCountExceeded);
    let amount = Box::new(Number::Read(Read::Field(Field::Amount)));
    let spent = Number::Plus(Box::new(feature("sum_1h")), amount);
    let at_home = Condition::Is(Field::MerchantCountry, "CN");
    vec![
        live("few_in_10m", more(feature("count_10m"), threshold("few")), points),
        live("many_in_10m", more(feature("count_10m"), threshold("many")), points),
        live(
            "much_in_1h",
            more(spent, threshold("large")),
            Then::Decline(Reason::VelocityAmountExceeded),
        ),
        Rule {
            name: "abroad",
            when: Condition::Not(Box::new(at_home)),
            then: Then::Points(999, Reason::SuspectedFraud),
            is_live: false,
        },
    ]
}
