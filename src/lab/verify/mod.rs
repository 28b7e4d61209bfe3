//! Verify: are all inputs answered, and is there one truth about each?
//!
//! A [`Checker`] is given every input, then every record, and says what is broken:
//!
//! ```text
//! authorisations ─► Checker::note_input    what each input asks for, a few words each
//! decisions      ─► Checker::note_record   held against its input and the binding decision
//!                   Checker::finish        what has no record; the Report
//! ```
//!
//! It is pure, and shares the door with the engine but none of its state: an auditor who has
//! the two topics, the key seed and the settings gets the same report. Inputs are judged by
//! the door as it is configured now. [`verify_cluster`] reads the topics of a real cluster.
//!
//! **Memory is bounded:** [`BYTES_PER_INPUT`] for each offset of the authorisations, whatever
//! was sent or answered: contents are kept as hashes, findings only up to a limit.

mod answer;
mod checker;
mod cluster;
mod finding;
mod ledger;
mod reading;
mod report;

pub use checker::{Basis, Checker};
pub use cluster::{Progress, Range, VerifySettings, verify_cluster};
pub use finding::{Finding, FindingKind, Place};
pub use ledger::BYTES_PER_INPUT;
pub use reading::{Stretch, VerifyFault, read_to_ends};
pub use report::{Counts, Position, Report};
