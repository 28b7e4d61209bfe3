//! Which payments a condition leaves: none at all, or all of them?

use std::collections::BTreeSet;

use crate::domain::AMOUNT_MINOR_UNITS_MAX;
use crate::engine::rules::{Condition, Field, Kind, Listed, Number, Operand};
use crate::engine::velocity::{Lookback, What};

use super::possible::{Known, Order, Possible, related_to};
use super::possible_text::{has_text, text_among};
use super::ranges::Ranges;
use super::vocabulary::{Vocabulary, possible_values};

/// How many parts of one condition are looked at; beyond, all that is left is possible.
const STEPS_COUNT_MAX: u32 = 20_000;

/// Looks at the payments that conditions leave.
pub(super) struct Foresight<'v> {
    vocabulary: &'v Vocabulary,
    steps_left: u32,
}

impl<'v> Foresight<'v> {
    pub(super) fn new(vocabulary: &'v Vocabulary) -> Self {
        Self { vocabulary, steps_left: STEPS_COUNT_MAX }
    }

    /// True where no payment meets `condition`.
    pub(super) fn is_never(&mut self, condition: &Condition) -> bool {
        self.is_impossible(condition, true)
    }

    /// True where every payment meets `condition`.
    pub(super) fn is_always(&mut self, condition: &Condition) -> bool {
        self.is_impossible(condition, false)
    }

    fn is_impossible(&mut self, condition: &Condition, wanted: bool) -> bool {
        self.steps_left = STEPS_COUNT_MAX;
        let mut possible = Possible::default();
        // What a later part says may make an earlier one impossible.
        for _ in 0..3 {
            let Some(left) = self.assume(condition, wanted, &possible) else {
                return true;
            };
            if left == possible {
                break;
            }
            possible = left;
        }
        false
    }

    /// What `operand` can be before anything is assumed.
    pub(super) fn at_first(&self, operand: Operand) -> Known {
        let largest = self.vocabulary.largest(operand);
        match operand {
            Operand::Field(field) => {
                Known { numbers: values_of(field), may_be_absent: !field.is_always_present() }
            }
            Operand::Threshold(at) => {
                let value = self.vocabulary.thresholds.get(at.0).map(|it| i128::from(it.value));
                let numbers =
                    value.map_or(Ranges::between(-largest, largest), |it| Ranges::of([it]));
                Known { numbers, may_be_absent: false }
            }
            Operand::Feature(_) => {
                let Some(spec) = self.vocabulary.spec(operand) else {
                    return Known {
                        numbers: Ranges::between(-largest, largest),
                        may_be_absent: true,
                    };
                };
                let is_span = matches!(spec.what, What::SecondsSinceLast);
                let window_seconds = i128::from(spec.reach().millis() / 1_000);
                let most = if is_span { window_seconds } else { largest };
                let stand_in = spec.absent_as.map(i128::from);
                let numbers = Ranges::between(0, most).or(&Ranges::of(stand_in));
                // A calendar ends.
                let in_days = matches!(spec.window, Lookback::BusinessDays(_));
                Known { numbers, may_be_absent: in_days || !spec.is_never_absent() }
            }
        }
    }

    fn known(&self, operand: Operand, possible: &Possible) -> Known {
        let found = possible.values.iter().find(|(other, _)| *other == operand);
        found.map_or_else(|| self.at_first(operand), |(_, known)| known.clone())
    }

