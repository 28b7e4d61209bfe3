//! One record in words.

use std::fmt::{self, Write as _};

use crate::config::{currency_code, show_moment, show_money, show_window};
use crate::domain::EventTime;
use crate::engine::rules::{Field, Kind, RuleSet, Unit};
use crate::engine::velocity::{FeatureSpec, What};
use crate::wire::{evidence_from_wire, proto};

/// `record` in words, with names and units from `rule_set` where that is the one that decided.
pub(super) fn of(record: &proto::Record, rule_set: &RuleSet) -> String {
    let mut text = String::new();
    let written = match &record.answer {
        Some(proto::record::Answer::Decision(decision)) => {
            Story { decision, rule_set }.write(&mut text)
        }
        Some(proto::record::Answer::Acknowledgement(noted)) => write_noted(&mut text, noted),
        Some(proto::record::Answer::Error(error)) => write_error(&mut text, error),
        None => Ok(()),
    };
    match written {
        // Writing to a `String` cannot fail.
        Ok(()) | Err(fmt::Error) => text,
    }
}

struct Story<'d> {
    decision: &'d proto::Decision,
    rule_set: &'d RuleSet,
}

impl Story<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let decision = self.decision;
        let outcome = word(decision.outcome().as_str_name(), "OUTCOME_");
        write!(out, "{}  {}", decision.authorisation_id, outcome.to_uppercase())?;
        if let Some(reason) = reason_word(decision.reason()) {
            write!(out, ": {reason}")?;
        }
        writeln!(out, "  (DE39 {}, score {})", decision.response_code, decision.score)?;
        let (minor_units, currency) = (decision.amount_minor_units, &decision.currency);
        let policy = self.rule_set.currency();
        let amount = if currency_code(policy) == *currency {
            show_money(minor_units, policy)
        } else {
            format!("{minor_units} {currency} in minor units")
        };
        row(out, "amount", &amount)?;
        row(out, "time", &moment(decision.authorised_at_millis))?;
        if let Some(input) = &decision.decided_input {
            row(out, "input", &format!("partition {}, offset {}", input.partition, input.offset))?;
        }
        self.write_by(out)?;
        self.write_circumstances(out)?;
        for fired in &decision.fired_rules {
            self.write_rule(out, "rule", fired, "adds")?;
        }
        if decision.fired_rules.is_empty() {
            row(out, "rule", "none fired")?;
        }
        for fired in &decision.shadow_rules {
            self.write_rule(out, "shadow", fired, "would add")?;
        }
        self.write_evidence(out)?;
        writeln!(out)
    }

    fn is_known(&self) -> bool {
        self.decision.rule_set == self.hash()
    }

    fn hash(&self) -> String {
        format!("{:016x}", self.rule_set.hash().0)
    }

    /// Who decided: a stop order, the fail policy or the rules.
    fn write_by(&self, out: &mut String) -> fmt::Result {
        let decision = self.decision;
        if let Some(order) = &decision.stop_order {
            let offset = order.offset;
            row(out, "decided by", &format!("stop order {} at offset {offset}", order.order_id))?;
        } else if decision.synthetic {
            let cause = word(decision.synthetic_cause().as_str_name(), "FAIL_CAUSE_");
            row(out, "decided by", &format!("the fail policy, for {cause}"))?;
        } else {
            row(out, "decided by", "the rules")?;
        }
        let engine = &decision.engine_version;
        row(out, "rule set", &format!("{}, engine {engine}", decision.rule_set))?;
        if !self.is_known() {
            let here = self.hash();
            let note = format!(
                "the rule set here is {here}, another: the evidence has no names and no units; \
                 give the file of then with --rules"
            );
            row(out, "", &note)?;
        }
        Ok(())
    }

    fn write_circumstances(&self, out: &mut String) -> fmt::Result {
        let decision = self.decision;
        for cause in decision.fail_causes() {
            let told = match cause {
                proto::FailCause::Late => "it was past its deadline",
                proto::FailCause::Overload => "the engine was overloaded",
                proto::FailCause::StopListStale => "the stop list may have lacked orders",
                proto::FailCause::Recovering => "it waited while its partition was restored",
                proto::FailCause::HistoryTruncated => "the windows began in the middle",
                proto::FailCause::Unspecified => "something that this version does not know",
            };
            row(out, "held", told)?;
        }
        match decision.overload_step {
            0 => {}
            1 => row(out, "overload", "step 1: no shadow rules")?,
            2 => row(out, "overload", "step 2: no shadow rules, optional features absent")?,
            step => row(out, "overload", &format!("step {step}: only the stop list"))?,
        }
        for (flag, told) in [
            (decision.degraded, "judged while something was switched off or missing"),
            (decision.judged_again, "a repeat whose stored answer is gone: judged anew"),
            (decision.counted_before, "the windows held it already: counted once"),
            (decision.original_unknown, "its original is not known: counts by itself"),
        ] {
            if flag {
                row(out, "note", told)?;
            }
        }
        Ok(())
    }

    fn write_rule(
        &self,
        out: &mut String,
        title: &str,
        fired: &proto::FiredRule,
        adds: &str,
    ) -> fmt::Result {
        let mut told = fired.name.clone();
        if fired.points != 0 {
            write!(told, ", {adds} {}", fired.points)?;
        }
        if let Some(reason) = reason_word(fired.reason()) {
            write!(told, ", {reason}")?;
        }
        row(out, title, &told)?;
        for proto::ValueSeen { name, value } in &fired.values {
            let value = value.map_or("absent".to_owned(), |value| self.show(name, value));
            row(out, "", &format!("  {name} {value}"))?;
        }
        Ok(())
    }

    /// The features that no rule above has shown.
    fn write_evidence(&self, out: &mut String) -> fmt::Result {
        let evidence = self.decision.evidence.iter().copied().map(evidence_from_wire);
        let features = self.rule_set.features();
        if !self.is_known() || features.len() != evidence.len() {
            let values: Vec<_> =
                evidence.map(|it| it.map_or("absent".to_owned(), |it| it.to_string())).collect();
            if !values.is_empty() {
                row(out, "evidence", &values.join(", "))?;
            }
            return Ok(());
        }
        let mut title = "evidence";
        for (feature, value) in features.iter().zip(evidence) {
            let FeatureSpec { name, window, .. } = feature;
            let shown = format!("velocity.{name}");
            let value = value.map_or("absent".to_owned(), |value| self.show(&shown, value));
            row(out, title, &format!("{shown} {value}  ({})", show_window(window)))?;
            title = "";
        }
        Ok(())
    }

    /// `value` of what a record calls `name`, as a file would write it.
    fn show(&self, name: &str, value: i64) -> String {
        if let Some(field) = Field::ALL.into_iter().find(|field| field.name() == name) {
            return self.show_field(field, value);
        }
        let is_money = match name.split_once('.') {
            Some(("velocity", name)) => {
                let mut features = self.rule_set.features().iter();
                let found = features.find(|feature| *feature.name == *name);
                found.is_some_and(|it| matches!(it.what, What::Sum | What::Mean | What::Max))
            }
            Some(("thresholds", name)) => {
                let mut thresholds = self.rule_set.thresholds().iter();
                let found = thresholds.find(|threshold| *threshold.name == *name);
                found.is_some_and(|it| it.unit == Unit::Money)
            }
            _ => false,
        };
        if is_money && self.is_known() {
            show_money(value, self.rule_set.currency())
        } else {
            value.to_string()
        }
    }

    fn show_field(&self, field: Field, value: i64) -> String {
        let known = match field.kind() {
            Kind::Amount => self.is_known().then(|| show_money(value, self.rule_set.currency())),
            Kind::Word(set) => {
                let mut words = set.words().iter();
                words.find(|(_, code)| *code == value).map(|(word, _)| (*word).to_owned())
            }
            Kind::Country => u16::try_from(value)
                .ok()
                .and_then(|code| String::from_utf8(code.to_be_bytes().to_vec()).ok()),
            Kind::Flag => Some((value != 0).to_string()),
            Kind::Number => None,
        };
        known.unwrap_or_else(|| value.to_string())
    }
}

