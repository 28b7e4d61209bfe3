//! Topics of a real broker: made, written and read.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};

use crate::broker::Broker;
use crate::waiting::eventually;

/// Partitions of authorisations and of decisions.
pub(crate) const PARTITIONS_COUNT: i32 = 4;

/// How long the broker may take for anything asked of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The three topics of one test.
#[derive(Clone, Debug)]
pub(crate) struct Topics {
    /// In.
    pub(crate) authorisations: String,
    /// Out.
    pub(crate) decisions: String,
    /// In: the stop list.
    pub(crate) stop_orders: String,
}

impl Topics {
    /// Names that only the test called `test` uses, in this run.
    pub(crate) fn named_for(test: &str) -> Self {
        let name = |kind: &str| format!("{test}-{}-{kind}", std::process::id());
        Self {
            authorisations: name("authorisations"),
            decisions: name("decisions"),
            stop_orders: name("stop-orders"),
        }
    }

    /// Makes the three, as the contract has them, each partition on this many brokers.
    pub(crate) fn create_on(&self, broker: &Broker, replicas: i32) {
        create_on(broker, &self.authorisations, PARTITIONS_COUNT, replicas, "delete");
        create_on(broker, &self.decisions, PARTITIONS_COUNT, replicas, "delete");
        create_on(broker, &self.stop_orders, 1, replicas, "compact");
    }

    /// Makes the three, as the contract has them.
    pub(crate) fn create(&self, broker: &Broker) {
        self.create_on(broker, 1);
    }
}

/// Makes a topic whose records carry the broker's time and stay.
pub(crate) fn create(broker: &Broker, topic: &str, partitions: i32, cleanup: &str) {
    create_on(broker, topic, partitions, 1, cleanup);
}

fn create_on(broker: &Broker, topic: &str, partitions: i32, replicas: i32, cleanup: &str) {
    let config = [
        ("message.timestamp.type", "LogAppendTime"),
        ("cleanup.policy", cleanup),
        ("retention.ms", "-1"),
        ("min.insync.replicas", if replicas > 1 { "2" } else { "1" }),
    ];
    make(broker, topic, partitions, replicas, &config);
}

/// Makes a topic with the settings `config`.
pub(crate) fn create_with(broker: &Broker, topic: &str, partitions: i32, config: &[(&str, &str)]) {
    make(broker, topic, partitions, 1, config);
}

fn make(broker: &Broker, topic: &str, partitions: i32, replicas: i32, config: &[(&str, &str)]) {
    let admin = admin(broker);
    let bare = NewTopic::new(topic, partitions, TopicReplication::Fixed(replicas));
    let wanted = config.iter().fold(bare, |topic, (name, value)| topic.set(name, value));
    let made = complete(admin.create_topics([&wanted], &admin_options()));
    assert_eq!(made, [Ok(topic.to_owned())]);
    // The controller has it; the broker hears of it a little later.
    eventually("the broker knows its new topic", PATIENCE, || {
        let metadata = admin.inner().fetch_metadata(Some(topic), PATIENCE).ok()?;
        let found = metadata.topics().first()?;
        let led = found.partitions().iter().filter(|one| one.leader() >= 0);
        (i32::try_from(led.count()) == Ok(partitions)).then_some(())
    });
}

/// Asks and orders, as an operator does.
pub(crate) fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    client(broker).create().expect("an admin client")
}

/// With the patience of these tests.
pub(crate) fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(PATIENCE))
}

/// What an order comes to.
pub(crate) fn complete<T>(order: impl Future<Output = KafkaResult<T>>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(order).expect("the broker answers")
}

/// A client of `broker` that is not set any further.
pub(crate) fn client(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.address());
    config
}

/// Where a record lies: its partition and its offset.
pub(crate) type Place = (i32, i64);

