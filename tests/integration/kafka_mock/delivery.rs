//! Records out: acknowledged, retried, failed, sent again; and what bad input does.

use std::ffi::CString;
use std::time::Duration;

use rdkafka::producer::Producer;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use stopline::domain::{Input, Offset, PartitionId};
use stopline::service::Clock;
use stopline::service::log::kafka::{KafkaTail, TailStart};
use stopline::service::log::{
    AppendRefused, Delivery, Fault, Log, Outgoing, Report, Tail, TailEvent,
};

use super::{Mock, OUTPUTS, PATIENCE, WAIT, Worker};

fn acknowledged(worker: &Worker) -> Vec<(i64, Option<i64>)> {
    worker
        .reports
        .iter()
        .filter_map(|Report { answers, delivery }| match delivery {
            Delivery::Acknowledged(offset) => Some((answers.offset.0, offset.map(|o| o.0))),
            Delivery::Failed { .. } => None,
        })
        .collect()
}

#[test]
fn a_record_lies_in_its_inputs_partition_with_key_and_headers_and_its_offset_comes_back() {
    let mock = Mock::with_partitions(3);
    let mut worker = mock.worker("a");
    for offset in 100..103 {
        worker.append(2, offset);
    }
    worker.until("all is acknowledged", |worker| worker.reports.len() == 3);
    assert_eq!(acknowledged(&worker), [(100, Some(0)), (101, Some(1)), (102, Some(2))]);
    assert!(worker.reports.iter().all(|r| r.answers.partition == PartitionId(2)));

    let starts = [(PartitionId(2), TailStart::Beginning)];
    let settings = mock.settings("reader", &[]);
    let mut tail = KafkaTail::open(&settings, OUTPUTS, &starts, Clock::system()).unwrap();
    let clock = Clock::system();
    let deadline = clock.deadline(PATIENCE);
    let record = loop {
        assert!(!deadline.has_passed(), "no record");
        if let Some(TailEvent::Record(record)) = tail.next(WAIT).unwrap() {
            break record;
        }
    };
    assert_eq!(record.key.as_deref(), Some(&b"account"[..]));
    assert_eq!(record.value.as_deref(), Some(&b"answer 100"[..]));
    assert_eq!(record.headers, [("writer".to_owned(), b"test".to_vec())]);
}

#[test]
fn an_error_that_passes_is_retried_by_the_client_and_acknowledged() {
    let mock = Mock::with_partitions(1);
    let mut worker = mock.worker("a");
    mock.cluster().request_errors(
        RDKafkaApiKey::Produce,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        ],
    );
    worker.append(0, 7);
    worker.until("it is acknowledged", |worker| !worker.reports.is_empty());
    assert_eq!(acknowledged(&worker), [(7, Some(0))]);
    assert!(worker.faults.iter().all(|fault| !fault.is_fatal()));
}

#[test]
fn a_failed_record_comes_back_whole_and_is_acknowledged_when_sent_again() {
    let mock = Mock::with_partitions(1);
    let mut worker = mock.worker("a");
    mock.cluster().request_errors(
        RDKafkaApiKey::Produce,
        &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED],
    );
    worker.append(0, 7);
    worker.until("it fails", |worker| !worker.reports.is_empty());
    let report = worker.reports.remove(0);
    let Delivery::Failed { record, .. } = report.delivery else {
        panic!("it was acknowledged");
    };
    assert_eq!(record.value, b"answer 7");
    assert_eq!(record.key.as_deref(), Some(&b"account"[..]));
    assert_eq!(record.headers, [("writer".to_owned(), b"test".to_vec())]);
    let again = Outgoing {
        answers: report.answers,
        key: record.key.as_deref(),
        value: &record.value,
        headers: &[("writer", &record.headers[0].1)],
    };
    // Until it has asked anew, the client itself believes that the topic may not be written.
    let clock = Clock::system();
    let deadline = clock.deadline(PATIENCE);
    while let Err(refused) = worker.log.append(&again) {
        assert_eq!(refused, AppendRefused::Full);
        assert!(!deadline.has_passed(), "{:?}", worker.faults);
        worker.turn();
    }
    worker.until("it is acknowledged", |worker| !worker.reports.is_empty());
    assert_eq!(acknowledged(&worker), [(7, Some(0))]);
    assert!(worker.faults.iter().all(|fault| !fault.is_fatal()), "{:?}", worker.faults);
}

#[test]
fn records_outlast_a_broker_that_is_away_and_inputs_go_on_after_it() {
    let mock = Mock::with_partitions(1);
    mock.produce(0, 0..10);
    let mut worker = mock.worker_with("a", &[("consumer.session.timeout.ms", "30000")]);
    let assigned = worker.next_assigned();
    worker.start(&assigned);
    worker.until("all is read", |worker| worker.count(0) == 10);
    mock.cluster().broker_down(-1).unwrap();
    worker.append(0, 3);
    worker.until("it is told", |worker| !worker.faults.is_empty());
    assert!(worker.reports.is_empty());
    mock.cluster().broker_up(-1).unwrap();
    worker.until("it is acknowledged", |worker| !worker.reports.is_empty());
    assert_eq!(acknowledged(&worker), [(3, Some(0))]);
    mock.produce(0, 10..20);
    worker.until("the rest is read", |worker| worker.count(0) == 20);
    worker.saw_exactly(0, 0..20);
    assert!(worker.changes.is_empty(), "{:?}", worker.changes);
    let passing = |fault: &Fault| matches!(fault, Fault::Passing { .. });
    assert!(worker.faults.iter().all(passing), "{:?}", worker.faults);
}

