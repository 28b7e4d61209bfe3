//! The parts of a comparison: fields, features, thresholds, numbers, words.

use iso_currency::Country;

use ::cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};

use crate::engine::rules::{Field, Kind, Number, Operand, TextField, WordSet};

use super::condition::Compiler;
use super::document::one_of;
use super::problem::{Code, Problem, nearest};
use super::units::{MoneyFault, parse_money};
use super::vocabulary::Vocabulary;

/// A part of a comparison, by what it can be compared with.
pub(super) enum Term {
    Number(Number),
    /// A field whose values are words.
    Word(WordSet, Field),
    Country(Field),
    Flag(Field),
    Text(TextField),
    /// In quotes: a word, a country, a text or money, as the other side says.
    Quoted(String),
    /// A name that is no field: a word, or a mistake.
    Bare(String),
    Boolean(bool),
}

impl Term {
    /// The word that it is, in quotes or not.
    pub(super) fn word(&self) -> Option<&str> {
        if let Self::Quoted(word) | Self::Bare(word) = self {
            return Some(word);
        }
        None
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Word(..) | Self::Bare(_) => "a word",
            Self::Country(_) => "a country",
            Self::Flag(_) | Self::Boolean(_) => "true or false",
            Self::Text(_) | Self::Quoted(_) => "a text",
        }
    }
}

