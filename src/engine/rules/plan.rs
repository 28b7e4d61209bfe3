//! A rule set as it runs: which rules are asked, and what is shown of those that fire.
//!
//! Live and shadow rules are parted here, once. A [`LiveRule`] has the action that the
//! outcome is made of; a [`ShadowRule`] has none, only what a decision shows of it.

use std::sync::Arc;

use crate::domain::{FiredRule, Reason, ShadowRuleFired, ValueSeen};

use super::masks::Masks;
use super::number::Row;
use super::programme::Programme;
use super::{Action, Mode, Operand, Rule, Threshold};

/// What a rule set runs.
#[derive(Clone, Default, Debug)]
pub(super) struct Plan {
    pub(super) programme: Programme,
    /// In rule-set order, as the programme's live formulas.
    pub(super) live: Vec<LiveRule>,
    /// In rule-set order, as the programme's shadow formulas.
    pub(super) shadow: Vec<ShadowRule>,
}

/// A rule that takes part in the outcome.
#[derive(Clone, Debug)]
pub(super) struct LiveRule {
    shown: Shown,
    pub(super) action: Action,
}

/// A rule that is only reported: it has no action that could count.
#[derive(Clone, Debug)]
pub(super) struct ShadowRule {
    shown: Shown,
}

/// What a decision shows of a rule: named once, here, not per message.
#[derive(Clone, Debug)]
struct Shown {
    name: Arc<str>,
    points: i32,
    reason: Option<Reason>,
    reads: Vec<(Arc<str>, Operand)>,
}

impl Plan {
    /// The plan for `rules`, which read `thresholds`; `name_of` is what an operand is called.
    pub(super) fn of(
        rules: &[Rule],
        thresholds: &[Threshold],
        name_of: impl Fn(Operand) -> String,
    ) -> Self {
        let mut masks = Masks::new(thresholds);
        let (mut live_formulas, mut shadow_formulas) = (Vec::new(), Vec::new());
        let mut plan = Self::default();
        for rule in rules {
            let formula = masks.formula(rule.condition());
            let reads = rule.condition().reads().into_iter();
            let shown = Shown {
                name: Arc::clone(rule.name()),
                points: rule.action().points(),
                reason: rule.action().reason(),
                reads: reads.map(|operand| (Arc::from(name_of(operand)), operand)).collect(),
            };
            match rule.mode() {
                Mode::Live => {
                    live_formulas.push(formula);
                    plan.live.push(LiveRule { shown, action: rule.action() });
                }
                Mode::Shadow => {
                    shadow_formulas.push(formula);
                    plan.shadow.push(ShadowRule { shown });
                }
            }
        }
        plan.programme = masks.programme(&live_formulas, &shadow_formulas);
        plan
    }
}

impl LiveRule {
    /// The rule with what it read, in the buffers of `spare`.
    pub(super) fn fired(&self, row: &Row<'_>, spare: Option<FiredRule>) -> FiredRule {
        let Shown { name, points, reason, .. } = &self.shown;
        let values = self.shown.values(row, spare.map(|it| it.values));
        FiredRule { name: Arc::clone(name), points: *points, reason: *reason, values }
    }
}

impl ShadowRule {
    /// The rule with what it read, in the buffers of `spare`.
    pub(super) fn fired(&self, row: &Row<'_>, spare: Option<ShadowRuleFired>) -> ShadowRuleFired {
        let Shown { name, points, reason, .. } = &self.shown;
        let values = self.shown.values(row, spare.map(ShadowRuleFired::into_values));
        ShadowRuleFired::new(Arc::clone(name), *points, *reason, values)
    }
}

impl Shown {
    fn values(&self, row: &Row<'_>, spare: Option<Vec<ValueSeen>>) -> Vec<ValueSeen> {
        let mut values = spare.unwrap_or_default();
        values.clear();
        values.extend(
            self.reads
                .iter()
                .map(|(name, operand)| ValueSeen { name: name.clone(), value: row.read(*operand) }),
        );
        values
    }
}
