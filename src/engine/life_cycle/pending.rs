//! What came before the authorisation that it is about, and waits for it.

use std::collections::BTreeMap;
use std::fmt;

use hashbrown::HashMap;

use crate::domain::{AccountKey, EventTime, IdKey, OutcomeElsewhere, Span};
use crate::engine::velocity::{Marks, Reversal};

/// How much may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct PendingLimits {
    /// How long, by the broker's time.
    pub(crate) age_max: Span,
    /// How many; beyond, the one that waits longest goes.
    pub(crate) count_max: usize,
}

/// Whose authorisation is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Awaited {
    pub(super) account: AccountKey,
    pub(super) id: IdKey,
}

/// One fact that waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fact {
    /// The outcome told by the host, and what it is marked by.
    Host(OutcomeElsewhere, Marks),
    /// What is to be taken back.
    Reversal(Reversal),
}

/// Facts by the authorisation that they wait for. Which are let go of depends on the
/// partition's own log alone.
#[derive(Debug)]
pub(crate) struct Pending {
    waiting: HashMap<Awaited, Vec<(u64, Fact)>>,
    /// By number, so in the order of arrival: since when, and for what.
    arrived: BTreeMap<u64, (EventTime, Awaited)>,
    next_number: u64,
    limits: PendingLimits,
    expired_count: u64,
    overflowed_count: u64,
    contradicted_count: u64,
}

impl Pending {
    /// Nothing waits yet.
    pub(crate) fn new(limits: PendingLimits) -> Self {
        Self {
            waiting: HashMap::new(),
            arrived: BTreeMap::new(),
            next_number: 0,
            limits,
            expired_count: 0,
            overflowed_count: 0,
            contradicted_count: 0,
        }
    }

    /// True where nothing waits. Hot path.
    pub(super) fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    /// How many facts wait.
    pub(crate) fn len(&self) -> usize {
        self.arrived.len()
    }

    /// How many waited in vain, to the end of their time.
    pub(crate) fn expired_count(&self) -> u64 {
        self.expired_count
    }

    /// How many were let go of before their time, for lack of room.
    pub(crate) fn overflowed_count(&self) -> u64 {
        self.overflowed_count
    }

    /// How many were about another card or currency than what they waited for.
    pub(crate) fn contradicted_count(&self) -> u64 {
        self.contradicted_count
    }

    /// What waits, a line each, in no order.
    pub(crate) fn listing(&self) -> Vec<String> {
        let line = |awaited: &Awaited, (number, fact): &(u64, Fact)| {
            let (account, id) = (awaited.account.bits(), awaited.id.bits());
            let since = self.arrived.get(number).map_or(0, |(since, _)| since.unix_millis());
            format!("waits {account:032x} for {id:032x} {fact} since {since}")
        };
        let waiting = self.waiting.iter();
        waiting.flat_map(|(awaited, facts)| facts.iter().map(|it| line(awaited, it))).collect()
    }

    /// Notes that a fact which waited contradicts what it waited for.
    pub(super) fn count_contradicted(&mut self) {
        self.contradicted_count += 1;
    }

    /// Lets `fact` wait from `now` on, the partition's broker time; one that waits already
    /// as well, in its place.
    pub(super) fn add(&mut self, awaited: Awaited, fact: Fact, now: EventTime) {
        let facts = self.waiting.entry(awaited).or_default();
        if let Some((number, _)) = facts.iter_mut().find(|(_, known)| known.is_again(&fact)) {
            self.arrived.remove(number);
            *number = self.next_number;
        } else {
            facts.push((self.next_number, fact));
        }
        self.arrived.insert(self.next_number, (now, awaited));
        self.next_number += 1;
        while self.arrived.len() > self.limits.count_max {
            self.let_go_of_oldest();
            self.overflowed_count += 1;
        }
    }

    /// Takes all that waits for `awaited`, in the order of arrival.
    pub(super) fn take(&mut self, awaited: Awaited) -> Vec<Fact> {
        self.take_those(awaited, |_| true)
    }

    /// Takes the reversals that wait for `awaited`.
    pub(super) fn take_reversals(&mut self, awaited: Awaited) -> Vec<Fact> {
        self.take_those(awaited, |fact| matches!(fact, Fact::Reversal(_)))
    }

    fn take_those(&mut self, awaited: Awaited, wanted: impl Fn(&Fact) -> bool) -> Vec<Fact> {
        let Some(facts) = self.waiting.remove(&awaited) else {
            return Vec::new();
        };
        let (taken, left): (Vec<_>, Vec<_>) = facts.into_iter().partition(|(_, fact)| wanted(fact));
        if !left.is_empty() {
            self.waiting.insert(awaited, left);
        }
        for (number, _) in &taken {
            self.arrived.remove(number);
        }
        taken.into_iter().map(|(_, fact)| fact).collect()
    }

