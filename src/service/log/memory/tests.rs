//! The worker's log over the memory broker, tried as a worker would.

use std::thread;
use std::time::Duration;

use super::{MemoryBroker, MemoryLog};
use crate::domain::{Input, Offset, PartitionId};
use crate::service::Clock;
use crate::service::log::{Assigned, Batch, Change, CommitWait, Delivery, Fault, Log, Outgoing};

const WAIT: Duration = Duration::from_secs(10);

fn broker(partitions_count: u32) -> MemoryBroker {
    let broker = MemoryBroker::new(Clock::manual(1_700_000_000_000));
    broker.create_topic("in", partitions_count);
    broker.create_topic("out", partitions_count);
    broker
}

fn worker_log(broker: &MemoryBroker, partitions: &[i32]) -> MemoryLog {
    let partitions: Vec<_> = partitions.iter().copied().map(PartitionId).collect();
    broker.worker_log("group", "in", "out", &partitions).expect("both topics are there")
}

fn produce(broker: &MemoryBroker, partition: i32, records_count: u8) {
    for number in 0..records_count {
        broker
            .produce("in", PartitionId(partition), None, Some(&[number]), &[("n", &[number])])
            .expect("the topic is there");
    }
}

/// Takes the assignment, starts all of it where it was committed and lets it flow.
fn start_all(log: &mut MemoryLog) -> Vec<Assigned> {
    let change = log.poll(Duration::ZERO, &mut Batch::default());
    let Ok(Some(Change::Assigned(assigned))) = change else {
        panic!("the first poll gives the assignment, not {change:?}");
    };
    for share in &assigned {
        let from = share.committed.unwrap_or(share.beginning);
        log.start(&[(share.partition, from)]).expect("assigned");
        log.resume(&[share.partition]).expect("started");
    }
    assigned
}

fn poll(log: &mut MemoryLog, wait: Duration) -> Vec<(i32, i64, u8)> {
    let mut batch = Batch::default();
    assert_eq!(log.poll(wait, &mut batch), Ok(None));
    batch
        .iter()
        .map(|message| {
            let value = message.value.expect("a value");
            assert_eq!(message.header("n"), Some(value));
            let Input { partition, offset } = message.input;
            (partition.0, offset.0, value[0])
        })
        .collect()
}

#[test]
fn messages_come_in_log_order_and_sixteen_at_a_time() {
    let broker = broker(1);
    produce(&broker, 0, 40);
    let mut log = worker_log(&broker, &[0]);
    start_all(&mut log);
    let mut offset = 0;
    for expected in [16, 16, 8, 0] {
        let messages = poll(&mut log, Duration::ZERO);
        assert_eq!(messages.len(), expected);
        for message in messages {
            assert_eq!((message.1, i64::from(message.2)), (offset, offset));
            offset += 1;
        }
    }
}

#[test]
fn no_message_comes_before_resume_or_while_paused_and_none_is_lost_to_it() {
    let broker = broker(2);
    produce(&broker, 0, 2);
    produce(&broker, 1, 1);
    let mut log = worker_log(&broker, &[0, 1]);
    log.poll(Duration::ZERO, &mut Batch::default()).expect("the assignment");
    let (held, open) = (PartitionId(0), PartitionId(1));
    assert!(log.resume(&[held]).is_err(), "not started yet");
    log.start(&[(held, Offset(0)), (open, Offset(0))]).expect("assigned");
    assert_eq!(poll(&mut log, Duration::ZERO), []);
    log.resume(&[open]).expect("started");
    assert_eq!(poll(&mut log, Duration::ZERO), [(1, 0, 0)]);
    log.resume(&[held]).expect("started");
    log.pause(&[held]).expect("started");
    assert_eq!(poll(&mut log, Duration::ZERO), []);
    log.resume(&[held]).expect("started");
    assert_eq!(poll(&mut log, Duration::ZERO), [(0, 0, 0), (0, 1, 1)]);
}

