//! A tail, a feed and the admin client.

use std::collections::BTreeSet;

use stopline::domain::{Offset, PartitionId};
use stopline::service::Clock;
use stopline::service::log::kafka::{
    FeedRecord, KafkaAdmin, KafkaFeed, KafkaTail, Positions, TailStart, positions,
};
use stopline::service::log::{Fault, Tail, TailEvent, TailRecord, partition_of_key};

use super::{INPUTS, Mock, PATIENCE, WAIT};

/// Reads until every partition of `ends` was told to be at its end.
fn read_to_ends(tail: &mut KafkaTail, ends: &[i32]) -> Vec<TailRecord> {
    let clock = Clock::system();
    let deadline = clock.deadline(PATIENCE);
    let mut missing: BTreeSet<_> = ends.iter().copied().map(PartitionId).collect();
    let mut records = Vec::new();
    while !missing.is_empty() {
        assert!(!deadline.has_passed(), "no end of {missing:?}");
        match tail.next(WAIT).unwrap() {
            Some(TailEvent::Record(record)) => records.push(record),
            Some(TailEvent::ReachedEnd(partition)) => {
                assert!(missing.remove(&partition), "an end is told once");
            }
            None => {}
        }
    }
    records
}

#[test]
fn each_end_is_told_once_and_again_when_caught_up() {
    let mock = Mock::with_partitions(3);
    mock.produce(1, 0..20);
    let settings = mock.settings("reader", &[]);
    let mut tail = KafkaTail::from_beginning(&settings, INPUTS, 3, Clock::system()).unwrap();
    let records = read_to_ends(&mut tail, &[0, 1, 2]);
    let offsets: Vec<_> = records.iter().map(|record| record.offset.0).collect();
    assert_eq!(offsets, (0..20).collect::<Vec<_>>());
    let record = &records[3];
    assert_eq!(record.partition, PartitionId(1));
    assert_eq!(record.value.as_deref(), Some(&b"3"[..]));
    assert_eq!(record.headers[1], ("value".to_owned(), b"3".to_vec()));
    assert!(record.appended_at_unix_millis > 1_700_000_000_000);
    mock.produce(2, 0..5);
    assert_eq!(read_to_ends(&mut tail, &[2]).len(), 5);
}

#[test]
fn a_tail_starts_where_it_is_told_or_not_at_all() {
    let mock = Mock::with_partitions(1);
    mock.produce(0, 0..20);
    let settings = mock.settings("reader", &[]);
    let open = |offset| {
        let starts = [(PartitionId(0), TailStart::At(Offset(offset)))];
        KafkaTail::open(&settings, INPUTS, &starts, Clock::system()).unwrap()
    };
    let records = read_to_ends(&mut open(15), &[0]);
    assert_eq!(records.first().map(|record| record.offset), Some(Offset(15)));
    assert_eq!(records.len(), 5);

    let mut outside = open(1_000);
    let clock = Clock::system();
    let deadline = clock.deadline(PATIENCE);
    let fault = loop {
        assert!(!deadline.has_passed(), "no fault");
        if let Err(fault) = outside.next(WAIT) {
            break fault;
        }
    };
    assert!(matches!(fault, Fault::OffsetOutOfRange { .. }), "{fault:?}");
}

#[test]
fn a_feed_places_keys_as_java_producers_do_and_sends_tombstones() {
    let mock = Mock::with_partitions(5);
    let settings = mock.settings("feed", &[]);
    let feed = KafkaFeed::open(&settings, Clock::system()).unwrap();
    for number in 0..100 {
        let key = format!("account-{number}");
        feed.send(&FeedRecord {
            topic: INPUTS,
            partition: None,
            key: Some(key.as_bytes()),
            value: None,
            headers: &[],
        })
        .unwrap();
    }
    feed.drain(PATIENCE).unwrap();
    assert_eq!(feed.failed_count(), 0);
    let mut tail = KafkaTail::from_beginning(&settings, INPUTS, 5, Clock::system()).unwrap();
    let records = read_to_ends(&mut tail, &[0, 1, 2, 3, 4]);
    assert_eq!(records.len(), 100);
    for record in records {
        assert_eq!(record.value, None);
        let key = record.key.unwrap();
        assert_eq!(record.partition, partition_of_key(&key, 5));
    }
}

#[test]
fn the_admin_client_counts_partitions_and_names_what_is_missing() {
    let mock = Mock::with_partitions(3);
    let admin = KafkaAdmin::open(&mock.settings("admin", &[]), Clock::system()).unwrap();
    assert_eq!(admin.partitions_count(INPUTS), Ok(3));
    let missing = Fault::TopicMissing { topic: "nowhere".to_owned() };
    assert_eq!(admin.partitions_count("nowhere"), Err(missing));
    mock.cluster().broker_down(-1).unwrap();
    let fault = admin.partitions_count(INPUTS);
    assert!(matches!(fault, Err(Fault::Unreachable { .. })), "{fault:?}");
}

#[test]
fn the_positions_of_a_topic_are_found_without_joining_the_group() {
    let mock = Mock::with_partitions(2);
    mock.produce(1, 0..20);
    let settings = mock.settings("asker", &[]);
    let found = positions(&settings, INPUTS, 2).unwrap();
    let expected = |partition, end| Positions {
        partition: PartitionId(partition),
        beginning: Offset(0),
        end: Offset(end),
        committed: None,
    };
    assert_eq!(found, [expected(0, 0), expected(1, 20)]);
}
