//! From a partition given to a partition answered: it is restored aside, then started.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::{Observer, RestoringStatus, Worker, WorkerEnd};
use crate::domain::{Offset, PartitionId};
use crate::service::Frontier;
use crate::service::journal::{
    JournalRecord, Kept, KeptRecord, LeftBehind, Place, RestoreFault, RestoreProgress, RestoreTask,
    Restored, Task, TaskEnd,
};
use crate::service::log::{Assigned, CommitWait, Log};

/// How long the state of a partition that was given back is remembered.
const LEFT_BEHIND_MAX: Duration = Duration::from_mins(5);
/// How long a restoration that failed rests before it is tried again.
const RESTORE_AGAIN: Duration = Duration::from_secs(1);

/// A partition that is answered.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) assignment: u64,
    pub(super) frontier: Frontier,
    pub(super) place: Place,
    kept: Kept,
    /// A gap that could not be read is not read again before then.
    pub(super) gap_rests_until_nanos: u64,
    /// Where the frontier stood when it last moved, and when that was.
    moved: (Offset, u64),
}

impl Held {
    /// What the journal says of `input`. Hot path: nothing is kept, nearly always.
    pub(super) fn take_kept(&mut self, input: Offset) -> Option<KeptRecord> {
        if self.kept.is_empty() {
            return None;
        }
        self.kept.take(input)
    }

    /// Keeps what `record` says of inputs that have not come yet.
    pub(super) fn keep(&mut self, record: &JournalRecord) {
        self.kept.add(record, self.frontier.ahead());
    }

    /// For how long the frontier has not moved although something is outstanding.
    pub(super) fn frontier_rests_nanos(&mut self, now_nanos: u64) -> u64 {
        let position = self.frontier.position();
        if self.frontier.is_settled() || position != self.moved.0 {
            self.moved = (position, now_nanos);
        }
        now_nanos.saturating_sub(self.moved.1)
    }

    /// True where nothing of the journal is unread.
    pub(super) fn is_whole(&self) -> bool {
        self.place.is_whole()
    }

    /// True where its state may be used again later.
    fn may_be_left_behind(&self) -> bool {
        self.frontier.is_settled() && self.place.is_whole() && self.kept.is_empty()
    }
}

/// A partition that is being restored.
#[derive(Debug)]
pub(super) struct Restoring {
    assignment: u64,
    assigned: Assigned,
    progress: Arc<RestoreProgress>,
    again_at_nanos: Option<u64>,
    /// Its first position could not be committed: somebody else's may be there by now.
    is_first_refused: bool,
}

impl Drop for Restoring {
    fn drop(&mut self) {
        self.progress.abandon();
    }
}

/// The state of a partition that was given back.
#[derive(Debug)]
pub(super) struct Left {
    behind: LeftBehind,
    until_nanos: u64,
}

impl<L: Log, O: Observer> Worker<L, O> {
    /// Begins to restore what was given.
    pub(super) fn take_on(&mut self, assigned: &[Assigned]) -> Result<(), WorkerEnd> {
        for given in assigned {
            self.leaving.retain(|leaving| leaving.partition != given.partition);
            let left = self.left_behind.remove(&given.partition);
            self.begin_restoring(*given, left.map(|left| left.behind));
        }
        self.tell_assigned();
        self.take_recalled()
    }

    fn begin_restoring(&mut self, assigned: Assigned, left_behind: Option<LeftBehind>) {
        let partition = assigned.partition;
        info!(
            partition = partition.0,
            committed = assigned.committed.map(|offset| offset.0),
            end = assigned.end.0,
            returns = left_behind.is_some(),
            "partition given: its state is restored"
        );
        let is_first_refused =
            self.restoring.get(&partition).is_some_and(|earlier| earlier.is_first_refused);
        self.pipeline.note_restoring(partition);
        self.assignments_count += 1;
        let assignment = self.assignments_count;
        let progress = Arc::new(RestoreProgress::default());
        let task = RestoreTask {
            assigned,
            pipeline: self.pipeline.sibling(),
            first_start: self.settings.first_start,
            left_behind,
            clock: self.clock.clone(),
            progress: Arc::clone(&progress),
        };
        let restoring =
            Restoring { assignment, assigned, progress, again_at_nanos: None, is_first_refused };
        self.restoring.insert(partition, restoring);
        self.recall.begin(Task::Restore(assignment, Box::new(task)));
    }

