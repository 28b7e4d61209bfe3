//! One account's or card's authorisations, in order of their own time.

use std::collections::VecDeque;

use super::chain::Chain;
use super::keys::KeyRows;
use super::{Event, Keys, Slot, SlotSet};
use crate::domain::{AccountKey, EventTime, IdKey, Span};

/// One account's or card's authorisations: oldest first, ties in log order.
///
/// ```text
///  evicted │◀───────────── retention ─────────────▶│ newest
///  ────────┼──●────●──●───────────●────●●──────────●──▶ event time
///          │                      ↑
///          │        a late one is inserted at its own time
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CardState {
    pub(super) events: VecDeque<Event>,
    newest: Option<EventTime>,
    /// Those that were taken back or added to; empty for most, and for a card: its account
    /// knows.
    pub(super) chains: Vec<Chain>,
    /// What is kept of each event besides; nothing where no feature asks.
    rows: Option<Box<KeyRows>>,
}

impl CardState {
    /// One that keeps the keys in `kept` of each authorisation.
    pub fn keeping(kept: SlotSet) -> Self {
        let rows = (!kept.is_empty()).then(|| Box::new(KeyRows::new(kept)));
        Self { rows, ..Self::default() }
    }

    /// The latest time that its windows have seen; they never move back.
    pub fn newest(&self) -> Option<EventTime> {
        self.newest
    }

    /// The place of the authorisation `id`, where it is remembered. What is asked for is mostly
    /// young.
    pub fn place(&self, id: IdKey) -> Option<usize> {
        self.events.iter().rposition(|event| event.id == id)
    }

