//! `value in [list]`.

use ::cel::common::ast::{Expr, IdedExpr};

use crate::engine::rules::{Choices, Condition, ListIndex, ListOf, Listed, Number, Operand};

use super::condition::Compiler;
use super::problem::{Code, Problem};
use super::term::Term;

const LIST_FORM: &str = "values in brackets, such as [1, 2], or lists.NAME";

impl Compiler<'_> {
    /// The condition `value in list`, which is written as `part`.
    pub(super) fn membership(
        &mut self,
        part: &IdedExpr,
        value: &IdedExpr,
        list: &IdedExpr,
    ) -> Option<Condition> {
        let term = self.term(value)?;
        if let Some(name) = list_named(list) {
            return self.listed(value, &term, list, name);
        }
        let Expr::List(written) = &list.expr else {
            return self.refuse(list, "this is no list", LIST_FORM);
        };
        let elements = written.elements.as_slice();
        if elements.is_empty() {
            let what = "this list is empty: nothing is in it";
            return self.refuse(list, what, "at least one value");
        }
        match term {
            Term::Text(field) => {
                let texts = self.each(elements, |compiler, element| {
                    let term = compiler.term(element)?;
                    match (&term, term.word()) {
                        (Term::Quoted(_), Some(text)) => Some(Box::from(text)),
                        (Term::Bare(_), Some(word)) => compiler.unquoted(element, field, word),
                        (_, _) => compiler.wrong_element(element, &term, "a text in quotes"),
                    }
                })?;
                Some(Condition::TextAmong { field, choices: Choices::new(texts) })
            }
            Term::Word(set, field) => {
                let codes = self.each(elements, |compiler, element| {
                    let term = compiler.term(element)?;
                    match term.word() {
                        Some(word) => compiler.word(element, field, set, word),
                        None => compiler.wrong_element(element, &term, "a word"),
                    }
                })?;
                Some(among(Number::Read(Operand::Field(field)), codes))
            }
            Term::Country(field) => {
                let codes = self.each(elements, |compiler, element| {
                    let term = compiler.term(element)?;
                    match term.word() {
                        Some(text) => compiler.country(element, text),
                        None => compiler.wrong_element(element, &term, "a country"),
                    }
                })?;
                Some(among(Number::Read(Operand::Field(field)), codes))
            }
            Term::Number(number) => {
                let values = self.each(elements, |compiler, element| {
                    let value = compiler.list_number(element)?;
                    compiler.check_possible(element, &number, &Number::Literal(value))?;
                    Some(value)
                })?;
                let found = among(number, values);
                if found.reads_the_request() {
                    return Some(found);
                }
                let expected = "a field or a velocity feature";
                self.refuse(part, "this comparison never changes", expected)
            }
            Term::Bare(name) => self.unknown_name(value, &name),
            other @ (Term::Flag(_) | Term::Quoted(_) | Term::Boolean(_)) => {
                let what = format!("this looks for {} in a list", other.kind());
                self.refuse(value, what, "a field or a velocity feature")
            }
        }
    }

    /// The condition `value in lists.NAME`.
    fn listed(
        &mut self,
        value: &IdedExpr,
        term: &Term,
        list: &IdedExpr,
        name: &str,
    ) -> Option<Condition> {
        let found = self.vocabulary.lists.iter().enumerate().find(|(_, it)| *it.name == *name);
        let Some((at, declared)) = found else {
            if self.vocabulary.is_complete {
                let known: Vec<_> = self.vocabulary.lists.iter().map(|it| &*it.name).collect();
                let problem =
                    Problem::error(&self.expression.spot(list), format!("unknown list `{name}`"))
                        .code(Code::UnknownName)
                        .expected("a list that [lists] declares")
                        .guess(name, known);
                self.problems.push(problem);
            }
            return None;
        };
        let listed = match term {
            Term::Number(Number::Read(Operand::Field(field)))
            | Term::Word(_, field)
            | Term::Country(field) => Some(Listed::Number(*field)),
            Term::Text(field) => Some(Listed::Text(*field)),
            Term::Bare(name) => return self.unknown_name(value, name),
            Term::Number(_) | Term::Flag(_) | Term::Quoted(_) | Term::Boolean(_) => None,
        };
        let of = declared.of?;
        if let Some(listed) = listed.filter(|listed| of.takes(*listed)) {
            let (list, name) = (ListIndex(at), declared.name.clone());
            return Some(Condition::Listed { listed, list, name });
        }
        let fields =
            if of == ListOf::Country { "merchant_country` or `ip_country" } else { of.name() };
        let what = format!("`lists.{name}` has values of `{}`", of.name());
        self.refuse(value, what, format!("`{fields}` before `in lists.{name}`"))
    }

    fn list_number(&mut self, element: &IdedExpr) -> Option<i64> {
        let term = self.term(element)?;
        let number = match (&term, term.word()) {
            (Term::Number(number), _) => number.clone(),
            (Term::Quoted(_), Some(text)) => self.money(element, text)?,
            (_, _) => return self.wrong_element(element, &term, "a number"),
        };
        let written = number.as_literal();
        if written.is_none() {
            let what = "a list holds written numbers only";
            return self.refuse(element, what, "a number; compare with a threshold by ==");
        }
        written
    }

    /// `read` of each element; `None` where one has problems, after all were read.
    fn each<T>(
        &mut self,
        elements: &[IdedExpr],
        mut read: impl FnMut(&mut Self, &IdedExpr) -> Option<T>,
    ) -> Option<Vec<T>> {
        let found: Vec<_> = elements.iter().map(|element| read(self, element)).collect();
        found.into_iter().collect()
    }
}

/// The name in `lists.NAME`.
fn list_named(list: &IdedExpr) -> Option<&str> {
    let Expr::Select(select) = &list.expr else { return None };
    let is_of_lists = matches!(&select.operand.expr, Expr::Ident(room) if room == "lists");
    is_of_lists.then_some(select.field.as_str())
}

fn among(value: Number, choices: Vec<i64>) -> Condition {
    Condition::Among { value, choices: Choices::new(choices) }
}
