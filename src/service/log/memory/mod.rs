//! The in-process log: the demo's default, the hermetic tests' and the simulator's.
//!
//! It behaves as a broker does where the worker can tell: order and one append time per
//! partition, positions committed per group, offsets that never come back, readers woken
//! as soon as there is something. It has no network, so no latency measured over it says
//! anything of Kafka.
//!
//! **Memory is bounded behind the readers.** Each partition keeps about
//! [`PARTITION_BYTES_MAX`] (see [`MemoryBroker::with_retention`]); above that the oldest
//! records go, but none that a reader has not read or a group not committed. A reader
//! that stands still therefore holds its partition: like an undersized consumer of a real
//! cluster it shows as lag, here as memory.

mod archive;
mod doorbell;
mod log;
mod partition;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use self::partition::PartitionLog;
use super::{Fault, partition_of_key};
use crate::domain::{Offset, PartitionId};
use crate::service::Clock;

pub use archive::MemoryArchive;
pub use log::MemoryLog;
pub use tail::MemoryTail;

/// What a partition keeps of records that all have read, in bytes.
pub const PARTITION_BYTES_MAX: usize = 16 << 20;

/// Topics in memory. Clones are the same broker.
#[derive(Clone, Debug)]
pub struct MemoryBroker(Arc<Broker>);

#[derive(Debug)]
struct Broker {
    clock: Clock,
    partition_bytes_max: usize,
    topics: RwLock<BTreeMap<String, Arc<Topic>>>,
}

#[derive(Debug)]
struct Topic {
    name: String,
    clock: Clock,
    partitions: Vec<Mutex<PartitionLog>>,
}

impl MemoryBroker {
    /// A broker without topics, whose append times are `clock`'s.
    pub fn new(clock: Clock) -> Self {
        Self::with_retention(clock, PARTITION_BYTES_MAX)
    }

    /// The same, keeping `partition_bytes_max` per partition of what all have read.
    pub fn with_retention(clock: Clock, partition_bytes_max: usize) -> Self {
        Self(Arc::new(Broker { clock, partition_bytes_max, topics: RwLock::default() }))
    }

    /// Makes a topic; one that is there already stays as it is.
    pub fn create_topic(&self, name: &str, partitions_count: u32) {
        let mut topics = self.0.topics.write().unwrap_or_else(PoisonError::into_inner);
        topics.entry(name.to_owned()).or_insert_with(|| {
            let ids = (0..).map(PartitionId).zip(0..partitions_count);
            let new = |(id, _)| Mutex::new(PartitionLog::new(id, self.0.partition_bytes_max));
            Arc::new(Topic {
                name: name.to_owned(),
                clock: self.0.clock.clone(),
                partitions: ids.map(new).collect(),
            })
        });
    }

    /// How many partitions `topic` has.
    ///
    /// # Errors
    /// There is no such topic.
    pub fn partitions_count(&self, topic: &str) -> Result<u32, Fault> {
        let partitions = &self.topic(topic)?.partitions;
        Ok(u32::try_from(partitions.len()).unwrap_or(u32::MAX))
    }

    /// Appends a record to one partition and returns its offset. `value` `None` is a tombstone.
    ///
    /// # Errors
    /// There is no such topic or partition.
    pub fn produce(
        &self,
        topic: &str,
        partition: PartitionId,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) -> Result<Offset, Fault> {
        self.topic(topic)?.append(partition, key, value, headers)
    }

    /// Appends a record to the partition that its key belongs to.
    ///
    /// # Errors
    /// There is no such topic.
    pub fn produce_keyed(
        &self,
        topic: &str,
        key: &[u8],
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) -> Result<(PartitionId, Offset), Fault> {
        let topic = self.topic(topic)?;
        let partitions_count = u32::try_from(topic.partitions.len()).unwrap_or(u32::MAX);
        let partition = partition_of_key(key, partitions_count);
        let offset = topic.append(partition, Some(key), value, headers)?;
        Ok((partition, offset))
    }

    /// The offset behind the last record of each partition.
    ///
    /// # Errors
    /// There is no such topic.
    pub fn end_offsets(&self, topic: &str) -> Result<Vec<(PartitionId, Offset)>, Fault> {
        let topic = self.topic(topic)?;
        let ids = (0..).map(PartitionId);
        Ok(ids.zip(&topic.partitions).map(|(id, partition)| (id, lock(partition).end())).collect())
    }

    /// The position that `group` has committed for a partition.
    ///
    /// # Errors
    /// There is no such topic or partition.
    pub fn committed(
        &self,
        group: &str,
        topic: &str,
        partition: PartitionId,
    ) -> Result<Option<Offset>, Fault> {
        let topic = self.topic(topic)?;
        Ok(topic.partition(partition)?.committed(group))
    }

    /// A worker's log with a fixed share of the partitions: the first poll gives all of
    /// them and nobody takes one back. Close one before its successor is made.
    ///
    /// # Errors
    /// A topic or a partition is missing.
    pub fn worker_log(
        &self,
        group: &str,
        inputs_topic: &str,
        outputs_topic: &str,
        partitions: &[PartitionId],
    ) -> Result<MemoryLog, Fault> {
        let inputs = self.topic(inputs_topic)?;
        let outputs = self.topic(outputs_topic)?;
        MemoryLog::new(group, inputs, outputs, partitions)
    }

    /// Reads every partition of `topic` from its first record.
    ///
    /// # Errors
    /// There is no such topic.
    pub fn tail_from_beginning(&self, topic: &str) -> Result<MemoryTail, Fault> {
        let topic = self.topic(topic)?;
        let starts: Vec<_> = (0..)
            .map(PartitionId)
            .zip(&topic.partitions)
            .map(|(id, partition)| (id, lock(partition).beginning()))
            .collect();
        MemoryTail::new(topic, &starts)
    }

    /// Reads the given partitions of `topic` from the given offsets.
    ///
    /// # Errors
    /// A topic or partition is missing, or an offset is not in the log.
    pub fn tail(&self, topic: &str, starts: &[(PartitionId, Offset)]) -> Result<MemoryTail, Fault> {
        MemoryTail::new(self.topic(topic)?, starts)
    }

    /// Reads back the topics `inputs_topic` and `outputs_topic`, see
    /// [`crate::service::log::Archive`].
    pub fn archive(&self, inputs_topic: &str, outputs_topic: &str) -> MemoryArchive {
        MemoryArchive::new(self.clone(), inputs_topic, outputs_topic)
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>, Fault> {
        let topics = self.0.topics.read().unwrap_or_else(PoisonError::into_inner);
        topics.get(name).cloned().ok_or_else(|| Fault::TopicMissing { topic: name.to_owned() })
    }
}

impl Topic {
    fn append(
        &self,
        partition: PartitionId,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) -> Result<Offset, Fault> {
        let mut partition = self.partition(partition)?;
        // Read under the partition's lock: append times rise with the offsets.
        let now = self.clock.unix_millis();
        Ok(partition.append(now, key, value, headers))
    }

    fn partition(&self, id: PartitionId) -> Result<MutexGuard<'_, PartitionLog>, Fault> {
        usize::try_from(id.0)
            .ok()
            .and_then(|index| self.partitions.get(index))
            .map(lock)
            .ok_or_else(|| Fault::Settings {
                what: format!("topic {} has no partition {}", self.name, id.0),
            })
    }
}

fn lock(partition: &Mutex<PartitionLog>) -> MutexGuard<'_, PartitionLog> {
    partition.lock().unwrap_or_else(PoisonError::into_inner)
}
