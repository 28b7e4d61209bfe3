//! From a comparison to an atom: what is evaluated once per request, into one bit.
//!
//! Thresholds are constants of a rule set, so most comparisons come down to one thing read
//! that lies in a range. Comparisons that mean the same become the same atom, however they
//! are written:
//!
//! ```text
//! amount > 500        amount in [501, ..]         amount >= 501          the same atom
//! 2 * amount >= 1001  amount in [501, ..]         !(amount < 501)        another: it holds
//! eci in [5, 6]       eci in [5, 6]                                      where it is absent
//! eci != 7            eci in [8, .. round to 6]
//! has(eci)            eci in all there is
//! ```
//!
//! An atom is false where something that it reads is absent.

use super::number::{Number, Operand, Row};
use super::{Condition, Relation, Threshold};

/// What one comparison comes to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Atom {
    /// One thing read lies in a range.
    Range(Operand, WrappingRange),
    /// One thing read is in a list.
    Among(Operand, NumberSet),
    /// A sum of things read, each times a constant, stands so to zero.
    Linear(Linear),
    /// Anything else: texts, lists, and products of two things read.
    Plain(Condition),
}

/// What is known of a comparison when the rule set is made.
pub(super) enum Leaf {
    /// It holds for no request.
    Never,
    /// It depends on the request.
    Atom(Atom),
}

/// `first` and the `more` values behind it; behind the largest comes the smallest, so that
/// "all but one" is a range, too.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct WrappingRange {
    first: i64,
    more: u64,
}

impl WrappingRange {
    const ALL: Self = Self { first: 0, more: u64::MAX };

    fn between(first: i64, last: i64) -> Self {
        Self { first, more: last.wrapping_sub(first).cast_unsigned() }
    }

    fn all_but(value: i64) -> Self {
        Self { first: value.wrapping_add(1), more: u64::MAX - 1 }
    }

    /// Hot path: a subtraction and a comparison.
    pub(super) fn holds(self, value: i64) -> bool {
        value.wrapping_sub(self.first).cast_unsigned() <= self.more
    }
}

/// A list of numbers: a bit each where they lie near each other.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum NumberSet {
    /// A bit for each value from `first` on.
    Near { first: i64, bits: Box<[u64]> },
    /// Sorted.
    Far(Box<[i64]>),
}

/// How far the values of a list may lie apart to have a bit each: 2 KiB of bits.
const NEAR_SPAN_MAX: u64 = 16_384;

impl NumberSet {
    /// The set of `sorted`, which is not empty.
    fn new(sorted: Vec<i64>) -> Self {
        let (Some(&first), Some(&last)) = (sorted.first(), sorted.last()) else {
            return Self::Far(Box::default());
        };
        let span = last.wrapping_sub(first).cast_unsigned();
        if span >= NEAR_SPAN_MAX {
            return Self::Far(sorted.into());
        }
        let mut bits = vec![0_u64; usize::try_from(span / 64).unwrap_or_default() + 1];
        for value in sorted {
            let (word, bit) = place_in_bits(first, value);
            if let Some(word) = bits.get_mut(word) {
                *word |= bit;
            }
        }
        Self::Near { first, bits: bits.into() }
    }

    /// Hot path: one word, or a binary search.
    pub(super) fn holds(&self, value: i64) -> bool {
        match self {
            Self::Near { first, bits } => {
                let (word, bit) = place_in_bits(*first, value);
                bits.get(word).is_some_and(|word| word & bit != 0)
            }
            Self::Far(sorted) => sorted.binary_search(&value).is_ok(),
        }
    }
}

fn place_in_bits(first: i64, value: i64) -> (usize, u64) {
    let distance = value.wrapping_sub(first).cast_unsigned();
    (usize::try_from(distance / 64).unwrap_or(usize::MAX), 1 << (distance % 64))
}

/// `constant` and each thing read times its factor, in relation to zero.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Linear {
    terms: Box<[(Operand, i64)]>,
    constant: i128,
    sign: Sign,
}

/// How a sum stands to zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Sign {
    AtLeastZero,
    Zero,
    NotZero,
}

