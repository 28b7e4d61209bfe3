//! The worker's log, as the simulator fills it: a client of a broker that keeps Kafka's
//! promises and no others.

use std::rc::Rc;
use std::time::Duration;

use stopline::domain::{Offset, PartitionId};
use stopline::service::log::{
    AppendRefused, Assigned, BATCH_MESSAGES_MAX, Batch, Change, CommitWait, Delivery, Fault, Log,
    Outgoing, Report,
};
use stopline::service::{Observer, PartitionStatus, RestoringStatus, Tally};

use crate::client::Share;
use crate::member::Member;
use crate::points::{Fault as Planned, Point};
use crate::sim::Sim;

/// So many records may be in flight.
const IN_FLIGHT_MAX: usize = 64;

/// Fills [`Log`] for one worker.
pub(crate) struct SimLog {
    pub(crate) sim: Rc<Sim>,
    pub(crate) member: Rc<Member>,
}

impl SimLog {
    fn at(&self, point: Point) {
        self.sim.at(&self.member, point);
    }

    fn take_change(&self) -> Option<Change> {
        let change = self.member.client.borrow_mut().changes.pop_front()?;
        let mut client = self.member.client.borrow_mut();
        match change {
            Change::Assigned(given) => {
                let broker = self.sim.broker.borrow();
                let found = given.iter().map(|Assigned { partition, .. }| {
                    let place = partition.0 as usize;
                    let bounds = broker.inputs[place].bounds();
                    client.shares.insert(*partition, Share::default());
                    Assigned {
                        partition: *partition,
                        committed: broker.committed[place].map(Offset),
                        beginning: bounds.beginning,
                        end: bounds.end,
                    }
                });
                Some(Change::Assigned(found.collect()))
            }
            Change::Revoked(partitions) => {
                client.leaving.extend(&partitions);
                Some(Change::Revoked(partitions))
            }
            Change::Lost(partitions) => Some(Change::Lost(partitions)),
        }
    }

    fn take_messages(&self, batch: &mut Batch) -> Result<(), Fault> {
        let mut client = self.member.client.borrow_mut();
        client.turn += 1;
        let (turn, count) = (client.turn, client.shares.len());
        let room = if self.sim.chance(3_000) { self.sim.below(4) + 1 } else { BATCH_MESSAGES_MAX };
        let broker = self.sim.broker.borrow();
        let leaving = client.leaving.clone();
        for index in 0..count {
            let (partition, share) = client.shares.iter_mut().nth((turn + index) % count).unwrap();
            let Some(position) = share.position.as_mut().filter(|_| share.is_flowing) else {
                continue;
            };
            if leaving.contains(partition) {
                continue;
            }
            let inputs = &broker.inputs[partition.0 as usize];
            inputs.check_start(Offset(*position))?;
            while batch.len() < room
                && let Some(record) = inputs.from(*position)
            {
                let input =
                    stopline::domain::Input { partition: *partition, offset: record.offset };
                let headers = record.headers.iter();
                batch.push(
                    input,
                    record.appended_at,
                    record.key.as_deref(),
                    record.value.as_deref(),
                    headers.map(|(name, value)| (name.as_str(), value.as_slice())),
                );
                *position = record.offset.0 + 1;
            }
        }
        Ok(())
    }

    fn set_flow(&self, partitions: &[PartitionId], is_flowing: bool) {
        let mut client = self.member.client.borrow_mut();
        for partition in partitions {
            if let Some(share) = client.shares.get_mut(partition) {
                assert!(share.position.is_some(), "{partition:?} is not started");
                share.is_flowing = is_flowing;
            }
        }
    }
}

fn passing(what: &str) -> Fault {
    Fault::Passing { what: what.to_owned() }
}

impl Log for SimLog {
    fn poll(&mut self, _wait: Duration, batch: &mut Batch) -> Result<Option<Change>, Fault> {
        batch.clear();
        self.member.client.borrow_mut().begin_turn();
        self.at(Point::BeforePoll);
        self.member.deliver_some(&self.sim);
        let change = self.take_change();
        let polled_at_nanos = self.member.clock.monotonic_nanos();
        self.member.client.borrow_mut().polled_at_nanos = polled_at_nanos;
        if let Some(change) = change {
            self.sim.tell(self.member.number, "is told", || told(&change));
            self.at(match change {
                Change::Assigned(_) => Point::AfterAssigned,
                Change::Revoked(_) => Point::AfterRevoked,
                Change::Lost(_) => Point::AfterLost,
            });
            return Ok(Some(change));
        }
        if std::mem::take(&mut self.member.client.borrow_mut().is_commit_refused) {
            return Err(passing("an earlier commit was refused"));
        }
        if self.sim.happens(Planned::PollFault, &self.member) {
            return Err(passing("by the seed"));
        }
        self.take_messages(batch)?;
        if !batch.is_empty() {
            self.at(Point::AfterMessages);
        }
        Ok(None)
    }

    fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), Fault> {
        self.at(Point::BeforeStart);
        for (partition, offset) in starts {
            self.sim.broker.borrow().inputs[partition.0 as usize].check_start(*offset)?;
            if let Some(share) = self.member.client.borrow_mut().shares.get_mut(partition) {
                *share = Share { position: Some(offset.0), is_flowing: false };
            }
        }
        self.at(Point::AfterStart);
        Ok(())
    }

    fn resume(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.set_flow(partitions, true);
        self.at(Point::AfterResume);
        Ok(())
    }

    fn pause(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.at(Point::BeforePause);
        self.set_flow(partitions, false);
        Ok(())
    }

    fn release(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.at(Point::BeforeRelease);
        self.member.client.borrow_mut().release(partitions);
        self.sim.released(&self.member, partitions);
        self.at(Point::AfterRelease);
        Ok(())
    }

    fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused> {
        let is_again = self.member.client.borrow().was_sent(record.answers);
        self.at(if is_again { Point::BeforeSendAgain } else { Point::BeforeSend });
        let is_new_fatal = self.sim.happens(Planned::ProducerFatal, &self.member);
        let is_full = self.sim.happens(Planned::ProducerFull, &self.member);
        let mut client = self.member.client.borrow_mut();
        client.is_fatal |= is_new_fatal;
        if client.is_fatal {
            client.had_trouble();
            return Err(AppendRefused::Fatal);
        }
        if is_full {
            client.full_times = 3;
        }
        if client.full_times > 0 || client.in_flight_count() >= IN_FLIGHT_MAX {
            client.full_times = client.full_times.saturating_sub(1);
            client.had_trouble();
            drop(client);
            self.at(Point::ProducerFull);
            return Err(AppendRefused::Full);
        }
        drop(client);
        self.member.take(&self.sim, record);
        self.at(if is_again { Point::AfterSendAgain } else { Point::AfterSend });
        Ok(())
    }

    fn acknowledged(&mut self, reports: &mut Vec<Report>) -> Result<(), Fault> {
        self.at(Point::BeforeAcknowledged);
        self.member.deliver_some(&self.sim);
        let waiting = self.member.client.borrow().reports.len();
        if waiting == 0 {
            return Ok(());
        }
        let mut told_count = waiting;
        if self.sim.happens(Planned::ToldLate, &self.member) {
            told_count = self.sim.below(waiting);
        }
        if waiting > 1 && self.sim.happens(Planned::ToldOutOfOrder, &self.member) {
            let (one, other) = (self.sim.below(waiting), self.sim.below(waiting));
            self.member.client.borrow_mut().reports.swap(one, other);
        }
        for _ in 0..told_count {
            let report = self.member.client.borrow_mut().reports.pop_front().unwrap();
            if matches!(report.delivery, Delivery::Failed { .. }) {
                self.member.client.borrow_mut().failed(report.answers);
            } else if self.sim.happens(Planned::ToldTwice, &self.member) {
                reports.push(report.clone());
            }
            reports.push(report);
        }
        self.at(Point::AfterAcknowledged);
        Ok(())
    }

    fn commit(
        &mut self,
        frontier: &[(PartitionId, Offset)],
        wait: CommitWait,
    ) -> Result<(), Fault> {
        let is_first = frontier.iter().any(|(partition, _)| {
            let client = self.member.client.borrow();
            client.shares.get(partition).is_some_and(|share| share.position.is_none())
        });
        let (before, after) = match (wait, is_first) {
            (CommitWait::UntilDone, true) => (Point::BeforeFirstCommit, Point::AfterFirstCommit),
            (CommitWait::UntilDone, false) => (Point::BeforeLastCommit, Point::AfterLastCommit),
            (CommitWait::Lazily, _) => (Point::BeforeCommit, Point::AfterCommit),
        };
        self.at(before);
        let is_refused = self.sim.happens(Planned::CommitRefused, &self.member);
        if is_refused || (wait == CommitWait::UntilDone && self.member.is_fenced.get()) {
            return Err(passing("the commit was refused"));
        }
        self.member.client.borrow_mut().commits.push_back(frontier.to_vec());
        let is_late =
            wait == CommitWait::Lazily && self.sim.happens(Planned::CommitLate, &self.member);
        if !is_late {
            self.member.apply_commits(&self.sim);
        }
        self.at(after);
        Ok(())
    }

    fn close(self) {}
}

fn told(change: &Change) -> String {
    let numbers = |partitions: &[PartitionId]| {
        partitions.iter().map(|partition| partition.0).collect::<Vec<_>>()
    };
    match change {
        Change::Assigned(given) => {
            let given: Vec<_> = given
                .iter()
                .map(|one| (one.partition.0, one.committed.map(|offset| offset.0)))
                .collect();
            format!("that it is given {given:?} (partition, committed)")
        }
        Change::Revoked(partitions) => format!("to give back {:?}", numbers(partitions)),
        Change::Lost(partitions) => format!("that it lost {:?}", numbers(partitions)),
    }
}

/// What a worker tells.
pub(crate) struct Told {
    pub(crate) sim: Rc<Sim>,
    pub(crate) member: Rc<Member>,
}

impl Observer for Told {
    fn tallied(&mut self, tally: &Tally, partitions: &[PartitionStatus]) {
        self.sim.count_tally(tally, partitions);
        self.sim.at(&self.member, Point::TellsTally);
    }

    fn assigned(&mut self, _partitions: &[PartitionId], _restoring: &[RestoringStatus]) {
        self.sim.at(&self.member, Point::TellsAssigned);
    }

    fn stalled(&mut self, _is_stalled: bool) {}

    fn lost(&mut self, _partitions: &[PartitionId]) {
        self.sim.at(&self.member, Point::TellsLost);
    }
}
