//! What one pass finds among the earlier authorisations of a window.

use super::plan::Wants;
use super::{CardState, Event, Keys, Subject};
use crate::domain::{EventTime, MerchantKey};

/// What one pass finds among the earlier ones.
#[derive(Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) count: i64,
    pub(super) sum: i64,
    pub(super) amounts_count: i64,
    pub(super) max: Option<i64>,
    pub(super) min: Option<i64>,
    pub(super) has_incrementals: bool,
    pub(super) last_at: Option<EventTime>,
    pub(super) countries: Countries,
}

/// How often the country changed, and between which ones the current one stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Countries {
    changes: i64,
    last: Option<[u8; 2]>,
    before: Option<[u8; 2]>,
    after: Option<[u8; 2]>,
}

impl Tally {
    /// Counts one more, later than those before. Hot path.
    pub(super) fn add(&mut self, event: &Event, current_at: EventTime, wants: Wants) {
        if wants.amounts
            && let Some(minor_units) = event.minor_units
        {
            self.sum = self.sum.saturating_add(minor_units);
            self.amounts_count += 1;
            self.max = self.max.max(Some(minor_units));
            self.min = Some(self.min.map_or(minor_units, |least| least.min(minor_units)));
        }
        if event.is_incremental {
            self.has_incrementals = true;
            return;
        }
        self.count += 1;
        self.last_at = Some(event.at);
        if wants.country_changes
            && let Some(country) = event.country
        {
            self.countries.add(country, event.at <= current_at);
        }
    }
}

impl Countries {
    fn add(&mut self, country: [u8; 2], is_before_current: bool) {
        self.changes += i64::from(self.last.is_some_and(|last| last != country));
        self.last = Some(country);
        if is_before_current {
            self.before = Some(country);
        } else if self.after.is_none() {
            self.after = Some(country);
        }
    }

    /// The changes where `current` stands among the earlier ones, at its own time.
    pub(super) fn changes_with(&self, current: Option<&Event>) -> i64 {
        let counted = current.filter(|current| !current.is_incremental);
        let Some(country) = counted.and_then(|current| current.country) else {
            return self.changes;
        };
        let (before, after) = (self.before, self.after);
        let differ = |one: Option<[u8; 2]>, other: Option<[u8; 2]>| {
            i64::from(one.zip(other).is_some_and(|(one, other)| one != other))
        };
        self.changes - differ(before, after)
            + differ(before, Some(country))
            + differ(Some(country), after)
    }
}

impl Subject {
    /// What differs, of a remembered `event` that `ring` keeps at `place`. Hot path.
    pub(super) fn of(self, event: &Event, ring: &CardState, place: usize) -> Option<u128> {
        match self {
            Self::Kept(slot) => ring.key_at(place, slot),
            Self::Merchant | Self::Country | Self::Category => self.in_event(event),
        }
    }

    /// The same of the one being judged, which has these `keys`.
    pub(super) fn of_current(self, current: &Event, keys: Option<&Keys>) -> Option<u128> {
        match self {
            Self::Kept(slot) => keys.and_then(|keys| keys.get(slot)),
            Self::Merchant | Self::Country | Self::Category => self.in_event(current),
        }
    }

    fn in_event(self, event: &Event) -> Option<u128> {
        match self {
            Self::Merchant => event.merchant.map(MerchantKey::bits),
            Self::Country => event.country.map(|it| u128::from(u16::from_be_bytes(it))),
            Self::Category => event.category.map(u128::from),
            Self::Kept(_) => None,
        }
    }
}
