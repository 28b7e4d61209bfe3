//! From a record handed over to an input committed: what is acknowledged, sent again,
//! committed and given back.

use std::time::Duration;

use tracing::{info, warn};

use super::{Observer, Worker, WorkerEnd, nanos};
use crate::domain::PartitionId;
use crate::service::Frontier;
use crate::service::log::{AppendRefused, CommitWait, Delivery, Fault, Log, Report};

/// How long a full log is tried before the worker steps down: inside the time
/// that the group waits for a poll.
const UNWRITABLE_MAX: Duration = Duration::from_secs(30);
/// How long a worker that can only wait leaves the log alone.
pub(super) const PAUSE: Duration = Duration::from_millis(1);

impl<L: Log, O: Observer> Worker<L, O> {
    /// Hands over what was not taken or not delivered, the same bytes, until it is
    /// taken. It is never skipped.
    pub(super) fn send_unsent(&mut self) -> Result<(), WorkerEnd> {
        let given_up_at = self.nanos_from_now(UNWRITABLE_MAX);
        while let Some((answers, record)) = self.unsent.pop_front() {
            match self.log.append(&record.as_outgoing(answers, &record.header_slices())) {
                Ok(()) => continue,
                Err(AppendRefused::Full) => self.unsent.push_front((answers, record)),
                Err(AppendRefused::Fatal) => {
                    let what = "the producer takes no more records".to_owned();
                    return Err(Fault::StepDown { what }.into());
                }
            }
            if self.clock.monotonic_nanos() > given_up_at {
                return Err(WorkerEnd::Unwritable { waited: UNWRITABLE_MAX });
            }
            self.clock.sleep(PAUSE);
            self.take_acknowledgements()?;
        }
        Ok(())
    }

    /// Moves frontiers by what is acknowledged and sets aside what failed.
    pub(super) fn take_acknowledgements(&mut self) -> Result<(), WorkerEnd> {
        let mut reports = std::mem::take(&mut self.reports);
        self.log.acknowledged(&mut reports)?;
        for Report { answers, delivery } in reports.drain(..) {
            let Some(frontier) = self.frontiers.get_mut(&answers.partition) else {
                continue; // Not ours any more: its next owner answers what is missing.
            };
            match delivery {
                Delivery::Acknowledged(_) => {
                    self.tally.acknowledged += u64::from(frontier.acknowledged(answers.offset));
                }
                Delivery::Failed { cause, record } => {
                    let (partition, offset) = (answers.partition.0, answers.offset.0);
                    warn!(partition, offset, cause, "a record failed; its bytes are sent again");
                    self.tally.sent_again += 1;
                    self.unsent.push_back((answers, *record));
                }
            }
        }
        self.reports = reports;
        Ok(())
    }

    /// Gives back the leaving partitions whose records are all acknowledged, or
    /// whose time is up.
    pub(super) fn release_settled(&mut self) -> Result<(), WorkerEnd> {
        if self.leaving.is_empty() {
            return Ok(());
        }
        let now = self.clock.monotonic_nanos();
        let mut ready = Vec::new();
        for leaving in &self.leaving {
            let frontier = self.frontiers.get(&leaving.partition);
            let is_settled = frontier.is_none_or(Frontier::is_settled);
            if !is_settled && now < leaving.deadline_nanos {
                return Ok(()); // They leave together: the group waits for all of them.
            }
            ready.push(leaving.partition);
        }
        self.commit_or_warn(&ready, CommitWait::UntilDone);
        for partition in &ready {
            self.forget(*partition);
        }
        info!(partitions = ?ready, "partitions given back");
        self.tell_assigned();
        Ok(self.log.release(&ready)?)
    }

    pub(super) fn commit_if_due(&mut self) {
        let now = self.clock.monotonic_nanos();
        let interval = nanos(self.settings.commit_interval);
        if now.saturating_sub(self.committed_at_nanos) >= interval {
            self.committed_at_nanos = now;
            let partitions: Vec<_> = self.frontiers.keys().copied().collect();
            self.commit_or_warn(&partitions, CommitWait::Lazily);
        }
    }

    /// Commits as [`Self::commit`] does. A refusal is no loss: the next commit says more,
    /// and a restart reads a little further back.
    fn commit_or_warn(&mut self, partitions: &[PartitionId], wait: CommitWait) {
        if let Err(fault) = self.commit(partitions, wait) {
            warn!(%fault, "positions were not committed; the next commit says them again");
            self.tally.faults += 1;
        }
    }

    /// Commits the frontiers of `partitions`, where they moved.
    fn commit(&mut self, partitions: &[PartitionId], wait: CommitWait) -> Result<(), Fault> {
        let moved: Vec<_> = partitions
            .iter()
            .filter_map(|partition| {
                let position = self.frontiers.get(partition)?.to_commit()?;
                Some((*partition, position))
            })
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        self.log.commit(&moved, wait)?;
        for (partition, position) in moved {
            if let Some(frontier) = self.frontiers.get_mut(&partition) {
                frontier.committed(position);
            }
        }
        Ok(())
    }

    /// Waits for outstanding acknowledgements, then commits all.
    pub(super) fn drain(&mut self) -> Result<(), WorkerEnd> {
        let deadline = self.nanos_from_now(self.settings.drain_timeout);
        loop {
            self.send_unsent()?;
            self.take_acknowledgements()?;
            let outstanding_count: usize =
                self.frontiers.values().map(Frontier::outstanding_count).sum();
            if outstanding_count == 0 {
                break;
            }
            if self.clock.monotonic_nanos() > deadline {
                let waited = self.settings.drain_timeout;
                return Err(WorkerEnd::NotDrained { outstanding_count, waited });
            }
            self.clock.sleep(PAUSE);
        }
        let partitions: Vec<_> = self.frontiers.keys().copied().collect();
        self.commit(&partitions, CommitWait::UntilDone)
            .map_err(|fault| WorkerEnd::NotCommitted { fault })?;
        info!(partitions = partitions.len(), "drained and committed");
        Ok(())
    }
}
