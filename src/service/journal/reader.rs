//! Reading one partition of one side, with patience that ends.

use std::time::Duration;

use tracing::warn;

use crate::domain::Offset;
use crate::service::log::{Fault, Tail, TailEvent, TailRecord};

/// How long one wait for a record is: so often whoever reads can look up.
const WAIT: Duration = Duration::from_millis(50);
/// How many waits in a row may bring nothing: half a minute.
const QUIET_WAITS_MAX: u32 = 600;
/// How many waits a reader goes on that was told of an end before its goal: a broker that has
/// just become leader may not know yet how far its log is safe; two seconds.
const EARLY_END_WAITS: u32 = 40;

/// A tail of one partition whose passing faults are waited out.
#[derive(Debug)]
pub(super) struct Reader<T> {
    tail: T,
    what: String,
    /// Records are known to be there up to here, but for control records, which are not shown.
    goal: Offset,
    next: Offset,
    has_ended_early: bool,
    quiet_waits_count: u32,
}

/// What a [`Reader`] came upon.
#[derive(Debug)]
pub(super) enum Read {
    Record(TailRecord),
    /// Everything that is there was returned.
    End,
    /// Nothing yet.
    Nothing,
}

impl<T: Tail> Reader<T> {
    /// Reads `tail`, which begins at `from`; `what` names it in faults. Up to `goal` the log is
    /// known to reach.
    pub(super) fn new(tail: T, from: Offset, goal: Offset, what: String) -> Self {
        Self { tail, what, goal, next: from, has_ended_early: false, quiet_waits_count: 0 }
    }

    /// The next record, or that there is none.
    ///
    /// # Errors
    /// The tail's, and a passing one where nothing came for too long.
    pub(super) fn next(&mut self) -> Result<Read, Fault> {
        match self.tail.next(WAIT) {
            Ok(Some(TailEvent::Record(record))) => {
                self.quiet_waits_count = 0;
                self.next = record.offset.next();
                return Ok(Read::Record(record));
            }
            Ok(Some(TailEvent::ReachedEnd(_))) if self.next >= self.goal => return Ok(Read::End),
            Ok(Some(TailEvent::ReachedEnd(_))) => {
                self.has_ended_early = true;
                self.quiet_waits_count = 0;
                return Ok(Read::Nothing);
            }
            Ok(None) => {}
            Err(fault) if fault.is_fatal() => return Err(fault),
            Err(fault) => warn!(%fault, what = self.what, "reading back waits"),
        }
        self.quiet_waits_count += 1;
        if self.has_ended_early && self.quiet_waits_count >= EARLY_END_WAITS {
            return Ok(Read::End);
        }
        if self.quiet_waits_count > QUIET_WAITS_MAX {
            return Err(Fault::Passing { what: format!("{} does not come", self.what) });
        }
        Ok(Read::Nothing)
    }
}
