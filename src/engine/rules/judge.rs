//! From a request and its evidence to an outcome.

use crate::domain::{Authorisation, FiredRule, Initiator, Outcome, Reason, ShadowRuleFired};

use super::super::Shedding;
use super::number::Row;
use super::plan::LiveRule;
use super::programme::Bits;
use super::{Action, Bands, Mode, RuleSet, SCORE_MAX};

/// What a rule set says of a request. Kept and used again: its buffers grow to
/// what the rule set needs and then stay.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Approve, step up or decline.
    pub outcome: Outcome,
    /// Why; `None` when approved.
    pub reason: Option<Reason>,
    /// Sum of the live rules' points, clipped to 0 to 999.
    pub score: u16,
    /// Every live rule that fired, in rule-set order.
    pub fired: Vec<FiredRule>,
    /// Every shadow rule that fired, in rule-set order.
    pub shadow: Vec<ShadowRuleFired>,
    /// Emptied entries of earlier verdicts: their buffers are used again.
    spare: Vec<FiredRule>,
    spare_shadow: Vec<ShadowRuleFired>,
    bits: Bits,
}

impl Default for Verdict {
    /// Not judged yet: declined as not scored, so that a verdict that nobody filled
    /// approves nothing.
    fn default() -> Self {
        Self {
            outcome: Outcome::Decline,
            reason: Some(Reason::NotScored),
            score: 0,
            fired: Vec::new(),
            shadow: Vec::new(),
            spare: Vec::new(),
            spare_shadow: Vec::new(),
            bits: Bits::default(),
        }
    }
}

impl Verdict {
    /// Empties it; what it holds is kept to be used again.
    pub fn set_aside(&mut self) {
        self.spare.append(&mut self.fired);
        self.spare_shadow.append(&mut self.shadow);
    }

    fn take(&mut self, ruling: &Ruling) {
        self.outcome = ruling.outcome;
        self.reason = ruling.reason;
        self.score = ruling.score;
    }
}

impl RuleSet {
    /// Says what becomes of `auth`, whose amount in the policy's currency is
    /// `policy_minor_units` and whose features have the values of `evidence`, in
    /// the order of [`RuleSet::features`]. Hot path: allocates nothing once
    /// `verdict` is warm.
    ///
    /// Every rule is evaluated, so that the reasons are complete. The outcome is
    /// picked before any shadow rule is asked. A rule that declines outright
    /// goes before the bands; of several, the reason first in precedence is given.
    /// Otherwise the rule with the most points gives the reason, of several the
    /// reason first in precedence.
    pub fn judge(
        &self,
        auth: &Authorisation<'_>,
        policy_minor_units: Option<i64>,
        evidence: &[Option<i64>],
        verdict: &mut Verdict,
    ) {
        debug_assert_eq!(
            evidence.len(),
            self.features().len(),
            "Invariant: the evidence has one value for each feature"
        );
        let row = self.row(auth, policy_minor_units, evidence);
        self.judge_live(&row, verdict);
        let Verdict { shadow, spare_shadow, bits, .. } = verdict;
        self.plan.programme.ask_shadow(bits);
        for rule in bits.fired().filter_map(|at| self.plan.shadow.get(at)) {
            shadow.push(rule.fired(&row, spare_shadow.pop()));
        }
    }

    /// As [`RuleSet::judge`], by evaluating each condition part by part: slow and obvious. It
    /// is what tests and benches hold `judge` against.
    pub fn judge_by_tree(
        &self,
        auth: &Authorisation<'_>,
        policy_minor_units: Option<i64>,
        evidence: &[Option<i64>],
        verdict: &mut Verdict,
    ) {
        let row = self.row(auth, policy_minor_units, evidence);
        let holding = |mode| {
            let rules = self.rules().iter().filter(move |rule| rule.mode() == mode);
            rules.enumerate().filter(|(_, rule)| rule.condition().holds(&row)).map(|(at, _)| at)
        };
        verdict.set_aside();
        let Verdict { fired, shadow, spare, spare_shadow, .. } = verdict;
        let mut tally = Tally::default();
        for rule in holding(Mode::Live).filter_map(|at| self.plan.live.get(at)) {
            tally.add(rule);
            fired.push(rule.fired(&row, spare.pop()));
        }
        for rule in holding(Mode::Shadow).filter_map(|at| self.plan.shadow.get(at)) {
            shadow.push(rule.fired(&row, spare_shadow.pop()));
        }
        verdict.take(&tally.ruling(self.bands(), auth.initiator));
    }

