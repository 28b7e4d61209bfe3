//! An archive over the memory broker.

use super::{MemoryBroker, MemoryTail};
use crate::domain::{Offset, PartitionId};
use crate::service::log::{Archive, Bounds, Fault, Side};

/// Fills [`Archive`] in process, see [`MemoryBroker::archive`].
#[derive(Clone, Debug)]
pub struct MemoryArchive {
    broker: MemoryBroker,
    inputs: String,
    journal: String,
}

impl MemoryArchive {
    pub(super) fn new(broker: MemoryBroker, inputs: &str, journal: &str) -> Self {
        Self { broker, inputs: inputs.to_owned(), journal: journal.to_owned() }
    }

    fn topic(&self, side: Side) -> &str {
        match side {
            Side::Inputs => &self.inputs,
            Side::Journal => &self.journal,
        }
    }
}

impl Archive for MemoryArchive {
    type Tail = MemoryTail;

    fn bounds(&mut self, side: Side, partition: PartitionId) -> Result<Bounds, Fault> {
        let topic = self.broker.topic(self.topic(side))?;
        let log = topic.partition(partition)?;
        Ok(Bounds { beginning: log.beginning(), end: log.end() })
    }

    fn offset_at(
        &mut self,
        side: Side,
        partition: PartitionId,
        unix_millis: i64,
    ) -> Result<Option<Offset>, Fault> {
        let topic = self.broker.topic(self.topic(side))?;
        Ok(topic.partition(partition)?.offset_at(unix_millis))
    }

    fn tail(
        &mut self,
        side: Side,
        partition: PartitionId,
        from: Offset,
    ) -> Result<MemoryTail, Fault> {
        self.broker.tail(self.topic(side), &[(partition, from)])
    }
}
