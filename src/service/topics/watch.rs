//! Topics that change under a running engine.

use std::time::Duration;

use thiserror::Error;
use tracing::debug;

use crate::config::Settings;
use crate::service::Clock;
use crate::service::log::Fault;
use crate::service::log::kafka::KafkaAdmin;

/// Why the engine must not go on with its topics.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TopicsChanged {
    /// The partition count is not what it was at the start.
    #[error(
        "{topic} had {from} partitions at the start and has {to} now: accounts move to other \
         partitions, away from their windows and from the answers that bind. What was taken is \
         drained. Go on with new topics, see README \"Operate\""
    )]
    PartitionsCount {
        /// The topic.
        topic: String,
        /// What it was made for.
        from: u32,
        /// What it has.
        to: u32,
    },
    /// The stop orders have partitions that nobody reads.
    #[error(
        "{topic} had one partition at the start and has {to} now: orders in the others would stop \
         nothing. Make it anew with one partition and publish every order that stands again, see \
         README \"Operate\""
    )]
    StopOrdersPartitions {
        /// The topic.
        topic: String,
        /// What it has.
        to: u32,
    },
    /// The stop orders lack records that were followed.
    #[error(
        "{topic} was made anew or has lost records ({what}): the stop list is not current any \
         more. Publish every order that stands again, then restart: the list is read whole at \
         every start, see README \"Operate\""
    )]
    StopOrdersCut {
        /// The topic.
        topic: String,
        /// What the client said.
        what: String,
    },
    /// The topic was there at the start, and the brokers do not know it any more.
    #[error(
        "{topic} is gone: the brokers do not know it any more, and its records went with it. Make \
         it again only if you know what that loses, see README \"Operate\""
    )]
    Gone {
        /// The topic.
        topic: String,
    },
}

impl TopicsChanged {
    fn of_stop_orders(self) -> Self {
        match self {
            Self::PartitionsCount { topic, to, .. } => Self::StopOrdersPartitions { topic, to },
            other @ (Self::StopOrdersPartitions { .. }
            | Self::StopOrdersCut { .. }
            | Self::Gone { .. }) => other,
        }
    }
}

/// How often in a row a topic must be unknown: a broker that has just started may not know
/// all of them yet.
const UNKNOWN_LOOKS_MAX: u32 = 3;

/// Looks at the topics that are read and written, one small request each.
pub(in crate::service) struct TopicsWatch {
    admin: KafkaAdmin,
    watched: [Watched; 2],
    stop_orders: Watched,
    /// Since when the brokers have not known the stop orders.
    unknown_at_nanos: Option<u64>,
    clock: Clock,
}

impl TopicsWatch {
    /// One for the topics of `settings`, which have `partitions_count` partitions.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub(in crate::service) fn open(
        settings: &Settings,
        partitions_count: u32,
        clock: Clock,
    ) -> Result<Self, Fault> {
        let topics = [&settings.topics.authorisations, settings.answers_topic()];
        let watched = topics.map(|topic| Watched::new(topic, partitions_count));
        Ok(Self {
            admin: KafkaAdmin::open(&settings.kafka, clock.clone())?,
            watched,
            stop_orders: Watched::new(&settings.topics.stop_orders, 1),
            unknown_at_nanos: None,
            clock,
        })
    }

    /// Looks at all of them once. A broker that does not answer says nothing about them.
    ///
    /// # Errors
    /// One of them has changed.
    pub(in crate::service) fn look(&mut self) -> Result<(), TopicsChanged> {
        // First those without which a lost card goes on paying.
        let found = self.admin.partitions_count(&self.stop_orders.topic);
        let compared = self.stop_orders.compare(found);
        self.unknown_at_nanos = match self.stop_orders.unknown_looks {
            0 => None,
            _ => self.unknown_at_nanos.or_else(|| Some(self.clock.monotonic_nanos())),
        };
        compared.map_err(TopicsChanged::of_stop_orders)?;
        for watched in &mut self.watched {
            let found = self.admin.partitions_count(&watched.topic);
            watched.compare(found)?;
        }
        Ok(())
    }

    /// For how long the brokers have not known the stop orders; `None` while they do.
    pub(in crate::service) fn stop_orders_unknown_for(&self) -> Option<Duration> {
        let unknown_at = self.unknown_at_nanos?;
        Some(Duration::from_nanos(self.clock.monotonic_nanos().saturating_sub(unknown_at)))
    }
}

/// A topic as it was at the start.
#[derive(Debug)]
struct Watched {
    topic: String,
    partitions_count: u32,
    unknown_looks: u32,
}

impl Watched {
    fn new(topic: &str, partitions_count: u32) -> Self {
        Self { topic: topic.to_owned(), partitions_count, unknown_looks: 0 }
    }

    fn compare(&mut self, found: Result<u32, Fault>) -> Result<(), TopicsChanged> {
        let topic = || self.topic.clone();
        match found {
            Ok(to) if to != self.partitions_count => {
                let from = self.partitions_count;
                return Err(TopicsChanged::PartitionsCount { topic: topic(), from, to });
            }
            Ok(_) => self.unknown_looks = 0,
            Err(Fault::TopicMissing { .. }) => {
                self.unknown_looks += 1;
                if self.unknown_looks >= UNKNOWN_LOOKS_MAX {
                    return Err(TopicsChanged::Gone { topic: topic() });
                }
            }
            Err(fault) => debug!(%fault, topic = self.topic, "the topic cannot be looked at"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> Result<u32, Fault> {
        Err(Fault::TopicMissing { topic: "in".to_owned() })
    }

    fn unreachable() -> Result<u32, Fault> {
        Err(Fault::Unreachable { brokers: "here:9092".to_owned(), what: "timed out".to_owned() })
    }

    #[test]
    fn another_partition_count_is_told_at_once() {
        for to in [3, 5] {
            let mut watched = Watched::new("in", 4);
            assert_eq!(watched.compare(Ok(4)), Ok(()));
            let changed = watched.compare(Ok(to)).expect_err("another count");
            let shown = changed.to_string();
            let expected = format!("in had 4 partitions at the start and has {to} now");
            assert!(shown.starts_with(&expected), "{shown}");
        }
    }

    #[test]
    fn a_topic_is_gone_when_it_is_unknown_again_and_again() {
        let mut watched = Watched::new("in", 4);
        for found in [missing(), missing(), Ok(4), missing(), unreachable(), missing()] {
            assert_eq!(watched.compare(found), Ok(()));
        }
        let gone = TopicsChanged::Gone { topic: "in".to_owned() };
        assert_eq!(watched.compare(missing()), Err(gone));
    }

    #[test]
    fn brokers_that_do_not_answer_say_nothing_of_their_topics() {
        let mut watched = Watched::new("in", 4);
        for _ in 0..100 {
            assert_eq!(watched.compare(unreachable()), Ok(()));
        }
    }
}
