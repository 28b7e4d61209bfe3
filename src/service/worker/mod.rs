//! One worker: a thread that owns a log, its partitions' state and an engine.
//!
//! It polls a batch, answers each message in log order and hands the records to
//! the log; nothing is locked or handed over on the way. What is acknowledged
//! moves the frontier, and the frontier is what is committed. [`Worker::turn`] is
//! one round of that and waits for nothing but the log, so that a test can drive
//! it step by step.

mod settling;
mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tracing::{info, warn};

use self::settling::PAUSE;
use super::log::{Assigned, Batch, Change, Log, Message, Report, Undelivered};
use super::telemetry::Tally;
use super::{Clock, Frontier, Pipeline};
use crate::domain::{Input, Offset, PartitionId};
use crate::engine::History;

pub use watch::{Observer, PartitionStatus, WorkerEnd, WorkerSettings};

/// One worker.
pub struct Worker<L, O> {
    log: L,
    pipeline: Pipeline,
    observer: O,
    clock: Clock,
    settings: WorkerSettings,
    frontiers: BTreeMap<PartitionId, Frontier>,
    leaving: Vec<Leaving>,
    batch: Batch,
    reports: Vec<Report>,
    unsent: VecDeque<(Input, Undelivered)>,
    tally: Tally,
    committed_at_nanos: u64,
    tallied_at_nanos: u64,
}

/// A partition on its way out.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    partition: PartitionId,
    deadline_nanos: u64,
}

impl<L: Log, O: Observer> Worker<L, O> {
    /// A worker on `log` that has not polled yet.
    pub fn new(
        log: L,
        pipeline: Pipeline,
        observer: O,
        clock: Clock,
        settings: WorkerSettings,
    ) -> Self {
        let now = clock.monotonic_nanos();
        Self {
            log,
            pipeline,
            observer,
            clock,
            settings,
            frontiers: BTreeMap::new(),
            leaving: Vec::new(),
            batch: Batch::default(),
            reports: Vec::new(),
            unsent: VecDeque::new(),
            tally: Tally::default(),
            committed_at_nanos: now,
            tallied_at_nanos: now,
        }
    }

    /// Turns until `should_stop` says so, then drains, commits and closes.
    ///
    /// # Errors
    /// Whatever ended it before: nothing was skipped, and a restart goes on from
    /// the committed frontier.
    pub fn run(mut self, mut should_stop: impl FnMut() -> bool) -> Result<(), WorkerEnd> {
        while !should_stop() {
            self.turn()?;
        }
        self.drain()?;
        self.hand_over_tally();
        self.log.close();
        Ok(())
    }