/// A record to write.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Outbound {
    /// Where to; `None` lets the key say.
    pub(crate) partition: Option<i32>,
    /// Its key.
    pub(crate) key: Option<Vec<u8>>,
    /// Its value.
    pub(crate) value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub(crate) headers: Vec<(&'static str, Vec<u8>)>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        f.debug_struct("Outbound")
            .field("partition", &self.partition)
            .field("key", &self.key.as_deref().map(text))
            .field("value_bytes", &self.value.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

/// Where each record has gone, by the number it was sent under.
#[derive(Default)]
struct Deliveries {
    places: Mutex<Vec<(usize, Place)>>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, delivery: &DeliveryResult<'_>, number: usize) {
        let message = delivery.as_ref().expect("the broker takes every record");
        let place = (message.partition(), message.offset());
        self.places.lock().unwrap().push((number, place));
    }
}

/// A producer that keys as every sender of the contract does.
pub(crate) struct Writer {
    producer: BaseProducer<Deliveries>,
}

impl Writer {
    /// One for `broker`.
    pub(crate) fn new(broker: &Broker) -> Self {
        let producer = client(broker)
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("partitioner", "murmur2_random")
            .create_with_context(Deliveries::default())
            .expect("a producer");
        Self { producer }
    }

    /// Writes all, waits for every acknowledgement, and says where each lies.
    pub(crate) fn send(&self, topic: &str, records: &[Outbound]) -> Vec<Place> {
        self.hand_over(topic, 0, records);
        let mut places = self.await_all(PATIENCE);
        places.sort_unstable_by_key(|(number, _)| *number);
        assert_eq!(places.len(), records.len(), "one acknowledgement each");
        places.into_iter().map(|(_, place)| place).collect()
    }

    /// Hands all over, numbered from `first` on, and waits for nothing.
    pub(crate) fn hand_over(&self, topic: &str, first: usize, records: &[Outbound]) {
        for (index, outbound) in records.iter().enumerate() {
            let mut record = BaseRecord::with_opaque_to(topic, first + index).headers(
                outbound.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
                    headers.insert(Header { key, value: Some(value) })
                }),
            );
            record.partition = outbound.partition;
            record.key = outbound.key.as_deref();
            record.payload = outbound.value.as_deref();
            self.send_one(record);
        }
    }

    /// What the broker has acknowledged since the last time, by number.
    pub(crate) fn acknowledged(&self) -> Vec<(usize, Place)> {
        self.producer.poll(Duration::ZERO);
        std::mem::take(&mut *self.producer.context().places.lock().unwrap())
    }

    /// The same, when nothing is under way any more.
    pub(crate) fn await_all(&self, within: Duration) -> Vec<(usize, Place)> {
        let began = Instant::now();
        while self.producer.in_flight_count() > 0 {
            assert!(began.elapsed() < within, "all acknowledged");
            self.producer.poll(Duration::from_millis(1)); // `flush` takes 100 ms at least.
        }
        self.acknowledged()
    }

    fn send_one(&self, mut record: BaseRecord<'_, [u8], [u8], usize>) {
        let began = Instant::now();
        while let Err((error, back)) = self.producer.send(record) {
            let is_full = error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull);
            assert!(is_full && began.elapsed() < PATIENCE, "{error}");
            self.producer.poll(Duration::from_millis(10));
            record = back;
        }
        self.producer.poll(Duration::ZERO);
    }
}

/// A record that was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Inbound {
    /// Where it lies.
    pub(crate) place: Place,
    /// The broker's append time in Unix milliseconds.
    pub(crate) appended_at_millis: i64,
    /// Its key.
    pub(crate) key: Option<Vec<u8>>,
    /// Its value.
    pub(crate) value: Vec<u8>,
    /// Its headers, in order.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Inbound {
    /// The text of its only header called `name`.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        let (_, value) = found.next()?;
        assert_eq!(found.next(), None, "`{name}` twice");
        Some(std::str::from_utf8(value).expect("a header in UTF-8"))
    }
}

/// Reads a topic from its beginning, in no group, and keeps what it has read.
pub(crate) struct Reader {
    consumer: BaseConsumer,
    topic: String,
    partitions_count: i32,
    records: Vec<Inbound>,
}

impl Reader {
    /// One for a topic of [`PARTITIONS_COUNT`] partitions.
    pub(crate) fn new(broker: &Broker, topic: &str) -> Self {
        Self::of_partitions(broker, topic, PARTITIONS_COUNT)
    }

