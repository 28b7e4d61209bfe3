//! Lists of values that rules ask: risky categories, watched merchants, BIN ranges.

use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use sha2::{Digest, Sha256};

use crate::domain::{Authorisation, EventTime};

use super::{Field, TextField};

/// The most lists in a rule set.
pub const LISTS_COUNT_MAX: usize = 64;

/// The shortest BIN, as a number: six digits.
const BIN_MIN: i64 = 100_000;

/// Position of a list in the rule set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ListIndex(pub usize);

/// What the values of a list are, and so which fields may be looked up in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListOf {
    /// Category codes.
    MerchantCategory,
    /// The first six to eight digits of card numbers: one of six holds for all cards that
    /// begin with it.
    Bin,
    /// Countries, of the merchant or of the cardholder's address.
    Country,
    /// The values of a text field.
    Text(TextField),
}

/// The field that is looked up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Listed {
    /// One with a number.
    Number(Field),
    /// One with a text.
    Text(TextField),
}

/// The values of a list as read, each once, with the moment it lapses.
#[derive(Clone, Debug)]
pub enum ListValues<'t> {
    /// Of every kind but texts.
    Numbers(Vec<(i64, Option<EventTime>)>),
    /// Of text fields.
    Texts(Vec<(&'t str, Option<EventTime>)>),
}

/// A list. A look-up takes the same time whatever its length, and allocates nothing.
#[derive(Clone)]
pub struct List {
    name: Arc<str>,
    of: ListOf,
    values: Held,
    digest: [u8; 32],
}

#[derive(Clone)]
enum Held {
    Numbers(HashMap<i64, Lapse>),
    Texts(Texts),
}

/// Texts one behind the other, found by their hash: one allocation for all of them.
#[derive(Clone, Default)]
struct Texts {
    all: String,
    places: HashTable<Place>,
    hasher: DefaultHashBuilder,
}

#[derive(Clone, Copy)]
struct Place {
    start: u32,
    length: u32,
    lapse: Lapse,
}

/// When an entry lapses, in Unix milliseconds; never is further than time goes.
#[derive(Clone, Copy)]
struct Lapse(i64);

impl Lapse {
    fn new(lapses_at: Option<EventTime>) -> Self {
        Self(lapses_at.map_or(i64::MAX, EventTime::unix_millis))
    }

    fn is_after(self, moment: EventTime) -> bool {
        moment.unix_millis() < self.0
    }
}

impl ListOf {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::MerchantCategory,
        Self::Bin,
        Self::Country,
        Self::Text(TextField::MerchantId),
        Self::Text(TextField::AcquirerId),
        Self::Text(TextField::Portfolio),
    ];

    /// Its name in config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MerchantCategory => "merchant_category",
            Self::Bin => "bin",
            Self::Country => "country",
            Self::Text(field) => field.name(),
        }
    }

    /// True where `listed` may be looked up in it.
    pub const fn takes(self, listed: Listed) -> bool {
        match (self, listed) {
            (Self::MerchantCategory, Listed::Number(Field::MerchantCategory))
            | (Self::Bin, Listed::Number(Field::Bin))
            | (Self::Country, Listed::Number(Field::MerchantCountry | Field::IpCountry)) => true,
            (Self::Text(own), Listed::Text(field)) => own as u8 == field as u8,
            (_, _) => false,
        }
    }
}

impl Listed {
    /// The name of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Number(field) => field.name(),
            Self::Text(field) => field.name(),
        }
    }
}

impl List {
    /// The list `name` of `values`; of texts beyond 4 GiB together the rest is left out.
    pub fn new(name: Arc<str>, of: ListOf, values: ListValues<'_>) -> Self {
        let digest = digest_of(&values);
        let values = match values {
            ListValues::Numbers(numbers) => {
                Held::Numbers(numbers.into_iter().map(|(it, at)| (it, Lapse::new(at))).collect())
            }
            ListValues::Texts(texts) => {
                let mut held = Texts::default();
                let bytes: usize = texts.iter().map(|(text, _)| text.len()).sum();
                held.all.reserve_exact(bytes);
                for (text, lapses_at) in texts {
                    held.add(text, Lapse::new(lapses_at));
                }
                Held::Texts(held)
            }
        };
        Self { name, of, values, digest }
    }

