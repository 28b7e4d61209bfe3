//! Sets of whole numbers as ranges: what a value can still be.

/// A set of whole numbers: ranges with both ends inside, in order, with gaps between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Ranges(Vec<(i128, i128)>);

impl Ranges {
    /// No number.
    pub(super) const NONE: Self = Self(Vec::new());

    /// The numbers from `low` to `high`.
    pub(super) fn between(low: i128, high: i128) -> Self {
        if low <= high { Self(vec![(low, high)]) } else { Self::NONE }
    }

    /// These numbers.
    pub(super) fn of(values: impl IntoIterator<Item = i128>) -> Self {
        Self::joined(values.into_iter().map(|value| (value, value)).collect())
    }

    /// The set of all of `ranges`, which may overlap.
    fn joined(mut ranges: Vec<(i128, i128)>) -> Self {
        ranges.sort_unstable();
        let mut found: Vec<(i128, i128)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match found.last_mut() {
                Some((_, last)) if low <= last.saturating_add(1) => *last = high.max(*last),
                Some(_) | None => found.push((low, high)),
            }
        }
        Self(found)
    }

    /// True where no number is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest and the largest of it.
    pub(super) fn ends(&self) -> Option<(i128, i128)> {
        Some((self.0.first()?.0, self.0.last()?.1))
    }

    /// What is in the one or the other.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self::joined(self.0.iter().chain(&other.0).copied().collect())
    }

    /// What is in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut found = Vec::new();
        let (mut own, mut others) = (self.0.iter().peekable(), other.0.iter().peekable());
        while let (Some((low, high)), Some((other_low, other_high))) = (own.peek(), others.peek()) {
            let (from, to) = (*low.max(other_low), *high.min(other_high));
            if from <= to {
                found.push((from, to));
            }
            if high <= other_high {
                own.next()
            } else {
                others.next()
            };
        }
        Self(found)
    }

    /// What is in this one and not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut gaps = Vec::with_capacity(other.0.len() + 1);
        let mut from = i128::MIN;
        for (low, high) in &other.0 {
            if let Some(before) = low.checked_sub(1).filter(|before| from <= *before) {
                gaps.push((from, before));
            }
            match high.checked_add(1) {
                Some(next) => from = next,
                None => return self.and(&Self(gaps)),
            }
        }
        gaps.push((from, i128::MAX));
        self.and(&Self(gaps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(ranges: &Ranges, value: i128) -> bool {
        ranges.0.iter().any(|(low, high)| (low..=high).contains(&&value))
    }

    /// All sets of the numbers 0 to 5, and two with ends that cannot be passed.
    fn sets() -> Vec<Ranges> {
        let small = (0..64).map(|bits| Ranges::of((0..6).filter(|at| bits >> at & 1 == 1)));
        let ends = [Ranges::between(i128::MIN, 2), Ranges::between(3, i128::MAX)];
        small.chain(ends).collect()
    }

    #[test]
    fn sets_are_what_their_numbers_are() {
        for one in sets() {
            for other in sets() {
                for value in -1..8 {
                    let (in_one, in_other) = (contains(&one, value), contains(&other, value));
                    assert_eq!(contains(&one.or(&other), value), in_one || in_other);
                    assert_eq!(contains(&one.and(&other), value), in_one && in_other);
                    let rest = contains(&one.without(&other), value);
                    assert_eq!(rest, in_one && !in_other, "{one:?} {other:?} {value}");
                }
            }
        }
    }

    #[test]
    fn one_set_has_one_form() {
        assert_eq!(Ranges::of([3, 1, 2, 2]), Ranges::between(1, 3));
        assert_eq!(Ranges::between(2, 1), Ranges::NONE);
        assert_eq!(Ranges::between(1, 9).ends(), Some((1, 9)));
    }
}