    /// One for a topic of `partitions_count` partitions.
    pub(crate) fn of_partitions(broker: &Broker, topic: &str, partitions_count: i32) -> Self {
        let consumer: BaseConsumer = client(broker)
            .set("group.id", "reader") // `assign` wants a name, though nothing joins it.
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "50")
            .create()
            .expect("a consumer");
        let mut start = TopicPartitionList::new();
        for partition in 0..partitions_count {
            start.add_partition_offset(topic, partition, Offset::Beginning).expect("a start");
        }
        consumer.assign(&start).expect("assigned");
        Self { consumer, topic: topic.to_owned(), partitions_count, records: Vec::new() }
    }

    /// All that was read so far, in the order of each partition.
    pub(crate) fn records(&self) -> &[Inbound] {
        &self.records
    }

    /// Reads on until `is_enough`; fails after `within`, naming `what`.
    pub(crate) fn read_until(
        &mut self,
        what: &str,
        within: Duration,
        mut is_enough: impl FnMut(&[Inbound]) -> bool,
    ) {
        let began = Instant::now();
        while !is_enough(&self.records) {
            let seen = self.records.len();
            assert!(
                began.elapsed() < within,
                "{what}: not within {within:?}, after {seen} records"
            );
            match self.consumer.poll(Duration::from_millis(50)) {
                None => {}
                Some(Ok(message)) => self.records.push(Inbound {
                    place: (message.partition(), message.offset()),
                    appended_at_millis: message.timestamp().to_millis().expect("a time"),
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().expect("a value").to_vec(),
                    headers: headers_of(&message),
                }),
                Some(Err(error)) => assert!(is_passing(&error), "{error}"),
            }
        }
    }

    /// Reads on and hands each record over, keeping none, until `take` says that it was the
    /// last; fails after `within`, naming `what`.
    pub(crate) fn read_each(
        &mut self,
        what: &str,
        within: Duration,
        mut take: impl FnMut(&Inbound) -> bool,
    ) {
        let mut is_done = false;
        self.records.clear();
        let began = Instant::now();
        while !is_done {
            let left = within.saturating_sub(began.elapsed());
            self.read_until(what, left, |records| !records.is_empty());
            for record in self.records.drain(..) {
                is_done |= take(&record);
            }
        }
    }

    /// Reads to where the topic ends now, and returns all records.
    pub(crate) fn read_to_end(&mut self) -> &[Inbound] {
        let end = self.end();
        self.read_until("the end of the topic", PATIENCE, |records| records.len() as u64 >= end);
        &self.records
    }

    /// How many records there are, where none was deleted.
    pub(crate) fn end(&self) -> u64 {
        (0..self.partitions_count).map(|partition| self.end_of(partition).unsigned_abs()).sum()
    }

    /// The offset behind the last record of `partition`.
    pub(crate) fn end_of(&self, partition: i32) -> i64 {
        // A leader that is new does not know it for a moment.
        eventually("the broker says where a partition ends", PATIENCE, || {
            self.consumer.fetch_watermarks(&self.topic, partition, PATIENCE).ok()
        })
        .1
    }
}

fn headers_of(message: &impl Message) -> Vec<(String, Vec<u8>)> {
    message.headers().map_or_else(Vec::new, |headers| {
        headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.unwrap_or_default().to_vec()))
            .collect()
    })
}

/// True for what the client mends by itself: metadata of a topic that was just made, a
/// broker that went away.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
        )
    )
}

/// The position that `group` has committed for each partition of `topic`; 0 for none.
pub(crate) fn committed(broker: &Broker, group: &str, topic: &str) -> Vec<i64> {
    let consumer: BaseConsumer =
        client(broker).set("group.id", group).create().expect("a consumer");
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(topic, 0, PARTITIONS_COUNT - 1);
    let found = eventually("the broker says what is committed", PATIENCE, || {
        consumer.committed_offsets(asked.clone(), PATIENCE).ok()
    });
    let elements = found.elements();
    elements.iter().map(|element| element.offset().to_raw().unwrap_or(0).max(0)).collect()
}
