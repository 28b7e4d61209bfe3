//! How a rule set's features are measured: those that look at the same authorisations share
//! one pass over them.

use super::{EventTest, FeatureSpec, Key, Lookback, OutcomeFilter, Slot, SlotSet, Subject, What};
use crate::domain::{EventTime, Span};

/// The passes that a rule set's features take, and what must be kept for them.
///
/// ```text
///  features                                   passes
///  approved_count_30d   30d approved count  ┐
///  approved_mean_30d    30d approved mean   ├─ 30d approved: count, sum, amounts, largest
///  approved_largest_30d 30d approved max    ┘
///  attempts_10m         10m any count       ┬─ 10m any: count, different merchants
///  merchants_10m        10m any merchants   ┘
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FeaturePlan {
    passes: Vec<Pass>,
    features_count: usize,
}

/// Features that count the same events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    pub(super) key: Key,
    pub(super) window: Lookback,
    pub(super) delay: Span,
    pub(super) outcomes: OutcomeFilter,
    pub(super) test: Option<EventTest>,
    is_optional: bool,
    pub(super) members: Vec<Member>,
    pub(super) wants: Wants,
    /// What different ones are counted of, each once.
    pub(super) subjects: Vec<Subject>,
}

/// What a pass looks for in each event besides counting it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Wants {
    pub(super) amounts: bool,
    pub(super) country_changes: bool,
}

/// One feature of a pass.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Member {
    /// Its place in the evidence.
    pub(super) place: usize,
    pub(super) what: What,
    /// Of different ones: its subject among the pass's.
    pub(super) subject: usize,
    pub(super) counts_current: bool,
    pub(super) absent_as: Option<i64>,
}

impl FeaturePlan {
    /// How `features` are measured.
    pub fn of(features: &[FeatureSpec]) -> Self {
        let mut plan = Self { passes: Vec::new(), features_count: features.len() };
        for (place, feature) in features.iter().enumerate() {
            plan.add(place, feature);
        }
        plan
    }

    fn add(&mut self, place: usize, feature: &FeatureSpec) {
        let found = self.passes.iter().position(|pass| pass.serves(feature));
        let at = found.unwrap_or_else(|| {
            self.passes.push(Pass::of(feature));
            self.passes.len() - 1
        });
        let Some(pass) = self.passes.get_mut(at) else { return };
        pass.wants.amounts |= feature.what.is_money();
        pass.wants.country_changes |= feature.what == What::CountryChanges;
        let subject = feature.what.subject().map_or(0, |subject| {
            let known = pass.subjects.iter().position(|it| *it == subject);
            known.unwrap_or_else(|| {
                pass.subjects.push(subject);
                pass.subjects.len() - 1
            })
        });
        pass.members.push(Member {
            place,
            what: feature.what,
            subject,
            counts_current: feature.may_count_current(),
            absent_as: feature.absent_as,
        });
    }

    /// The passes, in the order of their first features.
    pub fn passes(&self) -> &[Pass] {
        &self.passes
    }

    /// How many features there are: so long is the evidence.
    pub fn features_count(&self) -> usize {
        self.features_count
    }

    /// True where a feature counts by `key`.
    pub fn counts_by(&self, key: Key) -> bool {
        self.passes.iter().any(|pass| pass.key == key)
    }

    /// How far back features by `key` reach.
    pub fn reach(&self, key: Key) -> Span {
        let own = self.passes.iter().filter(|pass| pass.key == key);
        own.map(Pass::reach).max().unwrap_or_default()
    }

    /// What the rings of `key` keep of each event besides the event itself.
    pub fn kept(&self, key: Key) -> SlotSet {
        let passes = self.passes.iter();
        let read = |set: SlotSet, subject: &Subject| match subject {
            Subject::Kept(slot) => set.with(*slot),
            Subject::Merchant | Subject::Country | Subject::Category => set,
        };
        match key {
            // An account's events are where those of a card come from, and what changes them.
            Key::Account => {
                let read = passes.flat_map(|pass| &pass.subjects).fold(SlotSet::NONE, read);
                let read = read.without(Slot::Account);
                if self.counts_by(Key::Card) { read.with(Slot::Card) } else { read }
            }
            Key::Card => {
                let own = passes.filter(|pass| pass.key == key).flat_map(|pass| &pass.subjects);
                // Two accounts may use one id.
                own.fold(SlotSet::NONE, read).with(Slot::Account)
            }
        }
    }
}

