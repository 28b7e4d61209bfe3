//! When answers do not reach the journal: the worker stops taking messages, which is step 4
//! of the overload ladder, and says so,
//! keeps its place in the group, and goes on by itself once they do.

use std::time::Duration;

use tracing::warn;

use super::{Observer, Worker, WorkerEnd, nanos};
use crate::domain::PartitionId;
use crate::service::log::{Fault, Log};

/// How long a partition's first outstanding record may wait for its acknowledgement, or an
/// unread place of its journal to be read, before no more messages are taken.
const STALLED_AFTER: Duration = Duration::from_secs(3);

impl<L: Log, O: Observer> Worker<L, O> {
    /// Pauses the partitions while records are not taken or not acknowledged, and resumes
    /// them after.
    pub(super) fn watch_flow(&mut self) -> Result<(), WorkerEnd> {
        let now = self.clock.monotonic_nanos();
        let mut longest_nanos = 0;
        for held in self.partitions.values_mut() {
            longest_nanos = longest_nanos.max(held.frontier_rests_nanos(now));
        }
        if longest_nanos > nanos(self.settings.unwritable_max) {
            return Err(WorkerEnd::Unwritable { waited: self.settings.unwritable_max });
        }
        let is_stalled = !self.unsent.is_empty() || longest_nanos >= nanos(STALLED_AFTER);
        if is_stalled == self.is_stalled {
            return Ok(());
        }
        let partitions = self.staying();
        let set = if is_stalled { L::pause } else { L::resume };
        match set(&mut self.log, &partitions) {
            Err(fault) if fault.is_fatal() => return Err(fault.into()),
            Err(fault) => {
                let partitions = super::ids(&partitions);
                warn!(%fault, partitions, "partitions could not be paused or resumed yet");
                self.tally.faults += 1;
                return Ok(());
            }
            Ok(()) => {}
        }
        self.is_stalled = is_stalled;
        self.observer.stalled(is_stalled);
        self.stop_or_go_on(is_stalled);
        Ok(())
    }

    /// Why a partition that is ours and restored cannot be started is not known: a restart
    /// begins anew.
    pub(super) fn cannot_start(fault: &Fault) -> WorkerEnd {
        let what = format!("a partition cannot be started: {fault}");
        Fault::StepDown { what }.into()
    }

    pub(super) fn staying(&self) -> Vec<PartitionId> {
        let is_leaving =
            |partition| self.leaving.iter().any(|leaving| leaving.partition == partition);
        self.partitions.keys().copied().filter(|partition| !is_leaving(*partition)).collect()
    }
}
