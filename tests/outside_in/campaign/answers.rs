//! What came back, kept small: for each input where its first answer lies, a digest of that,
//! and how many followed.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use crate::broker::Broker;
use crate::ledger::answered_place;
use crate::topics::{Inbound, Place, Reader};

/// The first answer to an input, and how many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct First {
    /// Of the value's bytes.
    digest: u64,
    /// With those that followed.
    count: u32,
}

/// The answers in a decisions topic.
pub(super) struct Answers {
    reader: Reader,
    firsts: HashMap<Place, First>,
    records_count: u64,
}

impl Answers {
    /// Those in this topic; none is read yet.
    pub(super) fn of(broker: &Broker, topic: &str) -> Self {
        Self { reader: Reader::new(broker, topic), firsts: HashMap::new(), records_count: 0 }
    }

    /// Reads until each of these inputs is answered.
    pub(super) fn await_each(&mut self, places: &[Place], within: Duration) {
        let Self { reader, firsts, records_count } = self;
        let is_missing = |place: &Place| !firsts.contains_key(place);
        let mut missing: HashSet<Place> = places.iter().copied().filter(is_missing).collect();
        if missing.is_empty() {
            return;
        }
        let what = format!("an answer to each of {} inputs", places.len());
        reader.read_each(&what, within, |record| {
            take(firsts, record);
            *records_count += 1;
            missing.remove(&answered_place(record));
            missing.is_empty()
        });
    }

    /// Reads what lies there yet.
    pub(super) fn read_rest(&mut self) {
        let Self { reader, firsts, records_count } = self;
        let end = reader.end();
        if *records_count < end {
            reader.read_each("the end of the topic", Duration::from_secs(30), |record| {
                take(firsts, record);
                *records_count += 1;
                *records_count >= end
            });
        }
    }

    /// Of these, how many are answered more than once.
    pub(super) fn answered_again(&self, places: &[Place]) -> usize {
        places
            .iter()
            .filter(|place| self.firsts.get(place).is_some_and(|first| first.count > 1))
            .count()
    }

    /// The inputs, of these, whose first answers are not the same bytes here and in `other`.
    pub(super) fn unlike(&self, other: &Self, places: &[Place]) -> Vec<Place> {
        let is_unlike = |place: &&Place| self.digest(**place) != other.digest(**place);
        places.iter().filter(is_unlike).copied().collect()
    }

    fn digest(&self, place: Place) -> Option<u64> {
        self.firsts.get(&place).map(|first| first.digest)
    }
}

fn take(firsts: &mut HashMap<Place, First>, record: &Inbound) {
    let mut hasher = DefaultHasher::new();
    record.value.hash(&mut hasher);
    let first = First { digest: hasher.finish(), count: 0 };
    firsts.entry(answered_place(record)).or_insert(first).count += 1;
}
