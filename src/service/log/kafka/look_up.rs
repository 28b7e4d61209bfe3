//! Where a partition that was given can be started: looked up aside, as it may take long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset as ListOffset, TopicPartitionList};

use super::aside::aside;
use super::context::MemberContext;
use super::purpose::committed_by_another;
use crate::domain::{Offset, PartitionId};
use crate::service::log::{Assigned, Fault};

/// How long each of the three requests may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// A look-up under way.
#[derive(Debug)]
pub(super) struct LookUp {
    result: Receiver<KafkaResult<Result<Vec<Assigned>, Fault>>>,
    /// Something was taken away since: what it finds may be somebody else's past.
    is_stale: bool,
}

/// How a look-up stands.
#[derive(Debug)]
pub(super) enum LookedUp {
    NotYet,
    Found(Vec<Assigned>),
    /// They must not be started.
    Refused(Fault),
    /// To be done again.
    Failed(String),
    Stale,
}

impl LookUp {
    pub(super) fn begin(
        consumer: &Arc<BaseConsumer<MemberContext>>,
        topic: &str,
        outputs: &str,
        partitions: Vec<PartitionId>,
    ) -> Self {
        let consumer = Arc::clone(consumer);
        let (topic, outputs) = (topic.to_owned(), outputs.to_owned());
        let result = aside(move || look_up(&consumer, &topic, &outputs, &partitions));
        Self { result, is_stale: false }
    }

    pub(super) fn outdate(&mut self) {
        self.is_stale = true;
    }

    pub(super) fn result(&self) -> LookedUp {
        match self.result.try_recv() {
            Err(TryRecvError::Empty) => LookedUp::NotYet,
            Ok(_) if self.is_stale => LookedUp::Stale,
            Ok(Ok(Ok(assigned))) => LookedUp::Found(assigned),
            Ok(Ok(Err(fault))) => LookedUp::Refused(fault),
            Ok(Err(error)) => LookedUp::Failed(error.to_string()),
            Err(TryRecvError::Disconnected) => LookedUp::Failed("no thread for it".to_owned()),
        }
    }
}

fn look_up(
    consumer: &BaseConsumer<MemberContext>,
    topic: &str,
    outputs: &str,
    partitions: &[PartitionId],
) -> KafkaResult<Result<Vec<Assigned>, Fault>> {
    let list = |offset| -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition_offset(topic, partition.0, offset)?;
        }
        Ok(list)
    };
    let committed = consumer.committed_offsets(list(ListOffset::Invalid)?, REQUEST_TIMEOUT)?;
    if let Some(another) = committed_by_another(&committed, outputs) {
        return Ok(Err(another));
    }
    // The times "beginning" and "end": one request per broker instead of two per partition.
    let beginnings = consumer.offsets_for_times(list(ListOffset::Beginning)?, REQUEST_TIMEOUT)?;
    let ends = consumer.offsets_for_times(list(ListOffset::End)?, REQUEST_TIMEOUT)?;
    let committed = offsets(&committed)?;
    let beginnings = offsets(&beginnings)?;
    let ends = offsets(&ends)?;
    let of = |offsets: &BTreeMap<PartitionId, Offset>, partition| offsets.get(partition).copied();
    let assigned = partitions
        .iter()
        .map(|partition| Assigned {
            partition: *partition,
            committed: of(&committed, partition),
            beginning: of(&beginnings, partition).unwrap_or(Offset(0)),
            end: of(&ends, partition).unwrap_or(Offset(0)),
        })
        .collect();
    Ok(Ok(assigned))
}

fn offsets(list: &TopicPartitionList) -> KafkaResult<BTreeMap<PartitionId, Offset>> {
    let mut offsets = BTreeMap::new();
    for element in list.elements() {
        element.error()?;
        if let ListOffset::Offset(offset) = element.offset() {
            offsets.insert(PartitionId(element.partition()), Offset(offset));
        }
    }
    Ok(offsets)
}