    /// What is left of `possible` where `condition` holds, or where it does not.
    fn assume(
        &mut self,
        condition: &Condition,
        wanted: bool,
        possible: &Possible,
    ) -> Option<Possible> {
        if self.steps_left == 0 {
            return Some(possible.clone());
        }
        self.steps_left -= 1;
        match (condition, wanted) {
            (Condition::Not(part), _) => self.assume(part, !wanted, possible),
            (Condition::All(parts), true) | (Condition::Any(parts), false) => {
                let first = possible.clone();
                parts.iter().try_fold(first, |left, part| self.assume(part, wanted, &left))
            }
            (Condition::All(parts), false) | (Condition::Any(parts), true) => {
                let mut left: Option<Possible> = None;
                for part in parts {
                    let by_this = self.assume(part, wanted, possible);
                    left = self.either(left, by_this);
                }
                left
            }
            (Condition::Compare { left, relation, right }, true) => self
                .present(&[left, right], possible)
                .and_then(|there| self.related(left, Order::of(*relation), right, there)),
            (Condition::Compare { left, relation, right }, false) => {
                let not = Order::of(*relation).other();
                let there = self
                    .present(&[left, right], possible)
                    .and_then(|there| self.related(left, not, right, there));
                let absent = self.absent(&[left, right], possible);
                self.either(there, absent)
            }
            (Condition::Among { value, choices }, _) => {
                let listed = Ranges::of(choices.as_slice().iter().map(|it| i128::from(*it)));
                let there = self
                    .present(&[value], possible)
                    .and_then(|there| self.listed(value, &listed, wanted, there));
                let absent = if wanted { None } else { self.absent(&[value], possible) };
                self.either(there, absent)
            }
            (Condition::Has(operand), true) => self.present(&[&Number::Read(*operand)], possible),
            (Condition::Has(operand), false) => self.absent(&[&Number::Read(*operand)], possible),
            (Condition::TextAmong { field, choices }, _) => {
                let choices = choices.as_slice().iter().cloned().collect();
                text_among(*field, &choices, wanted, possible)
            }
            (Condition::TextDiffers { field, text }, true) => {
                let choices = BTreeSet::from([text.clone()]);
                let there = has_text(*field, true, possible)?;
                text_among(*field, &choices, false, &there)
            }
            (Condition::TextDiffers { field, text }, false) => {
                let same = text_among(*field, &BTreeSet::from([text.clone()]), true, possible);
                let absent = has_text(*field, false, possible);
                self.either(same, absent)
            }
            (Condition::HasText(field), _) => has_text(*field, wanted, possible),
            // What a list holds is not looked at, only that absent is in none.
            (Condition::Listed { listed: Listed::Number(field), .. }, true) => {
                self.present(&[&Number::Read(Operand::Field(*field))], possible)
            }
            (Condition::Listed { listed: Listed::Text(field), .. }, true) => {
                has_text(*field, true, possible)
            }
            (Condition::Listed { .. }, false) => Some(possible.clone()),
        }
    }

    /// What is left where all of `numbers` are there.
    fn present(&self, numbers: &[&Number], possible: &Possible) -> Option<Possible> {
        let mut left = possible.clone();
        for operand in numbers.iter().flat_map(|number| reads_of(number)) {
            let known = self.known(operand, &left);
            left.set(operand, Known { may_be_absent: false, ..known })?;
        }
        Some(left)
    }

    /// What is left where at least one of `numbers` is absent.
    fn absent(&self, numbers: &[&Number], possible: &Possible) -> Option<Possible> {
        let mut left = None;
        for operand in numbers.iter().flat_map(|number| reads_of(number)) {
            let may_be_absent = self.known(operand, possible).may_be_absent;
            let mut by_this = possible.clone();
            let by_this = by_this
                .set(operand, Known { numbers: Ranges::NONE, may_be_absent })
                .map(|()| by_this);
            left = self.either(left, by_this);
        }
        left
    }

    /// What is left where `left` stands to `right` in one of `order`.
    fn related(
        &self,
        left: &Number,
        order: Order,
        right: &Number,
        mut possible: Possible,
    ) -> Option<Possible> {
        possible.order(left, order, right)?;
        let (own, others) = (self.numbers_of(left, &possible), self.numbers_of(right, &possible));
        let own_left = own.and(&related_to(&others, order));
        let others_left = others.and(&related_to(&own, order.turned()));
        if own_left.is_empty() || others_left.is_empty() {
            return None;
        }
        for (number, numbers) in [(left, own_left), (right, others_left)] {
            if let Number::Read(operand) = number {
                possible.set(*operand, Known { numbers, may_be_absent: false })?;
            }
        }
        Some(possible)
    }

    /// What is left where `value` is one of `listed`, or is not.
    fn listed(
        &self,
        value: &Number,
        listed: &Ranges,
        wanted: bool,
        mut possible: Possible,
    ) -> Option<Possible> {
        let numbers = self.numbers_of(value, &possible);
        let numbers = if wanted { numbers.and(listed) } else { numbers.without(listed) };
        if numbers.is_empty() {
            return None;
        }
        if let Number::Read(operand) = value {
            possible.set(*operand, Known { numbers, may_be_absent: false })?;
        }
        Some(possible)
    }