    /// As [`RuleSet::judge`], without what `shedding` leaves out. Hot path.
    pub fn judge_without(
        &self,
        shedding: Shedding,
        auth: &Authorisation<'_>,
        policy_minor_units: Option<i64>,
        evidence: &[Option<i64>],
        verdict: &mut Verdict,
    ) {
        let row = self.row(auth, policy_minor_units, evidence);
        match shedding {
            Shedding::Nothing => self.judge(auth, policy_minor_units, evidence, verdict),
            Shedding::ShadowRules | Shedding::OptionalFeatures => self.judge_live(&row, verdict),
        }
    }

    fn row<'r>(
        &'r self,
        auth: &'r Authorisation<'r>,
        policy_minor_units: Option<i64>,
        evidence: &'r [Option<i64>],
    ) -> Row<'r> {
        let (thresholds, lists) = (self.thresholds(), self.lists());
        Row { auth, policy_minor_units, evidence, thresholds, lists }
    }

    fn judge_live(&self, row: &Row<'_>, verdict: &mut Verdict) {
        verdict.set_aside();
        let Verdict { fired, spare, bits, .. } = verdict;
        self.plan.programme.find(row, bits);
        self.plan.programme.ask_live(bits);
        let mut tally = Tally::default();
        for rule in bits.fired().filter_map(|at| self.plan.live.get(at)) {
            tally.add(rule);
            fired.push(rule.fired(row, spare.pop()));
        }
        verdict.take(&tally.ruling(self.bands(), row.auth.initiator));
    }
}

/// What the live rules said so far. It takes a [`LiveRule`]: a shadow rule is another type, has
/// no action, and fits nowhere in here.
#[derive(Default)]
struct Tally {
    points: i32,
    /// The most points of one rule, with its reason.
    strongest: Option<(i32, Reason)>,
    /// The first reason in precedence of the rules that decline outright.
    decline: Option<Reason>,
    asks_step_up: bool,
}

/// What the live rules come to.
struct Ruling {
    outcome: Outcome,
    reason: Option<Reason>,
    score: u16,
}

impl Tally {
    fn add(&mut self, rule: &LiveRule) {
        let action = rule.action;
        self.points = self.points.saturating_add(action.points());
        match action {
            Action::Points { points, reason } => {
                let is_stronger = self.strongest.is_none_or(|(most, first)| {
                    points > most || (points == most && reason < first)
                });
                if is_stronger {
                    self.strongest = Some((points, reason));
                }
            }
            Action::Decline { reason } => {
                self.decline = Some(self.decline.map_or(reason, |first| first.min(reason)));
            }
            Action::StepUp => self.asks_step_up = true,
            Action::Relief { .. } | Action::Tag => {}
        }
    }

    fn ruling(&self, bands: &Bands, initiator: Initiator) -> Ruling {
        let clipped = self.points.clamp(0, SCORE_MAX);
        let score = u16::try_from(clipped).unwrap_or(u16::MAX);
        let by_points = bands.outcome(clipped, initiator);
        let asked = if self.asks_step_up { bands.step_up(initiator) } else { Outcome::Approve };
        let (outcome, reason) = if self.decline.is_some() {
            (Outcome::Decline, self.decline)
        } else if by_points != Outcome::Approve && by_points >= asked {
            (by_points, self.strongest.map(|(_, reason)| reason))
        } else if asked == Outcome::Approve {
            (Outcome::Approve, None)
        } else {
            (asked, Some(Reason::AuthenticationRequired))
        };
        Ruling { outcome, reason, score }
    }
}
