//! THE TRYING: what shows, feeds and checks the engine without a bank behind it.
//!
//! [`traffic`] makes payments from a seed, for the demo, the load generator and the benches;
//! [`demo`] plays them, with a story on the way, through the service's own worker and
//! stop-order follower; [`loadgen`] puts them on an engine that is at work already and
//! measures it. Both send in an open loop and recognise every answer; what they share is
//! beside them. [`verify`] reads both topics and says whether every input is answered, by
//! one truth. Nothing here runs in production, and no room but `cli` may know it. It must
//! not know the terminal, the command line or exit codes; it decides nothing itself and
//! reads the time only from the service's clock. Its figures are of made-up payments:
//! nothing follows from them for real fraud.
//!
//! Start at [`demo::Demo`]; for payments alone at [`traffic::Traffic`].

pub mod demo;
pub mod loadgen;
pub mod scenarios;
pub mod traffic;
pub mod verify;

mod answers;
mod closing;
mod cluster;
mod elapsed;
mod figures;
mod headers;
mod outlet;
mod progress;
mod threads;
mod topics;

pub use figures::Percentiles;
