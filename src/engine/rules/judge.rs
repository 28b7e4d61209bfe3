//! From a request and its evidence to an outcome.

use crate::domain::{Authorisation, FiredRule, Initiator, Outcome, Reason, ValueSeen};

use super::super::Shedding;
use super::number::Row;
use super::{Action, Bands, Mode, Rule, RuleSet, SCORE_MAX};

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
    pub shadow: Vec<FiredRule>,
    /// Emptied entries of earlier verdicts: their buffers are used again.
    spare: Vec<FiredRule>,
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
        }
    }
}

impl Verdict {
    /// Empties it; what it holds is kept to be used again.
    pub fn set_aside(&mut self) {
        self.spare.append(&mut self.fired);
        self.spare.append(&mut self.shadow);
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
    /// picked before any shadow rule is looked at. A rule that declines outright
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
        let row = Row { auth, policy_minor_units, evidence, thresholds: self.thresholds() };
        self.judge_live(&row, verdict);
        let Verdict { shadow, spare, .. } = verdict;
        for rule in self.fired_in(Mode::Shadow, &row) {
            shadow.push(seen(rule, &row, spare.pop()));
        }
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
        let row = Row { auth, policy_minor_units, evidence, thresholds: self.thresholds() };
        match shedding {
            Shedding::Nothing => self.judge(auth, policy_minor_units, evidence, verdict),
            Shedding::ShadowRules | Shedding::OptionalFeatures => self.judge_live(&row, verdict),
        }
    }

    fn judge_live(&self, row: &Row<'_>, verdict: &mut Verdict) {
        verdict.set_aside();
        let Verdict { fired, spare, .. } = verdict;
        let mut tally = Tally::default();
        for rule in self.fired_in(Mode::Live, row) {
            tally.add(rule.action());
            fired.push(seen(rule, row, spare.pop()));
        }
        verdict.take(&tally.ruling(self.bands(), row.auth.initiator));
    }

    fn fired_in<'s>(&'s self, mode: Mode, row: &'s Row<'_>) -> impl Iterator<Item = &'s Rule> {
        self.rules().iter().filter(move |rule| rule.mode() == mode && rule.condition().holds(row))
    }
}

/// `rule` with what it read, in the buffers of `spare`.
fn seen(rule: &Rule, row: &Row<'_>, spare: Option<FiredRule>) -> FiredRule {
    let mut values = spare.map(|it| it.values).unwrap_or_default();
    values.clear();
    values.extend(
        rule.reads
            .iter()
            .map(|(name, operand)| ValueSeen { name: name.clone(), value: row.read(*operand) }),
    );
    FiredRule {
        name: rule.name().clone(),
        points: rule.action().points(),
        reason: rule.action().reason(),
        values,
    }
}

/// What the live rules said so far. Shadow rules are never added to one.
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
    fn add(&mut self, action: Action) {
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
