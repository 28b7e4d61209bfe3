//! Money is compared with money: a plain number beside an amount is a slip, a hundred times too
//! small or too large.

use ::cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};

use crate::engine::rules::{Field, Kind, Operand, Unit};

use super::condition::Compiler;
use super::problem::{Code, Problem};
use super::units::{currency_code, decimals, show_money};
use super::vocabulary::Vocabulary;

/// How often money is a factor of a number; `None` where that is not known, or of a written 0,
/// which is the same in all measures.
type Measure = Option<u32>;

const PLAIN: u32 = 0;
const MONEY: u32 = 1;

impl Compiler<'_> {
    /// Reports comparisons and sums of money and plain numbers in `part`.
    pub(super) fn check_measures(&mut self, part: &IdedExpr) {
        let Expr::Call(call) = &part.expr else {
            return;
        };
        match (call.func_name.as_str(), call.args.as_slice()) {
            (
                operators::EQUALS
                | operators::NOT_EQUALS
                | operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [left, right],
            ) => {
                let measures = (self.measure(left), self.measure(right));
                self.compare_measures(part, (left, measures.0), (right, measures.1));
            }
            (operators::IN, [value, list]) => {
                let measure = self.measure(value);
                if let Expr::List(list) = &list.expr {
                    for element in &list.elements {
                        let other = self.measure(element);
                        self.compare_measures(part, (value, measure), (element, other));
                    }
                }
            }
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, args) => {
                for arg in args {
                    self.check_measures(arg);
                }
            }
            (_, _) => {}
        }
    }

    fn compare_measures(
        &mut self,
        part: &IdedExpr,
        (left, one): (&IdedExpr, Measure),
        (right, other): (&IdedExpr, Measure),
    ) {
        let (Some(one), Some(other)) = (one, other) else {
            return;
        };
        if one == other {
            return;
        }
        let (plain, money) = match (one, other) {
            (PLAIN, MONEY) => (left, right),
            (MONEY, PLAIN) => (right, left),
            (_, _) => {
                let what = "this compares money with money multiplied by money";
                let problem = Problem::error(&self.expression.spot(part), what);
                let expected = "money on both sides, or as many amounts multiplied on each";
                self.problems.push(problem.code(Code::WrongUnit).expected(expected));
                return;
            }
        };
        let problem = self.plain_beside_money(plain, money);
        self.problems.push(problem);
    }

    /// What is said of `plain`, a number beside `money`.
    fn plain_beside_money(&self, plain: &IdedExpr, money: &IdedExpr) -> Problem {
        let spot = self.expression.spot(plain);
        let (written, beside) = (spot.text(), self.expression.spot(money));
        let beside = beside.text();
        if let (Some(value @ 0..), Some(currency)) = (literal(plain), self.vocabulary.currency) {
            let unit = i64::pow(10, u32::try_from(decimals(currency)).unwrap_or(0));
            let meant = value.saturating_mul(unit);
            return Problem::error(
                &spot,
                format!("`{beside}` is money, and {value} says no currency"),
            )
            .code(Code::WrongUnit)
            .expected(format!("money, such as '{}'", show_money(meant, currency)))
            .help(format!(
                "as it stands it would be '{}': amounts are counted in minor units",
                show_money(value, currency)
            ));
        }
        if matches!(money.expr, Expr::Literal(_)) {
            let beside = self.expression.spot(money);
            let what = format!("`{written}` is no money, and this is");
            return Problem::error(&beside, what).code(Code::WrongUnit).expected("a plain number");
        }
        let what = format!("`{beside}` is money, and this is a plain number");
        let problem = Problem::error(&spot, what).code(Code::WrongUnit).expected("money");
        match (written.strip_prefix("thresholds."), self.vocabulary.currency) {
            (Some(name), Some(currency)) => {
                let code = currency_code(currency);
                let written = format!("{name} = \"1500.00 {code}\"");
                problem.help(format!("an amount is declared with its currency, as in {written}"))
            }
            (_, _) => problem,
        }
    }

    /// How often money is a factor of `part`; sums of different measures are reported.
    fn measure(&mut self, part: &IdedExpr) -> Measure {
        match &part.expr {
            Expr::Literal(LiteralValue::Int(value)) => (*value.inner() != 0).then_some(PLAIN),
            Expr::Literal(LiteralValue::String(_)) => Some(MONEY),
            Expr::Ident(name) => Vocabulary::field(name).and_then(measure_of_field),
            Expr::Select(select) => {
                let Expr::Ident(room) = &select.operand.expr else {
                    return None;
                };
                let operand = match room.as_str() {
                    "velocity" => self.vocabulary.feature(&select.field),
                    "thresholds" => self.vocabulary.threshold(&select.field),
                    _ => None,
                };
                operand.map(|operand| u32::from(self.is_money(operand)))
            }
            Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::NEGATE, [inner]) => self.measure(inner),
                (operators::MULTIPLY, [one, other]) => {
                    Some(self.measure(one)?.saturating_add(self.measure(other)?))
                }
                (operators::ADD | operators::SUBSTRACT, [one, other]) => {
                    let measures = (self.measure(one), self.measure(other));
                    self.compare_measures(part, (one, measures.0), (other, measures.1));
                    measures.0.or(measures.1)
                }
                (_, _) => None,
            },
            Expr::Unspecified
            | Expr::Comprehension(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Map(_)
            | Expr::Struct(_) => None,
        }
    }

    /// True where `operand` is an amount in the policy's currency.
    pub(super) fn is_money(&self, operand: Operand) -> bool {
        match operand {
            Operand::Field(field) => measure_of_field(field) == Some(MONEY),
            Operand::Feature(_) => {
                self.vocabulary.spec(operand).is_some_and(|spec| spec.what.is_money())
            }
            Operand::Threshold(at) => {
                let threshold = self.vocabulary.thresholds.get(at.0);
                threshold.is_some_and(|threshold| threshold.unit == Unit::Money)
            }
        }
    }
}

/// `None` for words and countries, which nothing is measured by.
fn measure_of_field(field: Field) -> Measure {
    match field.kind() {
        Kind::Amount => Some(MONEY),
        Kind::Number => Some(PLAIN),
        Kind::Country | Kind::Word(_) | Kind::Flag => None,
    }
}

/// The number that `part` is, where it is written out.
fn literal(part: &IdedExpr) -> Option<i64> {
    if let Expr::Literal(LiteralValue::Int(value)) = &part.expr {
        return Some(*value.inner());
    }
    None
}
