//! What comes after an authorisation changes what it counts for: outcomes, reversals,
//! incrementals, in any order.

use super::chain::{Chain, left_of_incremental};
use super::event::Left;
use super::{CardState, Event, Keys, Marks, RecordedOutcome, Reversal};
use crate::domain::{Amount, EventTime, IdKey, Offset, OutcomeElsewhere};

/// What became of a reversal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TakenBack {
    /// It took back what it says.
    Applied,
    /// It took back what was left, which is less than it says.
    Over,
    /// It was known.
    Again,
    /// Nothing: nothing was left, or it says none.
    Nothing,
    /// Its original has not come, but incrementals of it: it waits with them.
    Waiting,
    /// It is about another card or currency than its original.
    Contradicts,
    /// Nothing of its original is remembered.
    Unknown,
}

impl CardState {
    /// The authorisation `id`, where it is remembered.
    pub fn find(&self, id: IdKey) -> Option<&Event> {
        self.events.iter().find(|event| event.id == id)
    }

    /// True where `event` adds to the amount of an authorisation that is, or was, known.
    pub fn knows_original_of(&self, event: &Event) -> bool {
        if !event.claims_incremental() {
            return false;
        }
        let root = self.root_of(event.chain);
        let head = self.find(root).map(|head| head.facts.marks());
        let head = head.or_else(|| {
            self.chains.iter().find(|chain| chain.id == root).and_then(|chain| chain.head)
        });
        head.is_some_and(|head| head.agree(event.facts.marks()))
    }

    /// True where what is told of one may change what others count for.
    pub fn has_chains(&self) -> bool {
        !self.chains.is_empty()
    }

    /// `event`, which is not remembered yet, as one that adds to another where it does.
    #[must_use]
    pub fn placed_in_chain(&self, event: Event) -> Event {
        let is_incremental = self.knows_original_of(&event);
        Event { is_incremental, chain: self.root_of(event.chain), ..event }
    }

    /// Remembers `event`, whose id it does not know yet, for what its facts say, with those
    /// of its `keys` that are kept.
    pub fn remember(&mut self, mut event: Event, keys: &Keys) {
        event.settle_whole();
        if event.claims_incremental() {
            event.chain = self.root_of(event.chain);
        }
        self.record_with(event, keys);
        if event.claims_incremental() && !self.chains.is_empty() {
            self.adopt_incrementals_of(&event);
        }
        if event.claims_incremental() {
            self.chain_of(event.chain);
        }
        if !self.chains.is_empty() {
            self.settle_all(event.id, event.chain);
        }
    }

    /// The original of the chain that `named` belongs to: what an incremental names may be one
    /// itself, whose chain it then joins.
    pub fn root_of(&self, named: IdKey) -> IdKey {
        self.find(named).map_or(named, |event| event.chain)
    }

    /// Moves what came earlier and named `event`, an incremental, into the chain of `event`.
    fn adopt_incrementals_of(&mut self, event: &Event) {
        for other in self.events.iter_mut().filter(|other| other.id != event.id) {
            if other.chain == event.id {
                other.chain = event.chain;
            }
        }
    }

    /// Forgets the authorisation `id`, which comes again with more to tell.
    pub fn forget(&mut self, id: IdKey) -> Option<(Event, Keys)> {
        let place = self.events.iter().position(|event| event.id == id)?;
        self.take_out(place)
    }

    /// Gives the authorisation that came in `input` the time and our outcome that bind; false
    /// where it is not remembered, or has those. What others told of it stays.
    pub fn amend(&mut self, input: Offset, at: EventTime, ours: RecordedOutcome) -> bool {
        let Some(event) = self.events.iter_mut().find(|event| event.input == input) else {
            return false;
        };
        if (event.facts.ours, event.at) == (Some(ours), at) {
            return false;
        }
        event.facts.ours = Some(ours);
        let event = *event;
        if event.at != at
            && let Some((_, keys)) = self.forget(event.id)
        {
            self.record_with(Event { at, ..event }, &keys);
        }
        self.settle_all(event.id, event.chain);
        true
    }

    /// Sets the host's outcome of the authorisation `id`; of two the stronger stays. False
    /// where nothing changed.
    pub fn set_host(&mut self, id: IdKey, outcome: OutcomeElsewhere) -> bool {
        let Some(event) = self.events.iter_mut().find(|event| event.id == id) else {
            return false;
        };
        if event.facts.host >= Some(outcome) {
            return false;
        }
        event.facts.host = Some(outcome);
        let chain = event.chain;
        self.settle_all(id, chain);
        true
    }