    /// One round: a batch is answered, acknowledgements are taken, what is due is committed.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn turn(&mut self) -> Result<(), WorkerEnd> {
        let mut batch = std::mem::take(&mut self.batch);
        // Whoever waits for acknowledgements to leave does not wait for messages meanwhile.
        let wait = if self.leaving.is_empty() { self.settings.poll_wait } else { PAUSE };
        let polled = self.log.poll(wait, &mut batch);
        let change = match polled {
            Ok(change) => change,
            Err(fault) if fault.is_fatal() => return Err(fault.into()),
            Err(fault) => {
                warn!(%fault, "the log reports a fault");
                self.tally.faults += 1;
                None
            }
        };
        if let Some(change) = change {
            self.on_change(change)?;
        }
        for message in batch.iter() {
            self.answer(&message)?;
        }
        self.batch = batch;
        self.take_acknowledgements()?;
        self.send_unsent()?;
        self.release_settled()?;
        self.commit_if_due();
        self.tally_if_due();
        Ok(())
    }

    fn on_change(&mut self, change: Change) -> Result<(), WorkerEnd> {
        match change {
            Change::Assigned(assigned) => self.take_on(&assigned),
            Change::Revoked(partitions) => {
                info!(?partitions, "partitions are to be given back");
                let deadline_nanos = self.nanos_from_now(self.settings.drain_timeout);
                self.leaving.extend(
                    partitions.into_iter().map(|partition| Leaving { partition, deadline_nanos }),
                );
                Ok(())
            }
            Change::Lost(partitions) => {
                warn!(?partitions, "partitions were lost: the group gave this member up");
                for partition in &partitions {
                    self.forget(*partition);
                }
                self.observer.lost(&partitions);
                Ok(self.log.release(&partitions)?)
            }
        }
    }

    /// Starts partitions at their committed offset, else at the log's beginning.
    fn take_on(&mut self, assigned: &[Assigned]) -> Result<(), WorkerEnd> {
        let mut starts = Vec::with_capacity(assigned.len());
        for given in assigned {
            let start = given.committed.unwrap_or(given.beginning);
            let history =
                if start == given.beginning { History::Whole } else { History::Truncated };
            info!(
                partition = given.partition.0,
                start = start.0,
                behind = given.end.0 - start.0,
                ?history,
                "partition taken on"
            );
            self.leaving.retain(|leaving| leaving.partition != given.partition);
            self.pipeline.engine_mut().open_partition(given.partition, history);
            self.frontiers.insert(given.partition, Frontier::new(start));
            starts.push((given.partition, start));
        }
        if !starts.is_empty() {
            self.start(&starts)?;
        }
        self.tell_assigned();
        Ok(())
    }

    /// Lets the log read what was taken on. Where it cannot, because the partitions were
    /// taken again meanwhile, they are let go: the next polls tell.
    fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), WorkerEnd> {
        let partitions: Vec<_> = starts.iter().map(|(partition, _)| *partition).collect();
        let started = self.log.start(starts).and_then(|()| self.log.resume(&partitions));
        match started {
            Ok(()) => Ok(()),
            Err(fault) if fault.is_fatal() => Err(fault.into()),
            Err(fault) => {
                warn!(%fault, ?partitions, "partitions could not be started");
                self.tally.faults += 1;
                for partition in partitions {
                    self.forget(partition);
                }
                Ok(())
            }
        }
    }

    fn tell_assigned(&mut self) {
        let partitions: Vec<_> = self.frontiers.keys().copied().collect();
        self.observer.assigned(&partitions);
    }

    fn forget(&mut self, partition: PartitionId) {
        self.pipeline.engine_mut().close_partition(partition);
        self.frontiers.remove(&partition);
        self.leaving.retain(|leaving| leaving.partition != partition);
    }

    /// Answers one message and hands its record to the log.
    fn answer(&mut self, message: &Message<'_>) -> Result<(), WorkerEnd> {
        let input = message.input;
        let is_leaving = self.leaving.iter().any(|leaving| leaving.partition == input.partition);
        let Some(frontier) = self.frontiers.get_mut(&input.partition).filter(|_| !is_leaving)
        else {
            return Ok(()); // Its next owner answers it: nothing below the frontier was committed.
        };
        frontier.sent(input.offset);
        let log = &mut self.log;
        let (answered, refused) = self.pipeline.answer(message, |outgoing| {
            // What is not taken at once is copied: its message is decided already.
            log.append(outgoing).err().map(|_| Undelivered::of(outgoing))
        });
        let age_millis = u64::try_from(answered.age.millis()).unwrap_or(0);
        self.tally.count(answered.told, answered.nanos.total(), age_millis);
        if let Some(record) = refused {
            self.unsent.push_back((message.input, record));
        }
        self.send_unsent()
    }

    fn tally_if_due(&mut self) {
        let now = self.clock.monotonic_nanos();
        if now.saturating_sub(self.tallied_at_nanos) >= nanos(self.settings.tally_interval) {
            self.tallied_at_nanos = now;
            self.hand_over_tally();
        }
    }

    fn hand_over_tally(&mut self) {
        let statuses: Vec<_> = self
            .pipeline
            .engine()
            .sizes()
            .filter_map(|(partition, size)| {
                let frontier = self.frontiers.get(&partition)?;
                Some(PartitionStatus {
                    partition,
                    size,
                    outstanding_count: frontier.outstanding_count(),
                    frontier: frontier.position(),
                })
            })
            .collect();
        self.observer.tallied(&self.tally, &statuses);
        self.tally.clear();
    }

    fn nanos_from_now(&self, wait: Duration) -> u64 {
        self.clock.monotonic_nanos().saturating_add(nanos(wait))
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
