//! From a record handed over to an input committed: what is acknowledged, sent again,
//! committed and given back.

use std::time::Duration;

use tracing::{info, warn};

use super::{Observer, Worker, WorkerEnd, nanos};
use crate::domain::{Input, PartitionId};
use crate::service::log::{AppendRefused, Change, CommitWait, Delivery, Fault, Log, Report};

/// How long a worker that can only wait leaves the log alone.
pub(super) const PAUSE: Duration = Duration::from_millis(1);

impl<L: Log, O: Observer> Worker<L, O> {
    /// Hands over what was not taken or not delivered, the same bytes, as far as it is
    /// taken. It is never skipped.
    pub(super) fn send_unsent(&mut self) -> Result<(), WorkerEnd> {
        while let Some((answers, record)) = self.unsent.front() {
            match self.log.append(&record.as_outgoing(*answers, &record.header_slices())) {
                Ok(()) => drop(self.unsent.pop_front()),
                Err(AppendRefused::Full) => return Ok(()),
                Err(AppendRefused::Fatal) => {
                    let what = "the producer takes no more records".to_owned();
                    return Err(Fault::StepDown { what }.into());
                }
            }
        }
        Ok(())
    }

    /// Moves frontiers by what is acknowledged and sets aside what failed.
    pub(super) fn take_acknowledgements(&mut self) -> Result<(), WorkerEnd> {
        let mut reports = std::mem::take(&mut self.reports);
        self.log.acknowledged(&mut reports)?;
        let (mut failed, mut failed_count) = (None, 0_u64);
        for Report { answers, delivery } in reports.drain(..) {
            let Some(held) = self.partitions.get_mut(&answers.partition) else {
                continue; // Not ours any more: its next owner answers what is missing.
            };
            match delivery {
                Delivery::Acknowledged(at) => {
                    // Of an earlier assignment: what it says is read where it lies.
                    if answers.offset >= held.frontier.ahead() {
                        continue;
                    }
                    // Read before this came: there is nothing to look for.
                    if at.is_none() && held.frontier.is_acknowledged(answers.offset) {
                        continue;
                    }
                    let known = held.place.next();
                    if held.place.acknowledged(at, answers.offset)
                        && held.frontier.acknowledged(answers.offset)
                    {
                        self.tally.acknowledged += 1;
                        if let Some(at) = at.filter(|at| *at < known) {
                            let partition = answers.partition;
                            return Err(WorkerEnd::JournalWentBack { partition, at, known });
                        }
                    }
                }
                Delivery::Failed { cause, record } => {
                    failed.get_or_insert((answers, cause));
                    failed_count += 1;
                    self.unsent.push_back((answers, *record));
                }
            }
        }
        self.reports = reports;
        if let Some((Input { partition, offset }, cause)) = failed {
            let (partition, offset) = (partition.0, offset.0);
            warn!(partition, offset, cause, failed_count, "records failed and are sent again");
            self.tally.sent_again += failed_count;
        }
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
            let held = self.partitions.get(&leaving.partition);
            let is_settled = held.is_none_or(|held| held.frontier.is_settled());
            if !is_settled && now < leaving.deadline_nanos {
                return Ok(()); // They leave together: the group waits for all of them.
            }
            ready.push(leaving.partition);
        }
        self.commit_or_warn(&ready, CommitWait::UntilDone);
        for partition in &ready {
            self.leave_behind(*partition);
        }
        info!(partitions = super::ids(&ready), "partitions given back");
        self.tell_assigned();
        Ok(self.log.release(&ready)?)
    }

    pub(super) fn commit_if_due(&mut self) {
        let now = self.clock.monotonic_nanos();
        let interval = nanos(self.settings.commit_interval);
        if now.saturating_sub(self.committed_at_nanos) >= interval {
            self.committed_at_nanos = now;
            let partitions: Vec<_> = self.partitions.keys().copied().collect();
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
                let frontier = &self.partitions.get(partition)?.frontier;
                // What was handed over lazily may have been refused since.
                let position = match wait {
                    CommitWait::Lazily => frontier.to_commit()?,
                    CommitWait::UntilDone => frontier.position(),
                };
                Some((*partition, position))
            })
            .collect();
        if moved.is_empty() {
            return Ok(());
        }
        self.log.commit(&moved, wait)?;
        for (partition, position) in moved {
            if let Some(held) = self.partitions.get_mut(&partition) {
                held.frontier.committed(position);
            }
        }
        Ok(())
    }

    /// Waits for outstanding acknowledgements, then commits all. It goes on polling, answering
    /// nothing: a group that rebalances meanwhile is given its answer, and takes the commit.
    pub(super) fn drain(
        &mut self,
        should_stop: &mut impl FnMut() -> bool,
    ) -> Result<(), WorkerEnd> {
        let restoring: Vec<_> = self.restoring.keys().copied().collect();
        for partition in restoring {
            self.stop_restoring(partition);
        }
        let paused = self.log.pause(&self.staying());
        self.pass_over(paused)?; // What still comes is not answered anyway.
        let deadline = self.nanos_from_now(self.settings.drain_timeout);
        loop {
            should_stop();
            self.poll_answering_nothing()?;
            self.tally_if_due();
            self.take_acknowledgements()?;
            self.send_unsent()?;
            self.look_for_gaps();
            self.take_recalled()?;
            let outstanding_count: usize =
                self.partitions.values().map(|held| held.frontier.outstanding_count()).sum();
            if outstanding_count == 0 {
                break;
            }
            if self.clock.monotonic_nanos() > deadline {
                let waited = self.settings.drain_timeout;
                return Err(WorkerEnd::NotDrained { outstanding_count, waited });
            }
            self.clock.sleep(PAUSE);
        }
        loop {
            let partitions: Vec<_> = self.partitions.keys().copied().collect();
            match self.commit(&partitions, CommitWait::UntilDone) {
                Ok(()) => {
                    info!(partitions = partitions.len(), "drained and committed");
                    return Ok(());
                }
                Err(fault) if fault.is_fatal() || self.clock.monotonic_nanos() > deadline => {
                    return Err(WorkerEnd::NotCommitted { fault });
                }
                // The group is changing hands: it takes positions once that is over.
                Err(_) => {
                    should_stop();
                    self.poll_answering_nothing()?;
                    self.clock.sleep(PAUSE);
                }
            }
        }
    }

    /// Keeps the place in the group while leaving: partitions are given back where that is
    /// asked for, none is taken on, and a message that still comes is its next owner's.
    fn poll_answering_nothing(&mut self) -> Result<(), WorkerEnd> {
        let mut batch = std::mem::take(&mut self.batch);
        let polled = self.log.poll(Duration::ZERO, &mut batch);
        self.batch = batch;
        self.renew_lease()?;
        match self.pass_over(polled)?.flatten() {
            Some(change @ (Change::Revoked(_) | Change::Lost(_))) => self.on_change(change)?,
            Some(Change::Assigned(_)) | None => {}
        }
        self.release_settled()
    }
}
