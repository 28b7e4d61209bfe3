//! `where`: which authorisations a feature counts, by outcome and by kind of payment.
//!
//! A condition is worked out for each outcome with each kind of payment, so that whatever
//! is written comes to a set of these pairs. Two of the outcomes are no evidence, failed and
//! unknown: they pass only where their own word asks for them.

use ::cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::domain::Processing;
use crate::engine::velocity::{OutcomeFilter, ProcessingFilter, RecordedOutcome};

use super::cel::Expression;
use super::document::Node;
use super::problem::{Problem, Problems};

/// What a condition lets through.
#[derive(Clone, Copy)]
pub(super) struct EventFilter {
    pub(super) outcomes: OutcomeFilter,
    pub(super) processings: ProcessingFilter,
    /// It asks for outcomes: the authorisation being judged has none yet.
    pub(super) is_by_outcome: bool,
}

impl EventFilter {
    /// Everything that is evidence.
    pub(super) const NONE: Self = Self {
        outcomes: OutcomeFilter::ANY,
        processings: ProcessingFilter::ANY,
        is_by_outcome: false,
    };
}

const OUTCOMES_COUNT: usize = 5;
const PROCESSINGS_COUNT: usize = 4;

/// Outcomes by their words.
const OUTCOMES: [(&str, RecordedOutcome); OUTCOMES_COUNT] = [
    ("approved", RecordedOutcome::Approved),
    ("stepped_up", RecordedOutcome::SteppedUp),
    ("declined", RecordedOutcome::Declined),
    ("failed", RecordedOutcome::Failed),
    ("unknown", RecordedOutcome::Unknown),
];

/// Kinds of payment by their words; refunds and credits are in no window.
const PROCESSINGS: [(&str, Processing); PROCESSINGS_COUNT] = [
    ("purchase", Processing::Purchase),
    ("cash", Processing::Cash),
    ("quasi_cash", Processing::QuasiCash),
    ("account_check", Processing::AccountCheck),
];

const FORM: &str = "`outcome` or `processing_code` with == WORD, != WORD or in [WORDS]";

/// What the condition `text` of `node` lets through.
pub(super) fn read_filter(node: &Node, text: &str, problems: &mut Problems) -> Option<EventFilter> {
    let expression = Expression::parse(node, text, problems)?;
    let mut reader = Reader { expression: &expression, named: Vec::new(), is_by_outcome: false };
    let mut passing = reader.pairs(expression.root(), problems)?;
    for ((_, outcome), pairs) in OUTCOMES.iter().zip(&mut passing) {
        let is_asked_for = match outcome {
            RecordedOutcome::Failed => reader.named.contains(outcome),
            RecordedOutcome::Unknown => !reader.is_by_outcome || reader.named.contains(outcome),
            RecordedOutcome::Approved
            | RecordedOutcome::SteppedUp
            | RecordedOutcome::Declined
            | RecordedOutcome::Reversed => true,
        };
        for passes in pairs {
            *passes &= is_asked_for;
        }
    }
    if passing == [[false; PROCESSINGS_COUNT]; OUTCOMES_COUNT] {
        let problem = Problem::error(&expression.whole(), "no authorisation passes this filter");
        problems.push(problem.expected("a condition that some authorisation fulfils"));
        return None;
    }
    let found = as_product(&passing, reader.is_by_outcome);
    if found.is_none() {
        let what = "a feature cannot join `outcome` and `processing_code` like this";
        let problem = Problem::error(&expression.whole(), what);
        problems.push(problem.expected("one condition on each, joined by &&"));
    }
    found
}

/// For each of [`OUTCOMES`] with each of [`PROCESSINGS`], whether it passes.
type Passing = [[bool; PROCESSINGS_COUNT]; OUTCOMES_COUNT];

