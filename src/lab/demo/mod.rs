//! The demo: a minute of traffic with a story in it.
//!
//! A sender keeps an open loop and plays the story, the service's own worker and
//! stop-order follower decide, a reader recognises every answer. What happens when is in
//! `plan`, what became of it in `story` and `tally`, how it looks in `frame`, `screen`
//! and `summary`: all of them pure. This room must not know the terminal: `cli` draws.

mod correlation;
mod cpu;
mod crew;
mod frame;
mod house;
mod layout;
mod performance;
mod plan;
mod reader;
mod screen;
mod sender;
mod signals;
mod story;
mod summary;
mod tally;

pub use frame::{Count, CountKind, Frame, Stage};
pub use house::{Demo, DemoFault, DemoSettings};
pub use layout::{Look, Paint};
pub use summary::{Ending, Summary, what_to_try_next};

#[cfg(test)]
mod tests;
