//! The process: workers, follower and admin port, put together and taken down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::build::{self, KeyFault};
use super::http::{self, AdminFault};
use super::journal::Threads;
use super::log::Fault;
use super::log::kafka::{KafkaArchive, KafkaLog, KafkaTail, LogTopics};
use super::metrics::{self, WorkerMetrics};
use super::readiness::{Clients, Readiness, STOP_LIST};
use super::topics::{TopicsChanged, TopicsRefused, TopicsWatch, check_topics};
use super::watchdog::{Heartbeat, Pace, Watchdog};
use super::worker::{Worker, WorkerEnd, WorkerSettings};
use super::{Clock, Follower, FollowerStatus, Health, Pipeline, PipelineSettings};
use crate::config::Settings;
use crate::engine::Engine;
use crate::engine::rules::RuleSet;
use crate::engine::shared::Shared;
use crate::wire::encode_record;

/// Why the process ended before it was asked to.
#[derive(Debug, Error)]
pub enum RunFault {
    /// A key file is of no use.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The admin port cannot be opened.
    #[error(transparent)]
    Admin(#[from] AdminFault),
    /// The topics cannot be worked with.
    #[error(transparent)]
    Topics(#[from] TopicsRefused),
    /// The topics are not what they were at the start.
    #[error(transparent)]
    TopicsChanged(#[from] TopicsChanged),
    /// The system refuses a thread, a signal or the metrics.
    #[error("the process cannot be set up: {0}")]
    SetUp(String),
    /// The stop list cannot be followed: it may not be current any more.
    #[error("the stop list cannot be followed: {0}")]
    StopList(#[source] Fault),
    /// A worker ended.
    #[error("worker {worker}: {end}")]
    Worker {
        /// Which one.
        worker: usize,
        /// Why.
        end: WorkerEnd,
    },
    /// A thread ended by a broken invariant.
    #[error("{part} ended by a broken invariant; its last words are in the log")]
    Broken {
        /// Which part of the process.
        part: String,
    },
    /// A second signal came while draining.
    #[error(
        "stopped by a second signal before all was drained; what was not answered is \
             answered after the next start"
    )]
    Forced,
}

/// How long a worker may be silent before the process calls itself dead.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How often waiting threads look whether they should stop.
const GLANCE: Duration = Duration::from_millis(20);
/// From one look at the topics to the next.
const TOPICS_INTERVAL: Duration = Duration::from_secs(3);
/// How often the stop list's figures are exported.
const EXPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What the parts of the process share.
#[derive(Clone, Debug)]
struct Process {
    settings: Arc<Settings>,
    rule_set: Arc<RuleSet>,
    shared: Arc<Shared>,
    follower: Arc<FollowerStatus>,
    partitions_count: u32,
    health: Arc<Health>,
    clients: Clients,
    clock: Clock,
    should_stop: Arc<AtomicBool>,
}

/// A part that ended, and how.
type Ended = (String, Result<(), RunFault>);

/// Runs until SIGTERM or SIGINT, then drains. A second signal does not wait for that.
/// Faults of the topics that `allowed` names are passed over.
///
/// # Errors
/// Whatever ended it before, or [`RunFault::Forced`].
pub fn run(settings: Settings, rule_set: Arc<RuleSet>, allowed: &[String]) -> Result<(), RunFault> {
    let clock = Clock::system();
    let door = build::door(&settings.door)?; // Before anything is started.
    let pan_key = door.pan_key().map(|key| key.id().to_string());
    info!(key_seed = %door.keys().seed_id(), pan_key, "keys are loaded; these are their ids");
    http::try_address(settings.admin_address)?; // A wrong setting: told before any waiting.
    let partitions_count = check_topics(&settings, &rule_set, allowed, &clock)?;
    let process = Process {
        settings: Arc::new(settings),
        rule_set,
        shared: Arc::new(Shared::default()),
        follower: Arc::new(FollowerStatus::default()),
        partitions_count,
        health: Arc::new(Health::new(clock.clone(), SILENCE_MAX)),
        clients: Clients::default(),
        clock,
        should_stop: Arc::new(AtomicBool::new(false)),
    };
    let metrics = metrics::install().map_err(|fault| RunFault::SetUp(fault.to_string()))?;
    metrics::export_calendar(&process.rule_set);
    metrics::begin_rules(&process.rule_set);
    let control_plane = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|fault| RunFault::SetUp(fault.to_string()))?;
    control_plane.block_on(async {
        let admin = http::open(process.settings.admin_address).await?;
        info!(address = %process.settings.admin_address, "admin port is open");
        process.supervise(admin, metrics).await
    })
}

impl Process {
    async fn supervise(
        &self,
        admin: TcpListener,
        metrics: metrics_exporter_prometheus::PrometheusHandle,
    ) -> Result<(), RunFault> {
        let mut terminate = listen(SignalKind::terminate())?;
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut hang_up = listen(SignalKind::hangup())?;
        let (tell, mut ended) = mpsc::unbounded_channel::<Ended>();
        let parts_count = self.start(&tell)?;
        let mut pages = tokio::spawn(http::serve(admin, Arc::clone(&self.health), metrics.clone()));
        let mut has_pages = true;
        let mut export = tokio::time::interval(EXPORT_INTERVAL);

        let (health, clients) = (Arc::clone(&self.health), self.clients.clone());
        let mut readiness = Readiness::new(health, clients, Arc::clone(&self.follower));

        let mut running = parts_count;
        let mut first_fault = None;
        let mut signals_count = 0;
        while running > 0 {
            tokio::select! {
                _ = terminate.recv() => signals_count += 1,
                _ = interrupt.recv() => signals_count += 1,
                end = &mut pages, if has_pages => {
                    has_pages = false;
                    error!(?end, "the admin port is no longer served; answers go on");
                    continue;
                }
                _ = hang_up.recv() => {
                    warn!("SIGHUP: settings and rules are read at the start only; nothing changes");
                    continue;
                }
                _ = export.tick() => {
                    self.export_stop_list();
                    let (settings, rule_set) = (&self.settings, &self.rule_set);
                    metrics::export_build(
                        rule_set,
                        settings.mode.name(),
                        &settings.kafka.instance,
                    );
                    readiness.look();
                    metrics.run_upkeep();
                    continue;
                }
                Some((part, end)) = ended.recv() => {
                    running -= 1;
                    if let Err(fault) = end {
                        let text = fault.to_string();
                        error!(part, fault = text.as_str(), "a part of the process ended");
                        first_fault.get_or_insert(fault);
                    }
                }
            }
            if signals_count > 1 {
                return Err(RunFault::Forced);
            }
            if !self.should_stop.swap(true, Ordering::AcqRel) {
                info!("stopping: draining what is in flight; a second signal does not wait");
                self.health.not_ready("process", "stopping");
            }
        }
        pages.abort();
        first_fault.map_or(Ok(()), Err)
    }