/// The outcomes and the kinds of payment whose pairs are exactly `passing`.
fn as_product(passing: &Passing, is_by_outcome: bool) -> Option<EventFilter> {
    let mut found = EventFilter {
        outcomes: OutcomeFilter::NONE,
        processings: ProcessingFilter::NONE,
        is_by_outcome,
    };
    for ((_, outcome), pairs) in OUTCOMES.iter().zip(passing) {
        for ((_, processing), passes) in PROCESSINGS.iter().zip(pairs) {
            if *passes {
                found.outcomes = found.outcomes.with(*outcome);
                found.processings = found.processings.with(*processing);
            }
        }
    }
    let is_exact = OUTCOMES.iter().zip(passing).all(|((_, outcome), pairs)| {
        PROCESSINGS.iter().zip(pairs).all(|((_, processing), passes)| {
            let in_both = found.outcomes.holds(*outcome) && found.processings.holds(*processing);
            in_both == *passes
        })
    });
    is_exact.then_some(found)
}

struct Reader<'f> {
    expression: &'f Expression,
    /// The outcomes whose words are there.
    named: Vec<RecordedOutcome>,
    is_by_outcome: bool,
}

/// What a comparison is about.
#[derive(Clone, Copy)]
enum Subject {
    Outcome,
    Processing,
}

/// What it compares with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Outcome(RecordedOutcome),
    Processing(Processing),
}

impl Reader<'_> {
    fn pairs(&mut self, part: &IdedExpr, problems: &mut Problems) -> Option<Passing> {
        let Expr::Call(CallExpr { func_name, args, .. }) = &part.expr else {
            return self.refuse(part, "this is no filter", FORM, problems);
        };
        match (func_name.as_str(), args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => {
                self.both(left, right, |one, other| one && other, problems)
            }
            (operators::LOGICAL_OR, [left, right]) => {
                self.both(left, right, |one, other| one || other, problems)
            }
            (operators::LOGICAL_NOT, [inner]) => self.pairs(inner, problems).map(not),
            (operators::EQUALS, [left, right]) => self.is(left, right, problems),
            (operators::NOT_EQUALS, [left, right]) => self.is(left, right, problems).map(not),
            (operators::IN, [subject, list]) => {
                let subject = self.subject(subject, problems)?;
                let Expr::List(list) = &list.expr else {
                    return self.refuse(list, "this is no list", "[WORDS]", problems);
                };
                let words: Vec<_> = list
                    .elements
                    .iter()
                    .map(|element| self.word(subject, element, problems))
                    .collect();
                let words: Option<Vec<_>> = words.into_iter().collect();
                words.map(|words| pairs_of(&words))
            }
            _ => self.refuse(part, "this is no filter", FORM, problems),
        }
    }

    fn both(
        &mut self,
        left: &IdedExpr,
        right: &IdedExpr,
        join: fn(bool, bool) -> bool,
        problems: &mut Problems,
    ) -> Option<Passing> {
        let (left, right) = (self.pairs(left, problems), self.pairs(right, problems));
        let (mut joined, right) = (left?, right?);
        for (one, other) in joined.iter_mut().flatten().zip(right.iter().flatten()) {
            *one = join(*one, *other);
        }
        Some(joined)
    }

    fn is(
        &mut self,
        left: &IdedExpr,
        right: &IdedExpr,
        problems: &mut Problems,
    ) -> Option<Passing> {
        let subject = self.subject(left, problems)?;
        let wanted = self.word(subject, right, problems)?;
        Some(pairs_of(&[wanted]))
    }

    fn subject(&mut self, part: &IdedExpr, problems: &mut Problems) -> Option<Subject> {
        if let Expr::Ident(name) = &part.expr {
            if name == "outcome" {
                self.is_by_outcome = true;
                return Some(Subject::Outcome);
            }
            if name == "processing_code" {
                return Some(Subject::Processing);
            }
        }
        let what = "features are filtered by `outcome` and `processing_code` only";
        self.refuse(part, what, "`outcome` or `processing_code`", problems)
    }

    fn word(&mut self, subject: Subject, part: &IdedExpr, problems: &mut Problems) -> Option<Word> {
        let word = if let Expr::Ident(word) = &part.expr {
            word.as_str()
        } else if let Expr::Literal(LiteralValue::String(word)) = &part.expr {
            word.inner()
        } else {
            ""
        };
        let (found, known, what, expected): (_, Vec<_>, _, _) = match subject {
            Subject::Outcome => (
                OUTCOMES.iter().find(|(name, _)| *name == word).map(|(_, it)| Word::Outcome(*it)),
                OUTCOMES.iter().map(|(name, _)| *name).collect(),
                "this is no outcome that a window remembers",
                "`approved`, `stepped_up`, `declined`, `failed` or `unknown`",
            ),
            Subject::Processing => (
                PROCESSINGS
                    .iter()
                    .find(|(name, _)| *name == word)
                    .map(|(_, it)| Word::Processing(*it)),
                PROCESSINGS.iter().map(|(name, _)| *name).collect(),
                "this is no kind of payment that a window remembers",
                "`purchase`, `cash`, `quasi_cash` or `account_check`",
            ),
        };
        match found {
            Some(Word::Outcome(outcome)) => self.named.push(outcome),
            Some(Word::Processing(_)) => {}
            None => {
                let problem = Problem::error(&self.expression.spot(part), what);
                problems.push(problem.expected(expected).guess(word, known));
            }
        }
        found
    }

    fn refuse<T>(
        &self,
        part: &IdedExpr,
        what: &str,
        expected: &str,
        problems: &mut Problems,
    ) -> Option<T> {
        let problem = Problem::error(&self.expression.spot(part), what);
        problems.push(problem.expected(expected));
        None
    }
}

