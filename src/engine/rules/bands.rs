//! From the sum of points to the outcome.

use crate::domain::{Initiator, Outcome};

/// Where the outcomes begin on the score.
///
/// ```text
/// 0          step_up_at          decline_at          999
/// ├── approve ────┼──── step up ──────┼──── decline ───┤
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bands {
    /// The lowest score that steps up.
    pub step_up_at: i32,
    /// The lowest score that declines.
    pub decline_at: i32,
    /// What a step-up becomes where nobody is there to authenticate.
    pub merchant_initiated_step_up: MerchantInitiatedStepUp,
}

/// What a step-up becomes for a merchant-initiated payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MerchantInitiatedStepUp {
    /// It goes ahead.
    Approve,
    /// It does not.
    Decline,
}

impl MerchantInitiatedStepUp {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Approve, Self::Decline];

    /// Its name in config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
        }
    }
}

impl Bands {
    /// The outcome of a payment with `score`, started by `initiator`.
    pub(super) fn outcome(&self, score: i32, initiator: Initiator) -> Outcome {
        if score >= self.decline_at {
            Outcome::Decline
        } else if score >= self.step_up_at {
            self.step_up(initiator)
        } else {
            Outcome::Approve
        }
    }

    /// What a step-up is for a payment started by `initiator`.
    pub(super) fn step_up(&self, initiator: Initiator) -> Outcome {
        match (initiator, self.merchant_initiated_step_up) {
            (Initiator::Cardholder, _) => Outcome::StepUp,
            (Initiator::Merchant, MerchantInitiatedStepUp::Approve) => Outcome::Approve,
            (Initiator::Merchant, MerchantInitiatedStepUp::Decline) => Outcome::Decline,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_falls_into_the_band_that_begins_at_or_below_it() {
        use Initiator::{Cardholder, Merchant};
        use MerchantInitiatedStepUp as Mits;
        let cases = [
            (-5, Cardholder, Mits::Decline, Outcome::Approve),
            (0, Cardholder, Mits::Decline, Outcome::Approve),
            (299, Cardholder, Mits::Decline, Outcome::Approve),
            (300, Cardholder, Mits::Decline, Outcome::StepUp),
            (699, Cardholder, Mits::Approve, Outcome::StepUp),
            (700, Cardholder, Mits::Approve, Outcome::Decline),
            (299, Merchant, Mits::Decline, Outcome::Approve),
            (300, Merchant, Mits::Decline, Outcome::Decline),
            (699, Merchant, Mits::Approve, Outcome::Approve),
            (700, Merchant, Mits::Approve, Outcome::Decline),
        ];
        for (score, initiator, merchant_initiated_step_up, expected) in cases {
            let bands = Bands { step_up_at: 300, decline_at: 700, merchant_initiated_step_up };
            assert_eq!(bands.outcome(score, initiator), expected, "{score} {initiator:?}");
        }
    }
}
