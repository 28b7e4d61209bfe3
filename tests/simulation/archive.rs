//! What a worker reads back: at its own pace, with questions that fail, ends that are none,
//! and records that land meanwhile.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use stopline::domain::{Offset, PartitionId};
use stopline::service::journal::{Inline, Recall, Task, TaskEnd};
use stopline::service::log::{Archive, Bounds, Fault, Side, Tail, TailEvent};

use crate::member::Member;
use crate::points::{Fault as Planned, Point};
use crate::sim::Sim;

/// What is being read back.
#[derive(Debug, Default)]
struct Reading {
    is_gap: Cell<bool>,
    /// How often the journal's bounds were asked for.
    looks: Cell<u32>,
    /// Up to where the journal reached when they were asked for last.
    looked_to: Cell<i64>,
    /// Inputs were read since.
    has_read_inputs: Cell<bool>,
}

/// Fills [`Archive`] for one worker.
struct SimArchive {
    sim: Rc<Sim>,
    member: Rc<Member>,
    reading: Rc<Reading>,
}

impl SimArchive {
    /// Anybody's records may land while somebody reads.
    fn let_land(&self) {
        if self.sim.happens(Planned::LandsMeanwhile, &self.member) {
            self.sim.deliver_any();
        }
    }

    fn ask(&self) -> Result<(), Fault> {
        self.let_land();
        if self.sim.happens(Planned::AskFault, &self.member) {
            return Err(passing());
        }
        Ok(())
    }
}

fn passing() -> Fault {
    Fault::Passing { what: "by the seed".to_owned() }
}

impl Archive for SimArchive {
    type Tail = SimTail;

    fn bounds(&mut self, side: Side, partition: PartitionId) -> Result<Bounds, Fault> {
        if side == Side::Journal {
            let looks = self.reading.looks.get();
            self.reading.looks.set(looks + 1);
            let point = if looks == 0 { Point::RestoreLooks } else { Point::RestoreLooksAgain };
            self.sim.at(&self.member, point);
        }
        self.ask()?;
        let bounds = self.sim.broker.borrow().side(side, partition.0 as usize).bounds();
        if side == Side::Journal {
            self.reading.looked_to.set(bounds.end.0);
            self.reading.has_read_inputs.set(false);
        }
        Ok(bounds)
    }

    fn offset_at(
        &mut self,
        side: Side,
        partition: PartitionId,
        unix_millis: i64,
    ) -> Result<Option<Offset>, Fault> {
        self.ask()?;
        Ok(self.sim.broker.borrow().side(side, partition.0 as usize).offset_at(unix_millis))
    }

    fn tail(&mut self, side: Side, partition: PartitionId, from: Offset) -> Result<SimTail, Fault> {
        let point = match (side, self.reading.is_gap.get()) {
            (_, true) => Point::GapIsRead,
            (Side::Inputs, false) => Point::RestoreReadsInputs,
            (Side::Journal, false) => Point::RestoreReadsJournal,
        };
        self.sim.at(&self.member, point);
        self.let_land();
        self.sim.broker.borrow().side(side, partition.0 as usize).check_start(from)?;
        self.reading.has_read_inputs.set(side == Side::Inputs);
        let (sim, member) = (Rc::clone(&self.sim), Rc::clone(&self.member));
        let position = from.0;
        Ok(SimTail { sim, member, side, partition, position, told_end_at: None, quiet: 0 })
    }
}

/// Reads one partition of one side.
struct SimTail {
    sim: Rc<Sim>,
    member: Rc<Member>,
    side: Side,
    partition: PartitionId,
    position: i64,
    /// Where it told of an end, since nothing came.
    told_end_at: Option<i64>,
    /// So many waits bring nothing.
    quiet: u32,
}

impl Tail for SimTail {
    fn next(&mut self, _wait: Duration) -> Result<Option<TailEvent>, Fault> {
        if self.sim.happens(Planned::LandsMeanwhile, &self.member) {
            self.sim.deliver_any();
        }
        if self.sim.happens(Planned::ReadFault, &self.member) {
            return Err(passing());
        }
        if self.quiet > 0 {
            self.quiet -= 1;
            return Ok(None);
        }
        let broker = self.sim.broker.borrow();
        let log = broker.side(self.side, self.partition.0 as usize);
        log.check_start(Offset(self.position))?;
        let is_near_end = self.position + 3 >= log.end && self.position < log.end;
        if is_near_end
            && self.told_end_at.is_none()
            && self.sim.happens(Planned::EndsEarly, &self.member)
        {
            self.told_end_at = Some(self.position);
            self.quiet = 3;
            return Ok(Some(TailEvent::ReachedEnd(self.partition)));
        }
        if let Some(record) = log.from(self.position) {
            self.position = record.offset.0 + 1;
            self.told_end_at = None;
            return Ok(Some(TailEvent::Record(record.to_tail(self.partition))));
        }
        if self.told_end_at == Some(log.end) {
            return Ok(None);
        }
        self.told_end_at = Some(log.end);
        Ok(Some(TailEvent::ReachedEnd(self.partition)))
    }

