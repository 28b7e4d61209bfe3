//! What a rule does when it fires.

use std::fmt;

use crate::domain::Reason;

/// The most points that one rule may give or take.
pub const POINTS_MAX: i32 = 999;

/// The highest score; a sum of points beyond it is clipped.
pub const SCORE_MAX: i32 = 999;

/// What a rule does when it fires.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Adds points, 1 to [`POINTS_MAX`], that stand for a reason.
    Points {
        /// How many.
        points: i32,
        /// What is given as the reason where this rule has the most points.
        reason: Reason,
    },
    /// Takes points away, 1 to [`POINTS_MAX`]: it speaks for the payment.
    Relief {
        /// How many are taken away.
        points: i32,
    },
    /// Declines, whatever the points say.
    Decline {
        /// Why.
        reason: Reason,
    },
    /// Steps up at least, whatever the points say.
    StepUp,
    /// Is reported, and changes nothing.
    Tag,
}

impl Action {
    /// What it adds to the score.
    pub const fn points(self) -> i32 {
        match self {
            Self::Points { points, .. } => points,
            Self::Relief { points } => -points,
            Self::Decline { .. } | Self::StepUp | Self::Tag => 0,
        }
    }

    /// What it stands for.
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Points { reason, .. } | Self::Decline { reason } => Some(reason),
            Self::StepUp => Some(Reason::AuthenticationRequired),
            Self::Relief { .. } | Self::Tag => None,
        }
    }
}

impl Action {
    /// True where a rule may give points or decline for `reason`. Asking the cardholder
    /// to authenticate is an action of its own, not a reason to decline.
    pub const fn may_stand_for(reason: Reason) -> bool {
        reason.is_for_rules() && !matches!(reason, Reason::AuthenticationRequired)
    }
}

impl fmt::Display for Action {
    /// Its canonical form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Points { points, reason } => {
                write!(f, "points={points} reason={}", reason.name())
            }
            Self::Relief { points } => write!(f, "points=-{points}"),
            Self::Decline { reason } => write!(f, "decline={}", reason.name()),
            Self::StepUp => f.write_str("step_up"),
            Self::Tag => f.write_str("tag"),
        }
    }
}