    /// Starts follower, topics' watch and workers, a thread each; returns how many. The
    /// watchdog ends with the process.
    fn start(&self, tell: &mpsc::UnboundedSender<Ended>) -> Result<usize, RunFault> {
        self.health.not_ready(STOP_LIST, "not read to its end yet");
        let follower = self.clone();
        spawn("stop-orders".to_owned(), tell.clone(), move || follower.follow())?;
        let watcher = self.clone();
        spawn("topics".to_owned(), tell.clone(), move || watcher.watch_topics())?;
        let mut watchdog = Watchdog::new(self.settings.drain_timeout);
        for worker in 0..self.settings.workers_count {
            let process = self.clone();
            let part = format!("worker-{worker}");
            let watch = WorkerMetrics::new(part.clone(), Arc::clone(&self.health));
            let heartbeat = Heartbeat::default();
            watchdog.watch(&part, &heartbeat);
            spawn(part, tell.clone(), move || process.work(worker, watch, &heartbeat))?;
        }
        self.guard(watchdog)?;
        Ok(2 + self.settings.workers_count)
    }

    /// Starts the watchdog.
    fn guard(&self, watchdog: Watchdog) -> Result<(), RunFault> {
        let clock = self.clock.clone();
        let guard = move || {
            watchdog.guard(&clock, |wedged| {
                error!(worker = wedged.worker, "{wedged}");
                std::process::abort();
            });
        };
        let started = std::thread::Builder::new().name("watchdog".to_owned()).spawn(guard);
        started.map(drop).map_err(|fault| RunFault::SetUp(fault.to_string()))
    }

    fn watch_topics(&self) -> Result<(), RunFault> {
        let clock = self.clock.clone();
        let mut watch = TopicsWatch::open(&self.settings, self.partitions_count, clock)
            .map_err(|fault| RunFault::SetUp(fault.to_string()))?;
        loop {
            let rest = self.clock.deadline(TOPICS_INTERVAL);
            while !rest.has_passed() {
                if self.stops() {
                    return Ok(());
                }
                self.clock.sleep(GLANCE);
            }
            let looked = watch.look();
            self.follower.set_topic_unknown_for(watch.stop_orders_unknown_for());
            looked?;
        }
    }

    fn stops(&self) -> bool {
        self.should_stop.load(Ordering::Acquire)
    }

