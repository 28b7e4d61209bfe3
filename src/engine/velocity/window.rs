//! Counting over a span of one account's or card's authorisations.

use hashbrown::{HashMap, HashSet};

use super::plan::Member;
use super::tally::Tally;
use super::{CardState, Event, FeaturePlan, FeatureSpec, Key, Keys, Pass, Slot, What};
use crate::domain::{EventTime, Evidence, IdKey, Span};

/// The span (now − window, now] of an account or card, with the authorisation being judged in
/// it.
///
/// ```text
///              now − window              now
///  ──●───────●──────○━━━━━●━━━━━━━●━━━━━━●──▶
///    outside        ↑     inside         ↑ itself always inside
///        exactly this old: outside
///
///       now − delay − window   now − delay        now
///  ──●─────────────○━━━━━●━━━━━━━━━●────────●─────▶
///                                  ↑        too young, itself too
///                   exactly this old: inside
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Window<'c> {
    card: &'c CardState,
    current: Option<&'c Event>,
    keys: Option<&'c Keys>,
    now: EventTime,
    without: Option<IdKey>,
}

/// The windows that one authorisation is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Windows<'c> {
    /// Its account's.
    pub account: Window<'c>,
    /// Its card's; `None` where no feature counts by card.
    pub card: Option<Window<'c>>,
}

/// Buffers that measuring reuses, so that a warm decision allocates nothing.
#[derive(Debug, Default)]
pub struct Measure {
    /// What was seen of each subject of a pass.
    seen: Vec<HashSet<u128>>,
    /// What each authorisation comes to, incrementals included.
    chains: HashMap<(IdKey, Option<u128>), i64>,
}

/// A pass whose window is open.
#[derive(Clone, Copy)]
struct Opened<'p> {
    pass: &'p Pass,
    after: EventTime,
    until: Option<EventTime>,
}

impl Windows<'_> {
    /// Measures `pass` into its features' places in `evidence`. Hot path.
    pub fn measure(&self, pass: &Pass, measure: &mut Measure, evidence: &mut Evidence) {
        match pass.key() {
            Key::Account => self.account.measure(pass, measure, evidence),
            Key::Card => {
                if let Some(card) = &self.card {
                    card.measure(pass, measure, evidence);
                }
            }
        }
    }
}

impl<'c> Window<'c> {
    /// The windows of `card` at `now`, judging `current`, which is not recorded yet;
    /// `None` where what is judged counts in no window.
    pub fn new(card: &'c CardState, current: Option<&'c Event>, now: EventTime) -> Self {
        Self { card, current, keys: None, now, without: None }
    }

