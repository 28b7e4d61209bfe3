//! What reversals leave of an original and of the incrementals that add to it.

use std::collections::BTreeMap;

use stopline::domain::{Amount, IdKey};

use super::net::{Marks, Net, Told};
use super::policy::Counts;

impl Net<'_> {
    /// True where `more` takes back more of `id` than reversals have left of it.
    pub(crate) fn is_too_much(&self, id: IdKey, more: Option<Amount>) -> bool {
        let Some(more) = more.map(Amount::minor_units) else { return false };
        let taken = self.taken_back(id);
        let asked = if taken.is_all { 0 } else { self.asked_by_chain(id) };
        more > (asked - taken.minor_units).max(0)
    }

    /// What is left of each member of the chain of `id`, in its own currency; `None` is
    /// nothing, not even the attempt. What is taken back is taken from the original first,
    /// then from the incrementals by their time. A reversal without an amount takes all of
    /// them, and so do amounts that reach what all of them asked for.
    pub(super) fn left_of_chain(&self, id: IdKey) -> BTreeMap<usize, Option<i64>> {
        let original = self.original(id);
        let taken = self.taken_back(id);
        let is_closed = taken.is_all
            || (original.is_some() && taken.is_any && taken.minor_units >= self.asked_by_chain(id));
        let mut rest = if original.is_some() { taken.minor_units } else { 0 };
        let mut left = BTreeMap::new();
        for life in self.members_in_order(id) {
            let stands = &self.lives[life].stands;
            let is_original = stands.id == id;
            let own = if is_original { Some(stands.asked()) } else { self.left_alone(life) };
            let is_taken_from = is_original || self.is_approved_part(id, life);
            let share = if is_taken_from { rest.min(own.unwrap_or(0)) } else { 0 };
            rest -= share;
            let is_undone = is_closed && (is_original || self.belongs(id, life));
            left.insert(life, own.map(|own| own - share).filter(|_| !is_undone));
        }
        left
    }

    /// The original first, then the incrementals by their time.
    fn members_in_order(&self, id: IdKey) -> Vec<usize> {
        let mut members = self.chain(id).map_or(Vec::new(), |chain| chain.members.clone());
        let original = self.original(id).map(|original| original.stands.input);
        let is_original = |stands: &Told| stands.id == id;
        // Of an id that was used anew the latest is the original.
        members.retain(|life| {
            let stands = &self.lives[*life].stands;
            !is_original(stands) || Some(stands.input) == original
        });
        members.sort_by_key(|life| {
            let stands = &self.lives[*life].stands;
            (!is_original(stands), stands.at, stands.input)
        });
        members
    }

    /// What the original and its approved incrementals asked for, less what reversals of
    /// the incrementals themselves took back.
    fn asked_by_chain(&self, id: IdKey) -> i64 {
        let asked = |life: usize| {
            let stands = &self.lives[life].stands;
            if stands.id == id {
                stands.asked()
            } else if self.is_approved_part(id, life) {
                self.left_alone(life).unwrap_or(0)
            } else {
                0
            }
        };
        self.members_in_order(id).into_iter().map(asked).sum()
    }

    fn is_approved_part(&self, id: IdKey, life: usize) -> bool {
        self.belongs(id, life) && self.lives[life].outcome() == Counts::Approved
    }

    /// True where an incremental is of its original's card and currency, as far as known.
    fn belongs(&self, id: IdKey, life: usize) -> bool {
        let marks = self.lives[life].stands.marks();
        self.original(id).is_none_or(|original| original.stands.marks().agree(marks))
    }

    /// What reversals that name the incremental itself leave of it.
    fn left_alone(&self, life: usize) -> Option<i64> {
        let stands = &self.lives[life].stands;
        let taken = Taken::by(&self.lives[life].reversals, Some(stands.marks()));
        let is_undone = taken.is_all || (taken.is_any && taken.minor_units >= stands.asked());
        (!is_undone).then(|| stands.asked() - taken.minor_units)
    }

    /// What reversals that name `id` take back of its chain.
    fn taken_back(&self, id: IdKey) -> Taken {
        let original = self.original(id).map(|original| original.stands.marks());
        Taken::by(self.chain(id).map_or(&[], |chain| &chain.reversals), original)
    }
}

/// What reversals take back together.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    minor_units: i64,
    is_all: bool,
    is_any: bool,
}

impl Taken {
    /// By `reversals` of something with these marks; one of another card or currency takes
    /// nothing.
    fn by(reversals: &[Told], marks: Option<Marks>) -> Self {
        let mut taken = Self::default();
        for reversal in reversals {
            if marks.is_none_or(|marks| marks.agree(reversal.marks())) {
                taken.is_any = true;
                taken.is_all |= reversal.amount.is_none();
                taken.minor_units += reversal.asked();
            }
        }
        taken
    }
}
