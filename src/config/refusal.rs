//! What is said of conditions that do not compile.

use ::cel::common::ast::{Expr, IdedExpr, operators};

use crate::engine::rules::{Field, Number, Operand, TextField};

use super::condition::Compiler;
use super::problem::{Code, Problem};
use super::term::Term;
use super::vocabulary::{Vocabulary, possible_values};

impl Compiler<'_> {
    pub(super) fn unquoted<T>(
        &mut self,
        part: &IdedExpr,
        field: TextField,
        word: &str,
    ) -> Option<T> {
        let what = format!("`{}` is a text, and `{word}` has no quotes", field.name());
        self.refuse(part, what, format!("\"{word}\""))
    }

    pub(super) fn wrong_element<T>(
        &mut self,
        part: &IdedExpr,
        found: &Term,
        expected: &str,
    ) -> Option<T> {
        if let Term::Bare(name) = found {
            return self.unknown_name(part, name);
        }
        self.refuse(part, format!("this is {} in a list of others", found.kind()), expected)
    }

    /// Refuses `value` beside `number` where that is a field which never has it.
    pub(super) fn check_possible(
        &mut self,
        part: &IdedExpr,
        number: &Number,
        value: &Number,
    ) -> Option<()> {
        let (Number::Read(Operand::Field(field)), Some(value)) = (number, value.as_literal())
        else {
            return Some(());
        };
        match possible_values(*field) {
            Some((values, expected)) if !values.contains(&value) => {
                self.impossible(part, *field, value, expected)
            }
            Some(_) | None => Some(()),
        }
    }

    fn impossible<T>(
        &mut self,
        part: &IdedExpr,
        field: Field,
        value: i64,
        expected: &str,
    ) -> Option<T> {
        self.refuse(part, format!("`{}` is never {value}", field.name()), expected)
    }

    pub(super) fn no_order<T>(&mut self, part: &IdedExpr, name: &str) -> Option<T> {
        let what = format!("{name} has no order");
        let problem = Problem::error(&self.expression.token_spot(part), what);
        self.problems.push(problem.code(Code::ConditionType).expected("`==`, `!=` or `in`"));
        None
    }

    pub(super) fn unknown_name<T>(&mut self, part: &IdedExpr, name: &str) -> Option<T> {
        if Vocabulary::is_unreadable(name) {
            let what = format!("`{name}` is not available in conditions");
            let problem = Problem::error(&self.expression.spot(part), what)
                .code(Code::UnknownName)
                .expected("a field that is")
                .help(format!("available are {}", Vocabulary::field_names()));
            self.problems.push(problem);
            return None;
        }
        let problem = Problem::error(&self.expression.spot(part), format!("unknown name `{name}`"))
            .code(Code::UnknownName)
            .expected("a field of the request, velocity.NAME or thresholds.NAME");
        let problem = match name {
            "velocity" | "thresholds" | "lists" => {
                problem.help(format!("write `{name}.` and a name"))
            }
            _ => self.vocabulary.guess(problem, name),
        };
        self.problems.push(problem);
        None
    }

    pub(super) fn refuse<T>(
        &mut self,
        part: &IdedExpr,
        what: impl Into<String>,
        expected: impl Into<String>,
    ) -> Option<T> {
        self.refuse_as(Code::ConditionType, part, what, expected)
    }

    fn refuse_as<T>(
        &mut self,
        code: Code,
        part: &IdedExpr,
        what: impl Into<String>,
        expected: impl Into<String>,
    ) -> Option<T> {
        let problem = Problem::error(&self.expression.spot(part), what);
        self.problems.push(problem.code(code).expected(expected));
        None
    }

    /// Names a construct of CEL that has no place in a rule, with what to write instead.
    pub(super) fn not_compiled<T>(&mut self, part: &IdedExpr) -> Option<T> {
        let (what, instead) = match &part.expr {
            Expr::Call(call) => match call.func_name.as_str() {
                operators::DIVIDE => (
                    "division is not compiled".to_owned(),
                    "a product: instead of a / b >= 3 write a >= 3 * b",
                ),
                operators::MODULO => {
                    ("the remainder `%` is not compiled".to_owned(), "a comparison or a list")
                }
                operators::CONDITIONAL => (
                    "the choice `? :` is not compiled".to_owned(),
                    "two rules, or (a && b) || (!a && c)",
                ),
                operators::INDEX => {
                    ("access by index is not compiled".to_owned(), "`in` to look into a list")
                }
                operators::HAS => ("has() takes one name".to_owned(), "has(x)"),
                operators::EXISTS
                | operators::EXISTS_ONE
                | operators::ALL
                | operators::MAP
                | operators::FILTER => (
                    format!("the loop `{}` is not compiled", call.func_name),
                    "comparisons joined by && and ||",
                ),
                name => (
                    format!("the function `{name}` is not compiled"),
                    "fields, features, thresholds, operators, `in` and has()",
                ),
            },
            Expr::Map(_) | Expr::Struct(_) => {
                ("maps and messages are not compiled".to_owned(), "fields and features")
            }
            Expr::Unspecified
            | Expr::Comprehension(_)
            | Expr::Ident(_)
            | Expr::List(_)
            | Expr::Literal(_)
            | Expr::Select(_) => ("this is not compiled".to_owned(), "a comparison"),
        };
        self.refuse_as(Code::NotCompiled, part, what, instead)
    }
}
