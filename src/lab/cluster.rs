//! A real cluster to try with: topics, and a feed that keeps an open loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::topics::Topics;
use crate::config::KafkaSettings;
use crate::domain::PartitionId;
use crate::service::Clock;
use crate::service::log::kafka::{FeedRecord, KafkaAdmin, KafkaFeed, TopicPlan};
use crate::service::log::{AppendRefused, Fault};

/// How long the cluster may take to make the topics, and the last requests to the log.
const CLUSTER_TIMEOUT: Duration = Duration::from_secs(20);
/// How long it may take until a broker answers at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// 35 days: longer than the longest window that ships.
const RETENTION_MILLIS: &str = "3024000000";
/// How long a full client rests before it is asked again.
const REST: Duration = Duration::from_millis(1);

/// Makes the three topics, as `stopline run` wants them, with one replica each. Asks for
/// something small first: an order to make topics waits a minute for a broker that is not
/// there. Gives up early where it `must_end`.
///
/// # Errors
/// No broker answers, or it refuses.
pub(super) fn create_topics(
    kafka: &KafkaSettings,
    clock: &Clock,
    topics: &Topics,
    partitions_count: u32,
    must_end: &AtomicBool,
) -> Result<(), Fault> {
    let admin = KafkaAdmin::open(kafka, clock.clone())?;
    let connecting = clock.deadline(CONNECT_TIMEOUT);
    while let Err(fault) = admin.partitions_count(&topics.authorisations) {
        match fault {
            Fault::Unreachable { .. }
                if !connecting.has_passed() && !must_end.load(Ordering::SeqCst) =>
            {
                thread::sleep(REST);
            }
            // It is not there yet, as it should be: somebody answered.
            Fault::TopicMissing { .. } => break,
            Fault::Unreachable { .. }
            | Fault::Settings { .. }
            | Fault::Refused { .. }
            | Fault::Passing { .. }
            | Fault::StepDown { .. }
            | Fault::AnothersGroup { .. }
            | Fault::OffsetOutOfRange { .. } => return Err(fault),
        }
    }
    // One replica, or a small cluster could not have them; one is then enough to write.
    let kept = [
        ("message.timestamp.type", "LogAppendTime"),
        ("min.insync.replicas", "1"),
        ("cleanup.policy", "delete"),
        ("retention.ms", RETENTION_MILLIS),
    ];
    let compacted = [
        ("message.timestamp.type", "LogAppendTime"),
        ("min.insync.replicas", "1"),
        ("cleanup.policy", "compact"),
    ];
    let plan = |name, partitions_count, config| TopicPlan {
        name,
        partitions_count,
        replicas_count: 1,
        config,
    };
    let plans = [
        plan(topics.authorisations.as_str(), partitions_count, &kept),
        plan(topics.decisions.as_str(), partitions_count, &kept),
        plan(topics.stop_orders.as_str(), 1, &compacted),
    ];
    admin.create_topics(&plans, CLUSTER_TIMEOUT)
}

/// Puts requests and stop orders on a cluster, without waiting for each.
pub(super) struct ClusterOutlet {
    pub(super) feed: KafkaFeed,
    pub(super) topics: Topics,
}

impl ClusterOutlet {
    /// Hands a request to the client.
    ///
    /// # Errors
    /// The client does not take it.
    pub(super) fn send(
        &self,
        key: &[u8],
        value: &[u8],
        headers: &[(&str, &[u8])],
    ) -> Result<(), Fault> {
        self.hand_in(&FeedRecord {
            topic: &self.topics.authorisations,
            partition: None,
            key: Some(key),
            value: Some(value),
            headers,
        })
    }

    /// Hands a message without a key to the client, for one partition.
    ///
    /// # Errors
    /// The client does not take it.
    pub(super) fn send_to(
        &self,
        partition: PartitionId,
        value: &[u8],
        headers: &[(&str, &[u8])],
    ) -> Result<(), Fault> {
        self.hand_in(&FeedRecord {
            topic: &self.topics.authorisations,
            partition: Some(partition),
            key: None,
            value: Some(value),
            headers,
        })
    }

    /// Hands a stop order to the client.
    ///
    /// # Errors
    /// The client does not take it.
    pub(super) fn publish_order(&self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        self.hand_in(&FeedRecord {
            topic: &self.topics.stop_orders,
            partition: None,
            key: Some(key),
            value: Some(value),
            headers: &[],
        })
    }

    /// Waits until all that was handed in is in the log.
    ///
    /// # Errors
    /// Some of it is not.
    pub(super) fn settle(&self) -> Result<(), Fault> {
        self.feed.drain(CLUSTER_TIMEOUT)
    }

    fn hand_in(&self, record: &FeedRecord<'_>) -> Result<(), Fault> {
        loop {
            self.feed.serve();
            match self.feed.send(record) {
                Ok(()) => return Ok(()),
                Err(AppendRefused::Full) => thread::sleep(REST),
                Err(AppendRefused::Fatal) => {
                    return Err(Fault::StepDown {
                        what: "the client takes no more requests".to_owned(),
                    });
                }
            }
        }
    }
}
