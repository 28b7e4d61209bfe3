//! What the features of a policy are, over the net history of an account or card.

use std::collections::{BTreeMap, BTreeSet};

use stopline::domain::{
    AccountKey, Channel, EntryMode, EventTime, IdKey, Initiator, Processing, Span,
};

use super::net::Counted;
use super::policy::{Counts, Feature, Filter, Key, What};

/// What is counted for one request: its account's and card's net history and itself.
pub(crate) struct Windows {
    pub(crate) account: Ring,
    /// `None` where it names no card.
    pub(crate) card: Option<Ring>,
    /// The request; a refund or credit is in no window.
    pub(crate) current: Option<Counted>,
    /// The request's account and own id: what an earlier input left under it is not another
    /// one.
    pub(crate) id: (AccountKey, IdKey),
}

/// The net history of an account or card.
pub(crate) struct Ring {
    /// By their own time.
    pub(crate) counted: Vec<Counted>,
    /// Where its windows stand: (now - window, now].
    pub(crate) now: EventTime,
}

impl Windows {
    pub(crate) fn value(&self, feature: &Feature) -> Option<i64> {
        let ring = match feature.key {
            Key::Account => &self.account,
            Key::Card => self.card.as_ref()?,
        };
        let earlier = self.earlier(ring, feature);
        let mut inside = earlier.clone();
        let is_asked_for_outcomes = feature.outcomes.is_some();
        if feature.with_current && !is_asked_for_outcomes && feature.delay == Span::ZERO {
            inside.extend(self.current.filter(|current| passes(feature, current)));
            // At its own time, behind those that came before it.
            inside.sort_by_key(|one| one.stands.at);
        }
        let amounts: Vec<i64> = inside.iter().filter_map(|one| one.minor_units).collect();
        let found = match feature.what {
            What::Count => Some(count(inside.iter().filter(|one| !one.is_incremental))),
            What::Sum => Some(amounts.iter().sum()),
            What::Mean => {
                amounts.iter().sum::<i64>().checked_div(count(amounts_of_chains(&inside)))
            }
            What::Max => amounts_of_chains(&inside).into_iter().max(),
            What::Min => amounts_of_chains(&inside).into_iter().min(),
            What::DistinctMerchants => Some(different(&inside, |one| one.stands.merchant)),
            What::DistinctCountries => Some(different(&inside, |one| one.stands.country)),
            What::DistinctCategories => Some(different(&inside, |one| one.stands.category)),
            What::DistinctDevices => Some(different(&inside, |one| one.stands.device)),
            What::DistinctIps => Some(different(&inside, |one| one.stands.ip)),
            What::DistinctCards => Some(different(&inside, |one| one.stands.card)),
            What::DistinctAccounts => Some(different(&inside, |one| Some(one.stands.account))),
            What::CountryChanges => {
                let own = inside.iter().filter(|one| !one.is_incremental);
                let countries: Vec<[u8; 2]> = own.filter_map(|one| one.stands.country).collect();
                Some(count(countries.windows(2).filter(|pair| pair[0] != pair[1])))
            }
            What::SecondsSinceLast => {
                let last = earlier.iter().rfind(|one| !one.is_incremental);
                last.map(|last| ring.now.since(last.stands.at).millis() / 1_000)
            }
        };
        found.or(feature.absent_as)
    }

    fn earlier(&self, ring: &Ring, feature: &Feature) -> Vec<Counted> {
        let end = ring.now.minus(feature.delay);
        let start = end.minus(feature.window);
        let counts = |one: &&Counted| match feature.outcomes {
            Some(outcomes) => outcomes.contains(&one.counts),
            None => !matches!(one.counts, Counts::Failed | Counts::Reversed),
        };
        let inside = ring.counted.iter().filter(|one| {
            one.stands.at > start && (feature.delay == Span::ZERO || one.stands.at <= end)
        });
        let inside = inside.filter(counts).filter(|one| passes(feature, one));
        let is_itself = |one: &&Counted| (one.stands.account, one.stands.id) == self.id;
        inside.filter(|one| !is_itself(one)).copied().collect()
    }
}

fn passes(feature: &Feature, one: &Counted) -> bool {
    feature.filter.as_ref().is_none_or(|filter| holds(filter, one))
}

fn holds(filter: &Filter, one: &Counted) -> bool {
    let stands = &one.stands;
    match filter {
        Filter::All(parts) => parts.iter().all(|part| holds(part, one)),
        Filter::Any(parts) => parts.iter().any(|part| holds(part, one)),
        Filter::Not(part) => !holds(part, one),
        Filter::Processing("purchase") => stands.processing == Processing::Purchase,
        Filter::Processing("account_check") => stands.processing == Processing::AccountCheck,
        Filter::Initiator("merchant") => stands.initiator == Initiator::Merchant,
        Filter::EntryMode("ecommerce") => stands.entry_mode == Some(EntryMode::Ecommerce),
        Filter::Channel("app") => stands.channel == Some(Channel::App),
        Filter::Category(least, most) => {
            stands.category.is_some_and(|it| *least <= it && it <= *most)
        }
        Filter::Amount(least, below) => {
            one.minor_units.is_some_and(|it| *least <= it && it < *below)
        }
        Filter::Country(country) => stands.country.is_some_and(|it| it == country.as_bytes()),
        Filter::HasChannel => stands.channel.is_some(),
        Filter::Processing(word)
        | Filter::Initiator(word)
        | Filter::EntryMode(word)
        | Filter::Channel(word) => panic!("the oracle does not know `{word}`; add it here"),
    }
}

fn different<T: Ord>(inside: &[Counted], of: impl Fn(&Counted) -> Option<T>) -> i64 {
    count(inside.iter().filter_map(of).collect::<BTreeSet<_>>())
}

/// What each authorisation comes to with its incrementals, as far as they are inside.
fn amounts_of_chains(inside: &[Counted]) -> Vec<i64> {
    let mut chains = BTreeMap::new();
    for one in inside {
        let original = one.stands.adds_to.filter(|_| one.is_incremental);
        if let Some(minor_units) = one.minor_units {
            let id = original.unwrap_or(one.stands.id);
            *chains.entry((one.stands.account, id)).or_insert(0) += minor_units;
        }
    }
    chains.into_values().collect()
}

fn count(of: impl IntoIterator) -> i64 {
    i64::try_from(of.into_iter().count()).expect("few")
}
