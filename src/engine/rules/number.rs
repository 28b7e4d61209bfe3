//! Numbers in a condition: what they are made of, how large they can get.

use std::fmt;
use std::sync::Arc;

use crate::domain::Authorisation;

use super::{Field, List, Threshold};

/// Position of a feature in the rule set, and of its value in the evidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FeatureIndex(pub usize);

/// Position of a threshold in the rule set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ThresholdIndex(pub usize);

/// Something with a name that a condition reads.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Operand {
    /// A field of the request.
    Field(Field),
    /// A velocity feature.
    Feature(FeatureIndex),
    /// A named number of the rule set; never absent.
    Threshold(ThresholdIndex),
}

/// A number: read, written, or worked out from others. It is absent where
/// anything it is made of is absent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Number {
    /// As written.
    Literal(i64),
    /// As read.
    Read(Operand),
    /// The one and the other.
    Sum(Box<Self>, Box<Self>),
    /// The one without the other.
    Difference(Box<Self>, Box<Self>),
    /// The one times the other.
    Product(Box<Self>, Box<Self>),
    /// Below zero where it was above.
    Negation(Box<Self>),
}

/// All that a condition may read, for one request.
pub(super) struct Row<'r> {
    pub(super) auth: &'r Authorisation<'r>,
    pub(super) policy_minor_units: Option<i64>,
    pub(super) evidence: &'r [Option<i64>],
    pub(super) thresholds: &'r [Threshold],
    pub(super) lists: &'r [Arc<List>],
}

impl Row<'_> {
    /// The value of `operand`; `None` where it is absent. Hot path: inlined, as most operands
    /// are features and those cost one load.
    #[inline]
    pub(super) fn read(&self, operand: Operand) -> Option<i64> {
        match operand {
            Operand::Field(field) => field.read(self.auth, self.policy_minor_units),
            Operand::Feature(index) => self.evidence.get(index.0).copied().flatten(),
            Operand::Threshold(index) => self.thresholds.get(index.0).map(|it| it.value),
        }
    }
}

impl Number {
    /// Its value; `None` where something it is made of is absent. Exact: the rule
    /// set refuses what could leave 128 bits (see [`Self::magnitude`]).
    pub(super) fn value(&self, row: &Row<'_>) -> Option<i128> {
        match self {
            Self::Literal(value) => Some(i128::from(*value)),
            Self::Read(operand) => row.read(*operand).map(i128::from),
            Self::Sum(left, right) => Some(left.value(row)?.saturating_add(right.value(row)?)),
            Self::Difference(left, right) => {
                Some(left.value(row)?.saturating_sub(right.value(row)?))
            }
            Self::Product(left, right) => Some(left.value(row)?.saturating_mul(right.value(row)?)),
            Self::Negation(number) => Some(number.value(row)?.saturating_neg()),
        }
    }

    /// Its value where it is written out and nothing is read.
    pub fn as_literal(&self) -> Option<i64> {
        match self {
            Self::Literal(value) => Some(*value),
            Self::Negation(number) => number.as_literal()?.checked_neg(),
            Self::Read(_) | Self::Sum(..) | Self::Difference(..) | Self::Product(..) => None,
        }
    }

    /// The furthest from zero that it can get, where `largest` says so of what it
    /// reads; `None` where that does not fit in 128 bits.
    pub fn magnitude(&self, largest: &dyn Fn(Operand) -> i128) -> Option<i128> {
        match self {
            Self::Literal(value) => i128::from(*value).checked_abs(),
            Self::Read(operand) => Some(largest(*operand)),
            Self::Sum(left, right) | Self::Difference(left, right) => {
                left.magnitude(largest)?.checked_add(right.magnitude(largest)?)
            }
            Self::Product(left, right) => {
                left.magnitude(largest)?.checked_mul(right.magnitude(largest)?)
            }
            Self::Negation(number) => number.magnitude(largest),
        }
    }

    /// Adds what it reads to `reads`, in order, each once.
    pub(super) fn collect_reads(&self, reads: &mut Vec<Operand>) {
        match self {
            Self::Literal(_) => {}
            Self::Read(operand) => {
                if !reads.contains(operand) {
                    reads.push(*operand);
                }
            }
            Self::Sum(left, right) | Self::Difference(left, right) | Self::Product(left, right) => {
                left.collect_reads(reads);
                right.collect_reads(reads);
            }
            Self::Negation(number) => number.collect_reads(reads),
        }
    }

    /// Writes its canonical form, where `name` says what an operand is called.
    pub(super) fn write(
        &self,
        out: &mut dyn fmt::Write,
        name: &dyn Fn(Operand) -> String,
    ) -> fmt::Result {
        let (sign, left, right) = match self {
            Self::Literal(value) => return write!(out, "{value}"),
            Self::Read(operand) => return out.write_str(&name(*operand)),
            Self::Negation(number) => {
                out.write_str("(neg ")?;
                number.write(out, name)?;
                return out.write_str(")");
            }
            Self::Sum(left, right) => ('+', left, right),
            Self::Difference(left, right) => ('-', left, right),
            Self::Product(left, right) => ('*', left, right),
        };
        write!(out, "({sign} ")?;
        left.write(out, name)?;
        out.write_str(" ")?;
        right.write(out, name)?;
        out.write_str(")")
    }
}
