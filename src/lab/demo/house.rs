//! The house that the demo is played in: the in-process log, or a real cluster.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use thiserror::Error;

use super::crew::{Crew, Equipment};
use super::frame::{Frame, Stage};
use super::performance::Performance;
use super::story::Witness;
use super::summary::Ending;
use crate::config::{KafkaSettings, parse_rules};
use crate::domain::{PartitionId, Span};
use crate::engine::rules::RuleSet;
use crate::engine::velocity::{RecordedOutcome, What};
use crate::lab::cluster::{self, ClusterOutlet};
use crate::lab::outlet::Outlet;
use crate::lab::topics::Topics;
use crate::lab::traffic::rest_millis;
use crate::service::Clock;
use crate::service::journal::{Inline, Recall, Threads};
use crate::service::log::Fault;
use crate::service::log::Tail;
use crate::service::log::kafka::{KafkaArchive, KafkaFeed, KafkaLog, KafkaTail};
use crate::service::log::memory::MemoryBroker;

/// The rule set that ships with the source: the demo needs no file.
const RULES: &str = include_str!("../../../config/rules.toml");
/// What is said of a latency that was measured without a network.
const IN_PROCESS: &str = "in-process log, no network";
/// How long answers may take after the last request.
const GRACE: Duration = Duration::from_secs(5);
const CLUSTER_GRACE: Duration = Duration::from_secs(30);
/// Attempts in ten minutes from which the rules begin to look at a card.
const ATTEMPTS_CALM: u64 = 3;

/// What demo to play.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DemoSettings {
    /// How long it lasts.
    pub length: Duration,
    /// Requests a second.
    pub rate_per_second: u32,
    /// Cards that pay.
    pub cards_count: u32,
    /// Partitions of its topics.
    pub partitions_count: u32,
    /// Which traffic.
    pub seed: u64,
    /// A real cluster; else the log is in this process.
    pub brokers: Option<String>,
    /// From frame to frame.
    pub frame_interval: Duration,
}

/// Why a demo cannot be played.
#[derive(Debug, Error)]
pub enum DemoFault {
    /// The log fails.
    #[error(transparent)]
    Log(#[from] Fault),
    /// The rule set that ships with the source does not load.
    #[error("the rule set that ships with the source does not load:\n{0}")]
    Rules(String),
    /// The system gives no thread.
    #[error("the system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The engine ended.
    #[error("the engine ended: {0}")]
    Engine(String),
}

/// A demo that is ready to be played.
pub struct Demo {
    settings: DemoSettings,
    stage: Stage,
    clock: Clock,
    rule_set: Arc<RuleSet>,
    topics: Topics,
}

impl Demo {
    /// Makes ready; nothing is started or made yet.
    ///
    /// # Errors
    /// The rule set does not load.
    pub fn open(settings: DemoSettings) -> Result<Self, DemoFault> {
        let (rule_set, _) = parse_rules(Path::new("config/rules.toml"), RULES)
            .map_err(|problems| DemoFault::Rules(problems.to_string()))?;
        let clock = Clock::system();
        let topics = match settings.brokers {
            Some(_) => Topics::named(&format!("demo-{:x}-", clock.unix_millis())),
            None => Topics::named("stopline."),
        };
        let mut notes = Vec::new();
        if let Some(brokers) = &settings.brokers {
            notes.push(format!("connecting to {brokers} …"));
            notes.push(format!(
                "Makes topics of its own on {brokers}: {}, {}, {}. They stay there.",
                topics.authorisations, topics.decisions, topics.stop_orders
            ));
        }
        notes.extend(crowding(&settings));
        let stage = Stage {
            seed: settings.seed,
            rate_per_second: settings.rate_per_second,
            cards_count: settings.cards_count,
            partitions_count: settings.partitions_count,
            length_nanos: u64::try_from(settings.length.as_nanos()).unwrap_or(u64::MAX),
            rules_count: rule_set.rules().len(),
            log: match &settings.brokers {
                Some(brokers) => format!("through Kafka at {brokers}"),
                None => IN_PROCESS.to_owned(),
            },
            notes,
        };
        Ok(Self { settings, stage, clock, rule_set: Arc::new(rule_set), topics })
    }

