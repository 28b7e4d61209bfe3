//! What a worker is told, what it tells, and why it ends.

use std::time::Duration;

use thiserror::Error;

use crate::domain::{Offset, PartitionId};
use crate::engine::PartitionSize;
use crate::service::Tally;
use crate::service::log::Fault;

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
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            poll_wait: Duration::from_millis(100),
            commit_interval: Duration::from_millis(500),
            drain_timeout: Duration::from_secs(10),
            tally_interval: Duration::from_secs(1),
        }
    }
}

/// Is told what a worker does; on the worker's thread, so it must be quick.
pub trait Observer {
    /// About once a second: what was counted since the last time, and what each
    /// partition is like now.
    fn tallied(&mut self, tally: &Tally, partitions: &[PartitionStatus]);

    /// The worker's partitions are now these, as the group says; it may be none.
    fn assigned(&mut self, partitions: &[PartitionId]);

    /// The worker lost these against its will, and with them its place in the group.
    fn lost(&mut self, partitions: &[PartitionId]);
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
    #[error("the log took no record for {waited:?}; stepping down so that another can try")]
    Unwritable {
        /// For how long it was tried.
        waited: Duration,
    },
    /// All is answered and acknowledged, and the positions could not be committed.
    #[error(
        "all is answered, but the positions were not committed: {fault}; the next start answers \
         some inputs again, behind the answers that bind"
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
