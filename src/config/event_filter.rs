//! `where`: which authorisations a feature counts.
//!
//! What is written is a condition on one authorisation. What it asks of the outcome alone is
//! taken apart from the rest, for the authorisation being judged has no outcome yet. Two of
//! the outcomes are no evidence, failed and unknown: they pass only where their own word asks
//! for them.

use std::collections::BTreeMap;

use crate::domain::Currency;
use crate::engine::velocity::{DIRECTION_OUT, EventField, EventTest, OutcomeFilter, outcome_code};

use super::cel::Expression;
use super::document::Node;
use super::event_condition::{OUTCOMES, Reader, range_of, words_of};
use super::problem::{Problem, Problems};

/// What a condition lets through.
#[derive(Clone, Debug)]
pub(super) struct EventFilter {
    pub(super) outcomes: OutcomeFilter,
    /// What else must hold.
    pub(super) test: Option<EventTest>,
    /// It asks for outcomes: the authorisation being judged has none yet.
    pub(super) is_by_outcome: bool,
}

impl EventFilter {
    /// Everything that is evidence.
    pub(super) const NONE: Self =
        Self { outcomes: OutcomeFilter::ANY, test: None, is_by_outcome: false };
}

/// What the condition `text` of `node` lets through.
pub(super) fn read_filter(
    node: &Node,
    text: &str,
    currency: Option<Currency>,
    problems: &mut Problems,
) -> Option<EventFilter> {
    let expression = Expression::parse(node, text, problems)?;
    let mut reader = Reader { expression: &expression, currency, problems };
    let condition = reader.test(expression.root())?;
    let admitted = admitted(&condition);
    let asks_direction = condition.reads(EventField::Direction);
    match passing(&condition, admitted) {
        Some(Passing::Nothing) => {
            let what = "no authorisation passes this filter";
            let problem = Problem::error(&expression.whole(), what)
                .expected("a condition that some authorisation fulfils");
            problems.push(if asks_direction { problem.help(ONLY_OUT) } else { problem });
            return None;
        }
        Some(Passing::Everything) => {
            let what = "this filters nothing: every authorisation passes";
            let problem = Problem::warning(&expression.whole(), what);
            problems.push(problem.help(if asks_direction { ONLY_OUT } else { "take it out" }));
        }
        Some(Passing::Some) | None => {}
    }
    Some(split(condition, admitted))
}

const ONLY_OUT: &str = "windows remember payments only, and `direction` is `out` for each of \
     them: money towards the cardholder, a refund or credit, leaves no trace in any window";

/// The outcomes that are evidence, and those that are asked for by their own word.
fn admitted(test: &EventTest) -> OutcomeFilter {
    if !test.reads(EventField::Outcome) {
        return OutcomeFilter::ANY;
    }
    let mut named = Vec::new();
    test.for_each_leaf(&mut |field, leaf| {
        if let (EventField::Outcome, EventTest::Among(_, codes)) = (field, leaf) {
            named.extend(codes.iter().copied());
        }
    });
    let evidence = ["approved", "stepped_up", "declined"];
    let is_admitted = |word: &str, code: i64| evidence.contains(&word) || named.contains(&code);
    let outcomes = OUTCOMES.iter().filter(|(word, it)| is_admitted(word, outcome_code(*it)));
    outcomes.fold(OutcomeFilter::NONE, |set, (_, outcome)| set.with(*outcome))
}

/// What `test` asks of the outcome alone as a set, and the rest of it.
fn split(test: EventTest, admitted: OutcomeFilter) -> EventFilter {
    let is_by_outcome = test.reads(EventField::Outcome);
    let parts = if let EventTest::All(parts) = test { parts } else { vec![test] };
    let (of_outcome, mut rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| {
        let mut is_alone = true;
        part.for_each_leaf(&mut |field, _| is_alone &= field == EventField::Outcome);
        is_alone
    });
    let passes = |code: i64| of_outcome.iter().all(|part| part.holds_where(&|_| Some(code)));
    let outcomes = if of_outcome.is_empty() {
        admitted
    } else {
        let passing =
            OUTCOMES.iter().filter(|(_, it)| admitted.holds(*it) && passes(outcome_code(*it)));
        passing.fold(OutcomeFilter::NONE, |set, (_, outcome)| set.with(*outcome))
    };
    let test = match rest.len() {
        0 => None,
        1 => rest.pop(),
        _ => Some(EventTest::All(rest)),
    };
    EventFilter { outcomes, test, is_by_outcome }
}

