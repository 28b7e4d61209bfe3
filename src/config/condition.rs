//! From CEL to a typed [`Condition`]: whatever is wrong with it is found here.

use ::cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::engine::rules::{Choices, Condition, Field, Number, Operand, Relation, TextField};
use crate::engine::velocity::FeatureSpec;

use super::cel::Expression;
use super::document::Node;
use super::problem::Problems;
use super::term::Term;
use super::vocabulary::Vocabulary;

/// The condition written as `text` in `node`; `None` where it has problems, all of
/// which are added to `problems`.
pub(super) fn read_condition(
    node: &Node,
    text: &str,
    vocabulary: &Vocabulary,
    problems: &mut Problems,
) -> Option<Condition> {
    let expression = Expression::parse(node, text, problems)?;
    let mut compiler = Compiler { expression: &expression, vocabulary, problems };
    let condition = compiler.condition(expression.root())?;
    if vocabulary.is_sound {
        compiler.check_measures(expression.root());
        compiler.check_reach(expression.root(), &condition);
    }
    Some(condition)
}

pub(super) struct Compiler<'c> {
    pub(super) expression: &'c Expression,
    pub(super) vocabulary: &'c Vocabulary,
    pub(super) problems: &'c mut Problems,
}

impl Compiler<'_> {
    pub(super) fn condition(&mut self, part: &IdedExpr) -> Option<Condition> {
        match &part.expr {
            Expr::Call(call) => self.call(part, call),
            Expr::Literal(LiteralValue::Boolean(_)) => {
                self.refuse(part, "this never changes", "a comparison that depends on the request")
            }
            Expr::Ident(_) | Expr::Select(_) | Expr::Literal(_) | Expr::List(_) => {
                let term = self.term(part)?;
                if let Term::Flag(field) = term {
                    return Some(flag_is(field, true));
                }
                if let Term::Bare(name) = term {
                    return self.unknown_name(part, &name);
                }
                let what = format!("this is {}, not a condition", term.kind());
                self.refuse(part, what, "a comparison")
            }
            Expr::Unspecified | Expr::Comprehension(_) | Expr::Map(_) | Expr::Struct(_) => {
                self.not_compiled(part)
            }
        }
    }

    fn call(&mut self, part: &IdedExpr, call: &CallExpr) -> Option<Condition> {
        let relation = match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_AND, [_, _]) => {
                return self.parts(part, operators::LOGICAL_AND).map(Condition::All);
            }
            (operators::LOGICAL_OR, [_, _]) => {
                return self.parts(part, operators::LOGICAL_OR).map(Condition::Any);
            }
            (operators::LOGICAL_NOT, [inner]) => {
                return self.condition(inner).map(|inner| Condition::Not(Box::new(inner)));
            }
            (operators::IN, [value, list]) => return self.membership(part, value, list),
            (operators::HAS, [inner]) if call.target.is_none() => return self.presence(inner),
            (operators::EQUALS, _) => Relation::Equal,
            (operators::NOT_EQUALS, _) => Relation::NotEqual,
            (operators::LESS, _) => Relation::Less,
            (operators::LESS_EQUALS, _) => Relation::LessOrEqual,
            (operators::GREATER, _) => Relation::Greater,
            (operators::GREATER_EQUALS, _) => Relation::GreaterOrEqual,
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::NEGATE,
                _,
            ) => {
                self.number(part)?;
                return self.refuse(part, "this is a number, not a condition", "a comparison");
            }
            _ => return self.not_compiled(part),
        };
        match call.args.as_slice() {
            [left, right] => self.comparison(part, left, relation, right),
            _ => self.not_compiled(part),
        }
    }

    /// The parts of a chain of `operator`, flat.
    fn parts(&mut self, part: &IdedExpr, operator: &str) -> Option<Vec<Condition>> {
        let Expr::Call(call) = &part.expr else {
            return self.condition(part).map(|part| vec![part]);
        };
        if call.func_name != operator {
            return self.condition(part).map(|part| vec![part]);
        }
        let parts = call.args.iter().map(|arg| self.parts(arg, operator));
        let parts: Option<Vec<_>> = parts.collect::<Vec<_>>().into_iter().collect();
        parts.map(|parts| parts.into_iter().flatten().collect())
    }

    fn comparison(
        &mut self,
        part: &IdedExpr,
        left: &IdedExpr,
        relation: Relation,
        right: &IdedExpr,
    ) -> Option<Condition> {
        let (one, other) = match (self.term(left), self.term(right)) {
            (Some(one), Some(other)) => (one, other),
            // Beside what was meant to be a number, a bare word is a mistake too.
            (Some(Term::Bare(name)), None) if is_path(right) => {
                return self.unknown_name(left, &name);
            }
            (None, Some(Term::Bare(name))) if is_path(left) => {
                return self.unknown_name(right, &name);
            }
            (_, None) | (None, _) => return None,
        };
        match (one, other) {
            (Term::Number(one), Term::Number(other)) => self.compare(part, one, relation, other),
            (Term::Number(one), Term::Quoted(text)) => {
                let other = self.money(right, &text)?;
                self.compare(part, one, relation, other)
            }
            (Term::Quoted(text), Term::Number(other)) => {
                let one = self.money(left, &text)?;
                self.compare(part, one, relation, other)
            }
            (Term::Word(set, one), Term::Word(other_set, other)) if set == other_set => {
                self.equality(part, one, relation, Number::Read(Operand::Field(other)))
            }
            (Term::Country(one), Term::Country(other)) => {
                self.equality(part, one, relation, Number::Read(Operand::Field(other)))
            }
            (Term::Word(set, field), Term::Quoted(word) | Term::Bare(word)) => {
                let code = self.word(right, field, set, &word)?;
                self.equality(part, field, relation, Number::Literal(code))
            }
            (Term::Quoted(word) | Term::Bare(word), Term::Word(set, field)) => {
                let code = self.word(left, field, set, &word)?;
                self.equality(part, field, relation, Number::Literal(code))
            }
            (Term::Country(field), Term::Quoted(text) | Term::Bare(text)) => {
                let code = self.country(right, &text)?;
                self.equality(part, field, relation, Number::Literal(code))
            }
            (Term::Quoted(text) | Term::Bare(text), Term::Country(field)) => {
                let code = self.country(left, &text)?;
                self.equality(part, field, relation, Number::Literal(code))
            }
            (Term::Text(field), Term::Quoted(text)) | (Term::Quoted(text), Term::Text(field)) => {
                self.text(part, field, relation, text)
            }
            (Term::Flag(field), Term::Boolean(wanted))
            | (Term::Boolean(wanted), Term::Flag(field)) => {
                self.flag(part, field, relation, wanted)
            }
            (Term::Text(field), Term::Bare(word)) => self.unquoted(right, field, &word),
            (Term::Bare(word), Term::Text(field)) => self.unquoted(left, field, &word),
            (Term::Word(_, one), Term::Word(_, other)) => self.other_words(part, one, other),
            (_, Term::Bare(name)) => self.unknown_name(right, &name),
            (Term::Bare(name), _) => self.unknown_name(left, &name),
            (one, other) => {
                let what = format!("this compares {} with {}", one.kind(), other.kind());
                self.refuse(part, what, "two values of one kind")
            }
        }
    }

    fn other_words(&mut self, part: &IdedExpr, one: Field, other: Field) -> Option<Condition> {
        let what = format!("`{}` and `{}` have different words", one.name(), other.name());
        self.refuse(part, what, "two fields with the same words, or a word")
    }

    fn flag(
        &mut self,
        part: &IdedExpr,
        field: Field,
        relation: Relation,
        wanted: bool,
    ) -> Option<Condition> {
        match relation {
            Relation::Equal => Some(flag_is(field, wanted)),
            Relation::NotEqual => Some(flag_is(field, !wanted)),
            Relation::Less
            | Relation::LessOrEqual
            | Relation::Greater
            | Relation::GreaterOrEqual => self.no_order(part, "true and false"),
        }
    }

    fn compare(
        &mut self,
        part: &IdedExpr,
        left: Number,
        relation: Relation,
        right: Number,
    ) -> Option<Condition> {
        self.check_possible(part, &left, &right)?;
        self.check_possible(part, &right, &left)?;
        let largest = |operand| self.vocabulary.largest(operand);
        if left.magnitude(&largest).is_none() || right.magnitude(&largest).is_none() {
            return self.refuse(
                part,
                "these products can get larger than 128 bits hold",
                "fewer factors",
            );
        }
        let compared = Condition::Compare { left, relation, right };
        if compared.reads_the_request() {
            return Some(compared);
        }
        self.refuse(
            part,
            "this comparison never changes",
            "a field or a velocity feature on one side",
        )
    }

    fn equality(
        &mut self,
        part: &IdedExpr,
        field: Field,
        relation: Relation,
        right: Number,
    ) -> Option<Condition> {
        match relation {
            Relation::Equal | Relation::NotEqual => Some(Condition::Compare {
                left: Number::Read(Operand::Field(field)),
                relation,
                right,
            }),
            Relation::Less
            | Relation::LessOrEqual
            | Relation::Greater
            | Relation::GreaterOrEqual => self.no_order(part, field.name()),
        }
    }

    fn text(
        &mut self,
        part: &IdedExpr,
        field: TextField,
        relation: Relation,
        text: String,
    ) -> Option<Condition> {
        match relation {
            Relation::Equal => {
                Some(Condition::TextAmong { field, choices: Choices::new(vec![text.into()]) })
            }
            Relation::NotEqual => Some(Condition::TextDiffers { field, text: text.into() }),
            Relation::Less
            | Relation::LessOrEqual
            | Relation::Greater
            | Relation::GreaterOrEqual => self.no_order(part, field.name()),
        }
    }

    fn presence(&mut self, inner: &IdedExpr) -> Option<Condition> {
        let operand = match self.term(inner)? {
            Term::Text(field) => return Some(Condition::HasText(field)),
            Term::Bare(name) => return self.unknown_name(inner, &name),
            Term::Word(_, field) | Term::Country(field) | Term::Flag(field) => {
                Some(Operand::Field(field))
            }
            Term::Number(Number::Read(operand)) => Some(operand),
            Term::Number(_) | Term::Quoted(_) | Term::Boolean(_) => None,
        };
        let expected = "a field or feature that can be absent";
        match operand {
            None => self.refuse(inner, "this is not something that a request has", expected),
            Some(Operand::Threshold(_)) => {
                self.refuse(inner, "a threshold is always there", expected)
            }
            Some(Operand::Field(field)) if field.is_always_present() => {
                let what = format!("`{}` is always there", field.name());
                self.refuse(inner, what, expected)
            }
            Some(operand)
                if self.vocabulary.spec(operand).is_some_and(FeatureSpec::is_never_absent) =>
            {
                let what = "this feature is never absent: it is 0 where nothing was counted";
                self.refuse(inner, what, expected)
            }
            Some(operand) => Some(Condition::Has(operand)),
        }
    }
}

/// True for `velocity.NAME` and the like.
fn is_path(part: &IdedExpr) -> bool {
    matches!(part.expr, Expr::Select(_))
}

fn flag_is(field: Field, wanted: bool) -> Condition {
    Condition::Compare {
        left: Number::Read(Operand::Field(field)),
        relation: Relation::Equal,
        right: Number::Literal(i64::from(wanted)),
    }
}
