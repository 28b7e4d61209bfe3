//! An archive over Kafka.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};

use super::aside::close_within;
use super::context::PlainContext;
use super::fault::settings_fault;
use super::log::LogTopics;
use super::settings;
use super::tail::{KafkaTail, TailStart};
use crate::config::KafkaSettings;
use crate::domain::{Offset, PartitionId};
use crate::service::Clock;
use crate::service::log::{Archive, Bounds, Fault, Side};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long its closing may take: it is in no group, so there is little to do.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Fills [`Archive`] with a client that is opened at the first question.
pub struct KafkaArchive {
    kafka: KafkaSettings,
    inputs: String,
    journal: String,
    clock: Clock,
    consumer: Option<Arc<BaseConsumer<PlainContext>>>,
}

impl KafkaArchive {
    /// Reads back `topics`. Nothing is asked yet.
    pub fn new(kafka: KafkaSettings, topics: LogTopics<'_>, clock: Clock) -> Self {
        let (inputs, journal) = (topics.inputs.to_owned(), topics.outputs.to_owned());
        Self { kafka, inputs, journal, clock, consumer: None }
    }

    fn topic(&self, side: Side) -> &str {
        match side {
            Side::Inputs => &self.inputs,
            Side::Journal => &self.journal,
        }
    }

    fn consumer(&mut self) -> Result<Arc<BaseConsumer<PlainContext>>, Fault> {
        if let Some(consumer) = &self.consumer {
            return Ok(Arc::clone(consumer));
        }
        let (reasons, _) = channel();
        let consumer = settings::tail(&self.kafka)?
            .create_with_context(PlainContext::new(reasons))
            .map_err(|error| settings_fault(&error))?;
        Ok(Arc::clone(self.consumer.insert(Arc::new(consumer))))
    }
}

impl Clone for KafkaArchive {
    /// Another one, with a client of its own.
    fn clone(&self) -> Self {
        Self {
            kafka: self.kafka.clone(),
            inputs: self.inputs.clone(),
            journal: self.journal.clone(),
            clock: self.clock.clone(),
            consumer: None,
        }
    }
}

impl Archive for KafkaArchive {
    type Tail = KafkaTail;

    fn bounds(&mut self, side: Side, partition: PartitionId) -> Result<Bounds, Fault> {
        let (beginning, end) = self
            .consumer()?
            .fetch_watermarks(self.topic(side), partition.0, REQUEST_TIMEOUT)
            .map_err(|error| passing(&error))?;
        Ok(Bounds { beginning: Offset(beginning), end: Offset(end) })
    }

    fn offset_at(
        &mut self,
        side: Side,
        partition: PartitionId,
        unix_millis: i64,
    ) -> Result<Option<Offset>, Fault> {
        let consumer = self.consumer()?;
        let asked = asked(self.topic(side), partition, unix_millis);
        asked
            .and_then(|list| consumer.offsets_for_times(list, REQUEST_TIMEOUT))
            .and_then(|found| first_offset(&found))
            .map_err(|error| passing(&error))
    }

    fn tail(
        &mut self,
        side: Side,
        partition: PartitionId,
        from: Offset,
    ) -> Result<KafkaTail, Fault> {
        let starts = [(partition, TailStart::At(from))];
        KafkaTail::open(&self.kafka, self.topic(side), &starts, self.clock.clone())
    }
}

impl Drop for KafkaArchive {
    fn drop(&mut self) {
        if let Some(consumer) = &self.consumer {
            close_within(consumer, CLOSE_WAIT_MAX);
        }
    }
}

/// Negative times mean beginning and end to the client: a time before 1970 is 1970.
fn asked(topic: &str, partition: PartitionId, unix_millis: i64) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(topic, partition.0, ListOffset::Offset(unix_millis.max(0)))?;
    Ok(list)
}

fn first_offset(found: &TopicPartitionList) -> KafkaResult<Option<Offset>> {
    let elements = found.elements();
    let Some(element) = elements.first() else {
        return Ok(None);
    };
    element.error()?;
    match element.offset() {
        ListOffset::Offset(offset) => Ok(Some(Offset(offset))),
        ListOffset::Beginning
        | ListOffset::End
        | ListOffset::Stored
        | ListOffset::Invalid
        | ListOffset::OffsetTail(_) => Ok(None),
    }
}

fn passing(error: &KafkaError) -> Fault {
    Fault::Passing { what: error.to_string() }
}
