//! Exact sliding windows per account.
//!
//! [`FeatureSpec`] is what operations declared. [`CardTable`] owns a partition's
//! accounts, bounded; [`CardState`] is one account's authorisations, exact and in
//! order of their own time, each an [`Event`] that counts for what was told of it;
//! [`Window`] counts over a span of them, or over the business days of a
//! [`BusinessCalendar`]. The rest of the
//! engine sees these and nothing inside them, so that a faster layout can take
//! their place and be checked against this one.
//!
//! This room must not know rules, stop lists or bytes.

mod calendar;
mod card_state;
mod card_table;
mod chain;
mod event;
mod feature;
mod life_cycle;
mod window;

pub use calendar::{
    BUSINESS_DAYS_MAX, BusinessCalendar, BusinessDays, CALENDAR_DAYS_MAX, CalendarFault, Lookback,
};
pub use card_state::CardState;
pub use card_table::{CardLimits, CardTable};
pub use chain::Reversal;
pub use event::{CardTag, Event, Facts, Marks};
pub use feature::{FeatureSpec, OutcomeFilter, ProcessingFilter, RecordedOutcome, What};
pub use life_cycle::TakenBack;
pub use window::{Measure, Window};
