//! Exact sliding windows per account.
//!
//! [`FeatureSpec`] is what operations declared. [`CardTable`] owns a partition's
//! accounts, bounded; [`CardState`] is one account's authorisations, exact and in
//! order of their own time; [`Window`] counts over a span of them. The rest of the
//! engine sees these and nothing inside them, so that a faster layout can take
//! their place and be checked against this one.
//!
//! This room must not know rules, stop lists or bytes.

mod card_state;
mod card_table;
mod feature;
mod window;

pub use card_state::{CardState, Event};
pub use card_table::{CardLimits, CardTable};
pub use feature::{FeatureSpec, OutcomeFilter, RecordedOutcome, What};
pub use window::{Measure, Window};