    pub(super) fn stop_restoring(&mut self, partition: PartitionId) {
        self.restoring.remove(&partition);
        self.pipeline.note_not_restored(partition);
    }

    /// Takes what was read back.
    pub(super) fn take_recalled(&mut self) -> Result<(), WorkerEnd> {
        while let Some(end) = self.recall.take_end() {
            match end {
                TaskEnd::Restored(assignment, partition, end) => {
                    if self.is_restoring(partition, assignment) {
                        self.on_restored(partition, end)?;
                    }
                }
                TaskEnd::GapRead(assignment, partition, end) => {
                    self.on_gap_read(partition, assignment, end)?;
                }
            }
        }
        self.restore_again_if_due();
        Ok(())
    }

    fn is_restoring(&self, partition: PartitionId, assignment: u64) -> bool {
        self.restoring.get(&partition).is_some_and(|found| found.assignment == assignment)
    }

    fn on_restored(
        &mut self,
        partition: PartitionId,
        end: Result<Box<Restored>, RestoreFault>,
    ) -> Result<(), WorkerEnd> {
        match end {
            Ok(restored) => self.start_restored(partition, *restored),
            Err(RestoreFault::Abandoned) => Ok(()),
            // Whoever began in this worker's place has answered: the polls tell of it.
            Err(RestoreFault::NoPosition { .. }) if self.is_first_refused(partition) => {
                self.put_off(partition);
                Ok(())
            }
            Err(RestoreFault::Log(fault)) if !fault.is_fatal() => {
                warn!(%fault, partition = partition.0, "restoring failed and is tried again");
                self.tally.faults += 1;
                self.put_off(partition);
                Ok(())
            }
            Err(fault) => Err(WorkerEnd::NotRestored(fault)),
        }
    }

    fn is_first_refused(&self, partition: PartitionId) -> bool {
        self.restoring.get(&partition).is_some_and(|restoring| restoring.is_first_refused)
    }

    fn put_off(&mut self, partition: PartitionId) {
        let again_at_nanos = self.nanos_from_now(RESTORE_AGAIN);
        if let Some(restoring) = self.restoring.get_mut(&partition) {
            restoring.again_at_nanos = Some(again_at_nanos);
        }
    }

    fn restore_again_if_due(&mut self) {
        let now = self.clock.monotonic_nanos();
        let is_due = |restoring: &&Restoring| restoring.again_at_nanos.is_some_and(|at| at <= now);
        let due: Vec<_> =
            self.restoring.values().filter(is_due).map(|restoring| restoring.assigned).collect();
        for assigned in due {
            self.begin_restoring(assigned, None);
        }
    }

    fn start_restored(
        &mut self,
        partition: PartitionId,
        restored: Restored,
    ) -> Result<(), WorkerEnd> {
        let start = restored.start;
        // A crash before the first answer must not skip or answer others (journal rule J7).
        if restored.is_first_start && !self.has_first_position(partition, start) {
            if let Some(restoring) = self.restoring.get_mut(&partition) {
                restoring.is_first_refused = true;
            }
            self.put_off(partition);
            return Ok(());
        }
        let Some(restoring) = self.restoring.remove(&partition) else { return Ok(()) };
        self.tell_restored(partition, &restored, restoring.assigned.end);
        self.pipeline.engine_mut().take_over_partition(partition, restored.state);
        self.pipeline.note_restored(partition);
        let mut frontier = Frontier::new(start);
        frontier.committed(start);
        let held = Held {
            assignment: restoring.assignment,
            frontier,
            place: Place::new(restored.journal_next),
            kept: restored.kept,
            gap_rests_until_nanos: 0,
            moved: (start, self.clock.monotonic_nanos()),
        };
        self.partitions.insert(partition, held);
        self.start(partition, start)?;
        self.tell_assigned();
        Ok(())
    }

