//! Where a run takes place: a cluster and its topics.

use std::sync::atomic::AtomicBool;

use thiserror::Error;

use crate::config::KafkaSettings;
use crate::lab::cluster;
use crate::lab::topics::Topics;
use crate::service::log::Fault;
use crate::service::log::kafka::{KafkaAdmin, KafkaTail, Positions, TailStart, positions};
use crate::service::{Clock, patiently};

/// Where a run takes place.
#[derive(Clone, Debug)]
pub struct Place {
    pub(super) kafka: KafkaSettings,
    pub(super) topics: Topics,
    pub(super) clock: Clock,
}

/// Why a run cannot take place.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LoadFault {
    /// The log fails.
    #[error(transparent)]
    Log(#[from] Fault),
    /// A decision goes to the partition of its request's number.
    #[error(
        "{inputs} has {inputs_count} partitions and {outputs} has {outputs_count}; make one of \
             them anew: they need as many"
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
}

impl Place {
    /// The topics whose names begin with `prefix`, on the cluster at `brokers`.
    pub fn new(brokers: String, prefix: &str) -> Self {
        let clock = Clock::system();
        let name = format!("loadgen-{:x}", clock.unix_millis());
        let kafka = KafkaSettings {
            brokers,
            group: name.clone(),
            instance: name,
            is_static_member: false,
            properties: Vec::new(),
            secret_property_files: Vec::new(),
        };
        Self { kafka, topics: Topics::named(prefix), clock }
    }

    /// Makes the three topics, and returns their names. Gives up early where it `must_end`.
    ///
    /// # Errors
    /// No broker answers, or one refuses, also where there is one of that name.
    pub fn make_topics(
        &self,
        partitions_count: u32,
        must_end: &AtomicBool,
    ) -> Result<[String; 3], LoadFault> {
        let Self { kafka, topics, clock } = self;
        cluster::create_topics(kafka, clock, topics, partitions_count, must_end)?;
        let Topics { authorisations, decisions, stop_orders } = topics.clone();
        Ok([authorisations, decisions, stop_orders])
    }

    /// The partitions of authorisations and decisions.
    ///
    /// # Errors
    /// No broker answers, a topic is missing, or they have not as many.
    pub(super) fn partitions_count(&self) -> Result<u32, LoadFault> {
        let Topics { authorisations, decisions, .. } = &self.topics;
        let admin = KafkaAdmin::open(&self.kafka, self.clock.clone())?;
        let inputs_count = patiently(&self.clock, || admin.partitions_count(authorisations))?;
        let outputs_count = patiently(&self.clock, || admin.partitions_count(decisions))?;
        if inputs_count == outputs_count {
            return Ok(inputs_count);
        }
        let (inputs, outputs) = (authorisations.clone(), decisions.clone());
        Err(LoadFault::PartitionCounts { inputs, inputs_count, outputs, outputs_count })
    }

    /// Where the decisions of so many partitions stand now.
    ///
    /// # Errors
    /// No broker answers.
    pub(super) fn decisions_positions(&self, count: u32) -> Result<Vec<Positions>, Fault> {
        patiently(&self.clock, || positions(&self.kafka, &self.topics.decisions, count))
    }

    /// A tail that reads the decisions from where they ended at `positions`.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub(super) fn decisions_since(&self, positions: &[Positions]) -> Result<KafkaTail, Fault> {
        let start = |found: &Positions| (found.partition, TailStart::At(found.end));
        let starts: Vec<_> = positions.iter().map(start).collect();
        KafkaTail::open(&self.kafka, &self.topics.decisions, &starts, self.clock.clone())
    }
}
