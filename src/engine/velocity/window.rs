//! Counting over a span of one account's authorisations.

use std::ops::Deref;

use hashbrown::{HashMap, HashSet};

use super::{CardState, Event, FeatureSpec, What};
use crate::domain::{EventTime, IdKey, MerchantKey};

/// The span (now − window, now] of a card, with the authorisation being judged in it.
///
/// ```text
///              now − window              now
///  ──●───────●──────○━━━━━●━━━━━━━●━━━━━━●──▶
///    outside        ↑     inside         ↑ itself always inside
///        exactly this old: outside
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Window<'c> {
    card: &'c CardState,
    current: Option<&'c Event>,
    now: EventTime,
    without: Option<IdKey>,
}

/// Buffers that measuring reuses, so that a warm decision allocates nothing.
#[derive(Debug, Default)]
pub struct Measure {
    seen: HashSet<u128>,
    /// What each authorisation comes to, incrementals included.
    chains: HashMap<IdKey, i64>,
}

/// A feature whose window is open: its events are later than `after`.
struct Opened<'f> {
    feature: &'f FeatureSpec,
    after: EventTime,
}

impl Deref for Opened<'_> {
    type Target = FeatureSpec;

    fn deref(&self) -> &FeatureSpec {
        self.feature
    }
}

impl<'c> Window<'c> {
    /// The windows of `card` at `now`, judging `current`, which is not recorded yet;
    /// `None` where what is judged counts in no window.
    pub fn new(card: &'c CardState, current: Option<&'c Event>, now: EventTime) -> Self {
        Self { card, current, now, without: None }
    }

    /// The same without the earlier event `id`: the first of a message that came again.
    #[must_use]
    pub fn without(self, id: Option<IdKey>) -> Self {
        Self { without: id, ..self }
    }

    /// The value of `feature`; `None` where there is none and no stand-in is declared, and
    /// where its calendar does not reach: what is not known is no number.
    pub fn value(&self, feature: &FeatureSpec, measure: &mut Measure) -> Option<i64> {
        let feature = Opened { feature, after: feature.window.opens_after(self.now)? };
        self.found(&feature, measure).or(feature.absent_as)
    }

    fn found(&self, feature: &Opened<'_>, measure: &mut Measure) -> Option<i64> {
        match feature.what {
            What::Count => Some(self.count(feature)),
            What::Sum => Some(self.sum(feature)),
            What::Mean => self.mean(feature, measure),
            What::Max => self.max(feature, measure),
            What::DistinctMerchants => {
                Some(self.distinct(feature, measure, |event| event.merchant.map(MerchantKey::bits)))
            }
            What::DistinctCountries => Some(self.distinct(feature, measure, |event| {
                event.country.map(|letters| u128::from(u16::from_be_bytes(letters)))
            })),
            What::SecondsSinceLast => self.seconds_since_last(feature),
        }
    }

    fn count(&self, feature: &Opened<'_>) -> i64 {
        to_i64(self.inside(feature).filter(|event| !event.is_incremental).count())
    }

    fn sum(&self, feature: &Opened<'_>) -> i64 {
        self.amounts(feature).fold(0, i64::saturating_add)
    }

    fn mean(&self, feature: &Opened<'_>, measure: &mut Measure) -> Option<i64> {
        let count = if self.has_incrementals(feature) {
            self.chains(feature, measure).len()
        } else {
            self.amounts(feature).count()
        };
        self.sum(feature).checked_div(to_i64(count))
    }

    fn max(&self, feature: &Opened<'_>, measure: &mut Measure) -> Option<i64> {
        if self.has_incrementals(feature) {
            self.chains(feature, measure).values().copied().max()
        } else {
            self.amounts(feature).max()
        }
    }

    fn has_incrementals(&self, feature: &Opened<'_>) -> bool {
        self.inside(feature).any(|event| event.is_incremental)
    }

