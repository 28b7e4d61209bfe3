//! Join, start, commit, resume, rebalance, loss.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use stopline::domain::{Offset, PartitionId};
use stopline::service::Clock;
use stopline::service::log::{Assigned, Change, CommitWait, Fault, Log};

use super::{Mock, PATIENCE, Worker, ids};

#[test]
fn a_member_reads_what_is_there_and_its_successor_goes_on_where_it_committed() {
    let mock = Mock::with_partitions(2);
    mock.produce(0, 0..50);
    let mut worker = mock.worker("a");
    let assigned = worker.next_assigned();
    let known: Vec<_> = assigned
        .iter()
        .map(|given| (given.partition.0, given.committed, given.beginning.0, given.end.0))
        .collect();
    assert_eq!(known, [(0, None, 0, 50), (1, None, 0, 0)]);
    worker.start(&assigned);
    worker.until("all is read", |worker| worker.count(0) == 50);
    worker.saw_exactly(0, 0..50);
    let frontier = [(PartitionId(0), Offset(30)), (PartitionId(1), Offset(0))];
    worker.log.commit(&frontier, CommitWait::UntilDone).unwrap();
    worker.log.close();

    let mut successor = mock.worker("a");
    let assigned = successor.next_assigned();
    assert_eq!(assigned[0].committed, Some(Offset(30)));
    assert_eq!(assigned[1].committed, Some(Offset(0)));
    successor.start(&assigned);
    successor.until("the rest is read", |worker| worker.count(0) == 20);
    successor.saw_exactly(0, 30..50);
}

#[test]
fn explicit_offsets_are_honoured_and_nothing_flows_before_resume_or_while_paused() {
    let mock = Mock::with_partitions(2);
    mock.produce(0, 0..20);
    mock.produce(1, 0..20);
    let (held, open) = (PartitionId(0), PartitionId(1));
    let mut worker = mock.worker("a");
    worker.next_assigned();
    worker.log.resume(&[held]).expect("what is not started is passed over");
    let starts = [(held, Offset(5)), (open, Offset(15))];
    worker.log.start(&starts).unwrap();
    worker.log.start(&starts).expect("what is started already is passed over");
    worker.log.resume(&[open]).unwrap();
    worker.until("the open one is read", |worker| worker.count(1) == 5);
    worker.saw_exactly(1, 15..20);
    assert_eq!(worker.count(0), 0);

    worker.log.resume(&[held]).unwrap();
    worker.log.pause(&[held]).unwrap();
    mock.produce(1, 20..40);
    worker.until("the open one is read", |worker| worker.count(1) == 25);
    assert_eq!(worker.count(0), 0);
    worker.log.resume(&[held]).unwrap();
    worker.until("the held one is read", |worker| worker.count(0) == 15);
    worker.saw_exactly(0, 5..20);
    worker.saw_exactly(1, 15..40);
}

#[test]
fn a_lazy_commit_is_kept_and_a_refused_one_shows_at_a_later_poll() {
    let mock = Mock::with_partitions(1);
    let mut worker = mock.worker("a");
    let assigned = worker.next_assigned();
    worker.start(&assigned);
    let frontier = |offset| [(PartitionId(0), Offset(offset))];
    mock.cluster().request_errors(
        RDKafkaApiKey::OffsetCommit,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE],
    );
    worker.log.commit(&frontier(1), CommitWait::Lazily).unwrap();
    worker.until("it is refused", |worker| !worker.faults.is_empty());
    assert!(!worker.faults[0].is_fatal(), "{:?}", worker.faults);
    worker.log.commit(&frontier(2), CommitWait::Lazily).unwrap();
    worker.log.commit(&frontier(3), CommitWait::UntilDone).unwrap();
    worker.log.close();
    let mut successor = mock.worker("a");
    assert_eq!(successor.next_assigned()[0].committed, Some(Offset(3)));
}

/// Two members of one group, and what each was given and has not released.
struct Pair {
    first: Worker,
    second: Worker,
    first_has: BTreeSet<PartitionId>,
    second_has: BTreeSet<PartitionId>,
}

impl Pair {
    /// A second member beside one that has `first_has`.
    fn new(first: Worker, first_has: &[Assigned], second: Worker) -> Self {
        Self {
            first,
            second,
            first_has: ids(first_has).into_iter().collect(),
            second_has: BTreeSet::new(),
        }
    }

