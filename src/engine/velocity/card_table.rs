//! A partition's accounts, or cards, bounded: what is asleep goes first, visibly.

use std::collections::VecDeque;
use std::hash::Hash;

use hashbrown::HashMap;

use super::{CardState, SlotSet};
use crate::domain::{AccountKey, EventTime, Span};

/// How much a partition remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CardLimits {
    /// The most accounts; beyond, the one asleep longest is forgotten.
    pub cards_count_max: usize,
    /// How long an authorisation is remembered: the longest window.
    pub retention: Span,
    /// How late any message may come: so much longer an account is remembered, so that
    /// its windows do not move back for it.
    pub lateness: Span,
    /// The keys that are kept of each authorisation.
    pub kept: SlotSet,
}

/// A partition's accounts, or its cards. Which are forgotten depends on its own log alone.
///
/// Accounts wait in a queue, each with the newest time it had when it was put
/// there. Whoever comes to the front and was seen since goes to the back; whoever
/// was not is the one asleep longest.
#[derive(Debug)]
pub struct CardTable<K = AccountKey> {
    cards: HashMap<K, CardState>,
    asleep: VecDeque<(K, EventTime)>,
    limits: CardLimits,
    evictions_count: u64,
}

/// How many accounts at the front of the queue one decision looks at.
const LOOKED_AT_PER_DECISION: usize = 2;

impl<K: Copy + Eq + Hash> CardTable<K> {
    /// An empty table.
    pub fn new(limits: CardLimits) -> Self {
        Self { cards: HashMap::new(), asleep: VecDeque::new(), limits, evictions_count: 0 }
    }

    /// How long it remembers an authorisation.
    pub fn retention(&self) -> Span {
        self.limits.retention
    }

    /// True where it keeps keys of each authorisation.
    pub fn keeps_keys(&self) -> bool {
        !self.limits.kept.is_empty()
    }

    /// How many accounts it remembers.
    pub fn len(&self) -> usize {
        self.cards.len()
    }

    /// True where it remembers none.
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// How many accounts were forgotten although their authorisations were still in a window.
    pub fn evictions_count(&self) -> u64 {
        self.evictions_count
    }

    /// The state of `account`, moved to `now` or its newest time, whichever is
    /// later; made where there is none.
    pub fn find_or_make(&mut self, account: K, now: EventTime) -> &mut CardState {
        self.forget_some(account, now);
        let (asleep, kept) = (&mut self.asleep, self.limits.kept);
        let card = self.cards.entry(account).or_insert_with(|| {
            asleep.push_back((account, now));
            CardState::keeping(kept)
        });
        card.advance(now, self.limits.retention);
        card
    }

    /// The state of `account`, where it is remembered.
    pub fn get(&self, account: K) -> Option<&CardState> {
        self.cards.get(&account)
    }

    /// All accounts that it remembers, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (K, &CardState)> {
        self.cards.iter().map(|(account, card)| (*account, card))
    }

    /// The state of `account`, where it is remembered, for something that is told of it at
    /// `appended_at`, the partition's broker time. What is in no window that any message may
    /// still see is gone from it: whether the table has let go of the account by now makes
    /// no difference.
    pub fn find(&mut self, account: K, appended_at: EventTime) -> Option<&mut CardState> {
        let CardLimits { retention, lateness, .. } = self.limits;
        let card = self.cards.get_mut(&account)?;
        card.forget_until(appended_at.minus(lateness).minus(retention));
        Some(card)
    }

    /// The state of `account`, to be amended, where it is remembered.
    pub fn get_mut(&mut self, account: K) -> Option<&mut CardState> {
        self.cards.get_mut(&account)
    }

    /// Drops accounts whose windows are empty by `now`, and one more when full.
    fn forget_some(&mut self, wanted: K, now: EventTime) {
        for _ in 0..LOOKED_AT_PER_DECISION {
            if !self.forget_front_if(wanted, |newest, asleep| newest <= now.minus(asleep)) {
                break;
            }
        }
        if self.cards.contains_key(&wanted) {
            return;
        }
        while self.cards.len() >= self.limits.cards_count_max.max(1) {
            if self.forget_front_if(wanted, |_, _| true) {
                self.evictions_count += 1;
            }
        }
    }

    /// Forgets the account at the front where `may_go`; sends it to the back where it
    /// was seen since it was queued. True where one was forgotten.
    fn forget_front_if(&mut self, wanted: K, may_go: impl Fn(EventTime, Span) -> bool) -> bool {
        let Some((account, queued_at)) = self.asleep.front().copied() else {
            return false;
        };
        let newest = self.cards.get(&account).and_then(CardState::newest).unwrap_or(queued_at);
        if newest > queued_at || account == wanted {
            self.asleep.pop_front();
            self.asleep.push_back((account, newest));
            return false;
        }
        let asleep = self.limits.retention.plus(self.limits.lateness);
        if !may_go(newest, asleep) {
            return false;
        }
        self.asleep.pop_front();
        self.cards.remove(&account).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::IdKey;
    use crate::engine::velocity::{Event, RecordedOutcome};

    fn at(seconds: i64) -> EventTime {
        EventTime::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("in range")
    }

    fn touch(table: &mut CardTable, account: u128, seconds: i64) {
        let event = Event::plain(at(seconds), IdKey::from_bits(0), None, RecordedOutcome::Approved);
        table.find_or_make(AccountKey::from_bits(account), at(seconds)).record(event);
    }

    fn table(cards_count_max: usize) -> CardTable {
        CardTable::new(CardLimits {
            cards_count_max,
            retention: Span::from_seconds(60),
            lateness: Span::from_seconds(10),
            kept: SlotSet::NONE,
        })
    }

    #[test]
    fn a_full_table_forgets_the_account_asleep_longest_and_counts_it() {
        let mut table = table(3);
        for (account, seconds) in [(1, 0), (2, 1), (3, 2), (1, 3), (4, 4)] {
            touch(&mut table, account, seconds);
        }
        let remembered: Vec<bool> =
            (1..=4).map(|account| table.get(AccountKey::from_bits(account)).is_some()).collect();
        assert_eq!(remembered, [true, false, true, true]);
        assert_eq!((table.len(), table.evictions_count()), (3, 1));
    }

    #[test]
    fn an_account_whose_windows_are_empty_is_forgotten_without_being_an_eviction() {
        let mut table = table(100);
        touch(&mut table, 1, 0);
        touch(&mut table, 2, 69);
        assert_eq!(table.len(), 2);
        touch(&mut table, 2, 70);
        assert_eq!(table.len(), 1);
        assert_eq!(table.evictions_count(), 0);
    }

    #[test]
    fn a_table_of_one_account_serves_many_in_turn() {
        let mut table = table(1);
        for account in 0..100 {
            touch(&mut table, account, 0);
            touch(&mut table, account, 0);
        }
        assert_eq!((table.len(), table.evictions_count()), (1, 99));
    }
}