    /// What stays the same while it runs.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Plays it and shows every frame, until it is over or `must_end`.
    ///
    /// # Errors
    /// The log or the engine fails.
    pub fn play(
        self,
        must_end: Arc<AtomicBool>,
        show: &mut dyn FnMut(&Frame),
    ) -> Result<Ending, DemoFault> {
        let crew = Crew::new(Equipment {
            clock: self.clock.clone(),
            rule_set: Arc::clone(&self.rule_set),
            seed: self.settings.seed,
        });
        match self.settings.brokers.clone() {
            None => self.play_in_process(crew, must_end, show),
            Some(brokers) => self.play_on_cluster(brokers, crew, must_end, show),
        }
    }

    fn play_in_process(
        self,
        mut crew: Crew,
        must_end: Arc<AtomicBool>,
        show: &mut dyn FnMut(&Frame),
    ) -> Result<Ending, DemoFault> {
        let count = self.settings.partitions_count;
        let broker = MemoryBroker::new(self.clock.clone());
        let topics = self.topics.clone();
        broker.create_topic(&topics.authorisations, count);
        broker.create_topic(&topics.decisions, count);
        broker.create_topic(&topics.stop_orders, 1);
        let decisions = broker.tail_from_beginning(&topics.decisions)?;
        crew.follow(broker.tail_from_beginning(&topics.stop_orders)?)?;
        let partitions: Vec<_> = (0..count.cast_signed()).map(PartitionId).collect();
        let (inputs, outputs) = (topics.authorisations.clone(), topics.decisions.clone());
        let log = broker.worker_log("demo", &inputs, &outputs, &partitions)?;
        let archive = broker.archive(&inputs, &outputs);
        crew.work(move || Ok((log, Box::new(Inline::new(archive)) as Box<dyn Recall>)), count)?;
        let outlet = Outlet::Memory { broker, topics };
        self.perform(crew, decisions, outlet, GRACE, must_end, show)
    }

    fn play_on_cluster(
        self,
        brokers: String,
        mut crew: Crew,
        must_end: Arc<AtomicBool>,
        show: &mut dyn FnMut(&Frame),
    ) -> Result<Ending, DemoFault> {
        let count = self.settings.partitions_count;
        let (topics, clock) = (self.topics.clone(), self.clock.clone());
        let kafka = KafkaSettings {
            brokers,
            group: topics.authorisations.clone(),
            instance: topics.authorisations.clone(),
            is_static_member: false,
            properties: Vec::new(),
            secret_property_files: Vec::new(),
        };
        cluster::create_topics(&kafka, &clock, &topics, count, &must_end)?;
        let tail =
            |topic: &str, count| KafkaTail::from_beginning(&kafka, topic, count, clock.clone());
        let decisions = tail(&topics.decisions, count)?;
        crew.follow(tail(&topics.stop_orders, 1)?)?;
        let (members, names, time) = (kafka.clone(), topics.clone(), clock.clone());
        let open = move || {
            let names = names.of_worker();
            let archive = KafkaArchive::new(members.clone(), names, time.clone());
            let log = KafkaLog::open(&members, names, 0, GRACE, time)?;
            Ok((log, Box::new(Threads::new(archive)) as Box<dyn Recall>))
        };
        crew.work(open, count)?;
        let feed = KafkaFeed::open(&kafka, clock)?;
        let outlet = Outlet::Cluster(ClusterOutlet { feed, topics });
        self.perform(crew, decisions, outlet, CLUSTER_GRACE, must_end, show)
    }

    fn perform<T: Tail + Send + 'static>(
        self,
        mut crew: Crew,
        tail: T,
        outlet: Outlet,
        grace: Duration,
        must_end: Arc<AtomicBool>,
        show: &mut dyn FnMut(&Frame),
    ) -> Result<Ending, DemoFault> {
        let interval = self.settings.frame_interval.as_nanos();
        let performance = Performance {
            stage: self.stage,
            clock: self.clock,
            outlet,
            tail,
            witness: witness(&self.rule_set),
            frame_nanos: u64::try_from(interval).unwrap_or(u64::MAX),
            grace,
            must_end,
        };
        let mut ending = performance.play(show, &|| crew.is_at_work())?;
        ending.faults.extend(crew.dismiss());
        Ok(ending)
    }
}

