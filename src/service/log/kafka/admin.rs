//! Topics, as an operator makes and sees them.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::mpsc::channel;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult,
};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};

use super::context::PlainContext;
use super::fault::settings_fault;
use super::settings;
use crate::config::KafkaSettings;
use crate::service::Clock;
use crate::service::log::Fault;

/// How long one metadata request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
/// How long to rest between two questions whether a new topic is there.
const REST: Duration = Duration::from_millis(20);

/// A topic to make.
#[derive(Clone, Copy, Debug)]
pub struct TopicPlan<'t> {
    /// Its name.
    pub name: &'t str,
    /// How many partitions it gets.
    pub partitions_count: u32,
    /// How many brokers hold each.
    pub replicas_count: u32,
    /// Its settings, such as `cleanup.policy`.
    pub config: &'t [(&'t str, &'t str)],
}

/// How a topic is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TopicShape {
    /// How many partitions it has.
    pub partitions_count: u32,
    /// How many brokers hold each, at least.
    pub replicas_count: u32,
}

/// Asks brokers about topics, and makes and removes them.
pub struct KafkaAdmin {
    client: AdminClient<PlainContext>,
    brokers: String,
    clock: Clock,
}

impl KafkaAdmin {
    /// An admin client for the brokers of `kafka`.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub fn open(kafka: &KafkaSettings, clock: Clock) -> Result<Self, Fault> {
        let (reasons, _) = channel();
        let client = settings::admin(kafka)?
            .create_with_context(PlainContext::new(reasons))
            .map_err(|error| settings_fault(&error))?;
        Ok(Self { client, brokers: kafka.brokers.clone(), clock })
    }

    /// Makes topics and waits, for at most `wait`, until their partitions are known.
    ///
    /// # Errors
    /// No broker answers, or one refuses a topic, also one that exists already.
    pub fn create_topics(&self, plans: &[TopicPlan<'_>], wait: Duration) -> Result<(), Fault> {
        let deadline = self.clock.deadline(wait);
        let topics: Vec<_> = plans.iter().map(new_topic).collect();
        let options = AdminOptions::new().operation_timeout(Some(wait));
        let made = self.client.create_topics(&topics, &options);
        self.check(complete(made)?)?;
        for plan in plans {
            while self.partitions_count(plan.name) != Ok(plan.partitions_count) {
                if deadline.has_passed() {
                    return Err(Fault::TopicMissing { topic: plan.name.to_owned() });
                }
                std::thread::sleep(REST);
            }
        }
        Ok(())
    }

    /// Removes topics, for at most `wait`.
    ///
    /// # Errors
    /// No broker answers, or one refuses.
    pub fn delete_topics(&self, names: &[&str], wait: Duration) -> Result<(), Fault> {
        let options = AdminOptions::new().operation_timeout(Some(wait));
        let removed = self.client.delete_topics(names, &options);
        self.check(complete(removed)?)
    }

    /// How many partitions `topic` has.
    ///
    /// # Errors
    /// No broker answers, or none knows the topic.
    pub fn partitions_count(&self, topic: &str) -> Result<u32, Fault> {
        self.shape(topic).map(|shape| shape.partitions_count)
    }

    /// How `topic` is laid out.
    ///
    /// # Errors
    /// No broker answers, or none knows the topic.
    pub fn shape(&self, topic: &str) -> Result<TopicShape, Fault> {
        let missing = || Fault::TopicMissing { topic: topic.to_owned() };
        let metadata = self
            .client
            .inner()
            .fetch_metadata(Some(topic), REQUEST_TIMEOUT)
            .map_err(|error| self.fault(&error))?;
        let found = metadata.topics().first().ok_or_else(missing)?;
        match found.error().map(RDKafkaErrorCode::from) {
            None => {}
            Some(RDKafkaErrorCode::UnknownTopicOrPartition) => return Err(missing()),
            Some(code) => {
                return Err(Fault::Refused { what: format!("topic {topic}: {code}") });
            }
        }
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let replicas = found.partitions().iter().map(|partition| partition.replicas().len());
        let replicas_count = count(replicas.min().ok_or_else(missing)?);
        Ok(TopicShape { partitions_count: count(found.partitions().len()), replicas_count })
    }

    /// How many offsets partitions 0 to `partitions_count` of `topic` have had, added up.
    ///
    /// # Errors
    /// No broker answers, or none knows the topic.
    pub fn end_offsets_sum(&self, topic: &str, partitions_count: u32) -> Result<u64, Fault> {
        let ids = (0..).zip(0..partitions_count);
        let end = |(partition, _)| {
            let found = self.client.inner().fetch_watermarks(topic, partition, REQUEST_TIMEOUT);
            let (_, end) = found.map_err(|error| self.fault(&error))?;
            Ok(u64::try_from(end).unwrap_or(0))
        };
        ids.map(end).sum()
    }

    /// The settings of `topic`, by name, those with their default too.
    ///
    /// # Errors
    /// No broker answers, or none knows the topic.
    pub fn topic_config(&self, topic: &str) -> Result<BTreeMap<String, String>, Fault> {
        let options = AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT));
        let asked = [ResourceSpecifier::Topic(topic)];
        let found = complete(self.client.describe_configs(&asked, &options))?
            .map_err(|error| self.fault(&error))?;
        let mut config = BTreeMap::new();
        for resource in found {
            let resource = resource
                .map_err(|code| Fault::Refused { what: format!("topic {topic}: {code}") })?;
            let entries = resource.entries.into_iter();
            config.extend(entries.filter_map(|entry| Some((entry.name, entry.value?))));
        }
        Ok(config)
    }

    fn check(&self, results: KafkaResult<Vec<TopicResult>>) -> Result<(), Fault> {
        let results = results.map_err(|error| self.fault(&error))?;
        for result in results {
            result.map_err(|(topic, code)| Fault::Refused {
                what: format!("topic {topic}: {code}"),
            })?;
        }
        Ok(())
    }

    fn fault(&self, error: &KafkaError) -> Fault {
        Fault::Unreachable { brokers: self.brokers.clone(), what: error.to_string() }
    }
}

fn new_topic<'t>(plan: &TopicPlan<'t>) -> NewTopic<'t> {
    let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let replication = TopicReplication::Fixed(count(plan.replicas_count));
    let mut topic = NewTopic::new(plan.name, count(plan.partitions_count), replication);
    for (name, value) in plan.config {
        topic = topic.set(name, value);
    }
    topic
}

/// Waits for what the admin client promised; it keeps its own time.
fn complete<F: Future>(future: F) -> Result<F::Output, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| Fault::Settings { what: error.to_string() })?;
    Ok(runtime.block_on(future))
}