#[test]
fn a_waiting_poll_is_woken_by_a_record() {
    let broker = broker(1);
    let mut log = worker_log(&broker, &[0]);
    start_all(&mut log);
    let producer = thread::spawn({
        let broker = broker.clone();
        move || produce(&broker, 0, 1)
    });
    let clock = Clock::system();
    let deadline = clock.deadline(WAIT);
    let mut messages = Vec::new();
    while messages.is_empty() && !deadline.has_passed() {
        messages = poll(&mut log, WAIT);
    }
    assert_eq!(messages, [(0, 0, 0)]);
    assert!(!deadline.has_passed(), "it did not sleep its whole wait");
    producer.join().expect("the producer ends");
}

#[test]
fn a_successor_goes_on_at_the_committed_position() {
    let broker = broker(1);
    produce(&broker, 0, 3);
    let mut log = worker_log(&broker, &[0]);
    assert_eq!(start_all(&mut log)[0].committed, None);
    poll(&mut log, Duration::ZERO);
    log.commit(&[(PartitionId(0), Offset(2))], CommitWait::UntilDone).expect("assigned");
    assert!(log.commit(&[(PartitionId(9), Offset(2))], CommitWait::Lazily).is_err(), "not ours");
    log.close();
    let mut successor = worker_log(&broker, &[0]);
    let assigned = start_all(&mut successor);
    assert_eq!(assigned[0].committed, Some(Offset(2)));
    assert_eq!(assigned[0].end, Offset(3));
    assert_eq!(poll(&mut successor, Duration::ZERO), [(0, 2, 2)]);
}

#[test]
fn two_logs_on_a_fixed_split_see_their_own_partitions_only() {
    let broker = broker(3);
    let mut even = worker_log(&broker, &[0, 2]);
    let mut odd = worker_log(&broker, &[1]);
    start_all(&mut even);
    start_all(&mut odd);
    for partition in 0..3 {
        produce(&broker, partition, 1);
    }
    let mut seen = poll(&mut even, Duration::ZERO);
    seen.sort_unstable();
    assert_eq!(seen, [(0, 0, 0), (2, 0, 0)]);
    assert_eq!(poll(&mut odd, Duration::ZERO), [(1, 0, 0)]);
}

#[test]
fn an_appended_record_lies_in_its_inputs_partition_and_is_acknowledged_with_its_offset() {
    let broker = broker(2);
    let mut log = worker_log(&broker, &[1]);
    let answers = Input { partition: PartitionId(1), offset: Offset(77) };
    let record =
        Outgoing { answers, key: Some(b"account"), value: b"record", headers: &[("h", b"1")] };
    let mut reports = Vec::new();
    for _ in 0..2 {
        log.append(&record).expect("there is room");
    }
    log.acknowledged(&mut reports).expect("never fails");
    let offsets: Vec<_> =
        reports.into_iter().map(|report| (report.answers, report.delivery)).collect();
    let acknowledged = |offset| (answers, Delivery::Acknowledged(Some(Offset(offset))));
    assert_eq!(offsets, [acknowledged(0), acknowledged(1)]);
    let ends = broker.end_offsets("out").expect("the topic is there");
    assert_eq!(ends, [(PartitionId(0), Offset(0)), (PartitionId(1), Offset(2))]);
}

#[test]
fn a_start_outside_the_log_is_refused() {
    let broker = broker(1);
    produce(&broker, 0, 1);
    let mut log = worker_log(&broker, &[0]);
    for (offset, is_inside) in [(-1, false), (0, true), (1, true), (2, false)] {
        let started = log.start(&[(PartitionId(0), Offset(offset))]);
        assert_eq!(started.is_ok(), is_inside, "{offset}");
    }
    let missing = broker.worker_log("group", "in", "nowhere", &[PartitionId(0)]);
    assert!(matches!(missing, Err(Fault::TopicMissing { .. })));
}
