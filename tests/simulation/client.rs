//! A worker's client: records on their way, what became of them, and what is checked at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use stopline::domain::{Input, Offset, PartitionId};
use stopline::service::log::{Change, Delivery, Outgoing, Report, Undelivered};

use crate::broker::content;
use crate::member::Member;
use crate::points::Fault;
use crate::sim::Sim;

/// What becomes of a record on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Lands,
    LandsUnplaced,
    LandsUntold,
    LandsAfterAll,
    IsLost,
}

/// A record that is not in the log yet.
#[derive(Debug)]
pub(crate) struct InFlight {
    answers: Input,
    record: Undelivered,
    fate: Fate,
    /// Its partition was given back meanwhile, or its failure was told already.
    is_untold: bool,
}

/// A partition that the worker reads.
#[derive(Debug, Default)]
pub(crate) struct Share {
    pub(crate) position: Option<i64>,
    pub(crate) is_flowing: bool,
}

/// What the worker was told of a partition of the journal, and what it sent there.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) assignment: u64,
    /// It has been told all records before this.
    pub(crate) next: i64,
    /// How often each answer was sent and said to have failed, and its bytes.
    sent: HashMap<i64, Sent>,
}

#[derive(Debug)]
struct Sent {
    times: u32,
    failures: u32,
    value: Vec<u8>,
}

/// The client of one worker.
#[derive(Debug, Default)]
pub(crate) struct Client {
    pub(crate) changes: VecDeque<Change>,
    pub(crate) shares: BTreeMap<PartitionId, Share>,
    /// Asked back and not released.
    pub(crate) leaving: BTreeSet<PartitionId>,
    /// Per partition, in order.
    in_flight: BTreeMap<PartitionId, VecDeque<InFlight>>,
    pub(crate) reports: VecDeque<Report>,
    /// Commits that have not taken effect.
    pub(crate) commits: VecDeque<Vec<(PartitionId, Offset)>>,
    /// To be told at the next poll.
    pub(crate) is_commit_refused: bool,
    pub(crate) is_fatal: bool,
    /// So many records are refused before one is taken.
    pub(crate) full_times: u32,
    pub(crate) knowledge: BTreeMap<PartitionId, Knowledge>,
    /// The worker may have decided records that it has not handed over.
    has_queue: bool,
    had_trouble: bool,
    pub(crate) polled_at_nanos: u64,
    pub(crate) turn: usize,
}

impl Client {
    /// A poll begins: what was queued at the last one has been handed over since, if nothing
    /// was refused or failed.
    pub(crate) fn begin_turn(&mut self) {
        self.has_queue = self.had_trouble;
        self.had_trouble = false;
    }

    pub(crate) fn had_trouble(&mut self) {
        self.had_trouble = true;
        self.has_queue = true;
    }

    pub(crate) fn in_flight_count(&self) -> usize {
        self.in_flight.values().map(VecDeque::len).sum()
    }

    /// True where the record that answers `answers` was handed over before.
    pub(crate) fn was_sent(&self, answers: Input) -> bool {
        self.knowledge
            .get(&answers.partition)
            .is_some_and(|known| known.sent.contains_key(&answers.offset.0))
    }

    pub(crate) fn failed(&mut self, answers: Input) {
        self.had_trouble();
        let known = self.knowledge.get_mut(&answers.partition);
        if let Some(sent) = known.and_then(|known| known.sent.get_mut(&answers.offset.0)) {
            sent.failures += 1;
        }
    }

    /// The worker lets go of `partitions`: nothing more is told of them.
    pub(crate) fn release(&mut self, partitions: &[PartitionId]) {
        self.reports.retain(|report| !partitions.contains(&report.answers.partition));
        for partition in partitions {
            self.shares.remove(partition);
            self.leaving.remove(partition);
            self.knowledge.remove(partition);
            for record in self.in_flight.entry(*partition).or_default() {
                record.is_untold = true;
            }
        }
    }

    /// A restoration was told: the worker knows the journal up to `next`.
    pub(crate) fn restored(&mut self, partition: PartitionId, assignment: u64, next: Offset) {
        let known = Knowledge { assignment, next: next.0, sent: HashMap::new() };
        self.knowledge.insert(partition, known);
    }

    pub(crate) fn gap_read(&mut self, partition: PartitionId, assignment: u64, next: Offset) {
        let known = self.knowledge.get_mut(&partition);
        if let Some(known) = known.filter(|known| known.assignment == assignment) {
            known.next = known.next.max(next.0);
        }
    }
}

