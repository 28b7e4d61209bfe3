//! What a payment can still be like once a condition is known to hold, or not to.
//!
//! Each value that a condition reads has the set of numbers that it can be, and whether it can
//! be absent. Assuming a condition makes these sets smaller; where one is empty no payment is
//! left. Sets are never smaller than the truth, so that "no payment is left" can be relied on,
//! and may be larger: of values that hang together little is known.

use crate::engine::rules::{Number, Operand, Relation, TextField};

use super::possible_text::KnownText;
use super::ranges::Ranges;

/// What one value can be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Known {
    /// The numbers that it can be where it is there.
    pub(super) numbers: Ranges,
    pub(super) may_be_absent: bool,
}

/// How two numbers can stand to each other where both are there: below, equal, above.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Order(u8);

const BELOW: u8 = 1;
const EQUAL: u8 = 2;
const ABOVE: u8 = 4;

impl Order {
    /// In any way.
    pub(super) const ANY: Self = Self(BELOW | EQUAL | ABOVE);

    /// As `relation` says.
    pub(super) const fn of(relation: Relation) -> Self {
        Self(match relation {
            Relation::Equal => EQUAL,
            Relation::NotEqual => BELOW | ABOVE,
            Relation::Less => BELOW,
            Relation::LessOrEqual => BELOW | EQUAL,
            Relation::Greater => ABOVE,
            Relation::GreaterOrEqual => ABOVE | EQUAL,
        })
    }

    /// In any other way.
    pub(super) const fn other(self) -> Self {
        Self(Self::ANY.0 & !self.0)
    }

    /// In one of these ways or of `others`.
    pub(super) const fn or(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// The same, seen from the other number.
    pub(super) const fn turned(self) -> Self {
        Self(self.0 & EQUAL | (self.0 & BELOW) << 2 | (self.0 & ABOVE) >> 2)
    }
}

/// The payments that are still possible. What is not listed is as it was at first.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Possible {
    pub(super) values: Vec<(Operand, Known)>,
    pub(super) texts: Vec<(TextField, KnownText)>,
    pub(super) orders: Vec<((Number, Number), Order)>,
}

impl Possible {
    /// Takes over what is known of `operand`; `None` where it can be nothing any more.
    pub(super) fn set(&mut self, operand: Operand, known: Known) -> Option<()> {
        if known.numbers.is_empty() && !known.may_be_absent {
            return None;
        }
        match self.values.iter_mut().find(|(other, _)| *other == operand) {
            Some((_, own)) => *own = known,
            None => self.values.push((operand, known)),
        }
        Some(())
    }

    /// Takes over that `left` stands to `right` in one of `order`, both being there; `None`
    /// where it cannot.
    pub(super) fn order(&mut self, left: &Number, order: Order, right: &Number) -> Option<()> {
        let order = if left == right { Order(order.0 & EQUAL) } else { order };
        let is = |pair: &(Number, Number), one: &Number, other: &Number| {
            pair.0 == *one && pair.1 == *other
        };
        let mut orders = self.orders.iter_mut();
        let found = orders.find(|(pair, _)| is(pair, left, right) || is(pair, right, left));
        let left_over = if let Some((pair, own)) = found {
            let order = if is(pair, left, right) { order } else { order.turned() };
            own.0 &= order.0;
            *own
        } else {
            self.orders.push(((left.clone(), right.clone()), order));
            order
        };
        (left_over.0 != 0).then_some(())
    }
}

/// The numbers that stand in one of `order` to some of `others`.
pub(super) fn related_to(others: &Ranges, order: Order) -> Ranges {
    let Some((low, high)) = others.ends() else {
        return Ranges::NONE;
    };
    let mut found = Ranges::NONE;
    if order.0 & BELOW != 0 {
        found = found.or(&Ranges::between(i128::MIN, high.saturating_sub(1)));
    }
    if order.0 & EQUAL != 0 {
        found = found.or(others);
    }
    if order.0 & ABOVE != 0 {
        found = found.or(&Ranges::between(low.saturating_add(1), i128::MAX));
    }
    found
}
