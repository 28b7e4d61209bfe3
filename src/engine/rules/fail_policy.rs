//! What becomes of a request that cannot be judged as usual: declared, never left to chance.
//!
//! For each [`FailCause`] and each amount there is one [`FailAnswer`]. Where several causes
//! hold, the strictest answer goes: decline before step up before approve before judge; of
//! causes that are answered alike the first in the order of [`FailCause::ALL`] names the
//! decision. Rules go on only where every cause that holds says so.

use std::fmt;

use thiserror::Error;

use super::MerchantInitiatedStepUp;
use crate::domain::{FailCause, FailCauses, Initiator, Outcome, Reason};

/// The most amount bands that one cause may have.
pub const FAIL_BANDS_COUNT_MAX: usize = 32;

/// The declared answers to every cause, checked: each cause has one for each amount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailPolicy {
    /// In the order of [`FailCause::ALL`].
    of_causes: [CausePolicy; FailCause::ALL.len()],
}

/// The declared answers to one cause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CausePolicy {
    /// By amount in the policy's currency: ascending, the last one open.
    ///
    /// ```text
    /// 0              below[0]          below[1]
    /// ├── answer[0] ────┼── answer[1] ─────┼── answer[2] ──▶
    /// ```
    pub bands: Vec<FailBand>,
    /// For a request without an amount in the policy's currency.
    pub without_amount: FailAnswer,
}

/// One band of amounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailBand {
    /// The amount, in minor units, that it ends before; `None` where it has no end.
    pub below: Option<i64>,
    /// What becomes of a request in it.
    pub answer: FailAnswer,
}

/// A declared answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailAnswer {
    /// The rules go on; the decision is marked.
    Judge,
    /// Go ahead.
    Approve,
    /// Ask the cardholder to authenticate.
    StepUp {
        /// Where nobody is there to be asked.
        merchant_initiated: WithoutCardholder,
    },
    /// No.
    Decline {
        /// Why.
        reason: Reason,
    },
}

/// What a merchant-initiated payment gets in the place of a step-up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WithoutCardholder {
    /// It goes ahead.
    Approve,
    /// It does not.
    Decline {
        /// Why.
        reason: Reason,
    },
}

/// A decision by the fail policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FailRuling {
    /// Approve, step up or decline.
    pub outcome: Outcome,
    /// Why; `None` when approved.
    pub reason: Option<Reason>,
    /// The cause whose answer it is.
    pub cause: FailCause,
}

/// Why declared answers make no fail policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum FailPolicyFault {
    /// Its bands leave an amount out, overlap, or are too many.
    #[error(
        "the fail policy's bands for {} must ascend, end with an open one and be at most \
         {FAIL_BANDS_COUNT_MAX}", .0.name()
    )]
    Bands(FailCause),
    /// It judges where nothing can be judged.
    #[error("the fail policy cannot judge when the cause is {}", .0.name())]
    Judges(FailCause),
    /// It declines for a reason that is not for it.
    #[error("the fail policy declines for `{}`, which is not for it", .0.name())]
    Reason(Reason),
}

impl FailPolicy {
    /// The policy that answers each cause as `of` says.
    ///
    /// # Errors
    /// The first [`FailPolicyFault`] found; `config` reports all of them, with places.
    pub fn new(of: impl FnMut(FailCause) -> CausePolicy) -> Result<Self, FailPolicyFault> {
        let policy = Self { of_causes: FailCause::ALL.map(of) };
        for (cause, declared) in policy.causes() {
            declared.check(cause)?;
        }
        Ok(policy)
    }

    /// Each cause with its answers, in their order.
    pub fn causes(&self) -> impl Iterator<Item = (FailCause, &CausePolicy)> {
        FailCause::ALL.into_iter().zip(&self.of_causes)
    }

