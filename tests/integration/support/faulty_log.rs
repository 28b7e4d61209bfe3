//! The in-process log, misbehaving by script.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use stopline::domain::{Input, Offset, PartitionId};
use stopline::service::log::memory::{MemoryBroker, MemoryLog};
use stopline::service::log::{
    AppendRefused, Assigned, Batch, Change, CommitWait, Delivery, Fault, Log, Outgoing, Report,
    Undelivered,
};

use super::{AUTHORISATIONS, DECISIONS, GROUP};

/// What becomes of a record that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It lands and is acknowledged with its offset.
    Lands,
    /// It lands and is acknowledged without.
    LandsUnplaced,
    /// It lands, and its delivery is said to have failed.
    LandsUntold,
    /// It does not land: its delivery fails.
    Fails,
    /// It stays in flight until [`Script::land`].
    Waits,
}

/// Tells the fate of each record, in the order in which they are taken.
pub(crate) type Fates = Box<dyn FnMut(Input) -> Fate>;

/// What a misbehaving log is to do, and what it saw.
#[derive(Default)]
pub(crate) struct Script {
    /// How often each record is refused as too much before it is taken.
    pub(crate) full_times: usize,
    /// Inputs whose first delivery fails.
    pub(crate) fails: Vec<Offset>,
    /// What becomes of the others; without it they land.
    pub(crate) fates: Option<Fates>,
    /// Acknowledgements are held back while true.
    pub(crate) holds_back: bool,
    /// Commits are refused while true.
    pub(crate) refuses_commits: bool,
    /// The group gave its member up, which does not know it yet: commits are refused.
    pub(crate) is_fenced: bool,
    /// Changes to tell at the next polls. What [`given`] names is filled in.
    pub(crate) changes: VecDeque<Change>,
    /// What became of records, to be told.
    pub(crate) reports: VecDeque<Report>,
    /// Records that are not in the log yet, in order. They may land after their worker died.
    pub(crate) in_flight: VecDeque<InFlight>,
    /// Records taken, in order, the failed ones too.
    pub(crate) taken: Vec<(Input, Vec<u8>)>,
    pub(crate) committed: Vec<(PartitionId, Offset)>,
    pub(crate) released: Vec<PartitionId>,
    /// What was given and not released.
    pub(crate) held: BTreeSet<PartitionId>,
}

/// A record that is not in the log yet.
pub(crate) struct InFlight {
    answers: Input,
    record: Undelivered,
    /// Its partition was given back meanwhile.
    is_untold: bool,
}

/// To be told by a [`FaultyLog`]: these are given now.
pub(crate) fn given(partitions: &[i32]) -> Change {
    let unknown = |partition: &i32| Assigned {
        partition: PartitionId(*partition),
        committed: None,
        beginning: Offset(0),
        end: Offset(0),
    };
    Change::Assigned(partitions.iter().map(unknown).collect())
}

impl Script {
    /// Lets the first `count` records in flight land in `broker`, to be acknowledged.
    pub(crate) fn land(&mut self, broker: &MemoryBroker, count: usize) {
        for _ in 0..count {
            let Some(InFlight { answers, record, is_untold }) = self.in_flight.pop_front() else {
                return;
            };
            let offset = write(broker, &record.as_outgoing(answers, &record.header_slices()));
            let delivery = Delivery::Acknowledged(Some(offset));
            if !is_untold {
                self.reports.push_back(Report { answers, delivery });
            }
        }
    }

    fn take(&mut self, broker: &MemoryBroker, record: &Outgoing<'_>, fate: Fate) {
        let answers = record.answers;
        let failed = |record: &Outgoing<'_>| Delivery::Failed {
            cause: "by script".to_owned(),
            record: Box::new(Undelivered::of(record)),
        };
        let delivery = match fate {
            // What is taken later never overtakes.
            Fate::Lands | Fate::LandsUnplaced | Fate::LandsUntold | Fate::Waits
                if fate == Fate::Waits || !self.in_flight.is_empty() =>
            {
                let record = Undelivered::of(record);
                self.in_flight.push_back(InFlight { answers, record, is_untold: false });
                return;
            }
            Fate::Lands | Fate::Waits => Delivery::Acknowledged(Some(write(broker, record))),
            Fate::LandsUnplaced => {
                write(broker, record);
                Delivery::Acknowledged(None)
            }
            Fate::LandsUntold => {
                write(broker, record);
                failed(record)
            }
            Fate::Fails => failed(record),
        };
        self.reports.push_back(Report { answers, delivery });
    }

    fn fate_of(&mut self, input: Input) -> Fate {
        if let Some(place) = self.fails.iter().position(|failing| *failing == input.offset) {
            self.fails.remove(place);
            return Fate::Fails;
        }
        self.fates.as_mut().map_or(Fate::Lands, |fates| fates(input))
    }
}