fn write_noted(out: &mut String, noted: &proto::Acknowledgement) -> fmt::Result {
    let became = word(noted.noted().as_str_name(), "NOTED_");
    let id = &noted.authorisation_id;
    writeln!(out, "{id}  NOTED: {became}  (message type {:04})", noted.message_type)?;
    if let Some(original) = &noted.original_id {
        row(out, "original", original)?;
    }
    row(out, "time", &moment(noted.authorised_at_millis))?;
    writeln!(out)
}

fn write_error(out: &mut String, error: &proto::Error) -> fmt::Result {
    let reason = word(error.reason().as_str_name(), "ERROR_REASON_");
    let id = error.authorisation_id.as_deref().unwrap_or("(no id)");
    writeln!(out, "{id}  NOT UNDERSTOOD: {reason}")?;
    if !error.field.is_empty() {
        row(out, "field", &error.field)?;
    }
    row(out, "detail", &error.detail)?;
    writeln!(out)
}

fn row(out: &mut String, title: &str, text: &str) -> fmt::Result {
    writeln!(out, "  {title:<11} {text}")
}

fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase().replace('_', " ")
}

/// As a rule names it.
fn reason_word(reason: proto::Reason) -> Option<String> {
    let name = reason.as_str_name().strip_prefix("REASON_")?.to_lowercase();
    (reason != proto::Reason::Unspecified).then_some(name)
}

