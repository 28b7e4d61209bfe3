//! From conditions to masks: each rule a few of them over the bits of the atoms.
//!
//! A condition becomes alternatives, each of which asks some atoms to hold and others not to:
//!
//! ```text
//! a && (b || !c)   =   a b  or  a !c        word & care == want,   two times
//! ```
//!
//! This is exact with absence as well, for an atom is a plain bit: false where something is
//! absent, and `!` turns that. Where alternatives would multiply, what multiplies gets a bit
//! of its own, worked out before those that use it: no condition grows beyond its own length.

use std::collections::HashMap;

use super::atom::{Atom, Leaf};
use super::number::Operand;
use super::programme::{Check, Derived, Ending, Programme, Slot};
use super::{Condition, Threshold};

/// The most alternatives that a conjunction is multiplied out to.
const ALTERNATIVES_COUNT_MAX: usize = 8;

/// A bit, or where it is negated, its opposite.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Literal {
    bit: Bit,
    is_wanted: bool,
}

/// A bit before it has its place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Bit {
    Atom(usize),
    Derived(usize),
}

/// Bits that must all be as wanted; sorted, each once.
type Alternative = Vec<Literal>;

/// Collects the atoms of conditions, then lays out the whole.
pub(super) struct Masks<'t> {
    thresholds: &'t [Threshold],
    atoms: Vec<Atom>,
    known_atoms: HashMap<Atom, usize>,
    derived: Vec<Vec<Alternative>>,
    known_derived: HashMap<Vec<Alternative>, usize>,
}

/// What one condition came to.
pub(super) struct Formula(Vec<Alternative>);

impl<'t> Masks<'t> {
    /// Nothing yet, for conditions that read these `thresholds`.
    pub(super) fn new(thresholds: &'t [Threshold]) -> Self {
        Self {
            thresholds,
            atoms: Vec::new(),
            known_atoms: HashMap::new(),
            derived: Vec::new(),
            known_derived: HashMap::new(),
        }
    }

    /// The formula of `condition`.
    pub(super) fn formula(&mut self, condition: &Condition) -> Formula {
        Formula(self.alternatives(condition, true))
    }

    /// The alternatives under which `condition` comes out as `is_wanted`.
    fn alternatives(&mut self, condition: &Condition, is_wanted: bool) -> Vec<Alternative> {
        match (condition, is_wanted) {
            (Condition::Not(part), _) => self.alternatives(part, !is_wanted),
            (Condition::All(parts), true) | (Condition::Any(parts), false) => {
                self.product(parts, is_wanted)
            }
            (Condition::All(parts), false) | (Condition::Any(parts), true) => {
                let parts = parts.iter().flat_map(|part| self.alternatives(part, is_wanted));
                let mut sum: Vec<_> = parts.collect();
                sum.sort_unstable();
                sum.dedup();
                if sum.iter().any(Vec::is_empty) {
                    return vec![Vec::new()]; // It always holds.
                }
                sum
            }
            (comparison, _) => match (Leaf::of(comparison, self.thresholds), is_wanted) {
                (Leaf::Never, true) => Vec::new(),
                (Leaf::Never, false) => vec![Vec::new()],
                (Leaf::Atom(atom), _) => {
                    let bit = Bit::Atom(self.atom(atom));
                    vec![vec![Literal { bit, is_wanted }]]
                }
            },
        }
    }

    fn product(&mut self, parts: &[Condition], is_wanted: bool) -> Vec<Alternative> {
        let mut factors: Vec<_> =
            parts.iter().map(|part| self.alternatives(part, is_wanted)).collect();
        factors.sort_by_key(Vec::len);
        let mut product = vec![Vec::new()];
        for factor in factors {
            let factor = if product.len().saturating_mul(factor.len()) > ALTERNATIVES_COUNT_MAX {
                self.derive(factor)
            } else {
                factor
            };
            product = product
                .iter()
                .flat_map(|one| factor.iter().filter_map(move |other| both(one, other)))
                .collect();
        }
        product.sort_unstable();
        product.dedup();
        product
    }

    /// A bit of its own for `alternatives`.
    fn derive(&mut self, alternatives: Vec<Alternative>) -> Vec<Alternative> {
        if alternatives.len() < 2 {
            return alternatives;
        }
        let at = *self.known_derived.entry(alternatives.clone()).or_insert(self.derived.len());
        if at == self.derived.len() {
            self.derived.push(alternatives);
        }
        vec![vec![Literal { bit: Bit::Derived(at), is_wanted: true }]]
    }

