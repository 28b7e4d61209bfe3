//! A card's windows count what its accounts' windows do.
//!
//! What is told of an authorisation is told of its account's event: there its chain is, and
//! what waits for it. Afterwards the card's windows take over what changed. So a reversal that
//! names no card takes back in the card's windows as well, and the two cannot disagree. A card
//! may be used under several accounts; a feature by card counts them together, as far as they
//! are of one partition.

use std::ops::Range;

use crate::domain::{AccountKey, CardKey, IdKey};
use crate::engine::velocity::{CardState, CardTable, Keys, Slot};

/// What the windows of cards do not know yet.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) struct Changed {
    pub(super) account: AccountKey,
    /// The authorisation that something was told of.
    pub(super) id: IdKey,
    /// The card under which it was known before.
    pub(super) earlier_card: Option<CardKey>,
}

impl Changed {
    /// What changed where something was told of the authorisation `id` of `account`, whose
    /// card stays.
    pub(crate) fn told_of(account: AccountKey, id: IdKey) -> Self {
        Self { account, id, earlier_card: None }
    }

    /// Lets the windows in `by_card` count what `state`, the account's, does. Hot path.
    pub(crate) fn carry_over(self, state: &CardState, by_card: &mut Option<CardTable<CardKey>>) {
        let Some(by_card) = by_card else { return };
        let Self { account, id, earlier_card } = self;
        let place = state.place(id);
        let own = place.and_then(|place| card_of(&state.keys_at(place)));
        if let Some(earlier) = earlier_card.filter(|earlier| Some(*earlier) != own)
            && let Some(windows) = by_card.get_mut(earlier)
        {
            windows.unfollow(account, id);
        }
        // In a chain what is told of one may change the others.
        let places = if state.has_chains() { 0..state.events().len() } else { one(place) };
        let retention = by_card.retention();
        for (place, event) in places.clone().zip(state.events().skip(places.start)) {
            let keys = state.keys_at(place);
            if let Some(windows) = card_of(&keys).and_then(|card| by_card.get_mut(card)) {
                windows.follow(account, event, &keys, retention);
            }
        }
    }
}

fn one(place: Option<usize>) -> Range<usize> {
    place.map_or(0..0, |place| place..place + 1)
}

fn card_of(keys: &Keys) -> Option<CardKey> {
    keys.get(Slot::Card).map(CardKey::from_bits)
}
