//! One worker: a thread that owns a log, its partitions' state and an engine.
//!
//! It polls a batch, answers each message in log order and hands the records to
//! the log; nothing is locked or handed over on the way. What is acknowledged
//! moves the frontier, and the frontier is what is committed. A partition that is
//! given is restored aside first, see [`super::journal`]; the others go on meanwhile.
//! [`Worker::turn`] is one round of that and waits for nothing but the log, so that a
//! test can drive it step by step.

mod flow;
mod gaps;
mod ladder;
mod settling;
mod take_over;
mod watch;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tracing::{info, warn};

use self::ladder::Ladder;
use self::settling::PAUSE;
use self::take_over::{Held, Left, Restoring};
use super::causes::CauseWatch;
use super::journal::{KeptRecord, Recall};
use super::log::{Batch, Change, Fault, Log, Message, Outgoing, Report, Undelivered};
use super::telemetry::{Tally, Told};
use super::{Answered, Clock, Pipeline};
use crate::domain::{Input, PartitionId};
use crate::engine::Engine;

pub(super) use watch::LEASE;
pub use watch::{Observer, PartitionStatus, RestoringStatus, WorkerEnd, WorkerSettings};

/// One worker.
pub struct Worker<L, O> {
    log: L,
    recall: Box<dyn Recall>,
    pipeline: Pipeline,
    observer: O,
    clock: Clock,
    settings: WorkerSettings,
    /// Those that it answers.
    partitions: BTreeMap<PartitionId, Held>,
    /// It was said that first starts are over.
    is_first_start_told: bool,
    /// Those that it has been given and cannot answer yet.
    restoring: BTreeMap<PartitionId, Restoring>,
    /// What it remembers of those that it gave back.
    left_behind: BTreeMap<PartitionId, Left>,
    assignments_count: u64,
    leaving: Vec<Leaving>,
    batch: Batch,
    reports: Vec<Report>,
    unsent: VecDeque<(Input, Undelivered)>,
    tally: Tally,
    causes: CauseWatch,
    first_commit_rests_until_nanos: u64,
    is_stalled: bool,
    ladder: Ladder,
    polled_at_nanos: u64,
    committed_at_nanos: u64,
    tallied_at_nanos: u64,
}

/// A partition on its way out.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    partition: PartitionId,
    deadline_nanos: u64,
}

/// How long a poll may take while something is read back.
const GLANCE: Duration = Duration::from_millis(5);

impl<L: Log, O: Observer> Worker<L, O> {
    /// A worker on `log` that has not polled yet; `recall` reads its two topics back.
    pub fn new(
        log: L,
        recall: Box<dyn Recall>,
        pipeline: Pipeline,
        observer: O,
        clock: Clock,
        settings: WorkerSettings,
    ) -> Self {
        let now = clock.monotonic_nanos();
        Self {
            log,
            recall,
            pipeline,
            observer,
            clock,
            settings,
            partitions: BTreeMap::new(),
            restoring: BTreeMap::new(),
            left_behind: BTreeMap::new(),
            assignments_count: 0,
            is_first_start_told: false,
            leaving: Vec::new(),
            batch: Batch::default(),
            reports: Vec::new(),
            unsent: VecDeque::new(),
            tally: Tally::default(),
            causes: CauseWatch::default(),
            first_commit_rests_until_nanos: 0,
            is_stalled: false,
            ladder: Ladder::new(settings.overload, now),
            polled_at_nanos: now,
            committed_at_nanos: now,
            tallied_at_nanos: now,
        }
    }

    /// Turns until `should_stop` says so, then drains, commits and closes, see [`Self::go`].
    ///
    /// # Errors
    /// Whatever ended it before: nothing was skipped, and a restart goes on from
    /// the committed frontier.
    pub fn run(mut self, should_stop: impl FnMut() -> bool) -> Result<(), WorkerEnd> {
        self.go(should_stop)?;
        self.close();
        Ok(())
    }