    fn atom(&mut self, atom: Atom) -> usize {
        if let Some(at) = self.known_atoms.get(&atom) {
            return *at;
        }
        let at = self.atoms.len();
        self.atoms.push(atom.clone());
        self.known_atoms.insert(atom, at);
        at
    }

    /// All of it laid out: what decides, `live` and `shadow` formulas in their order.
    pub(super) fn programme(self, live: &[Formula], shadow: &[Formula]) -> Programme {
        let mut programme = Programme::default();
        let mut order: Vec<usize> = (0..self.atoms.len()).collect();
        // Ranges first, by what they read; those of one slot lie side by side.
        order.sort_by_key(|at| self.atoms.get(*at).map(place_of));
        let mut places = vec![0; self.atoms.len()];
        for (place, at) in order.into_iter().enumerate() {
            if let (Some(own), Some(atom)) = (places.get_mut(at), self.atoms.get(at)) {
                *own = place;
                programme.add(atom);
            }
        }
        let layout = Layout { places, atoms_count: self.atoms.len() };
        for (at, alternatives) in self.derived.iter().enumerate() {
            let (word, bit) = layout.place(Bit::Derived(at));
            let checks = layout.checks(alternatives).into();
            programme.derived.push(Derived { word, bit, checks });
        }
        programme.words_count = (self.atoms.len() + self.derived.len()).div_ceil(64);
        programme.live = live.iter().flat_map(|it| layout.checks(&it.0)).collect();
        programme.shadow = shadow.iter().flat_map(|it| layout.checks(&it.0)).collect();
        programme
    }
}

impl Programme {
    fn add(&mut self, atom: &Atom) {
        match atom {
            Atom::Range(operand, range) => {
                match self.slots.last_mut().filter(|slot| slot.operand == *operand) {
                    Some(slot) => slot.ranges_count += 1,
                    None => self.slots.push(Slot { operand: *operand, ranges_count: 1 }),
                }
                self.ranges.push(*range);
            }
            Atom::Among(operand, set) => self.sets.push((*operand, set.clone())),
            Atom::Linear(linear) => self.linear.push(linear.clone()),
            Atom::Plain(condition) => self.plain.push(condition.clone()),
        }
    }
}

/// The order in which a programme works its atoms out.
fn place_of(atom: &Atom) -> (u8, Option<Operand>) {
    match atom {
        // Features are read from one row, fields from all over the request.
        Atom::Range(operand @ Operand::Feature(_), _) => (0, Some(*operand)),
        Atom::Range(operand, _) => (1, Some(*operand)),
        Atom::Among(operand, _) => (2, Some(*operand)),
        Atom::Linear(_) => (3, None),
        Atom::Plain(_) => (4, None),
    }
}

/// `one` and `other` together; `None` where they contradict each other.
fn both(one: &Alternative, other: &Alternative) -> Option<Alternative> {
    let mut joined: Alternative = one.iter().chain(other).copied().collect();
    joined.sort_unstable();
    joined.dedup();
    // `Bit` sorts first: the two of a contradiction lie side by side.
    let is_possible = joined.array_windows().all(|[one, next]| one.bit != next.bit);
    is_possible.then_some(joined)
}

/// Where each bit is.
struct Layout {
    places: Vec<usize>,
    atoms_count: usize,
}

impl Layout {
    /// The word and the mask of `bit`.
    fn place(&self, bit: Bit) -> (usize, u64) {
        let place = match bit {
            Bit::Atom(at) => self.places.get(at).copied().unwrap_or_default(),
            Bit::Derived(at) => self.atoms_count + at,
        };
        (place / 64, 1 << (place % 64))
    }

    fn checks(&self, alternatives: &[Alternative]) -> Vec<Check> {
        let mut checks = Vec::new();
        for alternative in alternatives {
            let from = checks.len();
            for literal in alternative {
                let (word, bit) = self.place(literal.bit);
                let wanted = if literal.is_wanted { bit } else { 0 };
                let own = checks.get_mut(from..).unwrap_or_default();
                match own.iter_mut().find(|check: &&mut Check| check.word == word) {
                    Some(check) => {
                        check.care |= bit;
                        check.want |= wanted;
                    }
                    None => checks.push(Check::new(word, bit, wanted)),
                }
            }
            if checks.len() == from {
                checks.push(Check::ALWAYS);
            }
            if let Some(last) = checks.last_mut() {
                last.ending = Ending::Alternative;
            }
        }
        if checks.is_empty() {
            checks.push(Check::NEVER);
        }
        if let Some(last) = checks.last_mut() {
            last.ending = Ending::Formula;
        }
        checks
    }
}
