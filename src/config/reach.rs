//! Rules that never fire, or always: seen from what their values can be.

use ::cel::common::ast::{Expr, IdedExpr, operators};

use crate::engine::rules::{Condition, Kind, Operand};

use super::condition::Compiler;
use super::foresight::Foresight;
use super::possible::Known;
use super::problem::{Code, Problem, Problems};
use super::units::show_money;

/// How many pairs of parts are looked at to find the two that contradict each other.
const PAIRS_COUNT_MAX: usize = 500;

/// From here on the most that a value can be tells nobody anything.
const LARGE: i128 = 1 << 40;

impl Compiler<'_> {
    /// Reports `condition`, written as `root`, where no payment meets it, or every one does;
    /// warns of parts that say nothing.
    pub(super) fn check_reach(&mut self, root: &IdedExpr, condition: &Condition) {
        let mut foresight = Foresight::new(self.vocabulary);
        if foresight.is_never(condition) {
            let problem = self.never_fires(root, &mut foresight);
            self.problems.push(problem);
        } else if foresight.is_always(condition) {
            let what = "this rule always fires: every payment meets its condition";
            let problem = Problem::error(&self.expression.spot(root), what)
                .code(Code::AlwaysFires)
                .expected("a condition that some payment does not meet");
            let problem = match self.ranges_in(condition, &foresight) {
                Some(ranges) => problem.help(ranges),
                None => problem,
            };
            self.problems.push(problem);
        } else {
            self.warn_idle_parts(root, &mut foresight);
        }
    }

    /// Why `root` never holds: one part of it, two that contradict each other, or all.
    fn never_fires(&mut self, root: &IdedExpr, foresight: &mut Foresight<'_>) -> Problem {
        let parts = self.conditions_of(root, operators::LOGICAL_AND);
        for (part, condition) in &parts {
            if foresight.is_never(condition) {
                let what = "this rule can never fire: no payment meets this part of it";
                let problem = Problem::error(&self.expression.spot(part), what)
                    .code(Code::NeverFires)
                    .expected("a condition that some payment meets");
                return match self.ranges_in(condition, foresight) {
                    Some(ranges) => problem.help(ranges),
                    None => problem,
                };
            }
        }
        let pairs = parts
            .iter()
            .enumerate()
            .flat_map(|(at, later)| parts.iter().take(at).map(move |earlier| (earlier, later)));
        for ((first, one), (second, other)) in pairs.take(PAIRS_COUNT_MAX) {
            let both = Condition::All(vec![one.clone(), other.clone()]);
            if foresight.is_never(&both) {
                let (first, second) = (self.expression.spot(first), self.expression.spot(second));
                let what = "this rule can never fire: this contradicts another part of it";
                return Problem::error(&second, what)
                    .code(Code::NeverFires)
                    .expected("what can hold together with the rest")
                    .help(format!("the other part is `{}`, at {}", first.text(), first.origin()));
            }
        }
        let what = "this rule can never fire: no payment meets all of its condition";
        Problem::error(&self.expression.spot(root), what)
            .code(Code::NeverFires)
            .expected("a condition that some payment meets")
    }

    /// Warns of parts of `root` that hold for every payment, and of alternatives that hold for
    /// none.
    fn warn_idle_parts(&mut self, root: &IdedExpr, foresight: &mut Foresight<'_>) {
        let parts = self.conditions_of(root, operators::LOGICAL_AND);
        let is_one = parts.len() == 1;
        for (part, condition) in parts {
            if !is_one && foresight.is_always(&condition) {
                let what = "this holds for every payment, and says nothing";
                self.warn_idle(part, &condition, what, foresight);
                continue;
            }
            let alternatives = self.conditions_of(part, operators::LOGICAL_OR);
            if alternatives.len() < 2 {
                continue;
            }
            for (alternative, condition) in alternatives {
                if foresight.is_never(&condition) {
                    let what = "this alternative holds for no payment";
                    self.warn_idle(alternative, &condition, what, foresight);
                }
            }
        }
    }

    fn warn_idle(
        &mut self,
        part: &IdedExpr,
        condition: &Condition,
        what: &str,
        foresight: &Foresight<'_>,
    ) {
        let problem = Problem::warning(&self.expression.spot(part), what).code(Code::IdleCondition);
        let problem = match self.ranges_in(condition, foresight) {
            Some(ranges) => problem.help(ranges),
            None => problem.help("take it out"),
        };
        self.problems.push(problem);
    }

    /// The parts of a chain of `operator`, each with its condition.
    fn conditions_of<'e>(
        &self,
        part: &'e IdedExpr,
        operator: &str,
    ) -> Vec<(&'e IdedExpr, Condition)> {
        if let Expr::Call(call) = &part.expr
            && call.func_name == operator
        {
            let parts = call.args.iter().map(|arg| self.conditions_of(arg, operator));
            return parts.flatten().collect();
        }
        let mut known = Problems::default();
        let mut again = Compiler {
            expression: self.expression,
            vocabulary: self.vocabulary,
            problems: &mut known,
        };
        again.condition(part).map(|condition| (part, condition)).into_iter().collect()
    }

    /// What the values can be that a single comparison reads.
    fn ranges_in(&self, condition: &Condition, foresight: &Foresight<'_>) -> Option<String> {
        if !matches!(condition, Condition::Compare { .. } | Condition::Among { .. }) {
            return None;
        }
        let reads = condition.reads();
        let ranges: Vec<_> = reads.iter().filter_map(|it| self.range_of(*it, foresight)).collect();
        (!ranges.is_empty()).then(|| ranges.join("; "))
    }

    /// `velocity.attempts_10m` is 0 or more.
    fn range_of(&self, operand: Operand, foresight: &Foresight<'_>) -> Option<String> {
        let Known { numbers, .. } = foresight.at_first(operand);
        let (low, high) = numbers.ends()?;
        let show = |value: i128| self.show(value, operand);
        let name = self.vocabulary.name_of(operand);
        match operand {
            Operand::Field(field) if !matches!(field.kind(), Kind::Amount | Kind::Number) => None,
            Operand::Threshold(_) => Some(format!("`{name}` is {}", show(low))),
            Operand::Field(_) | Operand::Feature(_) if high >= LARGE => {
                Some(format!("`{name}` is {} or more", show(low)))
            }
            Operand::Field(_) | Operand::Feature(_) => {
                Some(format!("`{name}` is {} to {}", show(low), show(high)))
            }
        }
    }

    /// `value` of `operand` as a file would write it.
    fn show(&self, value: i128, operand: Operand) -> String {
        match (self.vocabulary.currency, i64::try_from(value)) {
            (Some(currency), Ok(value @ 0..)) if self.is_money(operand) => {
                show_money(value, currency)
            }
            (_, _) => value.to_string(),
        }
    }
}
