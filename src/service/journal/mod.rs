//! The response topic as journal: what was answered before, here or by somebody else.
//!
//! ```text
//!                         committed
//!  inputs    ──●──●──●──●──┊──●──○──●──○──▶      ● has a record in the journal
//!            ↑ horizon     ┊     ↑     ↑         ○ has none: decided, or sent a copy
//!            └─ replayed ──┘     └─────┘
//!               and adopted     left to the worker, with what is kept of the others
//! ```
//!
//! A [`JournalRecord`] is one record as far as it matters. A [`RestoreTask`] reads a
//! partition back: what lies before the committed position is adopted, what is known of later
//! inputs is [`Kept`]. While the worker runs, a [`Place`] watches that its own records lie one
//! behind the other; where somebody else's lie between, those are read, and exactly those. A
//! [`Recall`] does both beside the worker.
//!
//! The rules are the journal protocol's J2 to J8: the lowest offset binds, and the state
//! follows what binds. This room-in-a-room must not decide or send anything.

mod gap;
mod kept;
mod place;
mod reader;
mod recall;
pub mod record;
mod restore;

pub use gap::{Gap, GapRead};
pub use kept::{Kept, KeptRecord};
pub use place::Place;
pub use recall::{Inline, Recall, Task, TaskEnd, Threads};
pub use record::{DecisionSaid, JournalRecord, Said, Unreadable};
pub use restore::{
    LeftBehind, RestoreCounts, RestoreFault, RestoreProgress, RestoreTask, Restored,
};
