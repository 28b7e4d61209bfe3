//! What the features of a policy are, over one account's net history.

use std::collections::BTreeSet;

use stopline::domain::{EventTime, IdKey};

use super::net::Counted;
use super::policy::{Counts, Feature, What};

/// What is counted for one request: its account's net history and itself.
pub(crate) struct Windows<'w> {
    /// By their own time.
    pub(crate) counted: &'w [Counted],
    /// The request; a refund or credit is in no window.
    pub(crate) current: Option<Counted>,
    /// The request's own id: what an earlier input left under it is not another one.
    pub(crate) id: IdKey,
    /// Where the account's windows stand: (now - window, now].
    pub(crate) now: EventTime,
}

impl Windows<'_> {
    pub(crate) fn value(&self, feature: &Feature) -> Option<i64> {
        let mut inside = self.earlier(feature);
        if feature.with_current && feature.outcomes.is_none() {
            inside.extend(self.current);
        }
        let amounts: Vec<i64> = inside.iter().filter_map(|one| one.minor_units).collect();
        let found = match feature.what {
            What::Count => Some(count(inside.iter().filter(|one| !one.is_incremental))),
            What::Sum => Some(amounts.iter().sum()),
            What::Mean => amounts.iter().sum::<i64>().checked_div(count(&amounts)),
            What::Max => amounts.into_iter().max(),
            What::DistinctMerchants => Some(count(
                inside.iter().filter_map(|one| one.stands.merchant).collect::<BTreeSet<_>>(),
            )),
            What::DistinctCountries => Some(count(
                inside.iter().filter_map(|one| one.stands.country).collect::<BTreeSet<_>>(),
            )),
            What::SecondsSinceLast => {
                let earlier = self.earlier(feature);
                let last = earlier.iter().rfind(|one| !one.is_incremental);
                last.map(|last| self.now.since(last.stands.at).millis() / 1_000)
            }
        };
        found.or(feature.absent_as)
    }

    fn earlier(&self, feature: &Feature) -> Vec<Counted> {
        let start = self.now.minus(feature.window);
        let counts = |one: &&Counted| match feature.outcomes {
            Some(outcomes) => outcomes.contains(&one.counts),
            None => !matches!(one.counts, Counts::Failed | Counts::Reversed),
        };
        let inside = self.counted.iter().filter(|one| one.stands.at > start);
        inside.filter(counts).filter(|one| one.stands.id != self.id).copied().collect()
    }
}

fn count(of: impl IntoIterator) -> i64 {
    i64::try_from(of.into_iter().count()).expect("few")
}