/// How much passes a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Passing {
    Nothing,
    Some,
    Everything,
}

/// The most combinations of values that are tried.
const TRIALS_COUNT_MAX: usize = 50_000;

/// How much passes `test`: every word, and numbers on each side of every limit, are tried
/// together. `None` where those are too many.
fn passing(test: &EventTest, admitted: OutcomeFilter) -> Option<Passing> {
    let mut values: BTreeMap<EventField, Vec<Option<i64>>> = BTreeMap::new();
    test.for_each_leaf(&mut |field, leaf| {
        let of_field = values.entry(field).or_insert_with(|| values_of(field, admitted));
        of_field.extend(beside(field, leaf).into_iter().map(Some));
    });
    for of_field in values.values_mut() {
        of_field.sort_unstable();
        of_field.dedup();
    }
    let trials_count = values.values().try_fold(1_usize, |all, of| all.checked_mul(of.len()))?;
    if trials_count > TRIALS_COUNT_MAX {
        return None;
    }
    let passes = |trial: usize| {
        let mut rest = trial;
        let read: BTreeMap<EventField, Option<i64>> = values
            .iter()
            .map(|(field, of_field)| {
                let value = of_field.get(rest % of_field.len()).copied().flatten();
                rest /= of_field.len();
                (*field, value)
            })
            .collect();
        test.holds_where(&|field| read.get(&field).copied().flatten())
    };
    let passing_count = (0..trials_count).filter(|trial| passes(*trial)).count();
    Some(match passing_count {
        0 => Passing::Nothing,
        _ if passing_count == trials_count && !test.reads(EventField::Outcome) => {
            Passing::Everything
        }
        _ => Passing::Some,
    })
}

/// What an authorisation may have in `field`, as far as words and absence go.
fn values_of(field: EventField, admitted: OutcomeFilter) -> Vec<Option<i64>> {
    let mut values: Vec<_> = if field == EventField::Outcome {
        let outcomes = OUTCOMES.iter().filter(|(_, it)| admitted.holds(*it));
        outcomes.map(|(_, it)| Some(outcome_code(*it))).collect()
    } else if field == EventField::Direction {
        vec![Some(DIRECTION_OUT)]
    } else {
        words_of(field).into_iter().map(|(_, code)| Some(code)).collect()
    };
    if !field.is_always_there() {
        values.push(None);
    }
    values
}

