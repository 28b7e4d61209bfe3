//! The answers of a partition's last minutes, so that a repeat gets the one it got before.

use hashbrown::HashTable;

use super::long_queue::LongQueue;
use crate::domain::{
    AccountKey, Amount, Authorisation, CardKey, EventTime, IdKey, MessageClass, MessageKey, Offset,
    Outcome, Processing, Span,
};

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
    /// What a request asks for: a purchase is no repeat of a refund.
    pub(super) processing: Option<Processing>,
    /// The authorisation that it refers to.
    pub(super) original: Option<IdKey>,
    /// The outcome that it tells, as its code.
    pub(super) response_code: Option<[u8; 2]>,
}

impl Likeness {
    /// What `auth` looks like.
    pub(super) fn of(auth: &Authorisation<'_>) -> Self {
        Self {
            family: auth.message_type.indicator / 100,
            account: auth.account,
            card: auth.card,
            amount: auth.amount,
            processing: (auth.message_type.class == MessageClass::Request)
                .then_some(auth.processing),
            original: auth.original_key,
            response_code: auth.response_code,
        }
    }

    /// True where `other` is about the same authorisation and tells another outcome of it: it
    /// is a message of its own.
    pub(super) fn is_with_another_code(&self, other: &Self) -> bool {
        self.response_code != other.response_code
            && *self == Self { response_code: self.response_code, ..*other }
    }

    /// The fields in which `other` differs, by their names in the contract. Not on the hot path.
    pub(super) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let minor_units = |of: &Self| of.amount.map(Amount::minor_units);
        let currency = |of: &Self| of.amount.map(Amount::currency);
        let fields = [
            ("message_type", self.family != other.family),
            ("account_reference", self.account != other.account),
            ("card", self.card != other.card),
            ("amount_minor_units", minor_units(self) != minor_units(other)),
            ("currency", currency(self) != currency(other)),
            ("original_id", self.original != other.original),
            ("response_code", self.response_code != other.response_code),
            ("processing_code", self.processing != other.processing),
        ];
        fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// An answer as it was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct RecentAnswer {
    /// What its message looked like.
    pub(super) likeness: Likeness,
    /// The input that was decided or noted.
    pub(super) input: Offset,
    /// The decision's outcome; an acknowledgement has none.
    pub(super) outcome: Option<Outcome>,
    /// The canonical bytes.
    pub(super) value: Box<[u8]>,
}

/// Answers by message, the oldest forgotten first when too old or too many.
///
/// There are many and they are large: they lie still, oldest first, and only the small
/// places by which they are found move when the table grows.
#[derive(Debug)]
pub(super) struct RecentAnswers {
    answers: LongQueue<Given>,
    places: HashTable<Place>,
    bytes: usize,
    limits: RecentAnswersLimits,
    /// Answers given before are forgotten, whether or not they have been cleared away.
    oldest_kept: EventTime,
}

/// An answer, to which message, and when.
#[derive(Debug)]
struct Given {
    at: EventTime,
    key: MessageKey,
    answer: RecentAnswer,
}

/// Where the answer to a message lies.
#[derive(Debug)]
struct Place {
    hash: u64,
    number: u64,
}

/// How many of the forgotten are cleared away for each message: one comes in, so the backlog
/// shrinks, and no message waits for the rest of it.
const CLEARED_PER_MESSAGE: usize = 4;

/// What an answer costs besides its value: its places in the queue and in the table.
const BYTES_PER_ANSWER: usize = size_of::<Given>() + size_of::<Place>() * 8 / 7;

impl RecentAnswers {
    /// None yet.
    pub(super) fn new(limits: RecentAnswersLimits) -> Self {
        Self {
            answers: LongQueue::new(),
            places: HashTable::new(),
            bytes: 0,
            limits,
            oldest_kept: EventTime::nearest_to(i64::MIN),
        }
    }

    /// The answer that the message `key` got before.
    pub(super) fn get(&self, key: MessageKey) -> Option<&RecentAnswer> {
        self.answers.get(self.number_of(key)?).map(|given| &given.answer)
    }

    /// Keeps `answer` for repeats of the message `key`, given at `now`, the
    /// partition's broker time. An answer kept before stays.
    pub(super) fn insert(&mut self, key: MessageKey, answer: RecentAnswer, now: EventTime) {
        self.advance(now);
        let cost = BYTES_PER_ANSWER + answer.value.len();
        // The first answer binds: a later one never takes its place.
        if self.number_of(key).is_none() {
            let place = Place { hash: hash_of(key), number: self.answers.next_number() };
            self.places.insert_unique(place.hash, place, |place| place.hash);
            self.answers.push_back(Given { at: now, key, answer });
            self.bytes += cost;
        }
        while self.bytes > self.limits.bytes_max {
            self.clear_oldest(); // The forgotten are the oldest: they go before any that is kept.
        }
    }

