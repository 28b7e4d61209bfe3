//! The policy of the proof: every kind of feature, rule and reading.

use stopline::domain::{Currency, Reason, Span};

use crate::oracle::policy::{
    Condition, Counts, Feature, Field, Filter, Key, Number, Policy, Read, Relation, Rule, Then,
    What,
};

const APPROVED: &[Counts] = &[Counts::Approved];
const DECLINED: &[Counts] = &[Counts::Declined];
const NOT_APPROVED: &[Counts] = &[Counts::SteppedUp, Counts::Declined];
const NOT_STEPPED_UP: &[Counts] = &[Counts::Approved, Counts::Declined];

fn minutes(count: i64) -> Span {
    Span::from_seconds(count * 60)
}

fn feature(name: &'static str, what: What, window: Span) -> Feature {
    Feature::plain(name, what, window)
}

fn of(outcomes: &'static [Counts], feature: Feature) -> Feature {
    let mut feature = earlier(feature);
    feature.outcomes = Some(outcomes);
    feature
}

/// Without what is being judged.
fn earlier(mut feature: Feature) -> Feature {
    feature.with_current = false;
    feature
}

fn by_card(feature: Feature) -> Feature {
    Feature { key: Key::Card, ..feature }
}

fn delayed(delay: Span, feature: Feature) -> Feature {
    Feature { delay, ..earlier(feature) }
}

fn whose(filter: Filter, mut feature: Feature) -> Feature {
    feature.filter = Some(filter);
    feature
}

/// Filters of every kind, joined in every way.
fn filtered_features() -> Vec<Feature> {
    use Filter::{All, Amount, Any, Category, Channel, Country, EntryMode, Not};
    use What::{Count, DistinctCategories, Max, Mean, Min, Sum};
    let not = |filter| Not(Box::new(filter));
    vec![
        whose(Filter::Initiator("merchant"), feature("agreed_2h", Count, minutes(120))),
        whose(not(Filter::Processing("account_check")), feature("least_2h", Min, minutes(120))),
        whose(
            All(vec![EntryMode("ecommerce"), not(Channel("app"))]),
            feature("ecommerce_1h", Count, minutes(60)),
        ),
        whose(not(Filter::HasChannel), feature("nowhere_2h", Count, minutes(120))),
        whose(Category(4_000, 5_999), feature("categories_2h", DistinctCategories, minutes(120))),
        of(
            APPROVED,
            whose(
                Any(vec![Amount(5_000, 20_000), Country("US")]),
                feature("middling_1h", Sum, minutes(60)),
            ),
        ),
        of(DECLINED, whose(Amount(0, 10_000), feature("small_refused_2h", Max, minutes(120)))),
        delayed(minutes(30), whose(not(Country("CN")), feature("abroad_then", Mean, minutes(45)))),
    ]
}

fn other_features() -> Vec<Feature> {
    use What::{
        Count, CountryChanges, DistinctAccounts, DistinctCards, DistinctDevices, DistinctIps,
        DistinctMerchants, Max, Min, SecondsSinceLast, Sum,
    };
    vec![
        feature("smallest_1h", Min, minutes(60)),
        feature("changes_2h", CountryChanges, minutes(120)),
        earlier(feature("changes_before_2h", CountryChanges, minutes(120))),
        feature("devices_2h", DistinctDevices, minutes(120)),
        feature("ips_2h", DistinctIps, minutes(120)),
        feature("cards_2h", DistinctCards, minutes(120)),
        delayed(minutes(20), feature("count_then", Count, minutes(60))),
        delayed(minutes(1), feature("since_then", SecondsSinceLast, minutes(90))),
        by_card(feature("card_count_30m", Count, minutes(30))),
        by_card(feature("card_asked_1h", Sum, minutes(60))),
        by_card(of(APPROVED, feature("card_largest_1h", Max, minutes(60)))),
        by_card(feature("card_accounts_1h", DistinctAccounts, minutes(60))),
        by_card(earlier(feature("card_merchants_40m", DistinctMerchants, minutes(40)))),
        by_card(feature("card_changes_1h", CountryChanges, minutes(60))),
        by_card(earlier(feature("card_since_1h", SecondsSinceLast, minutes(60)))),
        by_card(delayed(minutes(20), feature("card_ips_then", DistinctIps, minutes(40)))),
    ]
}

fn features() -> Vec<Feature> {
    [first_features(), filtered_features(), other_features()].concat()
}

fn first_features() -> Vec<Feature> {
    use What::{Count, DistinctCountries, DistinctMerchants, Max, Mean, SecondsSinceLast, Sum};
    vec![
        feature("attempts_10m", Count, minutes(10)),
        feature("attempts_2h", Count, minutes(120)),
        earlier(feature("earlier_1h", Count, minutes(60))),
        of(DECLINED, feature("declines_1h", Count, minutes(60))),
        of(NOT_APPROVED, feature("refusals_30m", Count, minutes(30))),
        of(APPROVED, feature("spent_10m", Sum, minutes(10))),
        of(APPROVED, feature("spent_2h", Sum, minutes(120))),
        feature("asked_1h", Sum, minutes(60)),
        of(APPROVED, feature("mean_2h", Mean, minutes(120))),
        Feature { absent_as: Some(77), ..earlier(feature("mean_before_30m", Mean, minutes(30))) },
        of(NOT_STEPPED_UP, feature("largest_1h", Max, minutes(60))),
        feature("largest_2h", Max, minutes(120)),
        feature("merchants_30m", DistinctMerchants, minutes(30)),
        feature("countries_2h", DistinctCountries, minutes(120)),
        earlier(feature("since_2h", SecondsSinceLast, minutes(120))),
        Feature {
            absent_as: Some(86_400),
            ..of(APPROVED, feature("since_approved_1h", SecondsSinceLast, minutes(60)))
        },
    ]
}

