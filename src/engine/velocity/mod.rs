//! Exact sliding windows per account.

mod feature;

pub use feature::{FeatureSpec, OutcomeFilter, RecordedOutcome, What};
