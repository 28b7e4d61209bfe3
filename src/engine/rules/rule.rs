//! One rule: when it fires and what it does.

use std::sync::Arc;

use super::{Action, Condition};

/// One rule. As part of a [`super::RuleSet`] it is known to be sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    name: Arc<str>,
    condition: Condition,
    action: Action,
    mode: Mode,
}

/// Whether a rule counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mode {
    /// It takes part in the outcome.
    Live,
    /// It is evaluated and reported, and has no influence.
    Shadow,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Live, Self::Shadow];

    /// Its name in config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Shadow => "shadow",
        }
    }
}

impl Rule {
    /// The rule `name`: does `action` when `condition` holds. The rule set that it
    /// goes into checks it.
    pub fn new(name: Arc<str>, condition: Condition, action: Action, mode: Mode) -> Self {
        Self { name, condition, action, mode }
    }

    /// What it is called, everywhere.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// When it fires.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// What it does then.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Whether it counts.
    pub fn mode(&self) -> Mode {
        self.mode
    }
}