    /// The same with the `keys` of the one being judged.
    #[must_use]
    pub fn with_keys(self, keys: &'c Keys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// The same without the earlier event `id`: the first of a message that came again.
    #[must_use]
    pub fn without(self, id: Option<IdKey>) -> Self {
        Self { without: id, ..self }
    }

    /// The value of `feature`; `None` where there is none and no stand-in is declared, and
    /// where its calendar does not reach: what is not known is no number. Slow: a rule set's
    /// features share passes.
    pub fn value(&self, feature: &FeatureSpec, measure: &mut Measure) -> Option<i64> {
        let mut evidence = vec![None];
        for pass in FeaturePlan::of(std::slice::from_ref(feature)).passes() {
            self.measure(pass, measure, &mut evidence);
        }
        evidence.into_iter().next().flatten()
    }

    /// Measures `pass` into its features' places in `evidence`, and leaves them alone where
    /// its calendar does not reach. Hot path.
    pub fn measure(&self, pass: &Pass, measure: &mut Measure, evidence: &mut Evidence) {
        let Some(after) = pass.opens_after(self.now) else { return };
        let until = (pass.delay > Span::ZERO).then(|| self.now.minus(pass.delay));
        let opened = Opened { pass, after, until };
        let tally = self.tally(opened, measure);
        let current =
            self.current.filter(|it| pass.test.as_ref().is_none_or(|test| test.holds(it)));
        for member in &pass.members {
            let current = current.filter(|_| member.counts_current);
            let found = self.found(opened, member, &tally, current, measure);
            if let Some(place) = evidence.get_mut(member.place) {
                *place = found.or(member.absent_as);
            }
        }
    }

    /// Goes over the earlier ones, once.
    fn tally(&self, opened: Opened<'_>, measure: &mut Measure) -> Tally {
        let subjects = opened.pass.subjects.as_slice();
        if measure.seen.len() < subjects.len() {
            measure.seen.resize_with(subjects.len(), HashSet::new);
        }
        measure.seen.iter_mut().take(subjects.len()).for_each(HashSet::clear);
        let current_at = self.current.map_or(self.now, |current| current.at);
        let mut tally = Tally::default();
        for (place, event) in self.earlier(opened) {
            tally.add(event, current_at, opened.pass.wants);
            for (subject, seen) in subjects.iter().zip(&mut measure.seen) {
                seen.extend(subject.of(event, self.card, place));
            }
        }
        tally
    }

    fn found(
        &self,
        opened: Opened<'_>,
        member: &Member,
        tally: &Tally,
        current: Option<&Event>,
        measure: &mut Measure,
    ) -> Option<i64> {
        let amount = current.and_then(|current| current.minor_units);
        let has_incrementals =
            tally.has_incrementals || current.is_some_and(|current| current.is_incremental);
        let sum = tally.sum.saturating_add(amount.unwrap_or(0));
        match member.what {
            What::Count => {
                Some(tally.count + i64::from(current.is_some_and(|it| !it.is_incremental)))
            }
            What::Sum => Some(sum),
            What::Mean if has_incrementals => {
                sum.checked_div(to_i64(self.chains(opened, current, measure).len()))
            }
            What::Mean => sum.checked_div(tally.amounts_count + i64::from(amount.is_some())),
            What::Max if has_incrementals => {
                self.chains(opened, current, measure).values().copied().max()
            }
            What::Max => tally.max.max(amount),
            What::Min if has_incrementals => {
                self.chains(opened, current, measure).values().copied().min()
            }
            What::Min => tally.min.into_iter().chain(amount).min(),
            What::DistinctMerchants
            | What::DistinctCountries
            | What::DistinctCategories
            | What::DistinctDevices
            | What::DistinctIps
            | What::DistinctCards
            | What::DistinctAccounts => {
                let seen = measure.seen.get(member.subject)?;
                let subject = opened.pass.subjects.get(member.subject)?;
                let own = current.and_then(|current| subject.of_current(current, self.keys));
                let is_new = own.is_some_and(|own| !seen.contains(&own));
                Some(to_i64(seen.len()) + i64::from(is_new))
            }
            What::CountryChanges => Some(tally.countries.changes_with(current)),
            What::SecondsSinceLast => {
                tally.last_at.map(|last| self.now.since(last).millis() / 1_000)
            }
        }
    }

    /// The amounts of what is inside, each with those of its incrementals there: an amount is
    /// what an authorisation comes to, in however many messages.
    fn chains<'m>(
        &self,
        opened: Opened<'_>,
        current: Option<&Event>,
        measure: &'m mut Measure,
    ) -> &'m HashMap<(IdKey, Option<u128>), i64> {
        measure.chains.clear();
        let earlier = self.earlier(opened).map(|(place, event)| (self.account_at(place), event));
        for (account, event) in earlier.chain(current.map(|event| (self.own_account(), event))) {
            let id = if event.is_incremental { event.chain } else { event.id };
            if let Some(minor_units) = event.minor_units {
                let amount = measure.chains.entry((id, account)).or_default();
                *amount = amount.saturating_add(minor_units);
            }
        }
        &measure.chains
    }

    /// What counts of the earlier ones, oldest first.
    fn earlier<'o>(
        &'o self,
        opened: Opened<'o>,
    ) -> impl Iterator<Item = (usize, &'c Event)> + use<'c, 'o> {
        let Opened { pass, after, until } = opened;
        let without = self.without;
        let placed = self.card.placed_after(after);
        let young = move |event: &Event| until.is_none_or(|until| event.at <= until);
        placed.take_while(move |(_, event)| young(event)).filter(move |(place, event)| {
            pass.outcomes.holds(event.outcome)
                && pass.test.as_ref().is_none_or(|test| test.holds(event))
                && (without != Some(event.id) || self.is_of_another_account(*place))
        })
    }

    /// True in a card's windows where another account has the event at `place`: an id is one
    /// authorisation within an account.
    fn is_of_another_account(&self, place: usize) -> bool {
        self.account_at(place) != self.own_account()
    }

    /// The account of the event at `place` of a card; in an account's windows nobody asks.
    fn account_at(&self, place: usize) -> Option<u128> {
        self.card.key_at(place, Slot::Account)
    }

    /// The same of the one being judged.
    fn own_account(&self) -> Option<u128> {
        self.keys.filter(|_| self.card.keeps(Slot::Account))?.get(Slot::Account)
    }
}

fn to_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MerchantKey;
    use crate::engine::velocity::{OutcomeFilter, RecordedOutcome};

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
        FeatureSpec::plain("feature", what, Span::from_seconds(60))
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
            (What::Min, Some(50)),
            (What::CountryChanges, Some(2)),
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
    fn a_delayed_window_has_its_young_end_and_not_its_old_one() {
        let mut card = CardState::default();
        for seconds in [40, 41, 99, 100, 101, 110] {
            card.record(event(seconds, 10, 1, *b"CN"));
        }
        let current = event(110, 10, 1, *b"CN");
        let feature = FeatureSpec { delay: Span::from_seconds(10), ..feature(What::Count) };
        let window = Window::new(&card, Some(&current), at(110));
        assert_eq!(window.value(&feature, &mut Measure::default()), Some(3), "41, 99 and 100");
    }

    #[test]
    fn a_late_request_stands_among_the_countries_at_its_own_time() {
        let mut card = CardState::default();
        for (seconds, country) in [(50, *b"CN"), (80, *b"CN")] {
            card.record(event(seconds, 10, 1, country));
        }
        let changes = |seconds, country: &[u8; 2]| {
            let current = event(seconds, 10, 1, *country);
            let window = Window::new(&card, Some(&current), at(80));
            window.value(&feature(What::CountryChanges), &mut Measure::default())
        };
        assert_eq!(changes(60, b"US"), Some(2), "there and back");
        assert_eq!(changes(80, b"US"), Some(1));
        assert_eq!(changes(40, b"US"), Some(1));
        assert_eq!(changes(60, b"CN"), Some(0));
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