/// Numbers at and beside those that `leaf` names, as far as `field` can have them.
fn beside(field: EventField, leaf: &EventTest) -> Vec<i64> {
    let named = match leaf {
        EventTest::Among(_, values) => values.clone(),
        EventTest::Within(_, least, most) => vec![*least, *most],
        EventTest::Has(_) | EventTest::All(_) | EventTest::Any(_) | EventTest::Not(_) => Vec::new(),
    };
    match (field, range_of(field)) {
        (EventField::Country, _) => named.into_iter().chain([0]).collect(),
        (_, Some((least, most))) => {
            let around = named.into_iter().flat_map(|it| [it - 1, it, it + 1]);
            around.chain([least]).filter(|it| (least..=most).contains(it)).collect()
        }
        (_, None) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::document::Document;

    fn read(condition: &str) -> (Option<EventFilter>, Problems) {
        let document = Document::parse(Path::new("rules.toml"), &format!("where = '{condition}'"));
        let entry = document.table.entries.first().expect("one");
        let mut problems = Problems::default();
        let yuan = Some(Currency::from_numeric(156));
        let found = read_filter(&entry.node, condition, yuan, &mut problems);
        (found, problems)
    }

    /// The outcomes that pass, then what else is asked for.
    fn words(condition: &str) -> String {
        let Some(found) = read(condition).0 else { return "refused".to_owned() };
        let outcomes = OUTCOMES.iter().filter(|(_, it)| found.outcomes.holds(*it));
        let outcomes: Vec<_> = outcomes.map(|(word, _)| *word).collect();
        let test = found.test.map_or_else(|| "any".to_owned(), |test| test.to_string());
        format!("{} {test}", outcomes.join("+"))
    }

    #[test]
    fn what_is_no_evidence_passes_only_by_its_own_word() {
        for (condition, expected) in [
            ("outcome == approved", "approved any"),
            ("outcome != approved", "stepped_up+declined any"),
            ("!(outcome == approved)", "stepped_up+declined any"),
            ("outcome == failed", "failed any"),
            ("outcome != failed", "approved+stepped_up+declined any"),
            ("outcome == unknown", "unknown any"),
            ("outcome in [declined, failed]", "declined+failed any"),
            ("outcome != approved || outcome == failed", "stepped_up+declined+failed any"),
            ("!(outcome in [approved, failed])", "stepped_up+declined any"),
            ("outcome == approved && outcome == failed", "refused"),
        ] {
            assert_eq!(words(condition), expected, "{condition}");
        }
    }

    #[test]
    fn what_is_asked_of_outcomes_alone_is_apart_from_the_rest() {
        let evidence = "approved+stepped_up+declined+unknown";
        for (condition, expected) in [
            ("processing_code == account_check", format!("{evidence} (in processing_code 5)")),
            (
                "processing_code != account_check && outcome in [failed, declined]",
                "declined+failed (not (in processing_code 5))".to_owned(),
            ),
            (
                "outcome == declined || initiator == merchant",
                "approved+stepped_up+declined (or (in outcome 2) (in initiator 1))".to_owned(),
            ),
            (
                r#"outcome == approved && amount >= "10.00 CNY" && amount < "20 CNY""#,
                "approved (and (within amount 1000 1000000000000000) (within amount 0 1999))"
                    .to_owned(),
            ),
            (
                "entry_mode != chip",
                format!("{evidence} (and (has entry_mode) (not (in entry_mode 3)))"),
            ),
            (
                "5411 == merchant_category || 6000 > merchant_category",
                format!(
                    "{evidence} (or (in merchant_category 5411) (within merchant_category 1 5999))"
                ),
            ),
            (
                r#"merchant_country in ["US", CN]"#,
                format!("{evidence} (in merchant_country 17230 21843)"),
            ),
            ("processing_code == cash && processing_code == purchase", "refused".to_owned()),
            ("processing_code == refund", "refused".to_owned()),
            ("processing_code == approved", "refused".to_owned()),
            ("merchant_category == 0", "refused".to_owned()),
            ("merchant_category > 6000 && merchant_category < 6001", "refused".to_owned()),
            (r#"amount >= "10.00 USD""#, "refused".to_owned()),
            ("initiator < merchant", "refused".to_owned()),
            ("has(initiator)", "refused".to_owned()),
            (r#"direction == "in""#, "refused".to_owned()),
        ] {
            assert_eq!(words(condition), expected, "{condition}");
        }
        assert!(read("outcome == failed").0.is_some_and(|it| it.is_by_outcome));
        assert!(read("processing_code == cash").0.is_some_and(|it| !it.is_by_outcome));
    }

    #[test]
    fn what_lets_everything_through_is_told() {
        for condition in ["direction == out", "has(channel) || !has(channel)"] {
            let (found, problems) = read(condition);
            assert!(found.is_some(), "{condition}");
            assert_eq!((problems.errors_count(), problems.warnings_count()), (0, 1), "{condition}");
        }
        let (_, problems) = read("has(channel) && outcome == approved");
        assert!(problems.is_empty());
    }
}