/// A note where cards pay so often that rules on bursts will see ordinary traffic as one.
fn crowding(settings: &DemoSettings) -> Option<String> {
    let rest_millis = rest_millis(settings.cards_count, settings.rate_per_second).max(1);
    let length_millis = settings.length.as_millis().min(600_000);
    let attempts = u64::try_from(length_millis).unwrap_or(u64::MAX) / rest_millis.cast_unsigned();
    (attempts >= ATTEMPTS_CALM).then(|| {
        format!(
            "Each card pays every {} s or so here, real ones every few days: velocity rules will \
             see bursts in ordinary traffic. More --cards or a lower --rate avoids that.",
            (rest_millis + 999) / 1_000
        )
    })
}

/// The first count of the rule set that shows whether an authorisation was counted once.
fn witness(rule_set: &RuleSet) -> Option<Witness> {
    let counts_approved = |feature: &&crate::engine::velocity::FeatureSpec| {
        feature.what == What::Count
            && feature.outcomes.holds(RecordedOutcome::Approved)
            && feature.test.is_none()
            && feature.delay == Span::ZERO
    };
    let features = rule_set.features();
    let place = features.iter().position(|feature| counts_approved(&feature))?;
    features.get(place).map(|feature| Witness {
        feature: feature.name.to_string(),
        place,
        expected: 1 + i64::from(feature.with_current),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(rate_per_second: u32, seconds: u64) -> DemoSettings {
        DemoSettings {
            length: Duration::from_secs(seconds),
            rate_per_second,
            cards_count: 100_000,
            partitions_count: 2,
            seed: 5,
            brokers: None,
            frame_interval: Duration::from_millis(200),
        }
    }

    #[test]
    fn the_demo_holds_its_story_with_the_real_engine() {
        let demo = Demo::open(settings(1_000, 3)).expect("the shipped rules load");
        let mut frames = Vec::new();
        let ending =
            demo.play(Arc::default(), &mut |frame| frames.push(frame.clone())).expect("it plays");
        assert_eq!(ending.faults, Vec::<String>::new(), "{ending:#?}");
        let summary = &ending.summary;
        assert!((2_500..3_500).contains(&summary.sent), "{summary:?}");
        assert_eq!(summary.answered, summary.sent);
        assert_eq!((summary.missing, summary.duplicates), (0, 0));
        assert!(summary.declined_by_stop_list >= 1, "{summary:?}");
        assert!(summary.stop_order_to_enforced_us.is_some());
        assert!(summary.engine_latency_ns.p50 > 0);
        assert!(summary.approved * 100 > summary.sent * 95, "{summary:?}");
        assert!(frames.len() >= 8, "{} frames", frames.len());
        assert_eq!(ending.story.len(), 4, "{:#?}", ending.story);
    }

    #[test]
    fn a_demo_that_must_end_ends_early_and_well() {
        let demo = Demo::open(settings(1_000, 60)).expect("the shipped rules load");
        let must_end = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&must_end);
        let ending = demo
            .play(must_end, &mut |_| {
                end.store(true, std::sync::atomic::Ordering::SeqCst);
            })
            .expect("it plays");
        assert!(ending.is_well(), "{ending:#?}");
        assert!(ending.summary.sent > 0 && ending.ran_nanos < 30_000_000_000);
        assert_eq!(ending.summary.stop_order_to_enforced_us, None);
    }

    #[test]
    fn a_broker_that_is_not_there_is_told_within_seconds() {
        let clock = Clock::system();
        let brokers = Some("127.0.0.1:1".to_owned());
        let demo = Demo::open(DemoSettings { brokers, ..settings(1_000, 1) }).expect("it opens");
        assert_eq!(demo.stage().notes.first().expect("a note"), "connecting to 127.0.0.1:1 …");
        let played = demo.play(Arc::default(), &mut |_| ());
        assert!(matches!(played, Err(DemoFault::Log(Fault::Unreachable { .. }))));
        let passed_nanos = clock.monotonic_nanos();
        assert!(passed_nanos < 20_000_000_000, "{passed_nanos} ns");
    }

    #[test]
    fn crowded_cards_are_told_of() {
        assert_eq!(crowding(&settings(2_000, 60)), None);
        assert!(crowding(&settings(20_000, 60)).is_some());
        assert!(crowding(&settings(2_000, 600)).is_some());
    }
}
