//! A worker over a log that misbehaves by script, and what it told.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use stopline::domain::{Offset, PartitionId};
use stopline::service::journal::{Inline, Recall, Task, TaskEnd};
use stopline::service::log::memory::{MemoryArchive, MemoryBroker, MemoryTail};
use stopline::service::log::{Archive, Bounds, Fault, Side};
use stopline::service::{
    Observer, PartitionStatus, Pipeline, RestoringStatus, Tally, Worker, WorkerEnd, WorkerSettings,
};

use super::faulty_log::{FaultyLog, Script};
use super::{AUTHORISATIONS, DECISIONS, Notes, Rig, worker_settings};

/// A worker, its log's script, and what it told.
pub(crate) struct Owner {
    pub(crate) worker: Worker<FaultyLog, Told>,
    pub(crate) script: Rc<RefCell<Script>>,
    pub(crate) notes: Rc<RefCell<Notes>>,
}

impl Owner {
    /// A worker that has no partition yet.
    pub(crate) fn new(
        rig: &Rig,
        pipeline: Pipeline,
        recall: Box<dyn Recall>,
        settings: WorkerSettings,
    ) -> Self {
        let script = Rc::new(RefCell::new(Script::default()));
        let notes = Rc::new(RefCell::new(Notes::default()));
        let log = FaultyLog::new(&rig.broker, &script);
        let told = Told(Rc::clone(&notes));
        let worker = Worker::new(log, recall, pipeline, told, rig.clock.clone(), settings);
        Self { worker, script, notes }
    }

    /// Turns so often; it must not end.
    pub(crate) fn turn(&mut self, count: usize) {
        for _ in 0..count {
            self.worker.turn().unwrap();
        }
    }

    /// Turns until it ends.
    pub(crate) fn end(&mut self) -> WorkerEnd {
        (0..100).find_map(|_| self.worker.turn().err()).expect("it ends")
    }
}

/// Settings for leaps in time: nothing is ended by them.
pub(crate) fn patient_settings() -> WorkerSettings {
    WorkerSettings {
        lease: Duration::MAX,
        unwritable_max: Duration::MAX,
        ..worker_settings(Duration::from_millis(500))
    }
}

/// Notes that outlive their worker.
pub(crate) struct Told(Rc<RefCell<Notes>>);

impl Observer for Told {
    fn tallied(&mut self, tally: &Tally, partitions: &[PartitionStatus]) {
        (&mut *self.0.borrow_mut()).tallied(tally, partitions);
    }

    fn assigned(&mut self, partitions: &[PartitionId], restoring: &[RestoringStatus]) {
        (&mut *self.0.borrow_mut()).assigned(partitions, restoring);
    }

    fn stalled(&mut self, is_stalled: bool) {
        (&mut *self.0.borrow_mut()).stalled(is_stalled);
    }

    fn lost(&mut self, partitions: &[PartitionId]) {
        (&mut *self.0.borrow_mut()).lost(partitions);
    }
}

/// Reads at once, and tells what became of it when its gate is open.
pub(crate) struct GatedRecall {
    inner: Inline<WatchedArchive>,
    is_open: Rc<Cell<bool>>,
}

impl GatedRecall {
    pub(crate) fn new(archive: WatchedArchive, is_open: &Rc<Cell<bool>>) -> Self {
        Self { inner: Inline::new(archive), is_open: Rc::clone(is_open) }
    }
}

impl Recall for GatedRecall {
    fn begin(&mut self, task: Task) {
        self.inner.begin(task);
    }

    fn take_end(&mut self) -> Option<TaskEnd> {
        self.is_open.get().then(|| self.inner.take_end()).flatten()
    }
}

/// What an archive saw, and what is to happen meanwhile.
#[derive(Default)]
pub(crate) struct Watch {
    /// From where the authorisations were read.
    pub(crate) inputs_from: Vec<Offset>,
    /// How often it was asked how long the journal is.
    pub(crate) journal_bounds_count: usize,
    /// What is in flight there lands when it is asked so for the second time.
    pub(crate) lands_then: Option<Rc<RefCell<Script>>>,
}

/// An archive over the in-process log that is watched.
pub(crate) struct WatchedArchive {
    broker: MemoryBroker,
    inner: MemoryArchive,
    watch: Rc<RefCell<Watch>>,
}

impl WatchedArchive {
    pub(crate) fn new(rig: &Rig, watch: &Rc<RefCell<Watch>>) -> Self {
        let inner = rig.broker.archive(AUTHORISATIONS, DECISIONS);
        Self { broker: rig.broker.clone(), inner, watch: Rc::clone(watch) }
    }
}

impl Archive for WatchedArchive {
    type Tail = MemoryTail;

    fn bounds(&mut self, side: Side, partition: PartitionId) -> Result<Bounds, Fault> {
        if side == Side::Journal {
            let mut watch = self.watch.borrow_mut();
            watch.journal_bounds_count += 1;
            if let (2, Some(script)) = (watch.journal_bounds_count, &watch.lands_then) {
                script.borrow_mut().land(&self.broker, usize::MAX);
            }
        }
        self.inner.bounds(side, partition)
    }

    fn offset_at(
        &mut self,
        side: Side,
        partition: PartitionId,
        unix_millis: i64,
    ) -> Result<Option<Offset>, Fault> {
        self.inner.offset_at(side, partition, unix_millis)
    }

    fn tail(
        &mut self,
        side: Side,
        partition: PartitionId,
        from: Offset,
    ) -> Result<MemoryTail, Fault> {
        if side == Side::Inputs {
            self.watch.borrow_mut().inputs_from.push(from);
        }
        self.inner.tail(side, partition, from)
    }
}
