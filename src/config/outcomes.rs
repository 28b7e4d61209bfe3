//! `where`: which outcomes a feature counts.

use ::cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::engine::velocity::{OutcomeFilter, RecordedOutcome};

use super::cel::Expression;
use super::document::Node;
use super::problem::{Problem, Problems};

/// Outcomes by their words.
const OUTCOMES: [(&str, RecordedOutcome); 3] = [
    ("approved", RecordedOutcome::Approved),
    ("stepped_up", RecordedOutcome::SteppedUp),
    ("declined", RecordedOutcome::Declined),
];

const FORM: &str = "outcome == WORD, outcome != WORD or outcome in [WORDS]";

/// The outcomes that the condition `text` of `node` lets through.
pub(super) fn read_outcomes(
    node: &Node,
    text: &str,
    problems: &mut Problems,
) -> Option<OutcomeFilter> {
    let expression = Expression::parse(node, text, problems)?;
    let filter = Filter { expression: &expression }.outcomes(expression.root(), problems)?;
    if filter == [false; 3] {
        let problem = Problem::error(&expression.whole(), "no outcome passes this filter");
        problems.push(problem.expected("a condition that some outcome fulfils"));
        return None;
    }
    let passing = OUTCOMES.iter().zip(filter).filter(|(_, passes)| *passes);
    Some(passing.fold(OutcomeFilter::NONE, |set, ((_, outcome), _)| set.with(*outcome)))
}

/// For each of [`OUTCOMES`], whether it passes.
type Passing = [bool; 3];

struct Filter<'f> {
    expression: &'f Expression,
}

impl Filter<'_> {
    fn outcomes(&self, part: &IdedExpr, problems: &mut Problems) -> Option<Passing> {
        let Expr::Call(CallExpr { func_name, args, .. }) = &part.expr else {
            return self.refuse(part, "this is no filter over outcomes", FORM, problems);
        };
        match (func_name.as_str(), args.as_slice()) {
            (operators::LOGICAL_AND, [left, right]) => {
                self.both(left, right, |one, other| one && other, problems)
            }
            (operators::LOGICAL_OR, [left, right]) => {
                self.both(left, right, |one, other| one || other, problems)
            }
            (operators::LOGICAL_NOT, [inner]) => {
                self.outcomes(inner, problems).map(|passing| passing.map(|it| !it))
            }
            (operators::EQUALS, [left, right]) => self.is(left, right, problems),
            (operators::NOT_EQUALS, [left, right]) => {
                self.is(left, right, problems).map(|passing| passing.map(|it| !it))
            }
            (operators::IN, [subject, list]) => {
                self.subject(subject, problems)?;
                let Expr::List(list) = &list.expr else {
                    return self.refuse(list, "this is no list", "[WORDS]", problems);
                };
                let words: Vec<_> =
                    list.elements.iter().map(|element| self.word(element, problems)).collect();
                let words: Option<Vec<_>> = words.into_iter().collect();
                words.map(|words| OUTCOMES.map(|(_, outcome)| words.contains(&outcome)))
            }
            _ => self.refuse(part, "this is no filter over outcomes", FORM, problems),
        }
    }

    fn both(
        &self,
        left: &IdedExpr,
        right: &IdedExpr,
        join: fn(bool, bool) -> bool,
        problems: &mut Problems,
    ) -> Option<Passing> {
        let (left, right) = (self.outcomes(left, problems), self.outcomes(right, problems));
        let ([l0, l1, l2], [r0, r1, r2]) = (left?, right?);
        Some([join(l0, r0), join(l1, r1), join(l2, r2)])
    }

    fn is(&self, left: &IdedExpr, right: &IdedExpr, problems: &mut Problems) -> Option<Passing> {
        self.subject(left, problems)?;
        let wanted = self.word(right, problems)?;
        Some(OUTCOMES.map(|(_, outcome)| outcome == wanted))
    }

    fn subject(&self, part: &IdedExpr, problems: &mut Problems) -> Option<()> {
        if matches!(&part.expr, Expr::Ident(name) if name == "outcome") {
            return Some(());
        }
        let what = "features are filtered by `outcome` only";
        self.refuse(part, what, "`outcome`", problems)
    }

    fn word(&self, part: &IdedExpr, problems: &mut Problems) -> Option<RecordedOutcome> {
        let word = if let Expr::Ident(word) = &part.expr {
            word.as_str()
        } else if let Expr::Literal(LiteralValue::String(word)) = &part.expr {
            word.inner()
        } else {
            ""
        };
        let found = OUTCOMES.iter().find(|(name, _)| *name == word);
        if found.is_none() {
            let what = "this is no outcome that a window remembers";
            let problem = Problem::error(&self.expression.spot(part), what)
                .expected("`approved`, `stepped_up` or `declined`")
                .guess(word, OUTCOMES.iter().map(|(name, _)| *name));
            problems.push(problem);
        }
        found.map(|(_, outcome)| *outcome)
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