    /// Turns until `should_stop` says so, then drains and commits. It is asked once a turn,
    /// and while draining too: whoever is asked knows that the worker moves.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn go(&mut self, mut should_stop: impl FnMut() -> bool) -> Result<(), WorkerEnd> {
        while !should_stop() {
            self.turn()?;
        }
        self.drain(&mut should_stop)?;
        self.hand_over_tally();
        Ok(())
    }

    /// Its engine, to look at what it remembers.
    pub fn engine(&self) -> &Engine {
        self.pipeline.engine()
    }

    /// Leaves, which may take a while.
    pub fn close(self) {
        self.log.close();
    }

    /// One round: a batch is answered, acknowledgements are taken, what is due is committed.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn turn(&mut self) -> Result<(), WorkerEnd> {
        let mut batch = std::mem::take(&mut self.batch);
        let polled = self.log.poll(self.poll_wait(), &mut batch);
        self.renew_lease()?;
        if let Some(change) = self.pass_over(polled)?.flatten() {
            self.on_change(change)?;
        }
        self.watch_pressure(&batch);
        for message in batch.iter() {
            self.answer(&message)?;
        }
        self.batch = batch;
        self.take_acknowledgements()?;
        self.send_unsent()?;
        self.look_for_gaps();
        self.take_recalled()?;
        self.watch_flow()?;
        self.release_settled()?;
        self.commit_if_due();
        self.tally_if_due();
        Ok(())
    }

    /// What the log gave; `None` where it reports a fault that passes, which is told. Any other
    /// ends the worker.
    fn pass_over<T>(&mut self, given: Result<T, Fault>) -> Result<Option<T>, WorkerEnd> {
        match given {
            Ok(given) => Ok(Some(given)),
            Err(fault) if fault.is_fatal() => Err(fault.into()),
            Err(fault) => {
                warn!(%fault, "the log reports a fault");
                self.tally.faults += 1;
                Ok(None)
            }
        }
    }

    /// Whoever waits for acknowledgements to leave, or for what is read back, does not wait
    /// for messages meanwhile.
    fn poll_wait(&self) -> Duration {
        if !self.leaving.is_empty() {
            PAUSE
        } else if self.restoring.is_empty() && self.partitions.values().all(Held::is_whole) {
            self.settings.poll_wait
        } else {
            self.settings.poll_wait.min(GLANCE)
        }
    }

    /// Ends a worker that did not poll for so long that its partitions may be another's by
    /// now: it must not send any more. Checked before every batch.
    pub(super) fn renew_lease(&mut self) -> Result<(), WorkerEnd> {
        let now = self.clock.monotonic_nanos();
        let silent = Duration::from_nanos(now.saturating_sub(self.polled_at_nanos));
        self.polled_at_nanos = now;
        if silent > self.settings.lease && !self.partitions.is_empty() {
            return Err(WorkerEnd::LeasePassed { silent, lease: self.settings.lease });
        }
        Ok(())
    }

    fn on_change(&mut self, change: Change) -> Result<(), WorkerEnd> {
        match change {
            Change::Assigned(assigned) => self.take_on(&assigned),
            Change::Revoked(partitions) => {
                let ids = ids(&partitions);
                info!(partitions = ids, "partitions are to be given back");
                let deadline_nanos = self.nanos_from_now(self.settings.drain_timeout);
                for partition in partitions {
                    self.stop_restoring(partition);
                    self.leaving.push(Leaving { partition, deadline_nanos });
                }
                Ok(())
            }
            Change::Lost(partitions) => {
                let ids = ids(&partitions);
                warn!(partitions = ids, "partitions were lost: the group gave this member up");
                for partition in &partitions {
                    self.forget(*partition);
                }
                self.observer.lost(&partitions);
                Ok(self.log.release(&partitions)?)
            }
        }
    }

    /// Lets go of `partition` and all that is remembered of it.
    fn forget(&mut self, partition: PartitionId) {
        self.stop_restoring(partition);
        self.pipeline.engine_mut().close_partition(partition);
        self.partitions.remove(&partition);
        // Its next owner answers what is missing: sending it now would be a zombie's doing.
        self.unsent.retain(|(input, _)| input.partition != partition);
        self.leaving.retain(|leaving| leaving.partition != partition);
    }

    /// Answers one message and hands its record to the log.
    fn answer(&mut self, message: &Message<'_>) -> Result<(), WorkerEnd> {
        let input = message.input;
        let is_leaving = self.leaving.iter().any(|leaving| leaving.partition == input.partition);
        let Some(held) = self.partitions.get_mut(&input.partition).filter(|_| !is_leaving) else {
            return Ok(()); // Its next owner answers it: nothing below the frontier was committed.
        };
        held.frontier.sent(input.offset);
        if let Some(kept) = held.take_kept(input.offset) {
            return self.answer_kept(message, &kept);
        }
        let (log, must_queue) = (&mut self.log, !self.unsent.is_empty());
        let sent = self.pipeline.answer(message, |record| hand_over(log, record, must_queue));
        self.note_sent(input, sent)
    }

    /// Passes over a message that the journal answered already, or sends a copy where its
    /// decision answers another input only.
    fn answer_kept(&mut self, message: &Message<'_>, kept: &KeptRecord) -> Result<(), WorkerEnd> {
        let input = message.input;
        if let Some(journalled) = kept.journalled() {
            if !self.pipeline.adopt(message, journalled) {
                let (partition, offset) = (input.partition.0, input.offset.0);
                warn!(partition, offset, "an input that was answered is not understood any more");
            }
            self.tally.adopted += 1;
            if let Some(held) = self.partitions.get_mut(&input.partition) {
                // What is adopted binds: a copy that comes later must not take its place.
                held.frontier.bind(input.offset);
                held.frontier.acknowledged(input.offset);
            }
            return Ok(());
        }
        let (log, must_queue) = (&mut self.log, !self.unsent.is_empty());
        let send = |record: &Outgoing<'_>| hand_over(log, record, must_queue);
        let answered = match kept.binding() {
            Some(binding) => self.pipeline.answer_again(message, binding, send),
            None => self.pipeline.answer(message, send),
        };
        if kept.binding().is_some()
            && let Some(held) = self.partitions.get_mut(&input.partition)
        {
            held.frontier.bind(input.offset);
        }
        self.note_sent(input, answered)
    }

    fn note_sent(
        &mut self,
        input: Input,
        (answered, queued): (Answered, Option<Undelivered>),
    ) -> Result<(), WorkerEnd> {
        let held = self.partitions.get_mut(&input.partition);
        if let (Some(held), Some(decided)) = (held, answered.decides) {
            held.frontier.last_decides(decided);
        }
        let age_millis = u64::try_from(answered.age.millis()).unwrap_or(0);
        self.tally.count(answered.told, answered.nanos.total(), age_millis);
        if matches!(answered.told, Told::Decided { .. }) {
            self.tally.overload.decided(self.ladder.governor.shed());
        }
        if let Some(record) = queued {
            self.unsent.push_back((input, record));
            self.send_unsent()?;
        }
        Ok(())
    }

    fn tally_if_due(&mut self) {
        let now = self.clock.monotonic_nanos();
        if now.saturating_sub(self.tallied_at_nanos) >= nanos(self.settings.tally_interval) {
            self.tallied_at_nanos = now;
            self.hand_over_tally();
            self.forget_left_behind();
            if !self.restoring.is_empty() {
                self.tell_assigned();
            }
        }
    }

    fn hand_over_tally(&mut self) {
        self.tally_ladder();
        let statuses: Vec<_> = self
            .pipeline
            .engine()
            .sizes()
            .filter_map(|(partition, size)| {
                let frontier = &self.partitions.get(&partition)?.frontier;
                Some(PartitionStatus {
                    partition,
                    size,
                    outstanding_count: frontier.outstanding_count(),
                    frontier: frontier.position(),
                })
            })
            .collect();
        self.causes.look(&self.tally.causes, self.clock.monotonic_nanos());
        self.pipeline.hand_over_fired(&mut self.tally.fired);
        self.observer.tallied(&self.tally, &statuses);
        self.tally.clear();
    }

    fn nanos_from_now(&self, wait: Duration) -> u64 {
        self.clock.monotonic_nanos().saturating_add(nanos(wait))
    }
}

/// Hands `record` to the log; returns a copy where it must wait its turn: its message is
/// decided already.
fn hand_over<L: Log>(log: &mut L, record: &Outgoing<'_>, must_queue: bool) -> Option<Undelivered> {
    super::fail_point::before_send();
    let is_sent = !must_queue && log.append(record).is_ok();
    super::fail_point::after_send();
    if is_sent { None } else { Some(Undelivered::of(record)) }
}

/// Partitions as a log shows them.
fn ids(partitions: &[PartitionId]) -> String {
    let ids: Vec<_> = partitions.iter().map(|partition| partition.0.to_string()).collect();
    ids.join(", ")
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
