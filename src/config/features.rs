//! `[[velocity]]`: what is counted.

use std::sync::Arc;

use crate::domain::{Currency, Span};
use crate::engine::rules::FEATURES_COUNT_MAX;
use crate::engine::velocity::{FeatureSpec, Key, What};

use super::document::{Fields, Node, one_of};
use super::event_filter::{EventFilter, read_filter};
use super::names::{check_double, read_choice, read_name, tables_of, title_of};
use super::problem::{Problem, Problems, Spot};
use super::units::read_quantity;
use super::window::{NamedCalendar, SPAN_MAX, read_delay, read_window};

/// `what`, before `of` says of what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    Plain(What),
    Distinct,
}

/// What a feature counts, by its word.
pub(super) const WHATS: [(&str, Counted); 8] = [
    ("count", Counted::Plain(What::Count)),
    ("sum", Counted::Plain(What::Sum)),
    ("mean", Counted::Plain(What::Mean)),
    ("max", Counted::Plain(What::Max)),
    ("min", Counted::Plain(What::Min)),
    ("distinct", Counted::Distinct),
    ("country_changes", Counted::Plain(What::CountryChanges)),
    ("seconds_since_last", Counted::Plain(What::SecondsSinceLast)),
];

/// Whose authorisations are counted, by its word.
pub(super) const KEYS: [(&str, Key); 2] = [("account", Key::Account), ("card", Key::Card)];

/// What can differ under each key: an account has one account, a card is one card.
pub(super) const DISTINCT_OF_ACCOUNT: [(&str, What); 6] = [
    ("merchant", What::DistinctMerchants),
    ("country", What::DistinctCountries),
    ("merchant_category", What::DistinctCategories),
    ("device", What::DistinctDevices),
    ("ip", What::DistinctIps),
    ("card", What::DistinctCards),
];
/// The same of a card.
pub(super) const DISTINCT_OF_CARD: [(&str, What); 6] = [
    ("merchant", What::DistinctMerchants),
    ("country", What::DistinctCountries),
    ("merchant_category", What::DistinctCategories),
    ("device", What::DistinctDevices),
    ("ip", What::DistinctIps),
    ("account", What::DistinctAccounts),
];

/// The features that a file declares.
pub(super) struct Features {
    /// In order, each with the place of its name. One that is not sound keeps its
    /// name, so that rules that read it are not blamed.
    pub(super) specs: Vec<(FeatureSpec, Spot)>,
    /// False where one has no name, or that of another.
    pub(super) is_complete: bool,
}

/// Reads every `[[velocity]]` of `top`.
pub(super) fn read_features(
    top: &mut Fields<'_>,
    currency: Option<Currency>,
    calendar: NamedCalendar<'_>,
    is_whole: bool,
    problems: &mut Problems,
) -> Features {
    let tables = tables_of(top, "velocity", problems);
    if let Some((_, head)) = tables.get(FEATURES_COUNT_MAX) {
        let problem = Problem::error(head, format!("there are {} features", tables.len()));
        problems.push(problem.expected(format!("at most {FEATURES_COUNT_MAX}")));
    }
    let tables_count = tables.len();
    let mut features: Vec<(FeatureSpec, Spot)> = Vec::new();
    for (table, head) in tables.into_iter().take(FEATURES_COUNT_MAX) {
        let mut fields = Fields::new(table, title_of(table, "velocity"), &head, is_whole);
        let name = read_name(&mut fields, "what conditions call it: velocity.NAME", problems);
        let title = name.as_ref().map(|(name, _)| name);
        let spec = read_feature(fields, title, currency, calendar, problems);
        let Some((name, place)) = name else {
            continue;
        };
        check_double("feature", &name, &place, problems, || {
            features.iter().map(|(earlier, place)| (earlier.name.as_ref(), place))
        });
        features.push((spec.unwrap_or_else(|| stand_in(&name)), place));
    }
    let mut names: Vec<_> = features.iter().map(|(spec, _)| &spec.name).collect();
    names.sort_unstable();
    names.dedup();
    Features { is_complete: names.len() == tables_count, specs: features }
}

/// For a feature that is not sound: errors were reported, nothing will run with it.
fn stand_in(name: &str) -> FeatureSpec {
    FeatureSpec { with_current: false, ..FeatureSpec::plain(name, What::Mean, SPAN_MAX) }
}