    /// What becomes of a request while `causes` hold; `None` where rules decide. Hot path:
    /// a few comparisons for each cause that holds.
    pub fn ruling(
        &self,
        causes: FailCauses,
        policy_minor_units: Option<i64>,
        initiator: Initiator,
    ) -> Option<FailRuling> {
        if causes.is_empty() {
            return None;
        }
        let mut strictest: Option<FailRuling> = None;
        for (cause, declared) in self.causes().filter(|(cause, _)| causes.holds(*cause)) {
            let answer = declared.answer(policy_minor_units);
            if let Some((outcome, reason)) = answer.outcome(initiator)
                && strictest.is_none_or(|found| outcome > found.outcome)
            {
                strictest = Some(FailRuling { outcome, reason, cause });
            }
        }
        strictest
    }
}

impl CausePolicy {
    /// The same answer whatever the amount.
    pub fn always(answer: FailAnswer) -> Self {
        Self { bands: vec![FailBand { below: None, answer }], without_amount: answer }
    }

    fn answer(&self, policy_minor_units: Option<i64>) -> FailAnswer {
        let Some(amount) = policy_minor_units else { return self.without_amount };
        let mut bands = self.bands.iter();
        let found = bands.find(|band| band.below.is_none_or(|below| amount < below));
        // A checked policy has an open last band.
        found.map_or(self.without_amount, |band| band.answer)
    }

    /// Its answers, each with the amount that it ends before.
    fn answers(&self) -> impl Iterator<Item = FailAnswer> {
        let by_band = self.bands.iter().map(|band| band.answer);
        by_band.chain([self.without_amount])
    }

    fn check(&self, cause: FailCause) -> Result<(), FailPolicyFault> {
        let ends: Vec<_> = self.bands.iter().map(|band| band.below.unwrap_or(i64::MAX)).collect();
        let ascend = ends.array_windows().all(|[one, next]| one < next);
        let begin_well = ends.first().is_some_and(|first| *first > 0);
        let is_open = self.bands.last().is_some_and(|last| last.below.is_none());
        if !ascend || !begin_well || !is_open || ends.len() > FAIL_BANDS_COUNT_MAX {
            return Err(FailPolicyFault::Bands(cause));
        }
        for answer in self.answers() {
            if answer == FailAnswer::Judge && !cause.may_be_judged() {
                return Err(FailPolicyFault::Judges(cause));
            }
            if let Some(reason) = answer.declines_for().filter(|it| !it.is_for_fail_policy()) {
                return Err(FailPolicyFault::Reason(reason));
            }
        }
        Ok(())
    }
}

impl FailAnswer {
    /// The reason that it, or what a merchant-initiated payment gets of it, declines for.
    pub const fn declines_for(self) -> Option<Reason> {
        match self {
            Self::Decline { reason }
            | Self::StepUp { merchant_initiated: WithoutCardholder::Decline { reason } } => {
                Some(reason)
            }
            Self::Judge
            | Self::Approve
            | Self::StepUp { merchant_initiated: WithoutCardholder::Approve } => None,
        }
    }

    fn outcome(self, initiator: Initiator) -> Option<(Outcome, Option<Reason>)> {
        Some(match (self, initiator) {
            (Self::Judge, _) => return None,
            (Self::Approve, _)
            | (
                Self::StepUp { merchant_initiated: WithoutCardholder::Approve },
                Initiator::Merchant,
            ) => (Outcome::Approve, None),
            (Self::StepUp { .. }, Initiator::Cardholder) => {
                (Outcome::StepUp, Some(Reason::AuthenticationRequired))
            }
            (
                Self::StepUp { merchant_initiated: WithoutCardholder::Decline { reason } },
                Initiator::Merchant,
            )
            | (Self::Decline { reason }, _) => (Outcome::Decline, Some(reason)),
        })
    }
}

impl fmt::Display for FailAnswer {
    /// As the canonical text and the summary of `stopline check` write it.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Judge => to.write_str("judge"),
            Self::Approve => to.write_str("approve"),
            Self::StepUp { merchant_initiated: WithoutCardholder::Approve } => {
                let otherwise = MerchantInitiatedStepUp::Approve.name();
                write!(to, "step_up/{otherwise}")
            }
            Self::StepUp { merchant_initiated: WithoutCardholder::Decline { reason } } => {
                let otherwise = MerchantInitiatedStepUp::Decline.name();
                write!(to, "step_up/{otherwise}={}", reason.name())
            }
            Self::Decline { reason } => write!(to, "decline={}", reason.name()),
        }
    }
}