    /// The amounts of what is inside, each with those of its incrementals there: an amount is
    /// what an authorisation comes to, in however many messages.
    fn chains<'m>(
        &self,
        feature: &Opened<'_>,
        measure: &'m mut Measure,
    ) -> &'m HashMap<IdKey, i64> {
        measure.chains.clear();
        for event in self.inside(feature) {
            let id = if event.is_incremental { event.chain } else { event.id };
            if let Some(minor_units) = event.minor_units {
                let amount = measure.chains.entry(id).or_default();
                *amount = amount.saturating_add(minor_units);
            }
        }
        &measure.chains
    }

    fn distinct(
        &self,
        feature: &Opened<'_>,
        measure: &mut Measure,
        key: impl Fn(&Event) -> Option<u128>,
    ) -> i64 {
        measure.seen.clear();
        measure.seen.extend(self.inside(feature).filter_map(key));
        to_i64(measure.seen.len())
    }

    fn seconds_since_last(&self, feature: &Opened<'_>) -> Option<i64> {
        let last = self.earlier(feature).rfind(|event| !event.is_incremental)?;
        Some(self.now.since(last.at).millis() / 1_000)
    }

    fn amounts(&self, feature: &Opened<'_>) -> impl Iterator<Item = i64> {
        self.inside(feature).filter_map(|event| event.minor_units)
    }

    /// What counts for `feature`: the earlier ones, then the one being judged,
    /// unless an outcome is asked for, which that one does not have yet.
    fn inside(&self, feature: &Opened<'_>) -> impl Iterator<Item = &'c Event> {
        let counts_current = feature.with_current && feature.outcomes.is_any();
        let current =
            self.current.filter(|it| counts_current && feature.processings.holds(it.processing));
        self.earlier(feature).chain(current)
    }

    fn earlier(&self, feature: &Opened<'_>) -> impl DoubleEndedIterator<Item = &'c Event> {
        let (outcomes, processings) = (feature.outcomes, feature.processings);
        let without = self.without;
        self.card.events_after(feature.after).filter(move |event| {
            outcomes.holds(event.outcome)
                && processings.holds(event.processing)
                && without != Some(event.id)
        })
    }
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Span;
    use crate::engine::velocity::{OutcomeFilter, ProcessingFilter, RecordedOutcome};

    fn at(seconds: i64) -> EventTime {
        EventTime::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("in range")
    }

    fn event(seconds: i64, minor_units: i64, merchant: u128, country: [u8; 2]) -> Event {
        let outcome = RecordedOutcome::Approved;
        Event {
            merchant: Some(MerchantKey::from_bits(merchant)),
            country: Some(country),
            ..Event::plain(at(seconds), IdKey::from_bits(0), Some(minor_units), outcome)
        }
    }

    fn feature(what: What) -> FeatureSpec {
        FeatureSpec {
            name: "feature".into(),
            what,
            window: Span::from_seconds(60).into(),
            outcomes: OutcomeFilter::ANY,
            processings: ProcessingFilter::ANY,
            with_current: true,
            absent_as: None,
            is_optional: false,
        }
    }

    /// Three earlier ones, the first exactly 60 s old, and one being judged at 100 s.
    fn check(feature: &FeatureSpec) -> Option<i64> {
        let mut card = CardState::default();
        card.record(event(40, 1_000, 1, *b"CN"));
        card.record(Event { outcome: RecordedOutcome::Declined, ..event(41, 200, 2, *b"CN") });
        card.record(event(70, 301, 2, *b"US"));
        let current = event(100, 50, 3, *b"CN");
        Window::new(&card, Some(&current), at(100)).value(feature, &mut Measure::default())
    }

    #[test]
    fn each_feature_counts_what_is_inside_its_window() {
        let cases = [
            (What::Count, Some(3)),
            (What::Sum, Some(551)),
            (What::Mean, Some(183)),
            (What::Max, Some(301)),
            (What::DistinctMerchants, Some(2)),
            (What::DistinctCountries, Some(2)),
            (What::SecondsSinceLast, Some(30)),
        ];
        for (what, expected) in cases {
            assert_eq!(check(&feature(what)), expected, "{what:?}");
        }
    }

    #[test]
    fn an_outcome_filter_leaves_the_authorisation_being_judged_out() {
        let approved = OutcomeFilter::NONE.with(RecordedOutcome::Approved);
        let cases =
            [(What::Count, Some(1)), (What::Sum, Some(301)), (What::SecondsSinceLast, Some(30))];
        for (what, expected) in cases {
            let feature = FeatureSpec { outcomes: approved, ..feature(what) };
            assert_eq!(check(&feature), expected, "{what:?}");
        }
    }

    #[test]
    fn without_the_current_one_only_earlier_ones_count() {
        let earlier = |what| FeatureSpec { with_current: false, ..feature(what) };
        assert_eq!(check(&earlier(What::Count)), Some(2));
        assert_eq!(check(&earlier(What::Mean)), Some(250));
    }

    #[test]
    fn mean_and_largest_are_of_authorisations_with_their_incrementals() {
        let mut card = CardState::default();
        let named = |id| IdKey::from_bits(id);
        card.record(Event { id: named(1), ..event(50, 1_000, 1, *b"CN") });
        let incremental = Event {
            id: named(2),
            chain: named(1),
            is_incremental: true,
            ..event(60, 500, 1, *b"CN")
        };
        card.record(incremental);
        let current = Event { id: named(3), ..event(100, 600, 1, *b"CN") };
        let value = |now, what| {
            let window = Window::new(&card, Some(&current), at(now));
            window.value(&feature(what), &mut Measure::default())
        };
        assert_eq!(value(100, What::Mean), Some(1_050), "1500 and 600");
        assert_eq!(value(100, What::Max), Some(1_500));
        // The original has left the window; what was added to it has not.
        assert_eq!(value(115, What::Mean), Some(550), "500 and 600");
        assert_eq!(value(115, What::Max), Some(600));
    }

    #[test]
    fn absence_is_not_zero_unless_declared() {
        let nothing = FeatureSpec {
            window: Span::from_seconds(1).into(),
            with_current: false,
            ..feature(What::Mean)
        };
        assert_eq!(check(&nothing), None);
        assert_eq!(check(&FeatureSpec { absent_as: Some(-1), ..nothing }), Some(-1));
    }

    #[test]
    fn a_late_request_is_inside_its_own_window() {
        let mut card = CardState::default();
        card.record(event(100, 10, 1, *b"CN"));
        let late = event(20, 5, 2, *b"CN");
        let window = Window::new(&card, Some(&late), at(100));
        assert_eq!(window.value(&feature(What::Count), &mut Measure::default()), Some(2));
    }
}