    /// Its name in conditions.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What its values are.
    pub fn of(&self) -> ListOf {
        self.of
    }

    /// How many values it has, lapsed ones too.
    pub fn values_count(&self) -> usize {
        match &self.values {
            Held::Numbers(numbers) => numbers.len(),
            Held::Texts(texts) => texts.places.len(),
        }
    }

    /// How many of them have lapsed at `now`.
    pub fn lapsed_count(&self, now: EventTime) -> usize {
        match &self.values {
            Held::Numbers(numbers) => numbers.values().filter(|it| !it.is_after(now)).count(),
            Held::Texts(texts) => texts.places.iter().filter(|it| !it.lapse.is_after(now)).count(),
        }
    }

    /// The memory that it takes, in bytes.
    pub fn bytes(&self) -> usize {
        match &self.values {
            Held::Numbers(numbers) => numbers.allocation_size(),
            Held::Texts(texts) => texts.all.capacity() + texts.places.allocation_size(),
        }
    }

    /// Tells lists of other values apart, whatever order they were written in.
    pub(super) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// True where `listed` of `auth` is in it, and has not lapsed at the request's own time.
    /// Hot path: a look-up, up to three for a BIN.
    pub(super) fn holds(&self, listed: Listed, auth: &Authorisation<'_>) -> bool {
        let now = auth.authorised_at;
        match (listed, &self.values) {
            (Listed::Number(field), Held::Numbers(numbers)) => {
                let has = |value: i64| numbers.get(&value).is_some_and(|it| it.is_after(now));
                match field.read(auth, None) {
                    None => false,
                    Some(bin) if self.of == ListOf::Bin => {
                        [bin, bin / 10, bin / 100].into_iter().any(|it| it >= BIN_MIN && has(it))
                    }
                    Some(value) => has(value),
                }
            }
            (Listed::Text(field), Held::Texts(texts)) => field
                .read(auth)
                .and_then(|text| texts.find(text))
                .is_some_and(|lapse| lapse.is_after(now)),
            (Listed::Number(_), Held::Texts(_)) | (Listed::Text(_), Held::Numbers(_)) => false,
        }
    }
}

impl fmt::Debug for List {
    /// Without its values: there may be a million.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "List({} of {}, {} values)", self.name, self.of.name(), self.values_count())
    }
}

impl Texts {
    fn add(&mut self, text: &str, lapse: Lapse) {
        let (start, length) = (u32::try_from(self.all.len()), u32::try_from(text.len()));
        if let (Ok(start), Ok(length)) = (start, length) {
            self.all.push_str(text);
            let hash = self.hasher.hash_one(text);
            let Self { all, places, hasher } = self;
            let rehash = |place: &Place| hasher.hash_one(place.text(all));
            places.insert_unique(hash, Place { start, length, lapse }, rehash);
        }
    }

    fn find(&self, text: &str) -> Option<Lapse> {
        let hash = self.hasher.hash_one(text);
        self.places.find(hash, |place| place.text(&self.all) == text).map(|place| place.lapse)
    }
}

impl Place {
    fn text(self, all: &str) -> &str {
        let (start, length) = (usize::try_from(self.start), usize::try_from(self.length));
        match (start, length) {
            (Ok(start), Ok(length)) => all.get(start..start + length).unwrap_or_default(),
            (_, _) => "",
        }
    }
}

/// The SHA-256 of the values with their ends, sorted.
fn digest_of(values: &ListValues<'_>) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut add = |value: &[u8], lapses_at: Option<EventTime>| {
        digest.update(value);
        // No text has a byte below 0x20.
        digest.update([0]);
        digest.update(Lapse::new(lapses_at).0.to_be_bytes());
    };
    match values {
        ListValues::Numbers(numbers) => {
            let mut sorted: Vec<_> = numbers.iter().collect();
            sorted.sort_unstable();
            for (number, lapses_at) in sorted {
                add(number.to_string().as_bytes(), *lapses_at);
            }
        }
        ListValues::Texts(texts) => {
            let mut sorted: Vec<_> = texts.iter().collect();
            sorted.sort_unstable();
            for (text, lapses_at) in sorted {
                add(text.as_bytes(), *lapses_at);
            }
        }
    }
    digest.finalize().into()
}
