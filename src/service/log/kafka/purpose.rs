//! What the group answers: each position that is committed names the topic of its answers.
//!
//! An observer in the group of an engine that answers would take its partitions, commit them
//! and answer nobody: those authorisations would be lost for good. So whoever commits says
//! where its answers go, and whoever finds another topic named there does not begin.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};

use super::LogTopics;
use super::aside::close_within;
use super::context::PlainContext;
use super::fault::settings_fault;
use super::settings;
use crate::config::KafkaSettings;
use crate::service::log::Fault;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long its closing may take: it is in no group, so there is little to do.
const CLOSE_WAIT_MAX: Duration = Duration::from_secs(5);
/// What a committed position's metadata begin with; the answers' topic follows.
const MARK: &str = "stopline answers to ";

/// The metadata of a position that is committed by whoever answers to `outputs`.
pub(super) fn mark(outputs: &str) -> String {
    format!("{MARK}{outputs}")
}

/// The first of `committed` that an engine committed whose answers go elsewhere than to
/// `outputs`. Positions without a name pass: an older engine or an operator's tool set them.
pub(super) fn committed_by_another(committed: &TopicPartitionList, outputs: &str) -> Option<Fault> {
    committed.elements().iter().find_map(|element| {
        let theirs = element.metadata().strip_prefix(MARK)?;
        (theirs != outputs).then(|| Fault::AnothersGroup {
            what: format!(
                "the group's position of partition {} was committed by an engine that answers to \
                 {theirs}, and this one answers to {outputs}",
                element.partition()
            ),
        })
    })
}

/// Looks, without joining it, whether the group of `kafka` answers to the outputs of `topics`.
/// Where answers are expected, a committed position beyond the first input beside outputs that
/// never held anything is another's too.
///
/// # Errors
/// [`Fault::AnothersGroup`], or no broker answers.
pub fn check_group(
    kafka: &KafkaSettings,
    topics: LogTopics<'_>,
    partitions_count: u32,
    answers: AnswersAre,
) -> Result<(), Fault> {
    let (reasons, _) = channel();
    let consumer: BaseConsumer<PlainContext> = settings::tail(kafka)?
        .create_with_context(PlainContext::new(reasons))
        .map_err(|error| settings_fault(&error))?;
    let consumer = Arc::new(consumer);
    let found = look(&consumer, topics, partitions_count, answers);
    close_within(&consumer, CLOSE_WAIT_MAX);
    let another = found.map_err(|error| Fault::Unreachable {
        brokers: kafka.brokers.clone(),
        what: error.to_string(),
    })?;
    another.map_or(Ok(()), Err)
}

/// What is known of the answers before a committed position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AnswersAre {
    /// Whoever committed has answered: an observer that begins where nothing was answered is
    /// in another's group.
    Expected,
    /// A first start may have committed without an answer yet.
    Possible,
}

fn look(
    consumer: &BaseConsumer<PlainContext>,
    topics: LogTopics<'_>,
    partitions_count: u32,
    answers: AnswersAre,
) -> KafkaResult<Option<Fault>> {
    let mut asked = TopicPartitionList::new();
    for (partition, _) in (0..).zip(0..partitions_count) {
        asked.add_partition(topics.inputs, partition);
    }
    let committed = consumer.committed_offsets(asked, REQUEST_TIMEOUT)?;
    if let Some(another) = committed_by_another(&committed, topics.outputs) {
        return Ok(Some(another));
    }
    if answers == AnswersAre::Possible {
        return Ok(None);
    }
    for element in committed.elements() {
        let ListOffset::Offset(offset) = element.offset() else { continue };
        if element.metadata().starts_with(MARK) {
            continue; // Its own: a first start, before its first answer.
        }
        let partition = element.partition();
        let (first, _) = consumer.fetch_watermarks(topics.inputs, partition, REQUEST_TIMEOUT)?;
        let (_, end) = consumer.fetch_watermarks(topics.outputs, partition, REQUEST_TIMEOUT)?;
        if offset > first && end == 0 {
            return Ok(Some(Fault::AnothersGroup {
                what: format!(
                    "the group has committed {offset} on partition {partition}, and {} never held \
                     an answer there: another engine of this group answers elsewhere",
                    topics.outputs
                ),
            }));
        }
    }
    Ok(None)
}