/// Appends `record` to the decisions.
fn write(broker: &MemoryBroker, record: &Outgoing<'_>) -> Offset {
    let partition = record.answers.partition;
    broker.produce(DECISIONS, partition, record.key, Some(record.value), record.headers).unwrap()
}

/// The in-process log, misbehaving by script.
pub(crate) struct FaultyLog {
    broker: MemoryBroker,
    /// One for each partition that it was given.
    shares: BTreeMap<PartitionId, MemoryLog>,
    script: Rc<RefCell<Script>>,
    refused: usize,
    /// The share that is polled first.
    turn: usize,
}

impl FaultyLog {
    /// A log that does what `script` says, which gives it partitions.
    pub(crate) fn new(broker: &MemoryBroker, script: &Rc<RefCell<Script>>) -> Self {
        Self {
            broker: broker.clone(),
            shares: BTreeMap::new(),
            script: Rc::clone(script),
            refused: 0,
            turn: 0,
        }
    }

    fn give(&mut self, partitions: &[Assigned]) -> Result<Change, Fault> {
        let mut found = Vec::new();
        for Assigned { partition, .. } in partitions {
            let topics = (AUTHORISATIONS, DECISIONS);
            let mut share = self.broker.worker_log(GROUP, topics.0, topics.1, &[*partition])?;
            match share.poll(Duration::ZERO, &mut Batch::default())? {
                Some(Change::Assigned(assigned)) => found.extend(assigned),
                other => panic!("a new share tells {other:?}"),
            }
            self.shares.insert(*partition, share);
            self.script.borrow_mut().held.insert(*partition);
        }
        Ok(Change::Assigned(found))
    }

    fn share(&mut self, partition: PartitionId) -> Result<&mut MemoryLog, Fault> {
        let what = || format!("partition {} is not assigned", partition.0);
        self.shares.get_mut(&partition).ok_or_else(|| Fault::Passing { what: what() })
    }
}

impl Log for FaultyLog {
    fn poll(&mut self, wait: Duration, batch: &mut Batch) -> Result<Option<Change>, Fault> {
        batch.clear();
        let change = self.script.borrow_mut().changes.pop_front();
        match change {
            Some(Change::Assigned(partitions)) => return self.give(&partitions).map(Some),
            Some(change) => return Ok(Some(change)),
            None => {}
        }
        self.turn += 1;
        let count = self.shares.len();
        for index in 0..count {
            let share = self.shares.values_mut().nth((self.turn + index) % count);
            if let Some(share) = share {
                share.poll(wait, batch)?;
            }
            if !batch.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), Fault> {
        starts.iter().try_for_each(|start| self.share(start.0)?.start(&[*start]))
    }

    fn resume(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        partitions.iter().try_for_each(|partition| self.share(*partition)?.resume(&[*partition]))
    }

    fn pause(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        partitions.iter().try_for_each(|partition| self.share(*partition)?.pause(&[*partition]))
    }

    fn release(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        let mut script = self.script.borrow_mut();
        script.released.extend(partitions);
        script.held.retain(|held| !partitions.contains(held));
        script.reports.retain(|report| !partitions.contains(&report.answers.partition));
        for record in &mut script.in_flight {
            record.is_untold |= partitions.contains(&record.answers.partition);
        }
        for partition in partitions {
            self.shares.remove(partition);
        }
        Ok(())
    }

    fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused> {
        let mut script = self.script.borrow_mut();
        if self.refused < script.full_times {
            self.refused += 1;
            return Err(AppendRefused::Full);
        }
        self.refused = 0;
        script.taken.push((record.answers, record.value.to_vec()));
        let fate = script.fate_of(record.answers);
        script.take(&self.broker, record, fate);
        Ok(())
    }

    fn acknowledged(&mut self, reports: &mut Vec<Report>) -> Result<(), Fault> {
        let mut script = self.script.borrow_mut();
        if !script.holds_back {
            reports.extend(script.reports.drain(..));
        }
        Ok(())
    }

    fn commit(
        &mut self,
        frontier: &[(PartitionId, Offset)],
        wait: CommitWait,
    ) -> Result<(), Fault> {
        let mut script = self.script.borrow_mut();
        if script.refuses_commits || script.is_fenced {
            return Err(Fault::Passing { what: "by script".to_owned() });
        }
        script.committed.extend(frontier);
        drop(script);
        frontier.iter().try_for_each(|place| self.share(place.0)?.commit(&[*place], wait))
    }

    fn close(self) {}
}
