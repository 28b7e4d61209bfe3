//! Where the demo's requests and stop orders go in: memory or a real cluster.

use super::cluster::ClusterOutlet;
use crate::service::log::Fault;
use crate::service::log::memory::MemoryBroker;

/// Names of the demo's topics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Topics {
    /// Requests.
    pub(super) authorisations: String,
    /// Answers.
    pub(super) decisions: String,
    /// Stop orders.
    pub(super) stop_orders: String,
}

impl Topics {
    /// Topics whose names begin with `prefix`.
    pub(super) fn named(prefix: &str) -> Self {
        Self {
            authorisations: format!("{prefix}authorisations"),
            decisions: format!("{prefix}decisions"),
            stop_orders: format!("{prefix}stop-orders"),
        }
    }
}

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
