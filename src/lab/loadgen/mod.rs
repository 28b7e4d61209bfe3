//! The load generator: an open loop against a cluster where an engine answers.
//!
//! A sender hands requests to the brokers when they are due, whether or not earlier ones are
//! answered; a reader recognises every answer and takes its latency from the moment its
//! request was *due*, so that a wait which load causes is seen. [`Echo`] stands in for the
//! engine: it does the same with the log and decides nothing, so what remains between the
//! two is the engine. [`Backlog`] asks how fast an engine catches up. What is counted is in
//! `tally` and `schedule`, what follows from it in the two summaries and `faults`: pure.
//! This room must not know the terminal: `cli` prints.
//!
//! Start at [`Loadgen::run`].

mod backlog;
mod backlog_summary;
mod echo;
mod faults;
mod place;
mod probes;
mod reader;
mod run;
mod schedule;
mod sender;
mod summary;
mod tally;
mod ticket;

#[cfg(test)]
mod tests;

pub use backlog::{Backlog, BacklogMoment, BacklogSettings, Decisions, KafkaDecisions};
pub use backlog_summary::BacklogSummary;
pub use echo::{Echo, EchoMoment, EchoStart};
pub use place::{LoadFault, Place};
pub use run::{LoadSettings, Loadgen};
pub use schedule::SCHEDULE_LAG_P99_MAX;
pub use summary::{LoadSummary, ProbeSummary};
pub use tally::Moment;
