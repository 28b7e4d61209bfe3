//! Where requests and stop orders go in: memory or a real cluster.

use super::cluster::ClusterOutlet;
use super::topics::Topics;
use crate::domain::PartitionId;
use crate::service::log::Fault;
use crate::service::log::memory::MemoryBroker;

/// Where requests and stop orders go in.
pub(super) enum Outlet {
    /// The in-process log.
    Memory {
        /// The log.
        broker: MemoryBroker,
        /// Its topics.
        topics: Topics,
    },
    /// A real cluster.
    Cluster(ClusterOutlet),
}

impl Outlet {
    /// Hands a request to the log, to the partition that its key belongs to.
    ///
    /// # Errors
    /// The log does not take it.
    pub(super) fn send(
        &mut self,
        key: &[u8],
        value: &[u8],
        headers: &[(&str, &[u8])],
    ) -> Result<(), Fault> {
        match self {
            Self::Memory { broker, topics } => {
                broker.produce_keyed(&topics.authorisations, key, Some(value), headers)?;
                Ok(())
            }
            Self::Cluster(outlet) => outlet.send(key, value, headers),
        }
    }

    /// Hands a message without a key to one partition of the log.
    ///
    /// # Errors
    /// The log does not take it.
    pub(super) fn send_to(
        &mut self,
        partition: PartitionId,
        value: &[u8],
        headers: &[(&str, &[u8])],
    ) -> Result<(), Fault> {
        match self {
            Self::Memory { broker, topics } => {
                broker.produce(&topics.authorisations, partition, None, Some(value), headers)?;
                Ok(())
            }
            Self::Cluster(outlet) => outlet.send_to(partition, value, headers),
        }
    }

    /// Hands a stop order to the log.
    ///
    /// # Errors
    /// The log does not take it.
    pub(super) fn publish_order(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        match self {
            Self::Memory { broker, topics } => {
                broker.produce_keyed(&topics.stop_orders, key, Some(value), &[])?;
                Ok(())
            }
            Self::Cluster(outlet) => outlet.publish_order(key, value),
        }
    }

    /// Waits until all that was handed in is in the log.
    ///
    /// # Errors
    /// Some of it is not.
    pub(super) fn settle(&mut self) -> Result<(), Fault> {
        match self {
            Self::Memory { .. } => Ok(()),
            Self::Cluster(outlet) => outlet.settle(),
        }
    }
}
