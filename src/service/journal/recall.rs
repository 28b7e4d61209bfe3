//! What reads back beside the worker, so that its other partitions never wait.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};

use super::gap::read_gap;
use super::restore::restore;
use super::{Gap, GapRead, RestoreFault, RestoreTask, Restored};
use crate::domain::PartitionId;
use crate::service::log::{Archive, Fault};
use crate::wire::Format;

/// Something to be read back. Each names the assignment that it is for.
pub enum Task {
    /// A partition that was given.
    Restore(u64, Box<RestoreTask>),
    /// What lies unread in the journal.
    ReadGap {
        /// The assignment.
        assignment: u64,
        /// The partition.
        partition: PartitionId,
        /// What is unread.
        gap: Gap,
        /// The format of a record that names none.
        default_format: Format,
    },
}

/// What became of a [`Task`].
#[derive(Debug)]
pub enum TaskEnd {
    /// A partition can be answered, or not.
    Restored(u64, PartitionId, Result<Box<Restored>, RestoreFault>),
    /// A gap is read, or not.
    GapRead(u64, PartitionId, Result<GapRead, Fault>),
}

/// Reads back what a worker asks for.
pub trait Recall {
    /// Begins `task`; what becomes of it can be taken later.
    fn begin(&mut self, task: Task);

    /// What became of a task that was begun, if one has ended. It waits for nothing.
    fn take_end(&mut self) -> Option<TaskEnd>;
}

/// Reads at once, on the worker's own thread: for logs in this process, which do not wait.
#[derive(Debug)]
pub struct Inline<A> {
    archive: A,
    ends: VecDeque<TaskEnd>,
}

impl<A: Archive> Inline<A> {
    /// Reads from `archive`.
    pub fn new(archive: A) -> Self {
        Self { archive, ends: VecDeque::new() }
    }
}

impl<A: Archive> Recall for Inline<A> {
    fn begin(&mut self, task: Task) {
        self.ends.push_back(perform(&mut self.archive, task));
    }

    fn take_end(&mut self) -> Option<TaskEnd> {
        self.ends.pop_front()
    }
}

/// So many partitions are restored at a time; the others wait.
const RESTORING_MAX: usize = 4;

/// Reads on threads of its own, a few at a time; gaps do not wait for their turn.
pub struct Threads<A> {
    archive: A,
    waiting: VecDeque<Task>,
    restoring_count: usize,
    sender: Sender<TaskEnd>,
    ends: Receiver<TaskEnd>,
}

impl<A: Archive + Clone + Send + 'static> Threads<A> {
    /// Reads from clones of `archive`.
    pub fn new(archive: A) -> Self {
        let (sender, ends) = channel();
        Self { archive, waiting: VecDeque::new(), restoring_count: 0, sender, ends }
    }

    fn start(&mut self, task: Task) {
        let (assignment, partition) = task.subject();
        let (broken, waiting) = (task.breaking(), task.waiting());
        let (archive, sender) = (self.archive.clone(), self.sender.clone());
        let started =
            std::thread::Builder::new().name(format!("recall-{}", partition.0)).spawn(move || {
                let mut archive = archive;
                let end = catch_unwind(AssertUnwindSafe(|| perform(&mut archive, task)))
                    .unwrap_or_else(|_| broken(assignment, partition));
                // The worker may have ended meanwhile.
                drop(sender.send(end));
            });
        if let Err(error) = started {
            let what = format!("the system gives no thread: {error}");
            let end = waiting(assignment, partition, Fault::Passing { what });
            drop(self.sender.send(end));
        }
    }
}

impl<A: Archive + Clone + Send + 'static> Recall for Threads<A> {
    fn begin(&mut self, task: Task) {
        match task {
            Task::Restore(..) if self.restoring_count >= RESTORING_MAX => {
                self.waiting.push_back(task);
            }
            Task::Restore(..) => {
                self.restoring_count += 1;
                self.start(task);
            }
            Task::ReadGap { .. } => self.start(task),
        }
    }

    fn take_end(&mut self) -> Option<TaskEnd> {
        let end = self.ends.try_recv().ok()?;
        if matches!(end, TaskEnd::Restored(..)) {
            self.restoring_count -= 1;
            if let Some(next) = self.waiting.pop_front() {
                self.begin(next);
            }
        }
        Some(end)
    }
}

impl Task {
    fn subject(&self) -> (u64, PartitionId) {
        match self {
            Self::Restore(assignment, task) => (*assignment, task.assigned.partition),
            Self::ReadGap { assignment, partition, .. } => (*assignment, *partition),
        }
    }

    /// Makes its end where it broke an invariant.
    fn breaking(&self) -> fn(u64, PartitionId) -> TaskEnd {
        match self {
            Self::Restore(..) => |assignment, partition| {
                TaskEnd::Restored(assignment, partition, Err(RestoreFault::Broken))
            },
            Self::ReadGap { .. } => |assignment, partition| {
                let what = "reading a gap broke an invariant; its last words are in the log";
                let fault = Fault::StepDown { what: what.to_owned() };
                TaskEnd::GapRead(assignment, partition, Err(fault))
            },
        }
    }

    /// Makes its end where there is no thread for it: it is tried again.
    fn waiting(&self) -> fn(u64, PartitionId, Fault) -> TaskEnd {
        match self {
            Self::Restore(..) => |assignment, partition, fault| {
                TaskEnd::Restored(assignment, partition, Err(fault.into()))
            },
            Self::ReadGap { .. } => {
                |assignment, partition, fault| TaskEnd::GapRead(assignment, partition, Err(fault))
            }
        }
    }
}

fn perform<A: Archive>(archive: &mut A, task: Task) -> TaskEnd {
    let (assignment, partition) = task.subject();
    match task {
        Task::Restore(_, task) => {
            let mut end = restore(archive, *task).map(Box::new);
            // The committed position was looked at first: what went is older history.
            if let Err(RestoreFault::Log(Fault::OffsetOutOfRange { what })) = end {
                end = Err(Fault::Passing { what }.into());
            }
            TaskEnd::Restored(assignment, partition, end)
        }
        Task::ReadGap { gap, default_format, .. } => {
            let read = read_gap(archive, partition, gap, default_format);
            TaskEnd::GapRead(assignment, partition, read)
        }
    }
}