fn pairs_of(words: &[Word]) -> Passing {
    OUTCOMES.map(|(_, outcome)| {
        PROCESSINGS.map(|(_, processing)| {
            words.contains(&Word::Outcome(outcome)) || words.contains(&Word::Processing(processing))
        })
    })
}

fn not(passing: Passing) -> Passing {
    passing.map(|pairs| pairs.map(|passes| !passes))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::document::Document;

    fn read(condition: &str) -> Option<EventFilter> {
        let document =
            Document::parse(Path::new("rules.toml"), &format!("where = \"{condition}\""));
        let entry = document.table.entries.first().expect("one");
        read_filter(&entry.node, condition, &mut Problems::default())
    }

    /// The words that pass, outcomes first.
    fn words(condition: &str) -> String {
        let Some(found) = read(condition) else { return "refused".to_owned() };
        let outcomes = OUTCOMES.iter().filter(|(_, it)| found.outcomes.holds(*it));
        let kinds = PROCESSINGS.iter().filter(|(_, it)| found.processings.holds(*it));
        let outcomes: Vec<_> = outcomes.map(|(word, _)| *word).collect();
        let kinds: Vec<_> = kinds.map(|(word, _)| *word).collect();
        let kinds = if found.processings.is_any() { "any".to_owned() } else { kinds.join("+") };
        format!("{} {kinds}", outcomes.join("+"))
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
    fn kinds_of_payment_are_filtered_alone_or_together_with_outcomes() {
        let evidence = "approved+stepped_up+declined+unknown";
        for (condition, expected) in [
            ("processing_code == account_check", format!("{evidence} account_check")),
            ("processing_code != account_check", format!("{evidence} purchase+cash+quasi_cash")),
            ("processing_code in [cash, quasi_cash]", format!("{evidence} cash+quasi_cash")),
            (
                "outcome == declined && processing_code == account_check",
                "declined account_check".to_owned(),
            ),
            (
                "processing_code != account_check && outcome in [failed, declined]",
                "declined+failed purchase+cash+quasi_cash".to_owned(),
            ),
            ("outcome == declined || processing_code == cash", "refused".to_owned()),
            ("processing_code == cash && processing_code == purchase", "refused".to_owned()),
            ("processing_code == refund", "refused".to_owned()),
            ("processing_code == approved", "refused".to_owned()),
        ] {
            assert_eq!(words(condition), expected, "{condition}");
        }
        assert!(read("outcome == failed").is_some_and(|it| it.is_by_outcome));
        assert!(read("processing_code == cash").is_some_and(|it| !it.is_by_outcome));
    }
}
