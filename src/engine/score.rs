//! Judging one request: everything is evaluated, nothing is changed.

use super::Shedding;
use super::rules::{RuleSet, Verdict};
use super::shared::StopHit;
use super::velocity::{Measure, Windows};
use crate::domain::{
    Authorisation, Decision, Evidence, FiredRule, Outcome, Reason, ShadowRuleFired,
};

/// What was found about a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    /// Approve, step up or decline.
    pub outcome: Outcome,
    /// Why; `None` when approved.
    pub reason: Option<Reason>,
    /// Sum of points, 0 to 999.
    pub score: u16,
    /// Live rules that fired, in rule-set order.
    pub fired: Vec<FiredRule>,
    /// Shadow rules that fired, in rule-set order.
    pub shadow: Vec<ShadowRuleFired>,
    /// The features that they read, in rule-set order.
    pub evidence: Evidence,
}

/// Buffers that judging reuses.
#[derive(Debug, Default)]
pub struct Scratch {
    measure: Measure,
    pub(super) verdict: Verdict,
    pub(super) evidence: Evidence,
}

impl Scratch {
    /// Takes the buffers of a decision that is not needed any more: the next one uses them.
    pub(super) fn take_back(&mut self, decision: Decision) {
        let Decision { fired, shadow, evidence, .. } = decision;
        self.verdict.fired = fired;
        self.verdict.shadow = shadow;
        self.evidence = evidence;
    }
}

/// Judges `auth` on its account's and card's windows. A stop order in force declines,
/// whatever rules say; they are evaluated all the same, so that reasons are complete. What
/// `shedding` leaves out is not evaluated, and a feature that it leaves out is absent.
pub fn score(
    auth: &Authorisation<'_>,
    windows: &Windows<'_>,
    stop: Option<&StopHit>,
    rule_set: &RuleSet,
    shedding: Shedding,
    scratch: &mut Scratch,
) -> Judged {
    let Scratch { measure, verdict, evidence } = scratch;
    let mut evidence = std::mem::take(evidence);
    evidence.clear();
    evidence.resize(rule_set.feature_plan().features_count(), None);
    for pass in rule_set.feature_plan().passes().iter().filter(|pass| shedding.measures(pass)) {
        windows.measure(pass, measure, &mut evidence);
    }
    let policy_minor_units = auth.minor_units_in(rule_set.currency());
    rule_set.judge_without(shedding, auth, policy_minor_units, &evidence, verdict);

    let (outcome, reason) = match stop {
        Some(stop) => (Outcome::Decline, Some(stop.reason)),
        None => (verdict.outcome, verdict.reason),
    };
    Judged {
        outcome,
        reason,
        score: verdict.score,
        fired: std::mem::take(&mut verdict.fired),
        shadow: std::mem::take(&mut verdict.shadow),
        evidence,
    }
}
