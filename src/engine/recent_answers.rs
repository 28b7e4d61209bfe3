//! The answers of a partition's last minutes, so that a repeat gets the one it got before.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::domain::{AccountKey, Amount, CardKey, EventTime, MessageKey, Outcome, Span};

/// How many answers a partition keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecentAnswersLimits {
    /// How long, by the broker's time.
    pub age_max: Span,
    /// How much memory, in bytes, everything counted.
    pub bytes_max: usize,
}

/// What a message must share with an earlier one under its id to be its repeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Likeness {
    /// Its family: 1 for 01xx, 2 for 02xx. A 0200 is no repeat of a 0100.
    pub(super) family: u16,
    /// Its account.
    pub(super) account: AccountKey,
    /// Its card.
    pub(super) card: Option<CardKey>,
    /// Its amount and currency.
    pub(super) amount: Option<Amount>,
}

/// An answer as it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RecentAnswer {
    /// What its message looked like.
    pub(super) likeness: Likeness,
    /// The decision's outcome; an acknowledgement has none.
    pub(super) outcome: Option<Outcome>,
    /// The canonical bytes.
    pub(super) value: Box<[u8]>,
}

/// Answers by message, the oldest forgotten first when too old or too many.
#[derive(Debug)]
pub(super) struct RecentAnswers {
    answers: HashMap<MessageKey, RecentAnswer>,
    given: VecDeque<(EventTime, MessageKey)>,
    bytes: usize,
    limits: RecentAnswersLimits,
}

/// What an answer costs besides its value: its places in the map and the queue.
const BYTES_PER_ANSWER: usize = (size_of::<MessageKey>() + size_of::<RecentAnswer>()) * 8 / 7
    + size_of::<(EventTime, MessageKey)>();

impl RecentAnswers {
    /// None yet.
    pub(super) fn new(limits: RecentAnswersLimits) -> Self {
        Self { answers: HashMap::new(), given: VecDeque::new(), bytes: 0, limits }
    }

    /// The answer that the message `key` got before.
    pub(super) fn get(&self, key: MessageKey) -> Option<&RecentAnswer> {
        self.answers.get(&key)
    }

    /// Keeps `answer` for repeats of the message `key`, given at `now`, the
    /// partition's broker time. An answer kept before stays.
    pub(super) fn insert(&mut self, key: MessageKey, answer: RecentAnswer, now: EventTime) {
        self.forget_old(now);
        let cost = BYTES_PER_ANSWER + answer.value.len();
        // The first answer binds: a later one never takes its place.
        if self.answers.try_insert(key, answer).is_ok() {
            self.given.push_back((now, key));
            self.bytes += cost;
        }
        while self.bytes > self.limits.bytes_max {
            self.forget_oldest();
        }
    }

    /// How many it keeps.
    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    /// What they cost, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets what is older than the limit at `now`, the partition's broker time.
    pub(super) fn forget_old(&mut self, now: EventTime) {
        let oldest_kept = now.minus(self.limits.age_max);
        while self.given.front().is_some_and(|(given_at, _)| *given_at < oldest_kept) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, key)) = self.given.pop_front() else {
            return;
        };
        if let Some(answer) = self.answers.remove(&key) {
            self.bytes -= BYTES_PER_ANSWER + answer.value.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{IdKey, MessageClass};

    fn at(seconds: i64) -> EventTime {
        EventTime::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("in range")
    }

    fn key(id: u128) -> MessageKey {
        MessageKey { class: MessageClass::Request, id: IdKey::from_bits(id) }
    }

    fn answer(text: &str) -> RecentAnswer {
        RecentAnswer {
            likeness: Likeness {
                family: 1,
                account: AccountKey::from_bits(1),
                card: None,
                amount: None,
            },
            outcome: Some(Outcome::Approve),
            value: text.as_bytes().into(),
        }
    }

    fn answers(age_max_seconds: i64, bytes_max: usize) -> RecentAnswers {
        RecentAnswers::new(RecentAnswersLimits {
            age_max: Span::from_seconds(age_max_seconds),
            bytes_max,
        })
    }

    fn kept(answers: &RecentAnswers, ids: std::ops::Range<u128>) -> Vec<u128> {
        ids.filter(|id| answers.get(key(*id)).is_some()).collect()
    }

    #[test]
    fn an_answer_is_kept_until_it_is_older_than_the_limit() {
        let mut answers = answers(60, usize::MAX);
        answers.insert(key(0), answer("a"), at(0));
        answers.insert(key(1), answer("b"), at(60));
        assert_eq!(kept(&answers, 0..3), [0, 1]);
        answers.insert(key(2), answer("c"), at(61));
        assert_eq!(kept(&answers, 0..3), [1, 2]);
    }

    #[test]
    fn the_oldest_go_first_when_memory_is_full_and_the_bill_stays_right() {
        let room = 3 * (BYTES_PER_ANSWER + 4);
        let mut answers = answers(60, room);
        for id in 0..10 {
            answers.insert(key(id), answer("four"), at(0));
        }
        assert_eq!(kept(&answers, 0..10), [7, 8, 9]);
        assert_eq!(answers.bytes(), room);
        assert_eq!(answers.len(), 3);
    }

    #[test]
    fn the_first_answer_stays() {
        let mut answers = answers(60, usize::MAX);
        answers.insert(key(0), answer("first"), at(0));
        answers.insert(key(0), answer("second"), at(1));
        assert_eq!(answers.get(key(0)), Some(&answer("first")));
        assert_eq!(answers.len(), 1);
    }
}
