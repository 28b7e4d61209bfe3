//! What must hold of the topics before anything is started.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;
use tracing::warn;

use super::Clock;
use super::log::Fault;
use super::log::kafka::KafkaAdmin;
use crate::config::{Settings, TopicSettings};

/// Something about the topics that would make answers wrong or lose them.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TopicFault {
    /// Authorisations and decisions differ in their partition counts.
    #[error(
        "partition-counts: {inputs} has {inputs_count} partitions and {outputs} has \
         {outputs_count}; a decision goes to the partition of its request's number. Make the \
         smaller one again with as many"
    )]
    PartitionCounts {
        /// The authorisations topic.
        inputs: String,
        /// Its partitions.
        inputs_count: u32,
        /// The decisions topic.
        outputs: String,
        /// Its partitions.
        outputs_count: u32,
    },
    /// Stop orders are spread over partitions.
    #[error(
        "stop-order-partitions: {topic} has {count} partitions; stop orders need one, for their \
         order. Make it again with one"
    )]
    StopOrderPartitions {
        /// The stop-orders topic.
        topic: String,
        /// Its partitions.
        count: u32,
    },
    /// A topic keeps its producers' times.
    #[error(
        "append-time: {topic} keeps its producers' times, and one with a wrong clock would move \
         everybody's windows. Mend it with: kafka-configs.sh --bootstrap-server {brokers} --alter \
         --entity-type topics --entity-name {topic} --add-config \
         message.timestamp.type=LogAppendTime"
    )]
    AppendTime {
        /// The topic.
        topic: String,
        /// Where it is.
        brokers: String,
    },
    /// Compaction would delete binding answers.
    #[error(
        "decisions-compacted: {topic} is compacted, which deletes binding answers. Mend it with: \
         kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type topics \
         --entity-name {topic} --add-config cleanup.policy=delete"
    )]
    DecisionsCompacted {
        /// The decisions topic.
        topic: String,
        /// Where it is.
        brokers: String,
    },
    /// Stop orders would vanish by age.
    #[error(
        "stop-orders-not-compacted: {topic} drops its records by age, and with them stop orders \
         in force. Mend it with: kafka-configs.sh --bootstrap-server {brokers} --alter \
         --entity-type topics --entity-name {topic} --add-config cleanup.policy=compact"
    )]
    StopOrdersNotCompacted {
        /// The stop-orders topic.
        topic: String,
        /// Where it is.
        brokers: String,
    },
}

impl TopicFault {
    /// Those that `--allow` may name: an operator may know better.
    pub const ALLOWABLE: [&'static str; 3] =
        ["append-time", "decisions-compacted", "stop-orders-not-compacted"];

    /// Its name, for `--allow`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PartitionCounts { .. } => "partition-counts",
            Self::StopOrderPartitions { .. } => "stop-order-partitions",
            Self::AppendTime { .. } => "append-time",
            Self::DecisionsCompacted { .. } => "decisions-compacted",
            Self::StopOrdersNotCompacted { .. } => "stop-orders-not-compacted",
        }
    }
}

/// Why the topics cannot be worked with.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TopicsRefused {
    /// They cannot be looked at.
    #[error(transparent)]
    Log(#[from] Fault),
    /// They are not as they must be.
    #[error("the topics are not as they must be:{}", lines(.0))]
    Faults(Vec<TopicFault>),
}

fn lines(faults: &[TopicFault]) -> String {
    faults.iter().fold(String::new(), |lines, fault| lines + "\n  " + &fault.to_string())
}

/// A topic as the brokers describe it.
#[derive(Clone, Debug, Default)]
pub struct TopicFound {
    /// How many partitions it has.
    pub partitions_count: u32,
    /// Its settings by name.
    pub config: BTreeMap<String, String>,
}

/// How long brokers that do not answer are asked again before the process gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to rest between two tries.
const REST: Duration = Duration::from_secs(1);

/// Looks at the topics; returns the partition count of the authorisations. Faults that
/// `allowed` names are logged and passed over.
///
/// # Errors
/// No broker answers within 10 s, a topic is missing, or one is not as it must be.
pub(super) fn check_topics(
    settings: &Settings,
    allowed: &[String],
    clock: &Clock,
) -> Result<u32, TopicsRefused> {
    let admin = KafkaAdmin::open(&settings.kafka, clock.clone())?;
    let topics = &settings.topics;
    let look = |topic: &str| patiently(clock, || found(&admin, topic));
    let inputs = look(&topics.authorisations)?;
    let (outputs, stop_orders) = (look(&topics.decisions)?, look(&topics.stop_orders)?);
    let brokers = &settings.kafka.brokers;
    let mut faults = faults(topics, brokers, &inputs, &outputs, &stop_orders);
    faults.retain(|fault| {
        let is_allowed = allowed.iter().any(|name| name == fault.name());
        if is_allowed {
            warn!(%fault, "passed over, as --allow says");
        }
        !is_allowed
    });
    if faults.is_empty() { Ok(inputs.partitions_count) } else { Err(TopicsRefused::Faults(faults)) }
}

