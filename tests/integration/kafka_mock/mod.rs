//! The log seam's Kafka filling against librdkafka's mock cluster: hermetic, in this process.
//!
//! The mock answers groups, commits and produces, and fails them on demand. It says nothing
//! of latency, fencing, retention or seeking by time: those need a real broker.

#![expect(unsafe_code, reason = "rdkafka hides the mock's handle and one of its calls")]

mod delivery;
mod membership;
mod purpose;
mod tail;

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};
use stopline::config::KafkaSettings;
use stopline::domain::{Input, Offset, PartitionId};
use stopline::service::Clock;
use stopline::service::log::kafka::{FeedRecord, KafkaFeed, KafkaLog, LogTopics};
use stopline::service::log::{Assigned, Batch, Change, Fault, Log, Outgoing, Report};

const INPUTS: &str = "in";
const OUTPUTS: &str = "out";
/// Nothing here takes longer, or it failed.
const PATIENCE: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_millis(20);

/// A mock cluster. It lives as long as the client that made it.
struct Mock {
    owner: BaseProducer,
}

impl Mock {
    fn with_partitions(partitions_count: i32) -> Self {
        let owner: BaseProducer =
            ClientConfig::new().set("test.mock.num.brokers", "1").create().unwrap();
        // SAFETY: the handle belongs to `owner`, which is alive, and is not kept.
        unsafe {
            let cluster =
                rdkafka::bindings::rd_kafka_handle_mock_cluster(owner.client().native_ptr());
            rdkafka::bindings::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        }
        let mock = Self { owner };
        for topic in [INPUTS, OUTPUTS] {
            mock.cluster().create_topic(topic, partitions_count, 1).unwrap();
        }
        mock
    }

    fn cluster(&self) -> MockCluster<'_, DefaultProducerContext> {
        self.owner.client().mock_cluster().unwrap()
    }

    fn settings(&self, instance: &str, properties: &[(&str, &str)]) -> KafkaSettings {
        let quick = [
            ("consumer.fetch.wait.max.ms", "1"),
            // The mock ends a rebalance a second before this is over, with whoever has
            // joined by then; a member rejoins at most once a second.
            ("consumer.session.timeout.ms", "3000"),
            ("consumer.heartbeat.interval.ms", "200"),
        ];
        let properties = quick.iter().chain(properties);
        KafkaSettings {
            brokers: self.cluster().bootstrap_servers(),
            group: "stopline".to_owned(),
            instance: instance.to_owned(),
            is_static_member: false,
            secret_property_files: Vec::new(),
            properties: properties
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// Sends `values` to a partition of the inputs.
    fn produce(&self, partition: i32, values: std::ops::Range<u32>) {
        let feed = KafkaFeed::open(&self.settings("feed", &[]), Clock::system()).unwrap();
        for value in values {
            let value = value.to_string();
            feed.send(&FeedRecord {
                topic: INPUTS,
                partition: Some(PartitionId(partition)),
                key: Some(b"account"),
                value: Some(value.as_bytes()),
                headers: &[("content-type", b"text"), ("value", value.as_bytes())],
            })
            .unwrap();
        }
        feed.drain(PATIENCE).unwrap();
    }

    fn worker(&self, instance: &str) -> Worker {
        self.worker_with(instance, &[])
    }

    fn worker_with(&self, instance: &str, properties: &[(&str, &str)]) -> Worker {
        Worker::open(&self.settings(instance, properties))
    }
}

/// A worker that only takes note of what its log tells.
struct Worker {
    log: KafkaLog,
    clock: Clock,
    batch: Batch,
    changes: Vec<Change>,
    faults: Vec<Fault>,
    reports: Vec<Report>,
    /// Per partition: offset and value, as they came.
    inputs: BTreeMap<PartitionId, Vec<(i64, String)>>,
}

impl Worker {
    fn open(settings: &KafkaSettings) -> Self {
        Self::open_for(settings, OUTPUTS)
    }

    /// One that answers to `outputs`.
    fn open_for(settings: &KafkaSettings, outputs: &str) -> Self {
        let topics = LogTopics { inputs: INPUTS, outputs };
        let clock = Clock::system();
        let wait_max = Duration::from_secs(10);
        Self {
            log: KafkaLog::open(settings, topics, 0, wait_max, clock.clone()).unwrap(),
            clock,
            batch: Batch::default(),
            changes: Vec::new(),
            faults: Vec::new(),
            reports: Vec::new(),
            inputs: BTreeMap::new(),
        }
    }

    /// One turn of a worker's loop, without its work.
    fn turn(&mut self) {
        match self.log.poll(WAIT, &mut self.batch) {
            Ok(None) => {}
            Ok(Some(change)) => {
                assert!(self.batch.is_empty(), "a change comes alone");
                self.changes.push(change);
            }
            Err(fault) => {
                assert!(self.batch.is_empty(), "a fault comes alone");
                self.faults.push(fault);
            }
        }
        for message in self.batch.iter() {
            let value = String::from_utf8(message.value.unwrap().to_vec()).unwrap();
            assert_eq!(message.header("value"), Some(value.as_bytes()));
            let Input { partition, offset } = message.input;
            let inputs = self.inputs.entry(partition).or_default();
            inputs.push((offset.0, value));
        }
        if let Err(fault) = self.log.acknowledged(&mut self.reports) {
            self.faults.push(fault);
        }
    }

    /// Turns until `done` says so.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let clock = self.clock.clone();
        let deadline = clock.deadline(PATIENCE);
        while !done(self) {
            assert!(
                !deadline.has_passed(),
                "waited in vain until {what}: {:?} {:?} {:?}",
                self.changes,
                self.faults,
                self.inputs
            );
            self.turn();
        }
    }

    fn next_change(&mut self) -> Change {
        self.until("something changes", |worker| !worker.changes.is_empty());
        self.changes.remove(0)
    }

    fn next_assigned(&mut self) -> Vec<Assigned> {
        match self.next_change() {
            Change::Assigned(assigned) => assigned,
            other @ (Change::Revoked(_) | Change::Lost(_)) => {
                panic!("not an assignment: {other:?}")
            }
        }
    }

    /// Starts partitions where they were committed, or at their beginning, and lets them flow.
    fn start(&mut self, assigned: &[Assigned]) {
        let starts: Vec<_> = assigned
            .iter()
            .map(|given| (given.partition, given.committed.unwrap_or(given.beginning)))
            .collect();
        self.log.start(&starts).unwrap();
        self.log.resume(&ids(assigned)).unwrap();
    }

    fn append(&mut self, partition: i32, offset: i64) {
        let value = format!("answer {offset}");
        self.log
            .append(&Outgoing {
                answers: Input { partition: PartitionId(partition), offset: Offset(offset) },
                key: Some(b"account"),
                value: value.as_bytes(),
                headers: &[("writer", b"test")],
            })
            .unwrap();
    }

    fn count(&self, partition: i32) -> usize {
        self.inputs.get(&PartitionId(partition)).map_or(0, Vec::len)
    }

    /// Every value from `first_offset` to `end_offset`, once, in order; values equal offsets.
    fn saw_exactly(&self, partition: i32, offsets: std::ops::Range<i64>) {
        let expected: Vec<_> = offsets.map(|offset| (offset, offset.to_string())).collect();
        let seen = self.inputs.get(&PartitionId(partition));
        assert_eq!(seen.cloned().unwrap_or_default(), expected);
    }
}

fn ids(assigned: &[Assigned]) -> Vec<PartitionId> {
    assigned.iter().map(|given| given.partition).collect()
}
