//! The canonical text of a rule set, and its hash. [`RuleSet::canonical`] shows the form.

use std::fmt::{self, Write as _};

use sha2::{Digest, Sha256};

use crate::domain::{FailCause, RuleSetHash, Span};

use super::super::velocity::{FeatureSpec, OutcomeFilter, RecordedOutcome, What};
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
    for feature in rule_set.features() {
        write_feature(out, feature)?;
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
    let FeatureSpec { name, what, window, outcomes, with_current, absent_as, is_optional } =
        feature;
    let what = what_name(*what);
    let window_millis = Span::millis(*window);
    write!(out, "feature {name} what={what} window_millis={window_millis} outcomes=")?;
    write_outcomes(out, *outcomes)?;
    write!(out, " with_current={with_current} absent_as=")?;
    match absent_as {
        Some(value) => write!(out, "{value}")?,
        None => write!(out, "none")?,
    }
    writeln!(out, "{}", if *is_optional { " optional" } else { "" })
}

fn write_outcomes(out: &mut String, outcomes: OutcomeFilter) -> fmt::Result {
    if outcomes.is_any() {
        return out.write_str("any");
    }
    let words = [
        (RecordedOutcome::Approved, "approved"),
        (RecordedOutcome::SteppedUp, "stepped_up"),
        (RecordedOutcome::Declined, "declined"),
    ];
    let mut separator = "";
    for (outcome, word) in words {
        if outcomes.holds(outcome) {
            write!(out, "{separator}{word}")?;
            separator = "+";
        }
    }
    Ok(())
}

const fn what_name(what: What) -> &'static str {
    match what {
        What::Count => "count",
        What::Sum => "sum",
        What::Mean => "mean",
        What::Max => "max",
        What::DistinctMerchants => "distinct_merchants",
        What::DistinctCountries => "distinct_countries",
        What::SecondsSinceLast => "seconds_since_last",
    }
}
