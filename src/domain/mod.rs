//! THE WORDS: plain data with their own invariants.
//!
//! What an authorisation, an amount, a stop order or a decision *is*. This room
//! imports no other. It must not know bytes, files, clocks or rules: those are
//! `wire`, `config`, `service` and `engine`.
//!
//! Start at [`Authorisation`], what comes in, and [`Record`], what goes out.

mod authorisation;
mod card;
mod decision;
mod fail_cause;
mod identifier;
mod input_error;
mod money;
mod shadow;
mod stop_order;
mod time;

pub use authorisation::{
    Authorisation, Channel, CheckResult, EntryMode, Initiator, MessageClass, MessageKey,
    MessageType, OutcomeElsewhere, Processing, Scheme,
};
pub use card::{
    AccountKey, AcquirerKey, CardKey, DeviceKey, EmailKey, IdKey, IpKey, MerchantKey, OrderKey,
};
pub use decision::{
    Acknowledgement, Decision, Evidence, FiredRule, Noted, Outcome, Reason, Record, RequestFacts,
    RuleSetHash, StopOrderSeen, ValueSeen,
};
pub use fail_cause::{FailCause, FailCauses};
pub use identifier::{Identifier, IdentifierFault, Text};
pub use input_error::{ErrorReason, InputError};
pub use money::{AMOUNT_MINOR_UNITS_MAX, Amount, Currency};
pub use shadow::ShadowRuleFired;
pub use stop_order::{ReportChannel, StopCause, StopOrder, StopScope};
pub use time::{EventTime, Input, Met, Offset, PartitionId, Span};
