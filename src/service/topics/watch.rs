//! Topics that change under a running engine.

use std::time::Duration;

use thiserror::Error;
use tracing::{debug, info, warn};

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

/// How often in a row a topic must be unknown: a broker that has just started may not know
/// all of them yet.
const UNKNOWN_LOOKS_MAX: u32 = 3;

/// Looks at the topics that a worker reads and writes, one small request each.
pub(in crate::service) struct TopicsWatch {
    admin: KafkaAdmin,
    watched: [Watched; 2],
    silence: Silence,
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
        let silence = Silence::new(clock.clone());
        Ok(Self { admin: KafkaAdmin::open(&settings.kafka, clock)?, watched, silence })
    }

    /// Looks at all of them once. A broker that does not answer says nothing about them.
    ///
    /// # Errors
    /// One of them has changed.
    pub(in crate::service) fn look(&mut self) -> Result<(), TopicsChanged> {
        for watched in &mut self.watched {
            let found = self.admin.partitions_count(&watched.topic);
            match self.silence.hear(&found) {
                Some(News::Silent) => {
                    warn!("no broker answers: nothing can be decided until one does");
                }
                Some(News::Back { silent_for }) => info!(?silent_for, "brokers answer again"),
                None => {}
            }
            watched.compare(found)?;
        }
        Ok(())
    }
}

/// Whether brokers answer at all; told when that changes.
#[derive(Debug)]
struct Silence {
    clock: Clock,
    since_nanos: Option<u64>,
}

/// What has changed about the brokers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    /// None answers any more.
    Silent,
    /// One does again.
    Back {
        /// For how long none did.
        silent_for: Duration,
    },
}

impl Silence {
    const fn new(clock: Clock) -> Self {
        Self { clock, since_nanos: None }
    }

    fn hear(&mut self, found: &Result<u32, Fault>) -> Option<News> {
        let now_nanos = self.clock.monotonic_nanos();
        match (found, self.since_nanos) {
            (Err(Fault::Unreachable { .. }), None) => {
                self.since_nanos = Some(now_nanos);
                Some(News::Silent)
            }
            (Err(Fault::Unreachable { .. }), Some(_)) | (_, None) => None,
            (_, Some(since_nanos)) => {
                self.since_nanos = None;
                let silent_for = Duration::from_nanos(now_nanos.saturating_sub(since_nanos));
                Some(News::Back { silent_for })
            }
        }
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
    fn brokers_that_fall_silent_and_come_back_are_told_once_each() {
        let clock = Clock::manual(0);
        let mut silence = Silence::new(clock.clone());
        assert_eq!(silence.hear(&Ok(4)), None);
        assert_eq!(silence.hear(&unreachable()), Some(News::Silent));
        clock.advance(Duration::from_secs(3));
        assert_eq!(silence.hear(&unreachable()), None);
        let silent_for = Duration::from_secs(3);
        // A broker that does not know the topic yet is there.
        assert_eq!(silence.hear(&missing()), Some(News::Back { silent_for }));
        assert_eq!(silence.hear(&Ok(4)), None);
    }

    #[test]
    fn brokers_that_do_not_answer_say_nothing_of_their_topics() {
        let mut watched = Watched::new("in", 4);
        for _ in 0..100 {
            assert_eq!(watched.compare(unreachable()), Ok(()));
        }
    }
}
