//! A rule set's conditions as they run: bits, then masks. [`super::masks`] makes it.
//!
//! ```text
//! request, evidence ─► atoms ─► bits ─► derived bits ─► live masks   ─► live rules that fire
//!                                              └──────► shadow masks ─► shadow rules that fire
//! ```
//!
//! Every atom is worked out once, whatever asks for it, and no rule is left early: what a
//! decision costs does not depend on what it finds.

use super::Condition;
use super::atom::{Linear, NumberSet, WrappingRange};
use super::number::{Operand, Row};

/// The conditions of all rules of a rule set.
#[derive(Clone, Default, Debug)]
pub(super) struct Programme {
    /// What is read for `ranges`, in their order.
    pub(super) slots: Vec<Slot>,
    pub(super) ranges: Vec<WrappingRange>,
    pub(super) sets: Vec<(Operand, NumberSet)>,
    pub(super) linear: Vec<Linear>,
    pub(super) plain: Vec<Condition>,
    /// In an order in which each uses earlier ones only.
    pub(super) derived: Vec<Derived>,
    /// Of atoms and derived bits.
    pub(super) words_count: usize,
    pub(super) live: Vec<Check>,
    pub(super) shadow: Vec<Check>,
}

/// One thing read, and how many of the ranges are about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) operand: Operand,
    pub(super) ranges_count: usize,
}

/// A bit that is worked out from others.
#[derive(Clone, Debug)]
pub(super) struct Derived {
    pub(super) word: usize,
    pub(super) bit: u64,
    pub(super) checks: Box<[Check]>,
}

/// The bits of one word that an alternative cares for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    pub(super) word: usize,
    pub(super) care: u64,
    pub(super) want: u64,
    pub(super) ending: Ending,
}

/// What ends with a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// The alternative goes on.
    Nothing,
    /// The alternative ends, another one follows.
    Alternative,
    /// The last alternative ends.
    Formula,
}

impl Check {
    pub(super) const ALWAYS: Self = Self::new(0, 0, 0);
    pub(super) const NEVER: Self = Self::new(0, 0, 1);

    pub(super) const fn new(word: usize, care: u64, want: u64) -> Self {
        Self { word, care, want, ending: Ending::Nothing }
    }
}

/// Buffers that a programme works in: they grow to what it needs and then stay.
#[derive(Clone, Default, Debug)]
pub(super) struct Bits {
    /// One bit for each atom and derived bit.
    found: Vec<u64>,
    /// One bit for each rule asked about last.
    fired: Vec<u64>,
}

impl Bits {
    /// The positions of the rules that fired, in order.
    pub(super) fn fired(&self) -> impl Iterator<Item = usize> {
        self.fired.iter().enumerate().flat_map(|(word_index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                let position = usize::try_from(bit).ok().filter(|bit| *bit < 64)?;
                Some(word_index * 64 + position)
            })
        })
    }
}

impl Programme {
    /// Works out every atom for `row`. Hot path: allocates nothing once `bits` is warm.
    pub(super) fn find(&self, row: &Row<'_>, bits: &mut Bits) {
        let mut packer = Packer::into(&mut bits.found);
        let mut ranges = self.ranges.iter();
        for Slot { operand, ranges_count } in &self.slots {
            let read = row.read(*operand);
            let (value, is_there) = (read.unwrap_or_default(), read.is_some());
            for range in ranges.by_ref().take(*ranges_count) {
                packer.push(range.holds(value) & is_there);
            }
        }
        for (operand, set) in &self.sets {
            packer.push(row.read(*operand).is_some_and(|value| set.holds(value)));
        }
        for linear in &self.linear {
            packer.push(linear.holds(row));
        }
        for condition in &self.plain {
            packer.push(condition.holds(row));
        }
        packer.finish();
        bits.found.resize(self.words_count.max(1), 0);
        for Derived { word, bit, checks } in &self.derived {
            let mut holds = false;
            each_formula(checks, &bits.found, |found| holds = found);
            if let Some(word) = bits.found.get_mut(*word).filter(|_| holds) {
                *word |= bit;
            }
        }
    }

    /// Leaves in `bits`, which [`Self::find`] filled, which live rules fire. Hot path.
    pub(super) fn ask_live(&self, bits: &mut Bits) {
        bits.ask(&self.live);
    }

    /// The same of shadow rules.
    pub(super) fn ask_shadow(&self, bits: &mut Bits) {
        bits.ask(&self.shadow);
    }
}

impl Bits {
    fn ask(&mut self, checks: &[Check]) {
        let Self { found, fired } = self;
        let mut packer = Packer::into(fired);
        each_formula(checks, found, |holds| packer.push(holds));
        packer.finish();
    }
}

/// Calls `then` with whether each formula of `checks` holds. Hot path: no branch depends on
/// what is found.
fn each_formula(checks: &[Check], found: &[u64], mut then: impl FnMut(bool)) {
    let (mut alternative, mut formula) = (true, false);
    for Check { word, care, want, ending } in checks {
        let word = found.get(*word).copied().unwrap_or_default();
        alternative &= word & care == *want;
        if *ending != Ending::Nothing {
            formula |= alternative;
            alternative = true;
            if *ending == Ending::Formula {
                then(formula);
                formula = false;
            }
        }
    }
}

/// Packs bits into words.
struct Packer<'w> {
    words: &'w mut Vec<u64>,
    word: u64,
    bits_count: u32,
}

impl<'w> Packer<'w> {
    fn into(words: &'w mut Vec<u64>) -> Self {
        words.clear();
        Self { words, word: 0, bits_count: 0 }
    }

    fn push(&mut self, bit: bool) {
        // Bits come in at the top: where each one ends up needs no count.
        self.word = self.word >> 1 | u64::from(bit) << 63;
        self.bits_count += 1;
        if self.bits_count == 64 {
            self.words.push(self.word);
            (self.word, self.bits_count) = (0, 0);
        }
    }

    fn finish(self) {
        if self.bits_count > 0 {
            self.words.push(self.word >> (64 - self.bits_count));
        }
    }
}