impl Linear {
    /// Hot path: a widening multiplication for each thing read. Exact: factors together are
    /// below 2^62 and the constant below 2^126, so that no sum leaves 128 bits.
    #[inline]
    pub(super) fn holds(&self, row: &Row<'_>) -> bool {
        let mut sum = self.constant;
        for (operand, factor) in &self.terms {
            let Some(value) = row.read(*operand) else { return false };
            sum = sum.wrapping_add(i128::from(*factor).wrapping_mul(i128::from(value)));
        }
        match self.sign {
            Sign::AtLeastZero => sum >= 0,
            Sign::Zero => sum == 0,
            Sign::NotZero => sum != 0,
        }
    }
}

/// A number as a sum of things read, each times a constant. What is subtracted from itself
/// stays with factor zero: it still has to be there.
#[derive(Default)]
struct Sum {
    /// By operand, each once.
    terms: Vec<(Operand, i128)>,
    constant: i128,
}

impl Sum {
    /// `None` where two things read are multiplied, or a factor leaves 128 bits.
    fn of(number: &Number, thresholds: &[Threshold]) -> Option<Self> {
        let sum_of = |number| Self::of(number, thresholds);
        match number {
            Number::Literal(value) => Some(Self::constant(*value)),
            Number::Read(Operand::Threshold(at)) => {
                thresholds.get(at.0).map(|threshold| Self::constant(threshold.value))
            }
            Number::Read(operand) => Some(Self { terms: vec![(*operand, 1)], constant: 0 }),
            Number::Sum(left, right) => sum_of(left)?.plus(sum_of(right)?),
            Number::Difference(left, right) => sum_of(left)?.plus(sum_of(right)?.times(-1)?),
            Number::Product(left, right) => {
                let (left, right) = (sum_of(left)?, sum_of(right)?);
                if left.terms.is_empty() {
                    right.times(left.constant)
                } else if right.terms.is_empty() {
                    left.times(right.constant)
                } else {
                    None
                }
            }
            Number::Negation(number) => sum_of(number)?.times(-1),
        }
    }

    fn constant(value: i64) -> Self {
        Self { terms: Vec::new(), constant: i128::from(value) }
    }

    fn plus(mut self, other: Self) -> Option<Self> {
        self.constant = self.constant.checked_add(other.constant)?;
        for (operand, factor) in other.terms {
            match self.terms.iter_mut().find(|(known, _)| *known == operand) {
                Some((_, sum)) => *sum = sum.checked_add(factor)?,
                None => self.terms.push((operand, factor)),
            }
        }
        self.terms.sort_unstable_by_key(|(operand, _)| *operand);
        Some(self)
    }

    fn times(mut self, factor: i128) -> Option<Self> {
        self.constant = self.constant.checked_mul(factor)?;
        for (_, own) in &mut self.terms {
            *own = own.checked_mul(factor)?;
        }
        Some(self)
    }

    /// `self` in `relation` to zero; `None` where it may leave 128 bits.
    fn against_zero(self, relation: Relation) -> Option<Leaf> {
        match self.terms.as_slice() {
            [] => None,
            [(operand, factor)] => solve(*operand, *factor, self.constant, relation),
            [..] => self.linear(relation).map(|linear| Leaf::Atom(Atom::Linear(linear))),
        }
    }

    fn linear(self, relation: Relation) -> Option<Linear> {
        let is_falling = self.terms.iter().find_map(|(_, factor)| match factor {
            0 => None,
            factor => Some(*factor < 0),
        });
        // One form for all ways to write it.
        let (sum, less, sign) = match relation {
            Relation::GreaterOrEqual => (self, 0, Sign::AtLeastZero),
            Relation::Greater => (self, 1, Sign::AtLeastZero),
            Relation::LessOrEqual => (self.times(-1)?, 0, Sign::AtLeastZero),
            Relation::Less => (self.times(-1)?, 1, Sign::AtLeastZero),
            Relation::Equal | Relation::NotEqual => {
                let sign = if relation == Relation::Equal { Sign::Zero } else { Sign::NotZero };
                let sum = if is_falling == Some(true) { self.times(-1)? } else { self };
                (sum, 0, sign)
            }
        };
        let constant = sum.constant.checked_sub(less)?;
        let terms: Option<Box<[_]>> = sum
            .terms
            .into_iter()
            .map(|(operand, factor)| Some((operand, i64::try_from(factor).ok()?)))
            .collect();
        let terms = terms?;
        let factors: u128 = terms.iter().map(|(_, it)| u128::from(it.unsigned_abs())).sum();
        let is_exact = factors < 1 << 62 && constant.unsigned_abs() < 1 << 126;
        is_exact.then_some(Linear { terms, constant, sign })
    }
}

