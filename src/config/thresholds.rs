//! `[thresholds]`: the named numbers that operations turn.

use std::sync::Arc;

use crate::domain::Currency;
use crate::engine::rules::{THRESHOLDS_COUNT_MAX, Threshold, Unit};

use super::document::{Entry, Fields, Node, Table, Value};
use super::names::check_name;
use super::problem::{Code, Problem, Spot};
use super::rules::Reader;
use super::units::{read_quantity, show_money};

impl Reader<'_> {
    pub(super) fn thresholds(
        &mut self,
        top: &mut Fields<'_>,
        currency: Option<Currency>,
    ) -> Vec<(Threshold, Spot)> {
        const EXPECTED: &str = "a table [thresholds] of named numbers";
        let Some(node) = top.find("thresholds") else {
            return Vec::new();
        };
        let Some(table) = node.table(EXPECTED, self.problems) else {
            return Vec::new();
        };
        self.limit_count("thresholds", table.entries.len(), THRESHOLDS_COUNT_MAX, &node.spot);
        let mut thresholds = Vec::new();
        for entry in table.entries.iter().take(THRESHOLDS_COUNT_MAX) {
            check_name(&entry.key, &entry.key_spot, self.problems);
            // An unsound one keeps its name, so that rules that use it are not blamed.
            let value = self.threshold(entry, currency).unwrap_or_default();
            let threshold = Threshold {
                name: Arc::from(entry.key.as_str()),
                value,
                unit: unit_of(&entry.node),
            };
            thresholds.push((threshold, entry.key_spot.clone()));
        }
        thresholds
    }

    fn threshold(&mut self, entry: &Entry, currency: Option<Currency>) -> Option<i64> {
        let Value::Table(table) = &entry.node.value else {
            return self.quantity(&entry.node, currency);
        };
        let title = format!("[thresholds] {}", entry.key);
        let mut fields = self.fields(table, title, &entry.key_spot);
        let mut read = |reader: &mut Self, key, purpose: &str| {
            let node = fields.require(key, purpose)?;
            reader.quantity(node, currency).map(|it| (it, node.spot.clone()))
        };
        let value = read(self, "value", "the value in force");
        let min = read(self, "min", "the least that `value` may be set to");
        let max = read(self, "max", "the most that `value` may be set to");
        fields.finish(self.problems);
        let ((value, place), (min, min_place), (max, max_place)) = (value?, min?, max?);
        let unit = unit_of(&entry.node);
        let unit_at = |key| written(table, key).map_or(unit, unit_of_value);
        for (key, place) in [("min", &min_place), ("max", &max_place)] {
            if unit_at(key) != unit {
                // It is the value that compares with amounts, or does not.
                let what = format!("`value` is {}, `{key}` is {}", kind(unit), kind(unit_at(key)));
                let problem = Problem::error(place, what);
                let problem = problem.code(Code::WrongUnit);
                self.problems.push(problem.expected("`value`, `min` and `max` all alike"));
                return Some(value);
            }
        }
        let show = |quantity| show(quantity, unit, currency);
        if min > max {
            let problem = Problem::error(&max_place, "`max` is below `min`");
            self.problems.push(problem.expected(format!("at least {}", show(min))));
        } else if !(min..=max).contains(&value) {
            let what = format!("threshold `{}` is outside its declared bounds", entry.key);
            let expected = format!("{} to {}", show(min), show(max));
            let problem = Problem::error(&place, what).code(Code::OutsideBounds);
            self.problems.push(problem.expected(expected));
        }
        Some(value)
    }

    /// A number, or money in the policy's currency.
    pub(super) fn quantity(&mut self, node: &Node, currency: Option<Currency>) -> Option<i64> {
        match currency {
            Some(currency) => read_quantity(node, currency, self.problems),
            // Without a currency nothing can be said of money: that is reported already.
            None if matches!(node.value, Value::Text(_)) => None,
            None => node.integer("a whole number, or money", self.problems),
        }
    }
}

/// Money is written as text.
fn unit_of(node: &Node) -> Unit {
    if let Value::Table(table) = &node.value {
        return written(table, "value").map_or(Unit::Number, unit_of_value);
    }
    unit_of_value(&node.value)
}

fn unit_of_value(value: &Value) -> Unit {
    if matches!(value, Value::Text(_)) { Unit::Money } else { Unit::Number }
}

fn written<'t>(table: &'t Table, key: &str) -> Option<&'t Value> {
    let mut entries = table.entries.iter();
    entries.find(|entry| entry.key == key).map(|entry| &entry.node.value)
}

fn kind(unit: Unit) -> &'static str {
    match unit {
        Unit::Number => "a number",
        Unit::Money => "money",
    }
}

/// `quantity` as the file would write it.
fn show(quantity: i64, unit: Unit, currency: Option<Currency>) -> String {
    match (unit, currency) {
        (Unit::Money, Some(currency)) => show_money(quantity, currency),
        (Unit::Money, None) | (Unit::Number, _) => quantity.to_string(),
    }
}
