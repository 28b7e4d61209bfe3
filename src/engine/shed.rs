//! What a decision leaves out at a step of the overload ladder.
//!
//! ```text
//! step   stop list   live rules   shadow rules   optional features   windows kept up
//!  0        yes         yes           yes               yes                yes
//!  1        yes         yes            -                yes                yes
//!  2        yes         yes            -                 -                 yes
//!  3        yes      the fail policy says, of its cause `overload`          yes
//! ```
//!
//! Where the fail policy has a request judged at step 3, that is as at step 2. At step 4 no
//! message is taken, so that no decision is made under it.

use super::velocity::Pass;

/// What a decision leaves out; each leaves out all that the one before it does. The stop
/// list is never left out, and what was decided is always remembered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Shedding {
    /// Nothing.
    Nothing,
    /// Shadow rules: without influence on any outcome.
    ShadowRules,
    /// Features that operations declared as optional, too: they are absent.
    OptionalFeatures,
}

impl Shedding {
    /// What is left out at `overload_step`; beyond the last one, as at the last one.
    pub const fn at(overload_step: u8) -> Self {
        match overload_step {
            0 => Self::Nothing,
            1 => Self::ShadowRules,
            _ => Self::OptionalFeatures,
        }
    }

    /// True where the features of `pass` are measured. Hot path.
    pub(super) fn measures(self, pass: &Pass) -> bool {
        match self {
            Self::Nothing | Self::ShadowRules => true,
            Self::OptionalFeatures => !pass.is_optional(),
        }
    }
}
