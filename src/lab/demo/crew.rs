//! The engine of the demo: the service's own worker and follower, on threads of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::DemoFault;
use crate::config::{FirstStart, StartAt};
use crate::domain::{PartitionId, Span};
use crate::engine::rules::RuleSet;
use crate::engine::shared::Shared;
use crate::engine::{Engine, EngineSettings, RecentAnswersLimits};
use crate::lab::headers::CORRELATION_HEADER;
use crate::service::journal::Recall;
use crate::service::log::{Fault, Log, Tail};
use crate::service::{
    Clock, Follower, FollowerStatus, Observer, PartitionStatus, Pipeline, PipelineSettings,
    RestoringStatus, Tally, Worker, WorkerSettings,
};
use crate::wire::{Door, DoorSettings, Format, KeySeed, encode_record};

/// How long the stop list and the partitions may take to be there.
const READY_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is looked whether they are.
const GLANCE: Duration = Duration::from_millis(5);

/// What every member works with.
#[derive(Clone, Debug)]
pub(super) struct Equipment {
    pub(super) clock: Clock,
    pub(super) rule_set: Arc<RuleSet>,
    /// Makes the keys of this demo; nobody else ever sees them.
    pub(super) seed: u64,
}

/// A worker and a follower at work.
pub(super) struct Crew {
    equipment: Equipment,
    shared: Arc<Shared>,
    follower: Arc<FollowerStatus>,
    partitions_count: Arc<AtomicUsize>,
    should_stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<(), String>>>,
}

impl Crew {
    /// A crew without members.
    pub(super) fn new(equipment: Equipment) -> Self {
        Self {
            equipment,
            shared: Arc::default(),
            follower: Arc::default(),
            partitions_count: Arc::default(),
            should_stop: Arc::default(),
            threads: Vec::new(),
        }
    }

    /// Starts the follower of the stop orders that `tail` reads, and waits until it has read
    /// those that are there.
    ///
    /// # Errors
    /// There is no thread, or the orders cannot be read.
    pub(super) fn follow<T: Tail + Send + 'static>(&mut self, tail: T) -> Result<(), DemoFault> {
        let (shared, status) = (Arc::clone(&self.shared), Arc::clone(&self.follower));
        let follower = Follower::new(tail, self.door(), Format::Protobuf, shared, status);
        let should_stop = Arc::clone(&self.should_stop);
        self.spawn("stop-orders", move || {
            follower.run(|| should_stop.load(Ordering::SeqCst)).map_err(|fault| fault.to_string())
        })?;
        let status = Arc::clone(&self.follower);
        self.wait_until("the stop list", || status.is_whole())
    }

    /// Starts a worker on the log that `open` opens, with what reads it back, and waits until
    /// it has
    /// `partitions_count` partitions.
    ///
    /// # Errors
    /// There is no thread, or the log cannot be opened.
    pub(super) fn work<L: Log>(
        &mut self,
        open: impl FnOnce() -> Result<(L, Box<dyn Recall>), Fault> + Send + 'static,
        partitions_count: u32,
    ) -> Result<(), DemoFault> {
        let pipeline = self.pipeline(partitions_count);
        let clock = self.equipment.clock.clone();
        let watch = Watch(Arc::clone(&self.partitions_count));
        let should_stop = Arc::clone(&self.should_stop);
        self.spawn("worker", move || {
            let (log, recall) = open().map_err(|fault| fault.to_string())?;
            let first_start =
                FirstStart { history_from: StartAt::Beginning, answer_from: StartAt::Beginning };
            let settings =
                WorkerSettings { first_start: Some(first_start), ..WorkerSettings::default() };
            Worker::new(log, recall, pipeline, watch, clock, settings)
                .run(|| should_stop.load(Ordering::SeqCst))
                .map_err(|end| end.to_string())
        })?;
        let assigned = Arc::clone(&self.partitions_count);
        self.wait_until("the partitions", || {
            assigned.load(Ordering::SeqCst) >= partitions_count as usize
        })
    }

    /// True while every member works.
    pub(super) fn is_at_work(&self) -> bool {
        !self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends the work and says what went wrong.
    pub(super) fn dismiss(&mut self) -> Vec<String> {
        self.should_stop.store(true, Ordering::SeqCst);
        let ended = self.threads.drain(..).map(|thread| {
            let name = thread.thread().name().unwrap_or_default().to_owned();
            let end = thread.join().unwrap_or_else(|_| Err("it broke".to_owned()));
            end.err().map(|what| format!("{name}: {what}"))
        });
        ended.flatten().collect()
    }

    fn spawn(
        &mut self,
        name: &str,
        work: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Result<(), DemoFault> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(work)?;
        self.threads.push(thread);
        Ok(())
    }

    fn wait_until(&mut self, what: &str, is_so: impl Fn() -> bool) -> Result<(), DemoFault> {
        let clock = self.equipment.clock.clone();
        let deadline = clock.deadline(READY_TIMEOUT);
        while !is_so() {
            if !self.is_at_work() || deadline.has_passed() {
                let mut faults = self.dismiss();
                faults.insert(0, format!("{what} were not ready"));
                return Err(DemoFault::Engine(faults.join("; ")));
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    fn door(&self) -> Door {
        let settings = DoorSettings {
            accept_pan: false,
            numeric_references: false,
            message_bytes_max: 65_536,
        };
        let seed = KeySeed::from_bytes(u128::from(self.equipment.seed).to_be_bytes());
        Door::new(settings, &seed, None)
    }

    /// Set up as `run` is by `config/stopline.toml`.
    fn pipeline(&self, partitions_count: u32) -> Pipeline {
        let engine = EngineSettings {
            engine_version: Arc::from(env!("CARGO_PKG_VERSION")),
            lateness: Span::from_seconds(5 * 60),
            advice_lateness: Span::from_seconds(3 * 86_400),
            answer_within: None,
            cards_count_max: 50_000_000,
            recent_answers: RecentAnswersLimits {
                age_max: Span::from_seconds(10 * 60),
                bytes_max: 64 << 20,
            },
        };
        let Equipment { clock, rule_set, .. } = &self.equipment;
        let shared = Arc::clone(&self.shared);
        let engine = Engine::new(Arc::clone(rule_set), shared, engine, encode_record);
        let settings = PipelineSettings {
            default_format: Format::Protobuf,
            echo_headers: vec![CORRELATION_HEADER.to_owned()],
            writer: format!("demo/{}", clock.unix_millis()),
            partitions_count: Some(partitions_count),
        };
        Pipeline::new(self.door(), engine, clock.clone(), settings)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        drop(self.dismiss());
    }
}

/// Knows how many partitions the worker has.
struct Watch(Arc<AtomicUsize>);

impl Observer for Watch {
    fn tallied(&mut self, _tally: &Tally, _partitions: &[PartitionStatus]) {}

    fn assigned(&mut self, partitions: &[PartitionId], _restoring: &[RestoringStatus]) {
        self.0.store(partitions.len(), Ordering::SeqCst);
    }

    fn stalled(&mut self, _is_stalled: bool) {}

    fn lost(&mut self, _partitions: &[PartitionId]) {
        self.0.store(0, Ordering::SeqCst);
    }
}
