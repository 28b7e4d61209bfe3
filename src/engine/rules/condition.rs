//! When a rule fires.

use std::fmt;
use std::sync::Arc;

use super::field::{Field, TextField, WordSet};
use super::list::{ListIndex, Listed};
use super::number::{Number, Operand, Row};

/// When a rule fires, typed: whatever can be written here can be evaluated.
///
/// Absent is not zero: a comparison that reads something absent is false, the
/// comparison `!=` too; [`Condition::Has`] asks for presence. `Not` turns the
/// whole of what it holds, so `!(a == b)` is true where `a` is absent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Condition {
    /// Every one holds.
    All(Vec<Self>),
    /// At least one holds.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
    /// Two numbers stand in a relation.
    Compare {
        /// On the left of the sign.
        left: Number,
        /// The sign.
        relation: Relation,
        /// On the right of the sign.
        right: Number,
    },
    /// A number is one of a list.
    Among {
        /// The number.
        value: Number,
        /// The list.
        choices: Choices<i64>,
    },
    /// A text is one of a list.
    TextAmong {
        /// The field.
        field: TextField,
        /// The list.
        choices: Choices<Box<str>>,
    },
    /// A text is present and not the one given.
    TextDiffers {
        /// The field.
        field: TextField,
        /// The text that it must not be.
        text: Box<str>,
    },
    /// A field is in a list of the rule set, and has not lapsed there.
    Listed {
        /// The field.
        listed: Listed,
        /// The list.
        list: ListIndex,
        /// What the list is called.
        name: Arc<str>,
    },
    /// The request has the field, or the window has the value.
    Has(Operand),
    /// The request has the field.
    HasText(TextField),
}

/// How two numbers stand to each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Relation {
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

impl Relation {
    /// As written in a condition.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// The same with its two sides exchanged.
    pub(super) const fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }

    pub(super) fn holds(self, left: i128, right: i128) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

/// A list of values, sorted and without doubles: two lists of the same values are
/// the same list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Choices<T>(Box<[T]>);

impl<T: Ord> Choices<T> {
    /// The list of `values`.
    pub fn new(mut values: Vec<T>) -> Self {
        values.sort_unstable();
        values.dedup();
        Self(values.into())
    }