fn moment(unix_millis: i64) -> String {
    EventTime::from_unix_millis(unix_millis).map_or_else(|| unix_millis.to_string(), show_moment)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse_rules;

    fn told(change: impl Fn(&mut proto::Decision)) -> String {
        let shipped = include_str!("../../../config/rules.toml");
        let (rule_set, _) = parse_rules(Path::new("rules.toml"), shipped).expect("sound");
        let seen = |name: &str, value| proto::ValueSeen { name: name.to_owned(), value };
        let mut decision = proto::Decision {
            authorisation_id: "a-1".to_owned(),
            outcome: proto::Outcome::Decline.into(),
            currency: "CNY".to_owned(),
            amount_minor_units: 300_000,
            rule_set: format!("{:016x}", rule_set.hash().0),
            fired_rules: vec![proto::FiredRule {
                name: "burst".to_owned(),
                points: 700,
                reason: proto::Reason::VelocityCountExceeded.into(),
                values: vec![
                    seen("amount", Some(300_000)),
                    seen("thresholds.spend_1h", Some(2_000_000)),
                    seen("cvv2_result", Some(2)),
                    seen("ip_country", Some(0x434E)),
                    seen("eci", None),
                ],
            }],
            evidence: vec![0; rule_set.features().len()],
            ..proto::Decision::default()
        };
        change(&mut decision);
        let answer = Some(proto::record::Answer::Decision(decision));
        of(&proto::Record { answer }, &rule_set)
    }

    #[test]
    fn what_a_rule_saw_is_told_as_a_file_would_write_it() {
        let told = told(|_| {});
        for wanted in [
            "a-1  DECLINE",
            "amount      3000.00 CNY",
            "burst, adds 700, velocity_count_exceeded",
            "thresholds.spend_1h 20000.00 CNY",
            "cvv2_result no_match",
            "ip_country CN",
            "eci absent",
            "velocity.attempts_10m absent  (10m)",
            "decided by  the rules",
        ] {
            assert!(told.contains(wanted), "{wanted}\n{told}");
        }
    }

    #[test]
    fn another_rule_set_gives_no_names_and_that_is_said() {
        let told = told(|decision| decision.rule_set = "0123456789abcdef".to_owned());
        assert!(told.contains("another: the evidence has no names"), "{told}");
        assert!(told.contains("thresholds.spend_1h 2000000\n"), "{told}");
        assert!(!told.contains("velocity."), "{told}");
    }

    #[test]
    fn who_decided_and_what_held_is_told() {
        let late = told(|decision| {
            decision.synthetic = true;
            decision.synthetic_cause = proto::FailCause::Late.into();
            decision.fail_causes = vec![proto::FailCause::Late.into()];
            decision.overload_step = 2;
            decision.fired_rules.clear();
        });
        for wanted in
            ["the fail policy, for late", "past its deadline", "step 2:", "rule        none fired"]
        {
            assert!(late.contains(wanted), "{wanted}\n{late}");
        }
        let order = proto::StopOrderSeen { order_id: "o-1".to_owned(), offset: 7 };
        let stopped = told(|decision| decision.stop_order = Some(order.clone()));
        assert!(stopped.contains("decided by  stop order o-1 at offset 7"), "{stopped}");
    }
}
