//! Typed conditions, validated rule sets, evaluation.
//!
//! A [`RuleSet`] is everything that operations decide: bands, thresholds, features,
//! rules, and the [`FailPolicy`] for what rules cannot judge. It is made once, from
//! [`RuleSetParts`], in [`RuleSet::new`], which refuses what could not be right; from then
//! on nothing in it can fail. Its
//! [`RuleSet::judge`] reads a request and its evidence and says what becomes of it.
//!
//! ```text
//! request ──┬─► atoms, a bit each ─┬─► every live rule ──► points, reasons ─► bands ─► outcome
//! evidence ─┘                      └─► every shadow rule ─► reported beside it, nowhere else
//! ```
//!
//! This room does not know how a condition is written: that is `config`. It has
//! integers only, and no float, clock, I/O or map.
//!
//! Start at [`RuleSet`], then [`Condition`]; how conditions run is in `atom`, `masks` and
//! `programme`.

mod action;
mod atom;
mod bands;
mod canonical;
mod condition;
mod fail_policy;
mod field;
mod judge;
mod list;
mod masks;
mod number;
mod plan;
mod programme;
mod rule;
mod rule_set;
#[cfg(test)]
mod tests;

pub use action::{Action, POINTS_MAX, SCORE_MAX};
pub use bands::{Bands, MerchantInitiatedStepUp};
pub use condition::{Choices, Condition, Relation};
pub use fail_policy::{
    CausePolicy, FAIL_BANDS_COUNT_MAX, FailAnswer, FailBand, FailPolicy, FailPolicyFault,
    FailRuling, WithoutCardholder,
};
pub use field::{Field, Kind, TextField, WordSet};
pub use judge::Verdict;
pub use list::{LISTS_COUNT_MAX, List, ListIndex, ListOf, ListValues, Listed};
pub use number::{FeatureIndex, Number, Operand, ThresholdIndex};
pub use rule::{Mode, Rule};
pub use rule_set::{
    FEATURES_COUNT_MAX, RULES_COUNT_MAX, RuleSet, RuleSetFault, RuleSetParts, THRESHOLDS_COUNT_MAX,
    Threshold, Unit, largest_of,
};