#[test]
fn a_record_that_times_out_fails_and_keeps_its_bytes() {
    let mock = Mock::with_partitions(1);
    let mut worker = mock.worker_with("a", &[("producer.delivery.timeout.ms", "500")]);
    mock.cluster().broker_down(-1).unwrap();
    worker.append(0, 9);
    worker.until("it fails", |worker| !worker.reports.is_empty());
    let Delivery::Failed { record, .. } = &worker.reports[0].delivery else {
        panic!("it was acknowledged");
    };
    assert_eq!(record.value, b"answer 9");
}

#[test]
fn a_full_producer_refuses_until_it_is_served() {
    let mock = Mock::with_partitions(1);
    let mut worker = mock.worker_with("a", &[("producer.queue.buffering.max.messages", "2")]);
    let record = |offset| Outgoing {
        answers: Input { partition: PartitionId(0), offset: Offset(offset) },
        key: None,
        value: b"record",
        headers: &[],
    };
    let mut sent = 0;
    while worker.log.append(&record(sent)).is_ok() {
        sent += 1;
    }
    worker.until("there is room", |worker| !worker.reports.is_empty());
    worker.log.append(&record(sent)).unwrap();
    worker
        .until("all is acknowledged", |worker| i64::try_from(worker.reports.len()) == Ok(sent + 1));
}

#[test]
fn closing_waits_for_what_is_in_flight() {
    let mock = Mock::with_partitions(1);
    let mut worker = mock.worker("a");
    mock.cluster().broker_round_trip_time(-1, Duration::from_millis(100)).unwrap();
    for offset in 0..50 {
        worker.append(0, offset);
    }
    worker.log.close();
    let settings = mock.settings("reader", &[]);
    let mut tail = KafkaTail::from_beginning(&settings, OUTPUTS, 1, Clock::system()).unwrap();
    let clock = Clock::system();
    let deadline = clock.deadline(PATIENCE);
    let mut records_count = 0;
    loop {
        assert!(!deadline.has_passed(), "no end");
        match tail.next(WAIT).unwrap() {
            Some(TailEvent::Record(_)) => records_count += 1,
            Some(TailEvent::ReachedEnd(_)) => break,
            None => {}
        }
    }
    assert_eq!(records_count, 50);
}

#[test]
fn a_header_whose_name_is_no_text_stops_no_worker() {
    let mock = Mock::with_partitions(1);
    let topic = CString::new("in").unwrap();
    let owner = &mock.owner;
    // SAFETY: every pointer is alive during the call it is given to; the headers' ownership
    // passes to the client with the record, whose other bytes it copies.
    unsafe {
        use rdkafka::bindings as native;
        let headers = native::rd_kafka_headers_new(2);
        let names: [&[u8]; 2] = [b"\xff\xfe", b"value"];
        for name in names {
            let length = isize::try_from(name.len()).unwrap();
            native::rd_kafka_header_add(
                headers,
                name.as_ptr().cast(),
                length,
                b"1".as_ptr().cast(),
                1,
            );
        }
        let error = native::rd_kafka_producev(
            owner.client().native_ptr(),
            native::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            native::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
            native::RD_KAFKA_MSG_F_COPY,
            native::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
            b"1".as_ptr(),
            1_usize,
            native::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
            headers,
            native::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        );
        assert_eq!(error, RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    owner.flush(PATIENCE).unwrap();
    let mut worker = mock.worker("a");
    let assigned = worker.next_assigned();
    worker.start(&assigned);
    worker.until("it is read", |worker| worker.count(0) == 1);
    assert!(worker.faults.is_empty(), "{:?}", worker.faults);
}

#[test]
fn one_call_takes_every_acknowledgement_that_has_come_in() {
    const RECORDS: i64 = 5; // As many as a partition may have under way before more are held.
    let mock = Mock::with_partitions(1);
    let mut worker = mock.worker("a");
    let starts = [(PartitionId(0), TailStart::Beginning)];
    let settings = mock.settings("reader", &[]);
    let mut tail = KafkaTail::open(&settings, OUTPUTS, &starts, Clock::system()).unwrap();
    let clock = Clock::system();
    let deadline = clock.deadline(PATIENCE);
    for offset in 0..RECORDS {
        // Each is in the log before the next is sent: as many delivery reports as records.
        worker.append(0, offset);
        while !matches!(tail.next(WAIT).unwrap(), Some(TailEvent::Record(_))) {
            assert!(!deadline.has_passed(), "record {offset} is not in the log");
        }
    }
    // The last report may still be on its way; all others are there.
    worker.log.acknowledged(&mut worker.reports).unwrap();
    assert!(worker.reports.len() >= 4, "{} of {RECORDS} taken", worker.reports.len());
}