    fn follow(&self) -> Result<(), RunFault> {
        let settings = &self.settings;
        let topic = &settings.topics.stop_orders;
        let tail = KafkaTail::from_beginning(&settings.kafka, topic, 1, self.clock.clone())
            .map_err(RunFault::StopList)?;
        self.clients.watch(STOP_LIST, tail.figures());
        let door = build::door(&settings.door)?;
        let format = build::format(settings.default_format);
        let (shared, status) = (Arc::clone(&self.shared), Arc::clone(&self.follower));
        let mut follower = Follower::new(tail, door, format, shared, status);
        if settings.fail_causes.stop_list_stale_after.is_some() {
            follower = follower.watching(self.clock.clone());
        }
        let mut is_told = false;
        while !self.stops() {
            follower.turn().map_err(|fault| lost(topic, fault))?;
            if self.follower.is_whole() && !std::mem::replace(&mut is_told, true) {
                self.health.ready(STOP_LIST); // Whether it stays so, `Readiness` says.
            }
        }
        Ok(())
    }

    fn work(
        &self,
        worker: usize,
        mut watch: WorkerMetrics,
        heartbeat: &Heartbeat,
    ) -> Result<(), RunFault> {
        while !self.follower.is_whole() {
            if self.stops() {
                return Ok(());
            }
            self.health.beat(&format!("worker-{worker}"));
            self.clock.sleep(GLANCE); // No decision before the stop list is whole.
        }
        let ended = |end: WorkerEnd| RunFault::Worker { worker, end };
        let settings = &self.settings;
        let (inputs, outputs) = (&settings.topics.authorisations, settings.answers_topic());
        let (kafka, topics) = (&settings.kafka, LogTopics { inputs, outputs });
        let log = KafkaLog::open(kafka, topics, worker, settings.drain_timeout, self.clock.clone())
            .map_err(|fault| ended(fault.into()))?;
        watch.watch_client(log.figures());
        self.clients.watch(&format!("worker-{worker}"), log.figures());
        let pipeline = self.pipeline(worker)?;
        let timing = WorkerSettings {
            commit_interval: settings.commit_interval,
            drain_timeout: settings.drain_timeout,
            first_start: settings.first_start,
            overload: settings.overload,
            ..WorkerSettings::default()
        };
        let archive = KafkaArchive::new(kafka.clone(), topics, self.clock.clone());
        let recall = Box::new(Threads::new(archive));
        let mut worker = Worker::new(log, recall, pipeline, watch, self.clock.clone(), timing);
        let end = worker.go(|| {
            let stops = self.stops();
            heartbeat.set_pace(if stops { Pace::Closing } else { Pace::Turning });
            stops
        });
        heartbeat.set_pace(Pace::Closing); // Leaving takes its time, whatever it was that ended.
        end.map_err(ended)?;
        worker.close();
        Ok(())
    }

    fn pipeline(&self, worker: usize) -> Result<Pipeline, RunFault> {
        let settings = &self.settings;
        let engine = Engine::new(
            Arc::clone(&self.rule_set),
            Arc::clone(&self.shared),
            build::engine_settings(settings),
            encode_record,
        );
        let incarnation = self.clock.unix_millis();
        let pipeline = PipelineSettings {
            default_format: build::format(settings.default_format),
            echo_headers: settings.echo_headers.clone(),
            writer: format!("{}-{worker}/{incarnation}", settings.kafka.instance),
            partitions_count: Some(self.partitions_count),
        };
        let door = build::door(&settings.door)?;
        let circumstances = build::circumstances(settings, &self.follower);
        Ok(Pipeline::new(door, engine, self.clock.clone(), pipeline).under(circumstances))
    }

    fn export_stop_list(&self) {
        let is_watched = self.settings.fail_causes.stop_list_stale_after.is_some();
        let unknown_for_nanos =
            is_watched.then(|| self.follower.unknown_for_nanos(self.clock.monotonic_nanos()));
        metrics::export_stop_list(&self.shared.stop_list, &self.follower, unknown_for_nanos);
    }
}

/// Why the stop orders in `topic` cannot be followed any more.
fn lost(topic: &str, fault: Fault) -> RunFault {
    if let Fault::OffsetOutOfRange { what } = fault {
        return TopicsChanged::StopOrdersCut { topic: topic.to_owned(), what }.into();
    }
    RunFault::StopList(fault)
}

fn listen(kind: SignalKind) -> Result<tokio::signal::unix::Signal, RunFault> {
    signal(kind).map_err(|fault| RunFault::SetUp(fault.to_string()))
}

/// Starts `work` on a thread called `part`; `tell` hears how it ended, also by a panic.
fn spawn(
    part: String,
    tell: mpsc::UnboundedSender<Ended>,
    work: impl FnOnce() -> Result<(), RunFault> + Send + 'static,
) -> Result<JoinHandle<()>, RunFault> {
    std::thread::Builder::new()
        .name(part.clone())
        .spawn(move || {
            let end = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(RunFault::Broken { part: part.clone() }));
            if tell.send((part, end)).is_err() {
                warn!("a part ended after the process");
            }
        })
        .map_err(|fault| RunFault::SetUp(fault.to_string()))
}