fn found(admin: &KafkaAdmin, topic: &str) -> Result<TopicFound, Fault> {
    let partitions_count = admin.partitions_count(topic)?;
    let config = match admin.topic_config(topic) {
        Err(fault @ Fault::Refused { .. }) => {
            warn!(%fault, topic, "its settings cannot be looked at and are taken to be right");
            BTreeMap::new()
        }
        found => found?,
    };
    Ok(TopicFound { partitions_count, config })
}

/// What `look` finds, tried again while no broker answers, for up to 10 s.
///
/// # Errors
/// As `look`'s last try.
pub fn patiently<T>(clock: &Clock, look: impl Fn() -> Result<T, Fault>) -> Result<T, Fault> {
    let deadline = clock.deadline(PATIENCE);
    loop {
        match look() {
            Err(fault @ Fault::Unreachable { .. }) if !deadline.has_passed() => {
                warn!(%fault, "trying again");
                clock.sleep(REST);
            }
            done => return done,
        }
    }
}

/// All that is wrong.
fn faults(
    topics: &TopicSettings,
    brokers: &str,
    inputs: &TopicFound,
    outputs: &TopicFound,
    stop_orders: &TopicFound,
) -> Vec<TopicFault> {
    let mut faults = Vec::new();
    if inputs.partitions_count != outputs.partitions_count {
        faults.push(TopicFault::PartitionCounts {
            inputs: topics.authorisations.clone(),
            inputs_count: inputs.partitions_count,
            outputs: topics.decisions.clone(),
            outputs_count: outputs.partitions_count,
        });
    }
    if stop_orders.partitions_count != 1 {
        let (topic, count) = (topics.stop_orders.clone(), stop_orders.partitions_count);
        faults.push(TopicFault::StopOrderPartitions { topic, count });
    }
    let says = |found: &TopicFound, name: &str, word: &str| {
        found.config.get(name).is_some_and(|value| value.contains(word))
    };
    let brokers = || brokers.to_owned();
    for (topic, found) in [(&topics.authorisations, inputs), (&topics.stop_orders, stop_orders)] {
        if says(found, "message.timestamp.type", "CreateTime") {
            faults.push(TopicFault::AppendTime { topic: topic.clone(), brokers: brokers() });
        }
    }
    if says(outputs, "cleanup.policy", "compact") {
        let topic = topics.decisions.clone();
        faults.push(TopicFault::DecisionsCompacted { topic, brokers: brokers() });
    }
    if says(stop_orders, "cleanup.policy", "delete") {
        let topic = topics.stop_orders.clone();
        faults.push(TopicFault::StopOrdersNotCompacted { topic, brokers: brokers() });
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(partitions_count: u32, times: &str, cleanup: &str) -> TopicFound {
        let config = [("message.timestamp.type", times), ("cleanup.policy", cleanup)];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        TopicFound { partitions_count, config: config.into_iter().map(owned).collect() }
    }

    fn names(inputs: &TopicFound, outputs: &TopicFound, orders: &TopicFound) -> Vec<&'static str> {
        let topics = TopicSettings {
            authorisations: "in".to_owned(),
            decisions: "out".to_owned(),
            stop_orders: "stop".to_owned(),
        };
        let found = faults(&topics, "here:9092", inputs, outputs, orders);
        found.iter().map(TopicFault::name).collect()
    }

    #[test]
    fn topics_as_they_must_be_have_no_faults() {
        let good = topic(4, "LogAppendTime", "delete");
        let orders = topic(1, "LogAppendTime", "compact");
        assert_eq!(names(&good, &good, &orders), [] as [&str; 0]);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let inputs = topic(4, "CreateTime", "delete");
        let outputs = topic(3, "CreateTime", "compact,delete");
        let orders = topic(2, "CreateTime", "delete");
        assert_eq!(
            names(&inputs, &outputs, &orders),
            [
                "partition-counts",
                "stop-order-partitions",
                "append-time",
                "append-time",
                "decisions-compacted",
                "stop-orders-not-compacted",
            ]
        );
    }

    #[test]
    fn a_fault_names_the_command_that_mends_it() {
        let fault = TopicFault::AppendTime { topic: "in".to_owned(), brokers: "b:1".to_owned() };
        let shown = fault.to_string();
        assert!(shown.contains("--entity-name in --add-config message.timestamp.type"), "{shown}");
    }
}
