//! What a decision shows of a rule on trial.

use std::sync::Arc;

use super::{Reason, ValueSeen};

/// A shadow rule that fired: reported, and nothing else.
///
/// It is no [`FiredRule`](super::FiredRule) and becomes none: whatever makes an outcome takes
/// rules that count, so that a rule on trial cannot get into one by a slip.
///
/// ```compile_fail,E0308
/// use stopline::domain::{FiredRule, ShadowRuleFired};
///
/// fn promote(on_trial: ShadowRuleFired) -> FiredRule {
///     on_trial // Does not compile: there is no way from the one to the other.
/// }
/// ```
///
/// ```compile_fail,E0277
/// use stopline::domain::{Decision, ShadowRuleFired};
///
/// fn count(decision: &mut Decision, on_trial: Vec<ShadowRuleFired>) {
///     decision.fired.extend(on_trial); // Neither do many of them.
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShadowRuleFired {
    name: Arc<str>,
    points: i32,
    reason: Option<Reason>,
    values: Vec<ValueSeen>,
}

impl ShadowRuleFired {
    /// The rule `name`, which read `values`; were it live it would add `points` and stand for
    /// `reason`.
    pub fn new(
        name: Arc<str>,
        points: i32,
        reason: Option<Reason>,
        values: Vec<ValueSeen>,
    ) -> Self {
        Self { name, points, reason, values }
    }

    /// Its name in the rule set.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it would add to the score.
    pub fn would_add(&self) -> i32 {
        self.points
    }

    /// What it would stand for; `None` for a tag.
    pub fn would_stand_for(&self) -> Option<Reason> {
        self.reason
    }

    /// What it read, in the order of its condition.
    pub fn values(&self) -> &[ValueSeen] {
        &self.values
    }

    /// Its values: their buffer is used again.
    pub fn into_values(self) -> Vec<ValueSeen> {
        self.values
    }
}
