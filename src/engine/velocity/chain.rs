//! What was taken back of an authorisation and of those that add to its amount.

use super::event::Left;
use super::{CardTag, Event, Marks};
use crate::domain::{Amount, IdKey};

/// A reversal, as whatever it took back remembers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reversal {
    /// Its own id: it takes back once, however often it comes.
    pub id: IdKey,
    /// How much it takes back; `None` is all.
    pub amount: Option<Amount>,
    /// The card that it named.
    pub card: Option<CardTag>,
}

impl Reversal {
    /// What it must share with what it takes back.
    pub fn marks(&self) -> Marks {
        Marks { currency: self.amount.map(Amount::currency), card: self.card }
    }
}

/// An authorisation that has reversals or incrementals. Most have none, and no chain.
///
/// ```text
///  asked       original 100      +50        +30      (incrementals, by their own time)
///              ├──────────────┤├───────┤├───────┤
///  taken back  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒                  reversals of 120 in all, whatever
///  left                      0        30       30    their order: the original first
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Chain {
    /// The id of its original.
    pub(super) id: IdKey,
    /// What its original is marked by; `None` until it comes.
    pub(super) head: Option<Marks>,
    /// What was left of the original when it left the windows, before this chain's reversals.
    pub(super) gone_head_minor_units: i64,
    /// The same of the incrementals that left.
    pub(super) gone_minor_units: i64,
    pub(super) reversals: Vec<Reversal>,
}

/// What reversals take back together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Taken {
    /// So much of it, in minor units.
    pub(super) minor_units: i64,
    /// One of them takes back all.
    pub(super) is_all: bool,
    /// There is one at all.
    pub(super) is_any: bool,
}

impl Chain {
    /// The chain of the authorisation `id`, with nothing in it.
    pub(super) fn new(id: IdKey) -> Self {
        Self {
            id,
            head: None,
            gone_head_minor_units: 0,
            gone_minor_units: 0,
            reversals: Vec::new(),
        }
    }

    /// What its reversals take back; those that contradict its original take nothing.
    pub(super) fn taken(&self) -> Taken {
        let fitting =
            |reversal: &&Reversal| self.head.is_none_or(|head| head.agree(reversal.marks()));
        self.reversals.iter().filter(fitting).fold(Taken::default(), |taken, reversal| Taken {
            minor_units: taken
                .minor_units
                .saturating_add(reversal.amount.map_or(0, Amount::minor_units)),
            is_all: taken.is_all || reversal.amount.is_none(),
            is_any: true,
        })
    }

    /// True where `event` adds to the amount of this chain's original, or would if it came.
    pub(super) fn has_incremental(&self, event: &Event) -> bool {
        event.claims_incremental()
            && event.chain == self.id
            && self.head.is_none_or(|head| head.agree(event.facts.marks()))
    }

    /// True where something of it is among `events`.
    pub(super) fn is_among<'e>(&self, mut events: impl Iterator<Item = &'e Event>) -> bool {
        events.any(|event| event.id == self.id || event.chain == self.id)
    }
}

/// What the reversals of `event` alone leave of it, where it is an incremental.
pub(super) fn left_of_incremental(chains: &[Chain], event: &Event) -> Left {
    let asked = event.facts.asked_minor_units();
    let taken = chains.iter().find(|chain| chain.id == event.id).map(Chain::taken);
    match taken.unwrap_or_default() {
        Taken { is_all: true, .. } => Left::Undone,
        Taken { minor_units, is_any: true, .. } if minor_units >= asked => Left::Undone,
        Taken { minor_units, .. } => Left::MinorUnits(asked - minor_units),
    }
}