    /// Turns both until `done`, and checks that no partition is with both.
    fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let clock = Clock::system();
        let deadline = clock.deadline(PATIENCE);
        while !done(self) {
            let (first, second) = (&self.first, &self.second);
            assert!(
                !deadline.has_passed(),
                "waited in vain: {:?} {:?} {:?}, {:?} {:?} {:?}",
                first.changes,
                first.faults,
                self.first_has,
                second.changes,
                second.faults,
                self.second_has
            );
            self.first.turn();
            self.second.turn();
        }
    }

    /// Does what every member does, until each has a share and all is with one of them. The
    /// mock may take some rounds for it.
    fn settle(&mut self, partitions_count: usize) {
        let clock = Clock::system();
        let deadline = clock.deadline(PATIENCE);
        let is_settled = |pair: &Self| {
            let both = pair.first_has.len() + pair.second_has.len();
            let smaller = pair.first_has.len().min(pair.second_has.len());
            both == partitions_count && smaller == partitions_count / 2
        };
        while !is_settled(self) {
            assert!(!deadline.has_passed(), "they do not agree");
            self.first.turn();
            self.second.turn();
            obey(&mut self.first, &mut self.first_has);
            obey(&mut self.second, &mut self.second_has);
            assert!(self.first_has.is_disjoint(&self.second_has), "a partition is with both");
        }
    }
}

/// Starts what is given, at the committed position, and releases what is revoked.
fn obey(worker: &mut Worker, has: &mut BTreeSet<PartitionId>) {
    for change in std::mem::take(&mut worker.changes) {
        match change {
            Change::Assigned(assigned) => {
                worker.start(&assigned);
                has.extend(ids(&assigned));
            }
            Change::Revoked(partitions) | Change::Lost(partitions) => {
                worker.log.release(&partitions).unwrap();
                has.retain(|partition| !partitions.contains(partition));
            }
        }
    }
}

/// A lone member that has read ten messages of each partition and committed them.
fn lone_member(
    mock: &Mock,
    partitions_count: i32,
    settings: &[(&str, &str)],
) -> (Worker, Vec<Assigned>) {
    for partition in 0..partitions_count {
        mock.produce(partition, 0..10);
    }
    let mut worker = mock.worker_with("a", settings);
    let assigned = worker.next_assigned();
    worker.start(&assigned);
    worker.until("all is read", |worker| {
        (0..partitions_count).all(|partition| worker.count(partition) == 10)
    });
    let frontier: Vec<_> = assigned.iter().map(|given| (given.partition, Offset(10))).collect();
    worker.log.commit(&frontier, CommitWait::UntilDone).unwrap();
    (worker, assigned)
}

fn next_revoked(pair: &mut Pair) -> Vec<PartitionId> {
    pair.until(|pair| !pair.first.changes.is_empty());
    let change = pair.first.changes.remove(0);
    let Change::Revoked(revoked) = change else {
        panic!("not a revocation: {change:?}");
    };
    revoked
}

#[test]
fn a_revoked_partition_moves_only_once_it_is_released_and_the_others_go_on() {
    let mock = Mock::with_partitions(4);
    let (first, assigned) = lone_member(&mock, 4, &[]);
    let mut pair = Pair::new(first, &assigned, mock.worker("b"));
    let revoked = next_revoked(&mut pair);
    assert_eq!(revoked.len(), 2, "half of four");
    // Unreleased, it stays. Not for long: the mock waits two seconds for a member where a
    // broker waits for `max.poll.interval.ms`.
    let clock = Clock::system();
    let while_settling = clock.deadline(Duration::from_millis(500));
    pair.until(|_| while_settling.has_passed());
    let given = |change: &Change| *change != Change::Assigned(Vec::new());
    assert!(!pair.second.changes.iter().any(given), "{:?}", pair.second.changes);

    // In two portions: only the last one answers.
    for portion in revoked.chunks(1) {
        pair.first.log.release(portion).unwrap();
    }
    pair.first_has.retain(|partition| !revoked.contains(partition));
    let kept = pair.first_has.clone();
    pair.settle(4);
    for partition in 0..4 {
        mock.produce(partition, 10..20);
    }
    let (first_has, second_has) = (pair.first_has.clone(), pair.second_has.clone());
    pair.until(|pair| {
        let has_twenty = |PartitionId(p): &PartitionId| pair.first.count(*p) == 20;
        let has_ten = |PartitionId(p): &PartitionId| pair.second.count(*p) == 10;
        first_has.iter().all(has_twenty) && second_has.iter().all(has_ten)
    });
    for PartitionId(partition) in first_has.intersection(&kept) {
        pair.first.saw_exactly(*partition, 0..20);
        pair.second.saw_exactly(*partition, 0..0);
    }
    for PartitionId(partition) in &second_has {
        pair.first.saw_exactly(*partition, 0..10);
        pair.second.saw_exactly(*partition, 10..20);
    }
    let is_fatal = |fault: &Fault| fault.is_fatal();
    assert!(!pair.first.faults.iter().any(is_fatal), "{:?}", pair.first.faults);
    assert!(!pair.second.faults.iter().any(is_fatal), "{:?}", pair.second.faults);
}

