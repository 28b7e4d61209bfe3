//! Exact sliding windows per account and per card.
//!
//! [`FeatureSpec`] is what operations declared, and [`FeaturePlan`] how it is measured.
//! [`CardTable`] owns a partition's accounts, or its cards, bounded; [`CardState`] is the
//! authorisations of one of them, exact and in order of their own time, each an [`Event`]
//! that counts for what was told of it. What is told is told of an account's; the card's
//! windows follow. [`Window`] counts over a span of them, or over the business days of a
//! [`BusinessCalendar`]; an [`EventTest`] says which count. The rest of the
//! engine sees these and nothing inside them, so that a faster layout can take
//! their place and be checked against this one.
//!
//! This room must not know rules, stop lists or bytes.

mod calendar;
mod card_state;
mod card_table;
mod chain;
mod event;
mod event_test;
mod feature;
mod keys;
mod life_cycle;
mod plan;
mod tally;
mod window;

pub use calendar::{
    BUSINESS_DAYS_MAX, BusinessCalendar, BusinessDays, CALENDAR_DAYS_MAX, CalendarFault, Lookback,
};
pub use card_state::CardState;
pub use card_table::{CardLimits, CardTable};
pub use chain::Reversal;
pub use event::{CardTag, Event, Facts, Marks};
pub use event_test::{
    DIRECTION_IN, DIRECTION_OUT, EventField, EventTest, channel_code, country_code,
    entry_mode_code, initiator_code, outcome_code, processing_code,
};
pub use feature::{FeatureSpec, Key, OutcomeFilter, RecordedOutcome, Subject, What};
pub use keys::{Keys, Slot, SlotSet};
pub use life_cycle::TakenBack;
pub use plan::{FeaturePlan, Pass};
pub use window::{Measure, Window, Windows};
