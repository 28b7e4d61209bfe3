//! What must hold of the topics before anything is started, and while it runs.

mod fault;
mod judge;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;
use tracing::warn;

use self::judge::{Topic, Topics};
use super::Clock;
use super::log::Fault;
use super::log::kafka::{AnswersAre, KafkaAdmin, LogTopics, check_group};
use crate::config::{Settings, WorkersMode};
use crate::domain::Span;
use crate::engine::rules::RuleSet;

pub use fault::{Retention, RetentionNeed, TopicFault, TopicPlace};
pub use judge::TopicFound;
pub use watch::TopicsChanged;
pub(super) use watch::TopicsWatch;

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
    rule_set: &RuleSet,
    allowed: &[String],
    clock: &Clock,
) -> Result<u32, TopicsRefused> {
    let admin = KafkaAdmin::open(&settings.kafka, clock.clone())?;
    let topic = |name| match patiently(clock, || found(&admin, name)) {
        Err(Fault::TopicMissing { .. }) => Ok(Topic::new(name, None)),
        found => found.map(|found| Topic::new(name, Some(found))),
    };
    let topics = Topics {
        brokers: &settings.kafka.brokers,
        inputs: topic(&settings.topics.authorisations)?,
        outputs: topic(settings.answers_topic())?,
        stop_orders: topic(&settings.topics.stop_orders)?,
        horizon: horizon(settings, rule_set),
    };
    for warning in topics.warnings() {
        warn!("{warning}");
    }
    let mut faults = topics.faults();
    faults.retain(|fault| {
        let is_allowed = allowed.iter().any(|name| name == fault.name());
        if is_allowed {
            warn!(%fault, "passed over, as --allow says");
        }
        !is_allowed
    });
    if !faults.is_empty() {
        return Err(TopicsRefused::Faults(faults));
    }
    let partitions_count = topics.inputs.found.partitions_count;
    check_group_of(settings, partitions_count)?;
    Ok(partitions_count)
}

/// Refuses the group of an engine whose answers go elsewhere, before it is joined: a member
/// that is refused later holds partitions for a session. Where nobody answers, the look-up at
/// the take-over still refuses.
fn check_group_of(settings: &Settings, partitions_count: u32) -> Result<(), Fault> {
    let topics =
        LogTopics { inputs: &settings.topics.authorisations, outputs: settings.answers_topic() };
    let answers = match settings.mode {
        WorkersMode::Observe => AnswersAre::Expected,
        WorkersMode::Answer => AnswersAre::Possible,
    };
    match check_group(&settings.kafka, topics, partitions_count, answers) {
        Err(fault @ Fault::Unreachable { .. }) => {
            warn!(%fault, "the group's positions cannot be looked at yet");
            Ok(())
        }
        looked => looked,
    }
}

/// How far back a start reads to make its state.
fn horizon(settings: &Settings, rule_set: &RuleSet) -> Span {
    let lateness = settings.lateness.max(settings.advice_lateness);
    rule_set.retention(lateness).plus(lateness).max(settings.recent_answers_age)
}

fn found(admin: &KafkaAdmin, topic: &str) -> Result<TopicFound, Fault> {
    let shape = admin.shape(topic)?;
    let config = match admin.topic_config(topic) {
        Err(fault @ Fault::Refused { .. }) => {
            warn!(%fault, topic, "its settings cannot be looked at and are taken to be right");
            BTreeMap::new()
        }
        found => found?,
    };
    Ok(TopicFound {
        partitions_count: shape.partitions_count,
        replicas_count: shape.replicas_count,
        config,
    })
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