    /// Its authorisations, oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> + ExactSizeIterator {
        self.events.iter()
    }

    /// Those later than `start`, oldest first. Costs a binary search, then what it yields.
    pub fn events_after(&self, start: EventTime) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.range(self.place_after(start)..)
    }

    /// The same with the place of each. Hot path.
    pub fn placed_after(&self, start: EventTime) -> impl Iterator<Item = (usize, &Event)> {
        let first = self.place_after(start);
        (first..).zip(self.events.range(first..))
    }

    /// The place of the first one later than `start`.
    fn place_after(&self, start: EventTime) -> usize {
        self.events.partition_point(|event| event.at <= start)
    }

    /// The key of the kind `slot` of the event at `place`, where it is kept. Hot path.
    pub(super) fn key_at(&self, place: usize, slot: Slot) -> Option<u128> {
        self.rows.as_ref()?.get(place, slot)
    }

    /// True where it keeps the keys of the kind `slot`.
    pub(super) fn keeps(&self, slot: Slot) -> bool {
        self.rows.as_ref().is_some_and(|rows| rows.keeps(slot))
    }

    /// What is kept of the event at `place` besides.
    pub fn keys_at(&self, place: usize) -> Keys {
        self.rows.as_ref().map(|rows| rows.row(place)).unwrap_or_default()
    }

    /// Moves its windows to `now` and forgets what is `retention` old or older.
    /// A `now` before its newest time changes nothing.
    pub fn advance(&mut self, now: EventTime, retention: Span) {
        let now = self.newest.map_or(now, |newest| newest.max(now));
        self.newest = Some(now);
        self.forget_until(now.minus(retention));
    }

    /// Forgets what is of `end` or before.
    pub fn forget_until(&mut self, end: EventTime) {
        while self.events.front().is_some_and(|event| event.at <= end) {
            if let Some(gone) = self.take_out(0).map(|(gone, _)| gone)
                && !self.chains.is_empty()
            {
                self.let_go(&gone);
            }
        }
    }

    /// Remembers `event` at its own time, behind those of the same time that came before it.
    pub fn record(&mut self, event: Event) {
        self.record_with(event, &Keys::default());
    }

    /// The same, with the `keys` of it that are kept.
    pub fn record_with(&mut self, event: Event, keys: &Keys) {
        let order = (event.at, event.input);
        let place = self.events.partition_point(|other| (other.at, other.input) <= order);
        self.events.insert(place, event);
        if let Some(rows) = &mut self.rows {
            rows.insert(place, keys);
        }
        self.newest = Some(self.newest.map_or(event.at, |newest| newest.max(event.at)));
    }

    /// Forgets the authorisation at `place`; it, and what was kept of it besides.
    pub(super) fn take_out(&mut self, place: usize) -> Option<(Event, Keys)> {
        let keys = self.keys_at(place);
        let event = self.events.remove(place)?;
        if let Some(rows) = &mut self.rows {
            rows.remove(place);
        }
        Some((event, keys))
    }

    /// Makes a card's windows count the authorisation `event` of `account` as its account
    /// does, within `retention`.
    pub fn follow(&mut self, account: AccountKey, event: &Event, keys: &Keys, retention: Span) {
        let place = self.place_of(account, event.id);
        if place.and_then(|place| self.events.get(place)) == Some(event) {
            return;
        }
        if let Some(place) = place {
            self.take_out(place);
        }
        if self.newest.is_none_or(|newest| event.at > newest.minus(retention)) {
            self.record_with(*event, &keys.with(Slot::Account, Some(account.bits())));
        }
    }

    /// Makes a card's windows forget the authorisation `id` of `account`.
    pub fn unfollow(&mut self, account: AccountKey, id: IdKey) {
        if let Some(place) = self.place_of(account, id) {
            self.take_out(place);
        }
    }

    fn place_of(&self, account: AccountKey, id: IdKey) -> Option<usize> {
        let is_it = |place: usize, event: &Event| {
            event.id == id && self.key_at(place, Slot::Account) == Some(account.bits())
        };
        // What changes is mostly young.
        (0..self.events.len())
            .rev()
            .find(|place| self.events.get(*place).is_some_and(|event| is_it(*place, event)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{IdKey, Offset};
    use crate::engine::velocity::RecordedOutcome;

    fn at(seconds: i64) -> EventTime {
        EventTime::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("in range")
    }

    fn event(id: u128, seconds: i64) -> Event {
        let input = Offset(i64::try_from(id).expect("small"));
        let outcome = RecordedOutcome::Approved;
        Event { input, ..Event::plain(at(seconds), IdKey::from_bits(id), Some(100), outcome) }
    }

    fn ids(card: &CardState) -> Vec<u128> {
        card.events().map(|event| event.id.bits()).collect()
    }

    #[test]
    fn a_late_event_is_inserted_at_its_own_time_and_ties_keep_log_order() {
        let mut card = CardState::default();
        for (id, seconds) in [(1, 10), (2, 30), (3, 20), (4, 20), (5, 5)] {
            card.record(event(id, seconds));
        }
        assert_eq!(ids(&card), [5, 1, 3, 4, 2]);
        assert_eq!(card.newest(), Some(at(30)));
    }

    #[test]
    fn an_amended_event_has_its_new_outcome_at_its_new_time() {
        let mut card = CardState::default();
        for (id, seconds) in [(1, 10), (2, 20), (3, 30)] {
            card.record(event(id, seconds));
        }
        assert!(card.amend(Offset(1), at(25), RecordedOutcome::Declined));
        assert!(card.amend(Offset(3), at(30), RecordedOutcome::SteppedUp));
        assert!(!card.amend(Offset(4), at(0), RecordedOutcome::Declined));
        let outcomes: Vec<_> = card.events().map(|event| event.outcome).collect();
        assert_eq!(ids(&card), [2, 1, 3]);
        assert_eq!(
            outcomes,
            [RecordedOutcome::Approved, RecordedOutcome::Declined, RecordedOutcome::SteppedUp]
        );
    }

    #[test]
    fn an_event_exactly_as_old_as_the_retention_is_forgotten() {
        let mut card = CardState::default();
        card.record(event(1, 0));
        card.record(event(2, 1));
        card.advance(at(60), Span::from_seconds(60));
        assert_eq!(ids(&card), [2]);
    }

    #[test]
    fn windows_never_move_back() {
        let mut card = CardState::default();
        card.advance(at(100), Span::from_seconds(60));
        card.advance(at(50), Span::from_seconds(60));
        assert_eq!(card.newest(), Some(at(100)));
    }
}