    /// Lets go of what waits too long at `now`, the partition's broker time. Hot path.
    pub(crate) fn forget_old(&mut self, now: EventTime) {
        while let Some((_, (since, _))) = self.arrived.first_key_value()
            && now.since(*since) > self.limits.age_max
        {
            self.let_go_of_oldest();
            self.expired_count += 1;
        }
    }

    fn let_go_of_oldest(&mut self) {
        let Some((number, (_, awaited))) = self.arrived.pop_first() else { return };
        let Some(facts) = self.waiting.get_mut(&awaited) else { return };
        facts.retain(|(known, _)| *known != number);
        if facts.is_empty() {
            self.waiting.remove(&awaited);
        }
    }
}

impl Fact {
    /// True where `other` tells nothing that this one does not.
    fn is_again(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Reversal(one), Self::Reversal(other)) => one.id == other.id,
            (one, other) => one == other,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(outcome, marks) => {
                let word = match outcome {
                    OutcomeElsewhere::Failed => "failed",
                    OutcomeElsewhere::SteppedUp => "stepped_up",
                    OutcomeElsewhere::Declined => "declined",
                    OutcomeElsewhere::Approved => "approved",
                };
                let card = if marks.card.is_some() { "a card" } else { "any card" };
                match marks.currency {
                    Some(it) => write!(f, "outcome {word} in {} of {card}", it.numeric()),
                    None => write!(f, "outcome {word} in any of {card}"),
                }
            }
            Self::Reversal(reversal) => {
                write!(f, "reversal {:032x} of ", reversal.id.bits())?;
                match reversal.amount {
                    Some(amount) => write!(f, "{}", amount.minor_units()),
                    None => f.write_str("all"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixtures::at;

    fn awaited(id: u128) -> Awaited {
        Awaited { account: AccountKey::from_bits(1), id: IdKey::from_bits(id) }
    }

    fn reversal(id: u128) -> Fact {
        Fact::Reversal(Reversal { id: IdKey::from_bits(id), amount: None, card: None })
    }

    fn pending(age_max_seconds: i64, count_max: usize) -> Pending {
        let age_max = Span::from_seconds(age_max_seconds);
        Pending::new(PendingLimits { age_max, count_max })
    }

    #[test]
    fn what_waits_is_taken_once_and_what_comes_twice_waits_once() {
        let mut pending = pending(60, 10);
        for number in [1, 2, 1] {
            pending.add(awaited(7), reversal(number), at(0));
        }
        assert_eq!(pending.len(), 2);
        assert_eq!(pending.take(awaited(7)), [reversal(1), reversal(2)]);
        assert!(pending.is_empty() && pending.take(awaited(7)).is_empty());
    }

    #[test]
    fn only_reversals_are_taken_where_an_incremental_came() {
        let mut pending = pending(60, 10);
        let marks = Marks { currency: None, card: None };
        let word = Fact::Host(OutcomeElsewhere::Declined, marks);
        pending.add(awaited(7), word, at(0));
        pending.add(awaited(7), reversal(1), at(0));
        assert_eq!(pending.take_reversals(awaited(7)), [reversal(1)]);
        assert_eq!(pending.take(awaited(7)), [word]);
    }

    #[test]
    fn what_waits_too_long_goes_and_is_counted() {
        let mut pending = pending(60, 10);
        pending.add(awaited(1), reversal(1), at(0));
        pending.add(awaited(2), reversal(2), at(1));
        pending.forget_old(at(60));
        assert_eq!((pending.len(), pending.expired_count()), (2, 0));
        pending.forget_old(at(61));
        assert_eq!((pending.len(), pending.expired_count()), (1, 1));
        assert_eq!(pending.take(awaited(2)), [reversal(2)]);
    }

    #[test]
    fn what_is_told_again_waits_from_the_later_time_on() {
        let mut pending = pending(60, 10);
        pending.add(awaited(1), reversal(1), at(0));
        pending.add(awaited(1), reversal(1), at(50));
        pending.forget_old(at(110));
        assert_eq!((pending.len(), pending.expired_count()), (1, 0));
        pending.forget_old(at(111));
        assert_eq!((pending.len(), pending.expired_count()), (0, 1));
    }

    #[test]
    fn beyond_the_limit_the_one_that_waits_longest_goes_and_is_counted() {
        let mut pending = pending(60, 2);
        for number in 1..=3 {
            pending.add(awaited(number), reversal(number), at(0));
        }
        assert_eq!((pending.len(), pending.overflowed_count()), (2, 1));
        assert!(pending.take(awaited(1)).is_empty());
    }
}
