//! What can be wrong with topics, each with the command that mends it.

use std::fmt;

use thiserror::Error;

use crate::config::show_span;
use crate::domain::Span;

/// Something about the topics that would make answers wrong or lose them.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum TopicFault {
    /// A topic is missing.
    #[error("missing: no broker knows {topic}. Make it with: {command}")]
    Missing {
        /// Its name.
        topic: String,
        /// What makes it.
        command: String,
    },
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
        /// The topic of the answers.
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
    /// A topic that is read keeps its producers' times.
    #[error(
        "append-time: {} keeps its producers' times, and one with a wrong clock would move \
         everybody's windows. {}",
        .0.topic, .0.mended_by("message.timestamp.type=LogAppendTime")
    )]
    AppendTime(TopicPlace),
    /// The topic of the answers keeps its producers' times.
    #[error(
        "decisions-append-time: {} keeps its producers' times, and as the journal it is sought by \
         the broker's. {}",
        .0.topic, .0.mended_by("message.timestamp.type=LogAppendTime")
    )]
    DecisionsAppendTime(TopicPlace),
    /// Compaction would delete requests that windows count.
    #[error(
        "authorisations-compacted: {} is compacted, which deletes all of an account's requests \
         but the last, unanswered ones too. {}",
        .0.topic, .0.mended_by("cleanup.policy=delete")
    )]
    AuthorisationsCompacted(TopicPlace),
    /// Compaction would delete binding answers.
    #[error(
        "decisions-compacted: {} is compacted, which deletes binding answers. {}",
        .0.topic, .0.mended_by("cleanup.policy=delete")
    )]
    DecisionsCompacted(TopicPlace),
    /// Stop orders would vanish by age.
    #[error(
        "stop-orders-not-compacted: {} drops its records by age, and with them stop orders in \
         force. {}",
        .0.topic, .0.mended_by("cleanup.policy=compact")
    )]
    StopOrdersNotCompacted(TopicPlace),
    /// Records go before nothing needs them any more.
    #[error(
        "retention: {} keeps its records for {kept}, and {needed} is needed, {why}. {}",
        .place.topic, .place.mended_by(&format!("retention.ms={}", .needed.config_value()))
    )]
    Retention {
        /// Which topic.
        place: TopicPlace,
        /// How long it keeps its records.
        kept: Retention,
        /// How long it must.
        needed: Retention,
        /// What for.
        why: RetentionNeed,
    },
    /// Acknowledged answers could be lost, or none could be written.
    #[error(
        "min-isr: {} has {replicas_count} replicas, of which {min_isr} must have a record before \
         it is acknowledged: {}. {}",
        .place.topic,
        if .min_isr > .replicas_count { "none is" } else { "answers are lost with one broker" },
        .place.mended_by(&format!("min.insync.replicas={}", .replicas_count.min(&2)))
    )]
    MinIsr {
        /// The topic of the answers.
        place: TopicPlace,
        /// How many brokers hold each partition.
        replicas_count: u32,
        /// How many of them must have a record.
        min_isr: u32,
    },
}

impl TopicFault {
    /// Those that `--allow` may name: an operator may know better.
    pub const ALLOWABLE: [&'static str; 7] = [
        "append-time",
        "decisions-append-time",
        "authorisations-compacted",
        "decisions-compacted",
        "stop-orders-not-compacted",
        "retention",
        "min-isr",
    ];

    /// Its name, for `--allow`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::PartitionCounts { .. } => "partition-counts",
            Self::StopOrderPartitions { .. } => "stop-order-partitions",
            Self::AppendTime(_) => "append-time",
            Self::DecisionsAppendTime(_) => "decisions-append-time",
            Self::AuthorisationsCompacted(_) => "authorisations-compacted",
            Self::DecisionsCompacted(_) => "decisions-compacted",
            Self::StopOrdersNotCompacted(_) => "stop-orders-not-compacted",
            Self::Retention { .. } => "retention",
            Self::MinIsr { .. } => "min-isr",
        }
    }
}

/// A topic, and where its settings are changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicPlace {
    /// The topic.
    pub topic: String,
    /// The brokers that hold it.
    pub brokers: String,
}

impl TopicPlace {
    /// The command that makes the topic with `partitions_count` partitions and these settings.
    pub(super) fn made_by(&self, partitions_count: u32, config: &[&str]) -> String {
        let Self { topic, brokers } = self;
        let start = format!(
            "kafka-topics.sh --bootstrap-server {brokers} --create --topic {topic} --partitions \
             {partitions_count}"
        );
        config.iter().fold(start, |command, setting| command + " --config " + setting)
    }

    /// The command that gives the topic the setting `config`.
    fn mended_by(&self, config: &str) -> String {
        let Self { topic, brokers } = self;
        format!(
            "Mend it with: kafka-configs.sh --bootstrap-server {brokers} --alter --entity-type \
             topics --entity-name {topic} --add-config {config}"
        )
    }
}

const DAY_MILLIS: i64 = 86_400_000;

/// How long a topic keeps its records.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Retention {
    /// So long.
    For(Span),
    /// As long as there is room.
    Unlimited,
}

impl Retention {
    /// What `retention.ms` says; negative is without a limit.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < 0 { Self::Unlimited } else { Self::For(Span::from_millis(millis)) }
    }

    pub(super) const fn config_value(self) -> i64 {
        match self {
            Self::For(span) => span.millis(),
            Self::Unlimited => -1,
        }
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(span) => {
                let rest = Span::from_millis(span.millis() % DAY_MILLIS);
                let days = Span::from_millis(span.millis() - rest.millis());
                match (days, rest) {
                    (Span::ZERO, rest) => f.write_str(&show_span(rest)),
                    (days, Span::ZERO) => f.write_str(&show_span(days)),
                    (days, rest) => write!(f, "{} {}", show_span(days), show_span(rest)),
                }
            }
            Self::Unlimited => f.write_str("no limit"),
        }
    }
}

/// What records are kept for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetentionNeed {
    /// State is made again from them.
    Horizon,
    /// An input without its answer would be answered anew.
    Inputs,
}

impl fmt::Display for RetentionNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Horizon => {
                "as long as the longest window and its lateness, and stored answers, reach back: \
                 a start makes its state from them"
            }
            Self::Inputs => "as long as the authorisations: each of them must find its answer",
        })
    }
}