    fn is_at_end(&mut self, _wait: Duration) -> Result<bool, Fault> {
        let broker = self.sim.broker.borrow();
        Ok(broker.side(self.side, self.partition.0 as usize).from(self.position).is_none())
    }
}

/// Fills [`Recall`]: what is asked is read at some time and told at a later one.
pub(crate) struct SimRecall {
    sim: Rc<Sim>,
    member: Rc<Member>,
    inner: Inline<SimArchive>,
    reading: Rc<Reading>,
    waiting: VecDeque<Task>,
    read: VecDeque<TaskEnd>,
}

impl SimRecall {
    pub(crate) fn new(sim: &Rc<Sim>, member: &Rc<Member>) -> Self {
        let reading = Rc::new(Reading::default());
        let archive = SimArchive {
            sim: Rc::clone(sim),
            member: Rc::clone(member),
            reading: Rc::clone(&reading),
        };
        Self {
            sim: Rc::clone(sim),
            member: Rc::clone(member),
            inner: Inline::new(archive),
            reading,
            waiting: VecDeque::new(),
            read: VecDeque::new(),
        }
    }

    fn read_next(&mut self) {
        let Some(task) = self.waiting.pop_front() else { return };
        self.reading.is_gap.set(matches!(task, Task::ReadGap { .. }));
        self.reading.looks.set(0);
        self.inner.begin(task);
        let end = self.inner.take_end();
        if let Some(TaskEnd::Restored(_, partition, Ok(restored))) = &end {
            self.check_read_to_end(*partition, restored.journal_next);
        }
        self.read.extend(end);
    }

    /// The journal is looked at once more when all is read, and read to there.
    fn check_read_to_end(&self, partition: PartitionId, next: Offset) {
        let Reading { looks, looked_to, has_read_inputs, .. } = &*self.reading;
        let hidden = {
            let broker = self.sim.broker.borrow();
            broker.outputs[partition.0 as usize].from(next.0).map(|record| record.offset.0)
        };
        assert!(
            looks.get() >= 2
                && !has_read_inputs.get()
                && hidden.is_none_or(|hidden| hidden >= looked_to.get()),
            "J3: worker {} took {partition:?} over knowing the journal up to {}, and did not look \
             once more for what landed meanwhile, or did not read it (to {})",
            self.member.number,
            next.0,
            looked_to.get()
        );
    }

    fn note(&self, end: &TaskEnd) {
        let number = self.member.number;
        match end {
            TaskEnd::Restored(assignment, partition, end) => {
                self.member.tasks.set(self.member.tasks.get().less(1, 0));
                match end {
                    Ok(restored) => {
                        self.member.was_assigned(&self.sim, *partition);
                        let mut client = self.member.client.borrow_mut();
                        client.restored(*partition, *assignment, restored.journal_next);
                        drop(client);
                        self.sim.counts.borrow_mut().restores += 1;
                        self.sim.tell(number, "has restored", || {
                            let (start, next) = (restored.start.0, restored.journal_next.0);
                            format!("{} from {start}, journal to {next}", partition.0)
                        });
                    }
                    Err(fault) => self.sim.tell(number, "cannot restore", || fault.to_string()),
                }
                self.sim.at(&self.member, Point::RestoreEnds);
            }
            TaskEnd::GapRead(assignment, partition, end) => {
                self.member.tasks.set(self.member.tasks.get().less(0, 1));
                if let Ok(read) = end {
                    self.member.client.borrow_mut().gap_read(*partition, *assignment, read.next);
                    self.sim.tell(number, "has read a gap", || {
                        format!("of {} to {}", partition.0, read.next.0)
                    });
                }
                self.sim.at(&self.member, Point::GapEnds);
            }
        }
    }
}

impl Recall for SimRecall {
    fn begin(&mut self, task: Task) {
        let (is_gap, tasks) = (matches!(task, Task::ReadGap { .. }), self.member.tasks.get());
        if is_gap {
            self.member.tasks.set(tasks.more(0, 1));
            self.sim.at(&self.member, Point::GapBegins);
        } else {
            self.member.tasks.set(tasks.more(1, 0));
            self.sim.at(&self.member, Point::RestoreBegins);
        }
        // Gaps do not wait for restorations.
        if is_gap {
            self.waiting.push_front(task);
        } else {
            self.waiting.push_back(task);
        }
    }

    fn take_end(&mut self) -> Option<TaskEnd> {
        if self.waiting.is_empty() && self.read.is_empty() {
            return None;
        }
        if self.sim.happens(Planned::RecalledLate, &self.member) {
            // Read now and told later, or not even read yet.
            if self.sim.chance(5_000) {
                self.read_next();
            }
            return None;
        }
        if self.read.is_empty() {
            self.read_next();
        }
        let end = self.read.pop_front()?;
        self.note(&end);
        Some(end)
    }
}
