//! One account's authorisations, in order of their own time.

use std::collections::VecDeque;

use super::Event;
use super::chain::Chain;
use crate::domain::{EventTime, Span};

/// One account's authorisations: oldest first, ties in log order.
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
    /// Those that were taken back or added to; empty for most.
    pub(super) chains: Vec<Chain>,
}

impl CardState {
    /// The latest time that its windows have seen; they never move back.
    pub fn newest(&self) -> Option<EventTime> {
        self.newest
    }

    /// Its authorisations, oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> + ExactSizeIterator {
        self.events.iter()
    }

    /// Those later than `start`, oldest first. Costs a binary search, then what it yields.
    pub fn events_after(&self, start: EventTime) -> impl DoubleEndedIterator<Item = &Event> {
        let first = self.events.partition_point(|event| event.at <= start);
        self.events.range(first..)
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
            if let Some(gone) = self.events.pop_front()
                && !self.chains.is_empty()
            {
                self.let_go(&gone);
            }
        }
    }

    /// Remembers `event` at its own time, behind those of the same time.
    pub fn record(&mut self, event: Event) {
        let place = self.events.partition_point(|earlier| earlier.at <= event.at);
        self.events.insert(place, event);
        self.newest = Some(self.newest.map_or(event.at, |newest| newest.max(event.at)));
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
