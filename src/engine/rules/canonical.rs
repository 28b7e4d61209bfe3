//! The canonical text of a rule set, and its hash. [`RuleSet::canonical`] shows the form.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

use crate::domain::{EventTime, FailCause, RuleSetHash, Span};

use super::super::velocity::{
    BusinessCalendar, FeatureSpec, Key, Lookback, OutcomeFilter, RecordedOutcome,
};
use super::{CausePolicy, FailBand, RuleSet};

/// The canonical text of `rule_set`.
pub(super) fn text_of(rule_set: &RuleSet) -> String {
    let mut text = String::new();
    match write_rule_set(&mut text, rule_set) {
        // Writing to a `String` cannot fail.
        Ok(()) | Err(fmt::Error) => text,
    }
}

/// The first 8 bytes, big endian, of the SHA-256 of `canonical`.
pub(super) fn hash_of(canonical: &str) -> RuleSetHash {
    let digest = Sha256::digest(canonical.as_bytes());
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    RuleSetHash(u64::from_be_bytes(first))
}

fn write_rule_set(out: &mut String, rule_set: &RuleSet) -> fmt::Result {
    writeln!(out, "stopline-rule-set 1")?;
    writeln!(out, "currency {}", rule_set.currency().numeric())?;
    writeln!(
        out,
        "bands step_up_at={} decline_at={} merchant_initiated_step_up={}",
        rule_set.bands().step_up_at,
        rule_set.bands().decline_at,
        rule_set.bands().merchant_initiated_step_up.name()
    )?;
    for (cause, declared) in rule_set.fail_policy().causes() {
        write_fail_policy(out, cause, declared)?;
    }
    for threshold in rule_set.thresholds() {
        writeln!(out, "threshold {} {}", threshold.name, threshold.value)?;
    }
    if let Some(calendar) = rule_set.calendar() {
        write_calendar(out, calendar)?;
    }
    for feature in rule_set.features() {
        write_feature(out, feature)?;
    }
    for list in rule_set.lists() {
        let (name, of) = (list.name(), list.of().name());
        write!(out, "list {name} of={of} values={} sha256=", list.values_count())?;
        for byte in list.digest() {
            write!(out, "{byte:02x}")?;
        }
        writeln!(out)?;
    }
    for rule in rule_set.rules() {
        let (name, mode) = (rule.name(), rule.mode().name());
        write!(out, "rule {name} {mode} {} when ", rule.action())?;
        rule.condition().write(out, &|operand| rule_set.name_of(operand))?;
        writeln!(out)?;
    }
    Ok(())
}

fn write_fail_policy(out: &mut String, cause: FailCause, declared: &CausePolicy) -> fmt::Result {
    write!(out, "fail {}", cause.name())?;
    for FailBand { below, answer } in &declared.bands {
        match below {
            Some(below) => write!(out, " below={below}:{answer}")?,
            None => write!(out, " rest:{answer}")?,
        }
    }
    writeln!(out, " without_amount:{}", declared.without_amount)
}

fn write_feature(out: &mut String, feature: &FeatureSpec) -> fmt::Result {
    let FeatureSpec {
        name,
        key,
        what,
        window,
        delay,
        outcomes,
        test,
        with_current,
        absent_as,
        is_optional,
    } = feature;
    write!(out, "feature {name} what={} ", what.name())?;
    if *key != Key::Account {
        write!(out, "key={} ", key.name())?;
    }
    match window {
        Lookback::Span(span) => write!(out, "window_millis={}", span.millis())?,
        Lookback::BusinessDays(days) => write!(out, "window_business_days={}", days.count())?,
    }
    if *delay != Span::ZERO {
        write!(out, " delay_millis={}", delay.millis())?;
    }
    write!(out, " outcomes=")?;
    write_outcomes(out, *outcomes)?;
    write!(out, " with_current={with_current} absent_as=")?;
    match absent_as {
        Some(value) => write!(out, "{value}")?,
        None => write!(out, "none")?,
    }
    out.write_str(if *is_optional { " optional" } else { "" })?;
    match test {
        Some(test) => writeln!(out, " where {test}"),
        None => writeln!(out),
    }
}

fn write_outcomes(out: &mut String, outcomes: OutcomeFilter) -> fmt::Result {
    if outcomes.is_any() {
        return out.write_str("any");
    }
    let words = [
        (RecordedOutcome::Approved, "approved"),
        (RecordedOutcome::SteppedUp, "stepped_up"),
        (RecordedOutcome::Declined, "declined"),
        (RecordedOutcome::Unknown, "unknown"),
        (RecordedOutcome::Failed, "failed"),
    ];
    write_words(out, words.into_iter().filter(|(it, _)| outcomes.holds(*it)).map(|(_, word)| word))
}

fn write_words(out: &mut String, words: impl Iterator<Item = &'static str>) -> fmt::Result {
    let mut separator = "";
    for word in words {
        write!(out, "{separator}{word}")?;
        separator = "+";
    }
    Ok(())
}

fn write_calendar(out: &mut String, calendar: &BusinessCalendar) -> fmt::Result {
    write!(out, "calendar ends_at={} starts=", calendar.ends_at().unix_millis())?;
    let mut separator = "";
    for start in calendar.starts().iter().copied().map(EventTime::unix_millis) {
        write!(out, "{separator}{start}")?;
        separator = ",";
    }
    writeln!(out)
}