    /// What `number` can be where all that it reads is there.
    fn numbers_of(&self, number: &Number, possible: &Possible) -> Ranges {
        match number {
            Number::Literal(value) => Ranges::of([i128::from(*value)]),
            Number::Read(operand) => self.known(*operand, possible).numbers,
            Number::Negation(inner) => spanned(&[self.numbers_of(inner, possible)], |[inner]| {
                [inner.0.saturating_neg(), inner.1.saturating_neg()].to_vec()
            }),
            Number::Sum(one, other) => {
                let both = [self.numbers_of(one, possible), self.numbers_of(other, possible)];
                spanned(&both, |[one, other]| {
                    vec![one.0.saturating_add(other.0), one.1.saturating_add(other.1)]
                })
            }
            Number::Difference(one, other) => {
                let both = [self.numbers_of(one, possible), self.numbers_of(other, possible)];
                spanned(&both, |[one, other]| {
                    vec![one.0.saturating_sub(other.1), one.1.saturating_sub(other.0)]
                })
            }
            Number::Product(one, other) => {
                let both = [self.numbers_of(one, possible), self.numbers_of(other, possible)];
                spanned(&both, |[one, other]| {
                    let ends = [(one.0, other.0), (one.0, other.1), (one.1, other.0)];
                    let ends = ends.into_iter().chain([(one.1, other.1)]);
                    ends.map(|(one, other)| one.saturating_mul(other)).collect()
                })
            }
        }
    }

    /// What is left in the one case or the other.
    fn either(&self, one: Option<Possible>, other: Option<Possible>) -> Option<Possible> {
        let (one, other) = match (one, other) {
            (Some(one), Some(other)) => (one, other),
            (only, None) | (None, only) => return only,
        };
        let mut left = Possible::default();
        // What only one of them says something of is as it was at first in the other.
        for (operand, known) in &one.values {
            let others = self.known(*operand, &other);
            let numbers = known.numbers.or(&others.numbers);
            let may_be_absent = known.may_be_absent || others.may_be_absent;
            left.values.push((*operand, Known { numbers, may_be_absent }));
        }
        for (operand, known) in &other.values {
            if !one.values.iter().any(|(seen, _)| seen == operand) {
                let first = self.known(*operand, &one);
                let numbers = known.numbers.or(&first.numbers);
                let may_be_absent = known.may_be_absent || first.may_be_absent;
                left.values.push((*operand, Known { numbers, may_be_absent }));
            }
        }
        for (field, known) in &one.texts {
            if let Some((_, others)) = other.texts.iter().find(|(seen, _)| seen == field) {
                left.texts.push((*field, known.or(others)));
            }
        }
        for (pair, order) in &one.orders {
            if let Some((_, others)) = other.orders.iter().find(|(seen, _)| seen == pair) {
                left.orders.push((pair.clone(), order.or(*others)));
            }
        }
        Some(left)
    }
}

/// What `number` reads.
fn reads_of(number: &Number) -> Vec<Operand> {
    match number {
        Number::Literal(_) => Vec::new(),
        Number::Read(operand) => vec![*operand],
        Number::Negation(inner) => reads_of(inner),
        Number::Sum(one, other) | Number::Difference(one, other) | Number::Product(one, other) => {
            [reads_of(one), reads_of(other)].concat()
        }
    }
}

/// What `field` can be.
fn values_of(field: Field) -> Ranges {
    let ends = |low: i64, high: i64| Ranges::between(low.into(), high.into());
    match (possible_values(field), field.kind()) {
        (Some((values, _)), _) => ends(*values.start(), *values.end()),
        (None, Kind::Amount) => ends(0, AMOUNT_MINOR_UNITS_MAX),
        (None, Kind::Number) => ends(0, i64::MAX),
        (None, Kind::Country) => ends(0, u16::MAX.into()),
        (None, Kind::Word(words)) => {
            Ranges::of(words.words().iter().map(|(_, code)| i128::from(*code)))
        }
        (None, Kind::Flag) => ends(0, 1),
    }
}

/// From the smallest to the largest that `ends` makes of the ends of `numbers`.
fn spanned<const N: usize>(
    numbers: &[Ranges; N],
    ends: impl Fn([(i128, i128); N]) -> Vec<i128>,
) -> Ranges {
    let found: Vec<_> = numbers.iter().filter_map(Ranges::ends).collect();
    let Ok(found) = <[(i128, i128); N]>::try_from(found) else {
        return Ranges::NONE;
    };
    let ends = ends(found);
    match (ends.iter().min(), ends.iter().max()) {
        (Some(low), Some(high)) => Ranges::between(*low, *high),
        (_, _) => Ranges::NONE,
    }
}