    /// Says in the log what a restoration came to.
    fn tell_restored(&mut self, partition: PartitionId, restored: &Restored, end: Offset) {
        let (start, counts) = (restored.start, restored.counts);
        info!(
            partition = partition.0,
            start = start.0,
            behind = end.0 - start.0,
            adopted = counts.adopted,
            unanswered = counts.unanswered,
            kept = restored.kept.len(),
            journal = restored.journal_next.0,
            "partition restored"
        );
        if counts.unanswered > 0 && !restored.is_first_start {
            self.tally.unanswered += counts.unanswered;
            warn!(
                partition = partition.0,
                count = counts.unanswered,
                "inputs before the group's position have no answer, and get none any more: right \
                 for what came before a first start, else find out who moved the position on"
            );
        }
        if counts.not_understood > 0 {
            warn!(
                partition = partition.0,
                count = counts.not_understood,
                "inputs that were answered are not understood any more and are in no window"
            );
        }
        if !restored.is_first_start
            && self.settings.first_start.is_some()
            && !std::mem::replace(&mut self.is_first_start_told, true)
        {
            if restored.journal_next == Offset(0) {
                warn!(
                    partition = partition.0,
                    start = start.0,
                    "[first_start] is not read: the group has a position already, though nothing \
                     was answered yet. To begin elsewhere, stop and delete the group's offsets \
                     (kafka-consumer-groups.sh --delete-offsets)"
                );
            } else {
                info!("[first_start] is not read: partitions were answered before");
            }
        }
    }

    /// Commits `start` as the first position of `partition`. One at a time is tried where the
    /// broker does not answer: the worker waits for it.
    fn has_first_position(&mut self, partition: PartitionId, start: Offset) -> bool {
        if self.first_commit_rests_until_nanos > self.clock.monotonic_nanos() {
            return false;
        }
        let committed = self.log.commit(&[(partition, start)], CommitWait::UntilDone);
        if let Err(fault) = &committed {
            warn!(%fault, partition = partition.0, "the first position was not committed yet");
            self.tally.faults += 1;
            self.first_commit_rests_until_nanos = self.nanos_from_now(RESTORE_AGAIN);
        }
        committed.is_ok()
    }

    /// Lets the log read what was restored.
    fn start(&mut self, partition: PartitionId, at: Offset) -> Result<(), WorkerEnd> {
        let started = self
            .log
            .start(&[(partition, at)])
            .and_then(|()| if self.is_stalled { Ok(()) } else { self.log.resume(&[partition]) });
        match started {
            Ok(()) => Ok(()),
            Err(fault) if fault.is_fatal() => Err(fault.into()),
            Err(fault) => Err(Self::cannot_start(&fault)),
        }
    }

    pub(super) fn tell_assigned(&mut self) {
        let partitions: Vec<_> = self.partitions.keys().copied().collect();
        let restoring: Vec<_> = self
            .restoring
            .iter()
            .map(|(partition, restoring)| RestoringStatus {
                partition: *partition,
                inputs_left: restoring.progress.inputs_left(),
            })
            .collect();
        self.observer.assigned(&partitions, &restoring);
    }

    /// Gives `partition` up, and remembers it for a while where all that it decided is in
    /// the journal (journal rule J6).
    pub(super) fn leave_behind(&mut self, partition: PartitionId) {
        let state = self.pipeline.engine_mut().close_partition(partition);
        if let (Some(held), Some(state)) = (self.partitions.remove(&partition), state)
            && held.may_be_left_behind()
        {
            let behind = LeftBehind {
                state,
                position: held.frontier.position(),
                journal_next: held.place.next(),
            };
            let until_nanos = self.nanos_from_now(LEFT_BEHIND_MAX);
            self.left_behind.insert(partition, Left { behind, until_nanos });
        }
        self.forget(partition);
    }

    pub(super) fn forget_left_behind(&mut self) {
        let now = self.clock.monotonic_nanos();
        self.left_behind.retain(|_, left| left.until_nanos > now);
    }
}