impl Member {
    /// Takes `record` on its way, after a look at what the worker may and must write.
    pub(crate) fn take(&self, sim: &Sim, record: &Outgoing<'_>) {
        self.check_sent(sim, record);
        let fate = if sim.happens(Fault::LandsUnplaced, self) {
            Fate::LandsUnplaced
        } else if sim.happens(Fault::LandsUntold, self) {
            Fate::LandsUntold
        } else if sim.happens(Fault::LandsAfterAll, self) {
            Fate::LandsAfterAll
        } else if sim.happens(Fault::IsLost, self) {
            Fate::IsLost
        } else {
            Fate::Lands
        };
        let answers = record.answers;
        sim.tell(self.number, "sends", || format!("the answer to {}, which {fate:?}", at(answers)));
        sim.hash_bytes(record.value);
        let record = Undelivered::of(record);
        let mut client = self.client.borrow_mut();
        let mut is_untold = false;
        if fate == Fate::LandsAfterAll {
            client.reports.push_back(failed(answers, &record));
            is_untold = true;
        }
        let in_flight = InFlight { answers, record, fate, is_untold };
        client.in_flight.entry(answers.partition).or_default().push_back(in_flight);
    }

    /// What is handed over while all is known to be in order is checked against what the
    /// worker was told: it must not answer twice, nor decide anew what it knows to be decided.
    fn check_sent(&self, sim: &Sim, record: &Outgoing<'_>) {
        let answers = record.answers;
        let mut client = self.client.borrow_mut();
        let has_queue = client.has_queue;
        let Some(known) = client.knowledge.get_mut(&answers.partition) else {
            panic!("O1: worker {} answers {}, of which it has no state", self.number, at(answers));
        };
        if let Some(sent) = known.sent.get_mut(&answers.offset.0) {
            sent.times += 1;
            let Sent { times, failures, value } = sent;
            let number = self.number;
            assert_eq!(value, record.value, "worker {number} sends {} anew", at(answers));
            assert!(
                *times <= *failures + 1,
                "O1: worker {number} sends the answer to {} {times} times, of which {failures} \
                 failed",
                at(answers)
            );
            return;
        }
        let sent = Sent { times: 1, failures: 0, value: record.value.to_vec() };
        known.sent.insert(answers.offset.0, sent);
        if has_queue {
            return; // It may have been decided before the worker was told.
        }
        let content_type = record.headers.iter().find(|(name, _)| *name == "content-type");
        let content_type = content_type.and_then(|(_, value)| std::str::from_utf8(value).ok());
        let (said, value) = content(content_type, record.value);
        let Some(proto_answer) = said.answer else { return };
        let stopline::wire::proto::record::Answer::Decision(decision) = proto_answer else {
            return;
        };
        let decided = decision.decided_input.unwrap().offset;
        let broker = sim.broker.borrow();
        let journal = &broker.journal[answers.partition.0 as usize];
        if let Some(binding) = journal.binding.get(&decided)
            && binding.offset < known.next
        {
            assert!(
                binding.value == value,
                "O2: worker {} answers {} with a decision of input {decided} that is not the one \
                 at offset {} of the journal, which binds and which it has read (up to {})",
                self.number,
                at(answers),
                binding.offset,
                known.next
            );
        }
    }

    /// Lets the first record in flight of some partition land, or not.
    pub(crate) fn deliver_one(&self, sim: &Sim) -> bool {
        let mut client = self.client.borrow_mut();
        let waiting: Vec<PartitionId> = client
            .in_flight
            .iter()
            .filter(|(_, records)| !records.is_empty())
            .map(|(partition, _)| *partition)
            .collect();
        if waiting.is_empty() {
            return false;
        }
        let partition = waiting[sim.below(waiting.len())];
        let first = client.in_flight.get_mut(&partition).and_then(VecDeque::pop_front);
        let InFlight { answers, record, fate, is_untold } = first.unwrap();
        let mut offset = None;
        if fate != Fate::IsLost {
            let mut broker = sim.broker.borrow_mut();
            let headers = record.headers.clone();
            let (key, value) = (record.key.as_deref(), &record.value);
            let place = partition.0 as usize;
            let landed = broker.append_output(sim.now.get(), place, key, value, headers);
            offset = Some(landed);
            drop(broker);
            sim.tell(self.number, "has landed", || {
                format!("the answer to {} at {}", at(answers), landed.0)
            });
        }
        if is_untold {
            return true;
        }
        client.reports.push_back(match fate {
            Fate::Lands | Fate::LandsAfterAll => {
                Report { answers, delivery: Delivery::Acknowledged(offset) }
            }
            Fate::LandsUnplaced => Report { answers, delivery: Delivery::Acknowledged(None) },
            Fate::LandsUntold | Fate::IsLost => failed(answers, &record),
        });
        true
    }

    /// Lets some of what is on its way arrive.
    pub(crate) fn deliver_some(self: &Rc<Self>, sim: &Sim) {
        let count = if sim.is_calm.get() { usize::MAX } else { sim.below(12) };
        for _ in 0..count {
            if !self.deliver_one(sim) {
                break;
            }
        }
        if !self.client.borrow().commits.is_empty() && (sim.is_calm.get() || sim.chance(3_000)) {
            self.apply_commits(sim);
        }
    }
}

fn failed(answers: Input, record: &Undelivered) -> Report {
    let cause = "by the seed".to_owned();
    Report { answers, delivery: Delivery::Failed { cause, record: Box::new(record.clone()) } }
}

/// `input`, as people write it.
pub(crate) fn at(input: Input) -> String {
    format!("{}:{}", input.partition.0, input.offset.0)
}