fn read_feature(
    mut fields: Fields<'_>,
    name: Option<&Arc<str>>,
    currency: Option<Currency>,
    calendar: NamedCalendar<'_>,
    problems: &mut Problems,
) -> Option<FeatureSpec> {
    let purpose = "`account` or `card`: whose authorisations are counted";
    let key = fields.require("key", purpose).and_then(|node| read_choice(node, &KEYS, problems));
    let purpose = "what is counted: count, sum, mean, max, min, distinct, country_changes or \
         seconds_since_last";
    let counted =
        fields.require("what", purpose).and_then(|node| read_choice(node, &WHATS, problems));
    let of = fields.find("of");
    let what = counted.and_then(|counted| read_what(&mut fields, counted, key, of, problems));
    let window = fields
        .require("window", "how far back is counted, such as \"10m\"")
        .and_then(|node| read_window(node, calendar, problems));
    let delay = match fields.find("delay") {
        None => Some(Span::ZERO),
        Some(node) => read_delay(node, window.as_ref(), problems),
    };
    let filter = match fields.find("where") {
        None => Some(EventFilter::NONE),
        Some(node) => node
            .text("a condition on the authorisations that count, in quotes", problems)
            .and_then(|text| read_filter(node, &text, currency, problems)),
    };
    let current = fields.find("with_current");
    let is_by_outcome = filter.as_ref().is_some_and(|filter| filter.is_by_outcome);
    let is_delayed = delay.is_some_and(|delay| delay > Span::ZERO);
    let never = never_counts_current(what, is_by_outcome, is_delayed);
    let with_current = read_with_current(never, current, problems);
    let absent_as = match fields.find("absent_as") {
        None => Some(None),
        Some(node) => read_absent_as(what, node, currency, problems).map(Some),
    };
    let is_optional = match fields.find("optional") {
        None => Some(false),
        Some(node) => node.boolean(problems),
    };
    fields.finish(problems);
    let filter = filter?;
    Some(FeatureSpec {
        name: name?.clone(),
        key: key?,
        what: what?,
        window: window?,
        delay: delay?,
        outcomes: filter.outcomes,
        test: filter.test,
        with_current: with_current?,
        absent_as: absent_as?,
        is_optional: is_optional?,
    })
}

fn read_what(
    fields: &mut Fields<'_>,
    counted: Counted,
    key: Option<Key>,
    of: Option<&Node>,
    problems: &mut Problems,
) -> Option<What> {
    let choices = match key {
        Some(Key::Card) => DISTINCT_OF_CARD,
        Some(Key::Account) | None => DISTINCT_OF_ACCOUNT,
    };
    match (counted, of) {
        (Counted::Plain(what), None) => Some(what),
        (Counted::Distinct, Some(node)) => read_choice(node, &choices, problems),
        (Counted::Plain(_), Some(node)) => {
            let problem = Problem::error(&node.spot, "`of` belongs to what = \"distinct\" only");
            problems.push(problem.expected("no `of`"));
            None
        }
        (Counted::Distinct, None) => {
            let words: Vec<_> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
            fields.require("of", &format!("{}: what differs", one_of(&words)));
            None
        }
    }
}

/// Why the current authorisation can never count.
fn never_counts_current(
    what: Option<What>,
    is_by_outcome: bool,
    is_delayed: bool,
) -> Option<&'static str> {
    match what {
        Some(What::SecondsSinceLast) => Some("seconds_since_last looks at earlier ones by nature"),
        _ if is_by_outcome => Some("its outcome is not known yet, and `where` asks for one"),
        _ if is_delayed => Some("the window ends before it, by `delay`"),
        _ => None,
    }
}

/// Counts the current authorisation unless told otherwise, or where it never can.
fn read_with_current(
    never: Option<&str>,
    node: Option<&Node>,
    problems: &mut Problems,
) -> Option<bool> {
    let written = match node {
        None => None,
        Some(node) => Some((node.boolean(problems)?, node)),
    };
    match (written, never) {
        (Some((true, node)), Some(why)) => {
            let what = format!("the current authorisation cannot count here: {why}");
            problems.push(Problem::error(&node.spot, what).expected("`false`, or nothing"));
            None
        }
        (Some((written, _)), None) => Some(written),
        (None, None) => Some(true),
        (_, Some(_)) => Some(false),
    }
}

fn read_absent_as(
    what: Option<What>,
    node: &Node,
    currency: Option<Currency>,
    problems: &mut Problems,
) -> Option<i64> {
    let is_money = what.is_some_and(What::is_money);
    let value = match currency {
        Some(currency) if is_money => read_quantity(node, currency, problems)?,
        Some(_) | None => node.integer("a whole number", problems)?,
    };
    if what.is_some_and(What::is_zero_for_none) {
        let what = "this feature is never absent: it is 0 where nothing was counted";
        problems.push(Problem::error(&node.spot, what).expected("no `absent_as`"));
        return None;
    }
    Some(value)
}