impl Compiler<'_> {
    /// What `part` is, as a part of a comparison.
    pub(super) fn term(&mut self, part: &IdedExpr) -> Option<Term> {
        match &part.expr {
            Expr::Literal(literal) => self.literal(part, literal),
            Expr::Ident(name) => match (Vocabulary::field(name), Vocabulary::text_field(name)) {
                (Some(field), _) => Some(match field.kind() {
                    Kind::Amount | Kind::Number => {
                        Term::Number(Number::Read(Operand::Field(field)))
                    }
                    Kind::Country => Term::Country(field),
                    Kind::Word(set) => Term::Word(set, field),
                    Kind::Flag => Term::Flag(field),
                }),
                (None, Some(field)) => Some(Term::Text(field)),
                (None, None) => Some(Term::Bare(name.clone())),
            },
            Expr::Select(select) => {
                let room =
                    if let Expr::Ident(room) = &select.operand.expr { room.as_str() } else { "" };
                self.declared(part, room, &select.field)
                    .map(|operand| Term::Number(Number::Read(operand)))
            }
            Expr::Call(call) => match call.func_name.as_str() {
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::NEGATE => {
                    self.number(part).map(Term::Number)
                }
                operators::EQUALS
                | operators::NOT_EQUALS
                | operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS
                | operators::LOGICAL_AND
                | operators::LOGICAL_OR
                | operators::LOGICAL_NOT
                | operators::IN
                | operators::HAS => self.refuse(
                    part,
                    "this is a condition, not a value",
                    "a field, a feature or a number; join conditions with && and ||",
                ),
                _ => self.not_compiled(part),
            },
            Expr::List(_) => self.refuse(
                part,
                "a list stands only behind `in`",
                "a field, a feature or a number",
            ),
            Expr::Unspecified | Expr::Comprehension(_) | Expr::Map(_) | Expr::Struct(_) => {
                self.not_compiled(part)
            }
        }
    }

    fn literal(&mut self, part: &IdedExpr, literal: &LiteralValue) -> Option<Term> {
        match literal {
            LiteralValue::Int(value) => Some(Term::Number(Number::Literal(*value.inner()))),
            LiteralValue::String(text) => Some(Term::Quoted(text.inner().to_owned())),
            LiteralValue::Boolean(value) => Some(Term::Boolean(*value.inner())),
            LiteralValue::Double(_) => self.refuse(
                part,
                "numbers with decimals are not compiled",
                "a whole number, or money in quotes; for 1.5 times, write 2 * a >= 3 * b",
            ),
            LiteralValue::UInt(_) => {
                self.refuse(part, "numbers with a `u` are not compiled", "a plain number")
            }
            LiteralValue::Null => {
                self.refuse(part, "there is no null", "has(x) to ask whether x is there")
            }
            LiteralValue::Bytes(_) => self.refuse(part, "bytes are not compiled", "a text"),
        }
    }

    /// The feature or threshold `room.name`.
    fn declared(&mut self, part: &IdedExpr, room: &str, name: &str) -> Option<Operand> {
        let (found, kind, known): (_, _, Vec<_>) = match room {
            "velocity" => (
                self.vocabulary.feature(name),
                "velocity feature",
                self.vocabulary.feature_names().collect(),
            ),
            "thresholds" => (
                self.vocabulary.threshold(name),
                "threshold",
                self.vocabulary.threshold_names().collect(),
            ),
            "lists" => {
                let expected = "a field before it: merchant_category in lists.NAME";
                return self.refuse(part, "a list stands only behind `in`", expected);
            }
            _ => {
                let written = if room.is_empty() {
                    "this is no known name".to_owned()
                } else {
                    format!("unknown name `{room}.{name}`")
                };
                let problem = Problem::error(&self.expression.spot(part), written)
                    .code(Code::UnknownName)
                    .expected("a field, velocity.NAME or thresholds.NAME");
                let problem = match nearest(room, ["velocity", "thresholds"]) {
                    Some(meant) => problem.help(format!("did you mean `{meant}.{name}`?")),
                    None => problem,
                };
                self.problems.push(problem);
                return None;
            }
        };
        if found.is_none() && self.vocabulary.is_complete {
            let what = format!("unknown {kind} `{name}`");
            let expected = if known.is_empty() {
                format!("a {kind} that this file declares; it declares none")
            } else {
                format!("a {kind} that this file declares")
            };
            let problem = Problem::error(&self.expression.spot(part), what)
                .code(Code::UnknownName)
                .expected(expected)
                .guess(name, known);
            self.problems.push(problem);
        }
        found
    }

    pub(super) fn number(&mut self, part: &IdedExpr) -> Option<Number> {
        let Expr::Call(call) = &part.expr else {
            return match self.term(part)? {
                Term::Number(number) => Some(number),
                Term::Quoted(text) => self.money(part, &text),
                Term::Bare(name) => self.unknown_name(part, &name),
                other @ (Term::Word(..)
                | Term::Country(_)
                | Term::Flag(_)
                | Term::Text(_)
                | Term::Boolean(_)) => {
                    let what =
                        format!("this is {}; nothing can be worked out from it", other.kind());
                    self.refuse(part, what, "a number")
                }
            };
        };
        let join = match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::NEGATE, [inner]) => {
                return self.number(inner).map(|inner| Number::Negation(Box::new(inner)));
            }
            (operators::ADD, _) => Number::Sum,
            (operators::SUBSTRACT, _) => Number::Difference,
            (operators::MULTIPLY, _) => Number::Product,
            (operators::NEGATE, _) => return self.not_compiled(part),
            (_, _) => {
                // No number: what else it is, is said there.
                self.term(part)?;
                return None;
            }
        };
        let [left, right] = call.args.as_slice() else {
            return self.not_compiled(part);
        };
        let (left, right) = (self.number(left), self.number(right));
        Some(join(Box::new(left?), Box::new(right?)))
    }

    pub(super) fn money(&mut self, part: &IdedExpr, text: &str) -> Option<Number> {
        if let Ok(number) = text.parse::<i64>() {
            let what = format!("the number {number} is in quotes");
            return self.refuse(part, what, format!("{number} without the quotes"));
        }
        // Without a currency nothing can be said of amounts: that is reported already.
        let currency = self.vocabulary.currency?;
        match parse_money(text, currency) {
            Ok(minor_units) => Some(Number::Literal(minor_units)),
            Err(fault) => {
                let (what, expected) = fault.explain(text, currency);
                let what = if fault == MoneyFault::Form {
                    format!("a number is compared with the text `{text}`")
                } else {
                    what
                };
                let expected = format!("a number, or {expected}");
                self.refuse(part, what, expected)
            }
        }
    }

    pub(super) fn word(
        &mut self,
        part: &IdedExpr,
        field: Field,
        set: WordSet,
        word: &str,
    ) -> Option<i64> {
        let code = set.code(word);
        if code.is_none() {
            let words: Vec<_> = set.words().iter().map(|(word, _)| *word).collect();
            let what = format!("`{}` is never `{word}`", field.name());
            let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            let problem = Problem::error(&self.expression.spot(part), what)
                .expected(one_of(&quoted))
                .guess(word, words);
            self.problems.push(problem);
        }
        code
    }

    pub(super) fn country(&mut self, part: &IdedExpr, text: &str) -> Option<i64> {
        match text.as_bytes() {
            [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
                if text.parse::<Country>().is_err() {
                    let what = format!("`{text}` is no country of ISO 3166-1");
                    let problem = Problem::warning(&self.expression.spot(part), what);
                    let britain = (text == "UK").then(|| problem.clone().help("Britain is `GB`"));
                    self.problems.push(britain.unwrap_or(problem));
                }
                Some(Kind::country_code([*first, *second]))
            }
            _ => {
                let what = format!("`{text}` is no country code");
                self.refuse(part, what, "two capital letters of ISO 3166-1, such as \"CN\"")
            }
        }
    }
}