    /// Its values, sorted.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl Condition {
    /// True where it holds for `row`, worked out part by part: what the masks of a rule set
    /// must come to. Allocates nothing.
    pub(super) fn holds(&self, row: &Row<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(row)),
            Self::Not(part) => !part.holds(row),
            Self::Compare { left, relation, right } => match (left.value(row), right.value(row)) {
                (Some(left), Some(right)) => relation.holds(left, right),
                (None, _) | (_, None) => false,
            },
            Self::Among { value, choices } => value
                .value(row)
                .and_then(|value| i64::try_from(value).ok())
                .is_some_and(|value| choices.0.binary_search(&value).is_ok()),
            Self::TextAmong { field, choices } => field.read(row.auth).is_some_and(|text| {
                choices.0.binary_search_by(|choice| choice.as_ref().cmp(text)).is_ok()
            }),
            Self::TextDiffers { field, text } => {
                field.read(row.auth).is_some_and(|read| read != text.as_ref())
            }
            Self::Listed { listed, list, .. } => {
                row.lists.get(list.0).is_some_and(|list| list.holds(*listed, row.auth))
            }
            Self::Has(operand) => row.read(*operand).is_some(),
            Self::HasText(field) => field.read(row.auth).is_some(),
        }
    }

    /// What it reads, in order, each once. Texts are not numbers and are left out.
    pub fn reads(&self) -> Vec<Operand> {
        let mut reads = Vec::new();
        self.collect_reads(&mut reads);
        reads
    }

    fn collect_reads(&self, reads: &mut Vec<Operand>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.collect_reads(reads);
                }
            }
            Self::Not(part) => part.collect_reads(reads),
            Self::Compare { left, right, .. } => {
                left.collect_reads(reads);
                right.collect_reads(reads);
            }
            Self::Among { value, .. } => value.collect_reads(reads),
            Self::Has(operand) => Number::Read(*operand).collect_reads(reads),
            Self::Listed { listed: Listed::Number(field), .. } => {
                Number::Read(Operand::Field(*field)).collect_reads(reads);
            }
            Self::TextAmong { .. }
            | Self::TextDiffers { .. }
            | Self::Listed { listed: Listed::Text(_), .. }
            | Self::HasText(_) => {}
        }
    }

    /// The lists that it looks into.
    pub fn lists(&self) -> Vec<usize> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::lists).collect(),
            Self::Not(part) => part.lists(),
            Self::Listed { list, .. } => vec![list.0],
            Self::Compare { .. }
            | Self::Among { .. }
            | Self::TextAmong { .. }
            | Self::TextDiffers { .. }
            | Self::Has(_)
            | Self::HasText(_) => Vec::new(),
        }
    }

    /// True where it depends on the request or its evidence, not on thresholds alone.
    pub fn reads_the_request(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::reads_the_request),
            Self::Not(part) => part.reads_the_request(),
            Self::TextAmong { .. }
            | Self::TextDiffers { .. }
            | Self::Listed { .. }
            | Self::HasText(_) => true,
            Self::Compare { .. } | Self::Among { .. } | Self::Has(_) => {
                self.reads().iter().any(|operand| !matches!(operand, Operand::Threshold(_)))
            }
        }
    }

    /// True where all its numbers fit in 128 bits, whatever is read.
    pub(super) fn is_exact(&self, largest: &dyn Fn(Operand) -> i128) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(|part| part.is_exact(largest)),
            Self::Not(part) => part.is_exact(largest),
            Self::Compare { left, right, .. } => {
                left.magnitude(largest).is_some() && right.magnitude(largest).is_some()
            }
            Self::Among { value, .. } => value.magnitude(largest).is_some(),
            Self::TextAmong { .. }
            | Self::TextDiffers { .. }
            | Self::Listed { .. }
            | Self::Has(_)
            | Self::HasText(_) => true,
        }
    }

    /// True where it can hold for merchant-initiated payments only.
    pub fn asks_for_merchant_initiated(&self) -> bool {
        let merchant = WordSet::Initiator.code("merchant");
        match self {
            Self::All(parts) => parts.iter().any(Self::asks_for_merchant_initiated),
            Self::Any(parts) => {
                !parts.is_empty() && parts.iter().all(Self::asks_for_merchant_initiated)
            }
            Self::Compare {
                left: Number::Read(Operand::Field(Field::Initiator)),
                relation: Relation::Equal,
                right: Number::Literal(code),
            }
            | Self::Compare {
                left: Number::Literal(code),
                relation: Relation::Equal,
                right: Number::Read(Operand::Field(Field::Initiator)),
            } => Some(*code) == merchant,
            Self::Among { value: Number::Read(Operand::Field(Field::Initiator)), choices } => {
                choices.0.iter().all(|code| Some(*code) == merchant)
            }
            Self::Compare { .. }
            | Self::Among { .. }
            | Self::Not(_)
            | Self::TextAmong { .. }
            | Self::TextDiffers { .. }
            | Self::Listed { .. }
            | Self::Has(_)
            | Self::HasText(_) => false,
        }
    }

    /// Writes its canonical form, where `name` says what an operand is called.
    pub(super) fn write(
        &self,
        out: &mut dyn fmt::Write,
        name: &dyn Fn(Operand) -> String,
    ) -> fmt::Result {
        match self {
            Self::All(parts) => write_parts(out, "and", parts, name),
            Self::Any(parts) => write_parts(out, "or", parts, name),
            Self::Not(part) => write_parts(out, "not", std::slice::from_ref(part), name),
            Self::Compare { left, relation, right } => {
                write!(out, "({} ", relation.sign())?;
                left.write(out, name)?;
                out.write_str(" ")?;
                right.write(out, name)?;
                out.write_str(")")
            }
            Self::Among { value, choices } => {
                out.write_str("(in ")?;
                value.write(out, name)?;
                for choice in choices.as_slice() {
                    write!(out, " {choice}")?;
                }
                out.write_str(")")
            }
            Self::TextAmong { field, choices } => {
                write!(out, "(in {}", field.name())?;
                for choice in choices.as_slice() {
                    write!(out, " {choice:?}")?;
                }
                out.write_str(")")
            }
            Self::TextDiffers { field, text } => write!(out, "(!= {} {text:?})", field.name()),
            Self::Listed { listed, name, .. } => write!(out, "(in {} lists.{name})", listed.name()),
            Self::Has(operand) => write!(out, "(has {})", name(*operand)),
            Self::HasText(field) => write!(out, "(has {})", field.name()),
        }
    }
}

fn write_parts<C: std::borrow::Borrow<Condition>>(
    out: &mut dyn fmt::Write,
    word: &str,
    parts: &[C],
    name: &dyn Fn(Operand) -> String,
) -> fmt::Result {
    write!(out, "({word}")?;
    for part in parts {
        out.write_str(" ")?;
        part.borrow().write(out, name)?;
    }
    out.write_str(")")
}
