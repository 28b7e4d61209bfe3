//! What a worker is told, what it tells, and why it ends.

use std::time::Duration;

use thiserror::Error;

use crate::config::{FirstStart, OverloadSettings};
use crate::domain::{Offset, PartitionId};
use crate::engine::PartitionSize;
use crate::service::Tally;
use crate::service::journal::RestoreFault;
use crate::service::log::Fault;

/// How long a worker may be held up: less than the group's session timeout, 10 s.
pub(in crate::service) const LEASE: Duration = Duration::from_secs(8);

/// What a worker is told.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    /// The longest wait for something to happen.
    pub poll_wait: Duration,
    /// How often the frontier is committed.
    pub commit_interval: Duration,
    /// How long outstanding acknowledgements are awaited when a partition or the
    /// worker goes.
    pub drain_timeout: Duration,
    /// How often the tally is handed over.
    pub tally_interval: Duration,
    /// After so long without a poll the worker steps down instead of sending: its
    /// partitions may be another's by then. Less than the group's session timeout.
    pub lease: Duration,
    /// After so long without any acknowledgement the worker steps down, so that another can
    /// try.
    pub unwritable_max: Duration,
    /// What holds for partitions whose answers were never written.
    pub first_start: Option<FirstStart>,
    /// When work is shed; `None` sheds nothing.
    pub overload: Option<OverloadSettings>,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            poll_wait: Duration::from_millis(100),
            commit_interval: Duration::from_millis(500),
            drain_timeout: Duration::from_secs(10),
            tally_interval: Duration::from_secs(1),
            lease: LEASE,
            unwritable_max: Duration::from_mins(5),
            first_start: None,
            overload: None,
        }
    }
}

/// Is told what a worker does; on the worker's thread, so it must be quick.
pub trait Observer {
    /// About once a second: what was counted since the last time, and what each
    /// partition is like now.
    fn tallied(&mut self, tally: &Tally, partitions: &[PartitionStatus]);

    /// The worker answers `partitions` now and restores `restoring` before it answers them;
    /// both may be none. Told again while something is restored.
    fn assigned(&mut self, partitions: &[PartitionId], restoring: &[RestoringStatus]);

    /// Answers are not acknowledged and no messages are taken, or that is over.
    fn stalled(&mut self, is_stalled: bool);

    /// The worker lost these against its will, and with them its place in the group.
    fn lost(&mut self, partitions: &[PartitionId]);
}

/// How far a partition is restored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RestoringStatus {
    /// Which one.
    pub partition: PartitionId,
    /// Inputs still to be read back; `None` before that is known.
    pub inputs_left: Option<i64>,
}

/// What one of a worker's partitions is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartitionStatus {
    /// Which one.
    pub partition: PartitionId,
    /// What it remembers.
    pub size: PartitionSize,
    /// Records not acknowledged yet.
    pub outstanding_count: usize,
    /// The first input whose record is not acknowledged.
    pub frontier: Offset,
}

/// Why a worker ended before it was asked to.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum WorkerEnd {
    /// The log cannot go on.
    #[error(transparent)]
    Log(#[from] Fault),
    /// The log took no record for too long.
    #[error(
        "no answer was acknowledged for {waited:?}; stepping down so that another can try. Is the \
         answers' topic writable, with enough replicas in sync?"
    )]
    Unwritable {
        /// For how long it was tried.
        waited: Duration,
    },
    /// It did not poll for so long that its place in the group may be gone.
    #[error(
        "this worker was held up for {silent:?} and its lease is {lease:?}: its partitions may be \
         another's by now, so it sends nothing any more"
    )]
    LeasePassed {
        /// For how long it did not poll.
        silent: Duration,
        /// How long it may.
        lease: Duration,
    },
    /// Records lie before others that were there already.
    #[error(
        "partition {}: an answer was acknowledged at {}, and the answers were known up to {}: the \
         topic was made anew or has lost records. Find out which before a restart, see README \
         \"Topics\"",
        partition.0, at.0, known.0
    )]
    JournalWentBack {
        /// The partition.
        partition: PartitionId,
        /// Where the answer lies.
        at: Offset,
        /// Up to where answers were known.
        known: Offset,
    },
    /// A partition cannot be restored.
    #[error(transparent)]
    NotRestored(RestoreFault),
    /// All is answered and acknowledged, and the positions could not be committed.
    #[error(
        "all is answered, but the positions were not committed: {}; this process has ended. The \
         next start reads back what was answered and goes on behind it",
        .fault.cause()
    )]
    NotCommitted {
        /// Why.
        fault: Fault,
    },
    /// Acknowledgements did not come in time while draining.
    #[error("{outstanding_count} records were not acknowledged within {waited:?} while draining")]
    NotDrained {
        /// How many were missing.
        outstanding_count: usize,
        /// For how long they were awaited.
        waited: Duration,
    },
}