/// The values of `operand` for which `factor * operand + constant` stands in `relation` to
/// zero; `None` where working them out leaves 128 bits.
fn solve(operand: Operand, factor: i128, constant: i128, relation: Relation) -> Option<Leaf> {
    let among = |range| Leaf::Atom(Atom::Range(operand, range));
    let always_or_never = |holds: bool| if holds { among(WrappingRange::ALL) } else { Leaf::Never };
    if factor == 0 {
        return Some(always_or_never(relation.holds(constant, 0)));
    }
    // A factor below zero turns the relation; from here on it is above.
    let (factor, target, relation) = if factor < 0 {
        (factor.checked_neg()?, constant, relation.mirrored())
    } else {
        (factor, constant.checked_neg()?, relation)
    };
    let at_most = |target: i128| {
        let last = target.div_euclid(factor);
        match i64::try_from(last) {
            Ok(last) => among(WrappingRange::between(i64::MIN, last)),
            Err(_) => always_or_never(last > 0),
        }
    };
    let at_least = |target: i128| {
        let whole = target.div_euclid(factor);
        let first = if target.rem_euclid(factor) == 0 { whole } else { whole.saturating_add(1) };
        match i64::try_from(first) {
            Ok(first) => among(WrappingRange::between(first, i64::MAX)),
            Err(_) => always_or_never(first < 0),
        }
    };
    let exact = (target.rem_euclid(factor) == 0)
        .then(|| i64::try_from(target.div_euclid(factor)).ok())
        .flatten();
    Some(match relation {
        Relation::LessOrEqual => at_most(target),
        Relation::Less => at_most(target.checked_sub(1)?),
        Relation::GreaterOrEqual => at_least(target),
        Relation::Greater => at_least(target.checked_add(1)?),
        Relation::Equal => {
            exact.map_or(Leaf::Never, |value| among(WrappingRange::between(value, value)))
        }
        Relation::NotEqual => among(exact.map_or(WrappingRange::ALL, WrappingRange::all_but)),
    })
}

impl Leaf {
    /// What `comparison`, which is no `All`, `Any` or `Not`, comes to.
    pub(super) fn of(comparison: &Condition, thresholds: &[Threshold]) -> Self {
        let found = match comparison {
            Condition::Compare { left, relation, right } => Sum::of(left, thresholds)
                .zip(Sum::of(right, thresholds))
                .and_then(|(left, right)| left.plus(right.times(-1)?))
                .and_then(|sum| sum.against_zero(*relation)),
            Condition::Among { value, choices } => {
                Sum::of(value, thresholds).and_then(|sum| among(&sum, choices.as_slice()))
            }
            Condition::Has(operand) => Some(Self::Atom(Atom::Range(*operand, WrappingRange::ALL))),
            Condition::All(_)
            | Condition::Any(_)
            | Condition::Not(_)
            | Condition::TextAmong { .. }
            | Condition::TextDiffers { .. }
            | Condition::Listed { .. }
            | Condition::HasText(_) => None,
        };
        found.unwrap_or_else(|| Self::Atom(Atom::Plain(comparison.clone())))
    }
}

/// `value in choices`, where `value` is one thing read and a constant.
fn among(value: &Sum, choices: &[i64]) -> Option<Leaf> {
    let [(operand, 1)] = value.terms.as_slice() else { return None };
    let wanted = choices.iter().map(|choice| i128::from(*choice).checked_sub(value.constant));
    let wanted: Option<Vec<_>> = wanted.collect();
    let wanted: Vec<_> = wanted?.into_iter().filter_map(|it| i64::try_from(it).ok()).collect();
    let (Some(&first), Some(&last)) = (wanted.first(), wanted.last()) else {
        return Some(Leaf::Never);
    };
    let range = WrappingRange::between(first, last);
    let is_whole = u64::try_from(wanted.len() - 1).is_ok_and(|more| more == range.more);
    Some(Leaf::Atom(if is_whole {
        Atom::Range(*operand, range)
    } else {
        Atom::Among(*operand, NumberSet::new(wanted))
    }))
}