    /// Puts `value` in the place of the answer that the message `key` got to its `input`; its
    /// age stays. False where none is kept, or those bytes are.
    pub(super) fn replace(
        &mut self,
        key: MessageKey,
        input: Offset,
        outcome: Outcome,
        value: &[u8],
    ) -> bool {
        let number = self.number_of(key);
        let kept = number.and_then(|number| self.answers.get_mut(number));
        let Some(given) = kept.filter(|given| given.answer.input == input) else {
            return false;
        };
        let answer = &mut given.answer;
        if *answer.value == *value {
            return false;
        }
        self.bytes = self.bytes - answer.value.len() + value.len();
        answer.outcome = Some(outcome);
        answer.value = value.into();
        true
    }

    /// How many it keeps, those not cleared away yet among them.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many of them a repeat would get.
    pub(super) fn fresh_count(&self) -> usize {
        let is_fresh = |given: &Given| given.at >= self.oldest_kept;
        let is_kept = |place: &&Place| self.answers.get(place.number).is_some_and(is_fresh);
        self.places.iter().filter(is_kept).count()
    }

    /// What they cost, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets what is older than the limit at `now`, the partition's broker time, and clears
    /// a little of it away. Hot path: after a pause all may be old, and is not cleared at once.
    pub(super) fn forget_old(&mut self, now: EventTime) {
        self.advance(now);
        for _ in 0..CLEARED_PER_MESSAGE {
            if self.answers.front().is_none_or(|given| given.at >= self.oldest_kept) {
                return;
            }
            self.clear_oldest();
        }
    }

    fn advance(&mut self, now: EventTime) {
        self.oldest_kept = self.oldest_kept.max(now.minus(self.limits.age_max));
    }

    fn clear_oldest(&mut self) {
        let Some((number, Given { key, answer, .. })) = self.answers.pop_front() else {
            return;
        };
        let found = self.places.find_entry(hash_of(key), |place| place.number == number);
        if let Ok(place) = found {
            place.remove();
            self.bytes -= BYTES_PER_ANSWER + answer.value.len();
        }
    }

    fn number_of(&self, key: MessageKey) -> Option<u64> {
        let hash = hash_of(key);
        let is_its = |place: &Place| {
            place.hash == hash
                && self
                    .answers
                    .get(place.number)
                    .is_some_and(|given| given.key == key && given.at >= self.oldest_kept)
        };
        self.places.find(hash, is_its).map(|place| place.number)
    }
}

/// An id's key is a keyed hash already: nobody outside can make two that collide.
fn hash_of(key: MessageKey) -> u64 {
    let bits = key.id.bits();
    let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or(0);
    low ^ u64::from(key.class as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MessageClass;

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
                processing: None,
                original: None,
                response_code: None,
            },
            input: Offset(0),
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
    fn a_replaced_answer_is_the_one_kept_and_the_bill_stays_right() {
        let mut answers = answers(60, usize::MAX);
        answers.insert(key(0), answer("first"), at(0));
        assert!(answers.replace(key(0), Offset(0), Outcome::Decline, b"the other"));
        for (id, input) in [(1, 0), (0, 7)] {
            assert!(!answers.replace(key(id), Offset(input), Outcome::Decline, b"a third"));
        }
        let kept = answers.get(key(0)).map(|answer| (&*answer.value, answer.outcome));
        assert_eq!(kept, Some((&b"the other"[..], Some(Outcome::Decline))));
        assert_eq!(answers.bytes(), BYTES_PER_ANSWER + b"the other".len());
        answers.forget_old(at(61));
        assert_eq!((answers.len(), answers.bytes()), (0, 0));
    }

    #[test]
    fn after_a_pause_no_message_clears_more_than_a_few_and_none_gets_a_forgotten_answer() {
        let mut answers = answers(60, usize::MAX);
        for id in 0..1_000 {
            answers.insert(key(id), answer("old"), at(0));
        }
        let mut before = answers.len();
        for id in 0..400 {
            answers.forget_old(at(61));
            assert!(before - answers.len() <= CLEARED_PER_MESSAGE, "message {id}");
            assert_eq!(answers.get(key(id)), None, "it is forgotten, cleared away or not");
            answers.insert(key(id), answer("new"), at(61));
            assert_eq!(answers.get(key(id)), Some(&answer("new")));
            before = answers.len();
        }
        assert_eq!((answers.len(), kept(&answers, 0..1_000)), (400, (0..400).collect()));
        assert_eq!(answers.bytes(), 400 * (BYTES_PER_ANSWER + 3), "the old are all gone");
    }

    #[test]
    fn where_memory_is_full_the_forgotten_go_before_those_that_are_kept() {
        let mut answers = answers(60, 4 * (BYTES_PER_ANSWER + 4));
        for id in 0..4 {
            answers.insert(key(id), answer("four"), at(0));
        }
        for id in 4..8 {
            answers.insert(key(id), answer("four"), at(61));
            assert!(answers.bytes() <= 4 * (BYTES_PER_ANSWER + 4));
        }
        assert_eq!(kept(&answers, 0..8), [4, 5, 6, 7]);
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
