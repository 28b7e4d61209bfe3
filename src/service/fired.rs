//! How often each rule fired.

use std::sync::Arc;

use crate::domain::{Decision, FiredRule};
use crate::engine::rules::Mode;

/// How often each rule fired; as many places as the rule set has rules.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FiredRules {
    counts: Vec<(Arc<str>, Mode, u64)>,
}

impl FiredRules {
    /// Counts what fired at `decision`. Hot path: allocates only where a rule fires first.
    pub(super) fn count(&mut self, decision: &Decision) {
        for FiredRule { name, .. } in &decision.fired {
            self.add(name, Mode::Live, 1);
        }
        for on_trial in &decision.shadow {
            self.add(on_trial.name(), Mode::Shadow, 1);
        }
    }

    /// Rules by name and mode, those that have fired.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Mode, u64)> {
        let fired = self.counts.iter().filter(|(_, _, count)| *count > 0);
        fired.map(|(name, mode, count)| (&**name, *mode, *count))
    }

    /// Adds what `other` counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (name, mode, count) in &other.counts {
            self.add(name, *mode, *count);
        }
    }

    /// Hands over what was counted and starts again from nothing, keeping its places.
    pub(super) fn hand_over(&mut self, to: &mut Self) {
        to.merge(self);
        for (_, _, count) in &mut self.counts {
            *count = 0;
        }
    }

    fn add(&mut self, name: &Arc<str>, mode: Mode, times: u64) {
        let its = |(found, found_mode, _): &&mut (Arc<str>, Mode, u64)| {
            found == name && *found_mode == mode
        };
        match self.counts.iter_mut().find(its) {
            Some((_, _, count)) => *count += times,
            None => self.counts.push((Arc::clone(name), mode, times)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_is_counted_once_and_live_and_shadow_apart() {
        let name: Arc<str> = "burst".into();
        let (mut ours, mut to) = (FiredRules::default(), FiredRules::default());
        for _ in 0..2 {
            ours.add(&name, Mode::Live, 2);
            ours.add(&name, Mode::Shadow, 1);
            ours.hand_over(&mut to);
        }
        assert_eq!(ours.iter().count(), 0);
        let found: Vec<_> = to.iter().collect();
        assert_eq!(found, [("burst", Mode::Live, 4), ("burst", Mode::Shadow, 2)]);
    }
}
