//! Where the partitions of a topic begin and end, and what the group has committed.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};

use super::aside::close_within;
use super::context::PlainContext;
use super::fault::settings_fault;
use super::settings;
use crate::config::KafkaSettings;
use crate::domain::{Offset, PartitionId};
use crate::service::log::Fault;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long its closing may take: it is in no group, so there is little to do.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);

/// Where a partition begins and ends, and what the group has committed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Positions {
    /// The partition.
    pub partition: PartitionId,
    /// The first offset that the log still holds.
    pub beginning: Offset,
    /// The offset behind the last one.
    pub end: Offset,
    /// The group's committed position, where there is one.
    pub committed: Option<Offset>,
}

/// The positions of partitions 0 to `partitions_count` of `topic`, for the group of `kafka`,
/// which it does not join. What is committed is asked first: it is never beyond the end.
///
/// # Errors
/// The client refuses its settings, or no broker answers.
pub fn positions(
    kafka: &KafkaSettings,
    topic: &str,
    partitions_count: u32,
) -> Result<Vec<Positions>, Fault> {
    let (reasons, _) = channel();
    let consumer: BaseConsumer<PlainContext> = settings::tail(kafka)?
        .create_with_context(PlainContext::new(reasons))
        .map_err(|error| settings_fault(&error))?;
    let consumer = Arc::new(consumer);
    let found = look_up(&consumer, topic, partitions_count);
    close_within(&consumer, CLOSE_WAIT_MAX);
    found.map_err(|error| Fault::Unreachable {
        brokers: kafka.brokers.clone(),
        what: error.to_string(),
    })
}

fn look_up(
    consumer: &BaseConsumer<PlainContext>,
    topic: &str,
    partitions_count: u32,
) -> KafkaResult<Vec<Positions>> {
    let mut asked = TopicPartitionList::new();
    for (partition, _) in (0..).zip(0..partitions_count) {
        asked.add_partition(topic, partition);
    }
    let committed = consumer.committed_offsets(asked, REQUEST_TIMEOUT)?;
    let mut positions = Vec::new();
    for element in committed.elements() {
        element.error()?;
        let committed = match element.offset() {
            ListOffset::Offset(offset) => Some(Offset(offset)),
            ListOffset::Beginning
            | ListOffset::End
            | ListOffset::Stored
            | ListOffset::Invalid
            | ListOffset::OffsetTail(_) => None,
        };
        let partition = element.partition();
        let (beginning, end) = consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT)?;
        positions.push(Positions {
            partition: PartitionId(partition),
            beginning: Offset(beginning),
            end: Offset(end),
            committed,
        });
    }
    Ok(positions)
}