#[test]
fn a_partition_moves_that_was_never_started_for_the_group_does_not_wait_for_a_start() {
    let mock = Mock::with_partitions(2);
    let mut first = mock.worker("a");
    let assigned = first.next_assigned();
    // Never started, as if its state took long to restore: the group goes on.
    let mut pair = Pair::new(first, &assigned, mock.worker("b"));
    let revoked = next_revoked(&mut pair);
    pair.first.log.release(&revoked).unwrap();
    pair.first_has.retain(|partition| !revoked.contains(partition));
    pair.first.log.start(&[(revoked[0], Offset(0))]).expect("what is gone is passed over");
    pair.first.log.resume(&[revoked[0]]).expect("what is gone is passed over");
    pair.settle(2);
    let kept: Vec<_> =
        pair.first_has.intersection(&ids(&assigned).into_iter().collect()).copied().collect();
    assert!(!kept.is_empty());
}

#[test]
fn an_eager_member_gives_everything_back_and_gets_its_share_again() {
    let mock = Mock::with_partitions(2);
    let eager = [("consumer.partition.assignment.strategy", "range")];
    let (first, assigned) = lone_member(&mock, 2, &eager);
    let mut pair = Pair::new(first, &assigned, mock.worker_with("b", &eager));
    let revoked = next_revoked(&mut pair);
    assert_eq!(revoked, ids(&assigned));
    pair.first.log.release(&revoked).unwrap();
    pair.first_has.clear();
    pair.settle(2);
    for partition in 0..2 {
        mock.produce(partition, 10..20);
    }
    pair.until(|pair| {
        (0..2).all(|partition| pair.first.count(partition) + pair.second.count(partition) == 20)
    });
}

#[test]
fn an_assignment_whose_session_ran_out_is_lost_and_comes_back() {
    let mock = Mock::with_partitions(1);
    mock.produce(0, 0..10);
    let mut worker = mock.worker("a");
    let assigned = worker.next_assigned();
    worker.start(&assigned);
    worker.until("all is read", |worker| worker.count(0) == 10);
    mock.cluster().broker_down(-1).unwrap();
    assert_eq!(worker.next_change(), Change::Lost(vec![PartitionId(0)]));
    assert!(worker.faults.iter().all(|fault| !fault.is_fatal()), "{:?}", worker.faults);
    worker.log.release(&[PartitionId(0)]).unwrap();
    mock.cluster().broker_up(-1).unwrap();
    let assigned = worker.next_assigned();
    assert_eq!(assigned[0].committed, None);
    worker.log.start(&[(PartitionId(0), Offset(8))]).unwrap();
    worker.log.resume(&[PartitionId(0)]).unwrap();
    worker.until("the rest is read again", |worker| worker.count(0) == 12);
}

#[test]
fn a_start_outside_the_log_is_a_fatal_fault() {
    let mock = Mock::with_partitions(1);
    mock.produce(0, 0..10);
    let mut worker = mock.worker("a");
    worker.next_assigned();
    worker.log.start(&[(PartitionId(0), Offset(1_000))]).unwrap();
    worker.log.resume(&[PartitionId(0)]).unwrap();
    worker.until("it is told", |worker| !worker.faults.is_empty());
    let fault = &worker.faults[0];
    assert!(matches!(fault, Fault::OffsetOutOfRange { .. }), "{fault:?}");
    assert!(fault.is_fatal());
    assert_eq!(worker.count(0), 0);
}

#[test]
fn a_missing_topic_is_named() {
    let mock = Mock::with_partitions(1);
    mock.cluster()
        .topic_error("in", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        .unwrap();
    let mut worker = mock.worker("a");
    worker.until("it is told", |worker| !worker.faults.is_empty());
    let missing = Fault::TopicMissing { topic: "in".to_owned() };
    assert_eq!(worker.faults[0], missing);
    assert!(!missing.is_fatal());
}

#[test]
fn closing_with_a_revocation_unanswered_ends_in_time() {
    let mock = Mock::with_partitions(2);
    let (first, assigned) = lone_member(&mock, 2, &[]);
    let mut pair = Pair::new(first, &assigned, mock.worker("b"));
    next_revoked(&mut pair);
    let Pair { first, mut second, .. } = pair;
    let clock = Clock::system();
    let deadline = clock.deadline(Duration::from_secs(5));
    first.log.close();
    assert!(!deadline.has_passed(), "it closed well inside its bound");
    let mut second_has = BTreeSet::new();
    let deadline = clock.deadline(PATIENCE);
    while second_has.len() < 2 {
        assert!(!deadline.has_passed(), "it has {second_has:?}");
        second.turn();
        obey(&mut second, &mut second_has);
    }
}