impl Pass {
    fn of(feature: &FeatureSpec) -> Self {
        Self {
            key: feature.key,
            window: feature.window.clone(),
            delay: feature.delay,
            outcomes: feature.outcomes,
            test: feature.test.clone(),
            is_optional: feature.is_optional,
            members: Vec::new(),
            wants: Wants::default(),
            subjects: Vec::new(),
        }
    }

    /// True where `feature` counts the same events, as often.
    fn serves(&self, feature: &FeatureSpec) -> bool {
        self.key == feature.key
            && self.window == feature.window
            && self.delay == feature.delay
            && self.outcomes == feature.outcomes
            && self.test == feature.test
            && self.is_optional == feature.is_optional
    }

    /// Whose events it counts.
    pub fn key(&self) -> Key {
        self.key
    }

    /// Whether it is left out where the engine is overloaded.
    pub fn is_optional(&self) -> bool {
        self.is_optional
    }

    fn reach(&self) -> Span {
        self.delay.plus(self.window.longest())
    }

    /// Only events later than this count at `now`; `None` where the calendar does not reach.
    pub(super) fn opens_after(&self, now: EventTime) -> Option<EventTime> {
        self.window.opens_after(now.minus(self.delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(name: &str, what: What, seconds: i64) -> FeatureSpec {
        FeatureSpec::plain(name, what, Span::from_seconds(seconds))
    }

    #[test]
    fn features_over_the_same_events_share_a_pass() {
        let approved = OutcomeFilter::NONE.with(crate::engine::velocity::RecordedOutcome::Approved);
        let features = [
            feature("count", What::Count, 60),
            FeatureSpec { outcomes: approved, ..feature("spent", What::Sum, 60) },
            FeatureSpec { with_current: false, ..feature("before", What::Mean, 60) },
            feature("merchants", What::DistinctMerchants, 60),
            feature("merchants_again", What::DistinctMerchants, 60),
            feature("longer", What::Count, 61),
            FeatureSpec { delay: Span::from_seconds(1), ..feature("later", What::Count, 60) },
            FeatureSpec { is_optional: true, ..feature("optional", What::Count, 60) },
            FeatureSpec { key: Key::Card, ..feature("of_card", What::Count, 60) },
        ];
        let plan = FeaturePlan::of(&features);
        let places = |pass: &Pass| pass.members.iter().map(|it| it.place).collect::<Vec<_>>();
        let places: Vec<_> = plan.passes().iter().map(places).collect();
        assert_eq!(places, [vec![0, 2, 3, 4], vec![1], vec![5], vec![6], vec![7], vec![8]]);
        assert_eq!(plan.passes()[0].subjects, [Subject::Merchant]);
    }

    #[test]
    fn only_what_is_read_is_kept() {
        let of_account = [feature("merchants", What::DistinctMerchants, 60)];
        assert!(FeaturePlan::of(&of_account).kept(Key::Account).is_empty());
        let ips = feature("ips", What::DistinctIps, 60);
        let kept = FeaturePlan::of(std::slice::from_ref(&ips)).kept(Key::Account);
        assert_eq!(kept, SlotSet::NONE.with(Slot::Ip));
        let plan = FeaturePlan::of(&[FeatureSpec { key: Key::Card, ..ips }]);
        assert_eq!(plan.kept(Key::Account), SlotSet::NONE.with(Slot::Card).with(Slot::Ip));
        assert_eq!(plan.kept(Key::Card), SlotSet::NONE.with(Slot::Account).with(Slot::Ip));
    }
}
