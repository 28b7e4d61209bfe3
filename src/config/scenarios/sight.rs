//! What rules saw when they judged a payment, in words.

use crate::domain::{Authorisation, Decision};
use crate::engine::rules::{Kind, Operand, Rule, RuleSet, Unit};

use super::super::units::show_money;

/// A decision with what it was made from.
pub(super) struct Sight<'s> {
    pub(super) rule_set: &'s RuleSet,
    pub(super) decision: &'s Decision,
    pub(super) auth: &'s Authorisation<'s>,
}

impl Sight<'_> {
    /// True where `rule` fired, live or in shadow.
    pub(super) fn has_fired(&self, rule: &Rule) -> bool {
        let Decision { fired, shadow, .. } = self.decision;
        fired.iter().any(|it| it.name == *rule.name())
            || shadow.iter().any(|it| it.name() == rule.name())
    }

    /// Every rule that fired, with what it saw.
    pub(super) fn fired(&self) -> String {
        let fired = self.rule_set.rules().iter().filter(|rule| self.has_fired(rule));
        let fired: Vec<_> =
            fired.map(|rule| format!("`{}` saw {}", rule.name(), self.values(rule))).collect();
        if fired.is_empty() { "no rule fired".to_owned() } else { fired.join("; ") }
    }

    /// What `rule` read: `velocity.attempts_10m = 6, thresholds.burst_count = 6`.
    pub(super) fn values(&self, rule: &Rule) -> String {
        let reads = rule.condition().reads();
        let values: Vec<_> = reads
            .into_iter()
            .map(|operand| format!("{} = {}", self.rule_set.name_of(operand), self.value(operand)))
            .collect();
        values.join(", ")
    }

    fn value(&self, operand: Operand) -> String {
        let currency = self.rule_set.currency();
        let money = |value| show_money(value, currency);
        let absent = || "absent".to_owned();
        match operand {
            Operand::Field(field) => {
                let policy_minor_units = self.auth.minor_units_in(currency);
                let value = field.read(self.auth, policy_minor_units);
                value.map_or_else(absent, |value| match field.kind() {
                    Kind::Amount => money(value),
                    Kind::Number => value.to_string(),
                    Kind::Flag => (value != 0).to_string(),
                    Kind::Word(words) => {
                        let word = words.words().iter().find(|(_, code)| *code == value);
                        word.map_or_else(|| value.to_string(), |(word, _)| (*word).to_owned())
                    }
                    Kind::Country => country(value),
                })
            }
            Operand::Feature(at) => {
                let value = self.decision.evidence.get(at.0).copied().flatten();
                let spec = self.rule_set.features().get(at.0);
                value.map_or_else(absent, |value| match spec {
                    Some(spec) if spec.what.is_money() && value >= 0 => money(value),
                    Some(_) | None => value.to_string(),
                })
            }
            Operand::Threshold(at) => {
                let threshold = self.rule_set.thresholds().get(at.0);
                threshold.map_or_else(absent, |threshold| match threshold.unit {
                    Unit::Money => money(threshold.value),
                    Unit::Number => threshold.value.to_string(),
                })
            }
        }
    }
}

/// The two letters that `code` stands for.
fn country(code: i64) -> String {
    let letters = u16::try_from(code).unwrap_or_default().to_be_bytes();
    letters.map(char::from).iter().collect()
}