    /// Takes back what `reversal` says of the authorisation `id`.
    pub fn take_back(&mut self, id: IdKey, reversal: Reversal) -> TakenBack {
        let found = self.find(id).map(|event| (event.facts.marks(), event.chain));
        let chain = self.chains.iter().find(|chain| chain.id == id);
        let head = match (found, chain) {
            (Some((marks, _)), _) => Some(marks),
            (None, Some(chain)) => chain.head,
            (None, None) => return TakenBack::Unknown,
        };
        if head.is_some_and(|head| !head.agree(reversal.marks())) {
            return TakenBack::Contradicts;
        }
        let chain = self.chain_of(id);
        if chain.reversals.iter().any(|known| known.id == reversal.id) {
            return TakenBack::Again;
        }
        let left = self.settle(id);
        let is_undone = self.find(id).is_some_and(|it| it.outcome == RecordedOutcome::Reversed);
        self.chain_of(id).reversals.push(reversal);
        self.settle_all(id, found.map_or(id, |(_, chain)| chain));
        match (head, reversal.amount.map(Amount::minor_units)) {
            (None, _) => TakenBack::Waiting,
            (Some(_), Some(0)) => TakenBack::Nothing,
            (Some(_), None) if is_undone => TakenBack::Nothing,
            (Some(_), Some(more)) if is_undone || more > left => TakenBack::Over,
            (Some(_), _) => TakenBack::Applied,
        }
    }

    fn chain_of(&mut self, id: IdKey) -> &mut Chain {
        let place = self.chains.iter().position(|chain| chain.id == id);
        let place = place.unwrap_or_else(|| {
            self.chains.push(Chain::new(id));
            self.chains.len() - 1
        });
        self.chains.get_mut(place).expect("Invariant: a chain that was found or made is there.")
    }

    /// Makes the authorisation `id` and what belongs to it count for what is known of them.
    fn settle_all(&mut self, id: IdKey, chain: IdKey) {
        self.settle(id);
        if chain != id {
            self.settle(chain);
        }
    }

    /// The same of one chain. What is left of it to be taken back.
    fn settle(&mut self, id: IdKey) -> i64 {
        let Self { events, chains, .. } = self;
        let head = events.iter().find(|event| event.id == id);
        let is_own = head.is_none_or(|head| !head.claims_incremental());
        let marks: Option<Marks> = head.map(|head| head.facts.marks());
        let Some(chain) = chains.iter_mut().find(|chain| chain.id == id) else {
            let alone = events.iter_mut().filter(|event| event.id == id && is_own);
            alone.for_each(Event::settle_whole);
            return 0;
        };
        chain.head = marks.or(chain.head);
        let chains = chains.as_slice();
        let Some(chain) = chains.iter().find(|chain| chain.id == id) else { return 0 };

        let head_left =
            head.map_or(chain.gone_head_minor_units, |head| head.facts.asked_minor_units());
        let incrementals_left = events
            .iter()
            .filter(|event| chain.has_incremental(event) && event.is_money())
            .map(|event| minor_units_of(left_of_incremental(chains, event)))
            .fold(chain.gone_minor_units, i64::saturating_add);
        let total = head_left.saturating_add(incrementals_left);
        let taken = chain.taken();
        let is_head_known = chain.head.is_some();
        let is_closed =
            taken.is_all || (is_head_known && taken.is_any && taken.minor_units >= total);

        // The original first, then those that left, then the others by their time.
        let of_head = taken.minor_units.min(head_left);
        let mut rest = (taken.minor_units - of_head - chain.gone_minor_units).max(0);
        for event in events.iter_mut() {
            if event.id == id {
                if is_own {
                    event.settle(left(head_left - of_head, is_closed));
                    event.is_incremental = false;
                }
            } else if event.chain == id {
                let own = left_of_incremental(chains, event);
                let belongs = chain.has_incremental(event);
                event.is_incremental = belongs && is_head_known;
                let mut remaining = minor_units_of(own);
                if event.is_incremental && event.is_money() {
                    let share = rest.min(remaining);
                    rest -= share;
                    remaining -= share;
                }
                event.settle(left(remaining, own == Left::Undone || (belongs && is_closed)));
            }
        }
        if taken.is_all { 0 } else { total.saturating_sub(taken.minor_units).max(0) }
    }

    /// What chains keep of `event`, which leaves the windows.
    pub(super) fn let_go(&mut self, event: &Event) {
        let own = minor_units_of(left_of_incremental(&self.chains, event));
        for chain in &mut self.chains {
            if chain.id == event.id {
                chain.head = Some(event.facts.marks());
                chain.gone_head_minor_units = event.facts.asked_minor_units();
            } else if chain.has_incremental(event) && event.is_money() {
                chain.gone_minor_units = chain.gone_minor_units.saturating_add(own);
            }
        }
        let events = &self.events;
        self.chains.retain(|chain| chain.is_among(events.iter()));
    }
}

const fn minor_units_of(left: Left) -> i64 {
    match left {
        Left::MinorUnits(minor_units) => minor_units,
        Left::Undone => 0,
    }
}

fn left(minor_units: i64, is_undone: bool) -> Left {
    if is_undone { Left::Undone } else { Left::MinorUnits(minor_units) }
}
