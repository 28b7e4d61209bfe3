//! A tail over Kafka.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};

use super::aside::close_within;
use super::context::PlainContext;
use super::fault::{Quieter, consumer_fault, settings_fault};
use super::figures::KafkaFigures;
use super::headers::headers_of;
use super::settings;
use crate::config::KafkaSettings;
use crate::domain::{Offset, PartitionId};
use crate::service::Clock;
use crate::service::log::{Fault, Tail, TailEvent, TailRecord};

/// How long its closing may take: it is in no group, so there is little to do.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Where a tail begins to read a partition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TailStart {
    /// At the first record that the log still holds.
    Beginning,
    /// Exactly there: where that is gone, it is a fault.
    At(Offset),
}

/// Fills [`Tail`] with a consumer of its own, in no group.
pub struct KafkaTail {
    consumer: Arc<BaseConsumer<PlainContext>>,
    topic: String,
    reasons: Receiver<String>,
    quieter: Quieter,
    figures: Arc<KafkaFigures>,
    followed: BTreeMap<PartitionId, Followed>,
}

/// How far a partition was read.
#[derive(Clone, Copy, Debug, Default)]
struct Followed {
    /// Behind the last record returned.
    next: i64,
    /// The end was told, and no record came since.
    is_end_told: bool,
    /// Where the partition ended when that was first looked at: behind its last record may
    /// lie what is none, such as the marks of transactions.
    end: Option<i64>,
}

impl KafkaTail {
    /// Reads the given partitions of `topic`.
    ///
    /// # Errors
    /// The client refuses its settings or the partitions.
    pub fn open(
        kafka: &KafkaSettings,
        topic: &str,
        starts: &[(PartitionId, TailStart)],
        clock: Clock,
    ) -> Result<Self, Fault> {
        let (reasons_sender, reasons) = channel();
        let figures = Arc::new(KafkaFigures::new(clock.clone()));
        let consumer: BaseConsumer<PlainContext> = settings::tail(kafka)?
            .create_with_context(PlainContext::with_figures(reasons_sender, &figures))
            .map_err(|error| settings_fault(&error))?;
        let mut list = TopicPartitionList::with_capacity(starts.len());
        for (partition, start) in starts {
            let offset = match start {
                TailStart::Beginning => ListOffset::Beginning,
                TailStart::At(offset) => ListOffset::Offset(offset.0),
            };
            list.add_partition_offset(topic, partition.0, offset)
                .map_err(|error| settings_fault(&error))?;
        }
        consumer.assign(&list).map_err(|error| settings_fault(&error))?;
        Ok(Self {
            consumer: Arc::new(consumer),
            topic: topic.to_owned(),
            reasons,
            quieter: Quieter::new(clock),
            followed: starts.iter().map(|(id, _)| (*id, Followed::default())).collect(),
            figures,
        })
    }

    /// What its client says of itself, kept up to date while it is read.
    pub fn figures(&self) -> &Arc<KafkaFigures> {
        &self.figures
    }

    /// Reads partitions 0 to `partitions_count` of `topic` from their first record.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_beginning(
        kafka: &KafkaSettings,
        topic: &str,
        partitions_count: u32,
        clock: Clock,
    ) -> Result<Self, Fault> {
        let ids = (0..).map(PartitionId).zip(0..partitions_count);
        let starts: Vec<_> = ids.map(|(id, _)| (id, TailStart::Beginning)).collect();
        Self::open(kafka, topic, &starts, clock)
    }
}

impl Tail for KafkaTail {
    fn next(&mut self, wait: Duration) -> Result<Option<TailEvent>, Fault> {
        let error = match self.consumer.poll(wait) {
            None => return Ok(None),
            Some(Ok(message)) => {
                let id = PartitionId(message.partition());
                let next = message.offset() + 1;
                self.followed.insert(id, Followed { next, is_end_told: false, end: None });
                return Ok(Some(TailEvent::Record(tail_record(&message))));
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.followed.entry(PartitionId(partition)).or_default().is_end_told = true;
                return Ok(Some(TailEvent::ReachedEnd(PartitionId(partition))));
            }
            Some(Err(error)) => error,
        };
        let reason = self.reasons.try_iter().last();
        let fault = consumer_fault(&error, reason, &self.topic);
        self.quieter.hear(fault).map_or(Ok(None), Err)
    }

    fn is_at_end(&mut self, wait: Duration) -> Result<bool, Fault> {
        for (partition, followed) in &mut self.followed {
            let asked = self.consumer.fetch_watermarks(&self.topic, partition.0, wait);
            let (_, high) = asked.map_err(|error| consumer_fault(&error, None, &self.topic))?;
            if followed.next >= high {
                continue;
            }
            if !followed.is_end_told || *followed.end.get_or_insert(high) != high {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for KafkaTail {
    fn drop(&mut self) {
        close_within(&self.consumer, CLOSE_WAIT_MAX);
    }
}

fn tail_record(message: &BorrowedMessage<'_>) -> TailRecord {
    TailRecord {
        partition: PartitionId(message.partition()),
        offset: Offset(message.offset()),
        appended_at_unix_millis: message.timestamp().to_millis().unwrap_or(0),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers_of(message)
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .collect(),
    }
}