fn read(name: &'static str) -> Number {
    Number::Read(Read::Feature(name))
}

fn threshold(name: &'static str) -> Number {
    Number::Read(Read::Threshold(name))
}

fn amount() -> Number {
    Number::Read(Read::Field(Field::Amount))
}

fn plus(left: Number, right: Number) -> Number {
    Number::Plus(Box::new(left), Box::new(right))
}

fn times(left: Number, right: Number) -> Number {
    Number::Times(Box::new(left), Box::new(right))
}

fn all(parts: impl IntoIterator<Item = Condition>) -> Condition {
    Condition::All(parts.into_iter().collect())
}

fn more(left: Number, right: Number) -> Condition {
    Condition::Compare(left, Relation::More, right)
}

fn at_least(left: Number, right: Number) -> Condition {
    Condition::Compare(left, Relation::AtLeast, right)
}

fn live(name: &'static str, when: Condition, then: Then) -> Rule {
    Rule { name, when, then, is_live: true }
}

fn is_spend() -> Condition {
    Condition::Not(Box::new(Condition::Any(vec![
        Condition::Is(Field::ProcessingCode, "refund"),
        Condition::Is(Field::ProcessingCode, "credit"),
    ])))
}

fn live_rules() -> Vec<Rule> {
    let few_countries =
        Condition::Compare(read("countries_2h"), Relation::AtMost, Number::Plain(1));
    vec![
        live(
            "burst",
            all([at_least(read("attempts_10m"), threshold("burst")), is_spend()]),
            Then::Points(350, Reason::VelocityCountExceeded),
        ),
        live(
            "many_attempts",
            more(read("attempts_2h"), times(Number::Plain(4), threshold("burst"))),
            Then::Points(350, Reason::SuspectedFraud),
        ),
        live(
            "spent",
            all([more(plus(read("spent_10m"), amount()), threshold("much")), is_spend()]),
            Then::Points(400, Reason::VelocityAmountExceeded),
        ),
        live(
            "spent_a_lot",
            more(plus(read("spent_2h"), amount()), times(Number::Plain(6), threshold("much"))),
            Then::Decline(Reason::VelocityAmountExceeded),
        ),
        live(
            "guessing",
            all([
                Condition::Is(Field::Cvv2Result, "no_match"),
                at_least(read("refusals_30m"), Number::Plain(1)),
            ]),
            Then::Decline(Reason::SecurityViolation),
        ),
        live("wrong_code", Condition::Is(Field::Cvv2Result, "no_match"), Then::StepUp),
        live(
            "far_above_mean",
            all([
                at_least(amount(), times(Number::Plain(10), read("mean_2h"))),
                more(amount(), read("largest_1h")),
            ]),
            Then::Points(300, Reason::SuspectedFraud),
        ),
        live(
            "spread",
            at_least(read("countries_2h"), Number::Plain(3)),
            Then::Points(320, Reason::SuspectedFraud),
        ),
        live(
            "calm",
            all([few_countries, Condition::Has(Read::Feature("since_2h")), is_spend()]),
            Then::Relief(60),
        ),
        live(
            "by_agreement_after_declines",
            all([
                Condition::Is(Field::Initiator, "merchant"),
                more(read("declines_1h"), Number::Plain(0)),
            ]),
            Then::Points(300, Reason::NotPermitted),
        ),
        live("abroad", Condition::Not(Box::new(home())), Then::Tag),
    ]
}

fn shadow_rules() -> Vec<Rule> {
    let shadow = |name, when, then| Rule { is_live: false, ..live(name, when, then) };
    vec![
        shadow(
            "quick_again",
            Condition::Compare(read("since_approved_1h"), Relation::Less, Number::Plain(20)),
            Then::Points(999, Reason::VelocityCountExceeded),
        ),
        shadow("new_merchants", at_least(read("merchants_30m"), Number::Plain(4)), Then::StepUp),
        shadow(
            "all_asked",
            all([
                more(read("asked_1h"), read("largest_2h")),
                more(read("mean_before_30m"), read("spent_10m")),
                more(read("earlier_1h"), Number::Plain(1)),
                Condition::Compare(
                    Number::Read(Read::Field(Field::Eci)),
                    Relation::Equal,
                    Number::Plain(7),
                ),
            ]),
            Then::Decline(Reason::NotPermitted),
        ),
    ]
}

fn home() -> Condition {
    Condition::Is(Field::MerchantCountry, "CN")
}

pub(super) fn policy() -> Policy {
    Policy {
        currency: ("CNY", Currency::from_numeric(156)),
        step_up_at: 300,
        decline_at: 700,
        merchant_initiated_go_ahead: false,
        thresholds: vec![("burst", 4), ("much", 60_000)],
        amounts: vec!["much"],
        features: features(),
        rules: [live_rules(), shadow_rules()].concat(),
        answers_age: minutes(3),
        lateness: minutes(10),
        advice_lateness: minutes(60),
    }
}
