//! One instance: the real worker and the real follower, with a clock of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use stopline::domain::{Offset, PartitionId};
use stopline::engine::rules::RuleSet;
use stopline::engine::shared::Shared;
use stopline::engine::{Engine, EngineSettings, RecentAnswersLimits};
use stopline::service::journal::RestoreFault;
use stopline::service::log::{Fault as LogFault, Tail, TailEvent};
use stopline::service::{
    Clock, Follower, FollowerStatus, Pipeline, Worker, WorkerEnd, WorkerSettings,
};
use stopline::wire::{Format, encode_record};

use crate::archive::SimRecall;
use crate::client::Client;
use crate::points::Phase;
use crate::policy::{ADVICE_LATENESS, ANSWERS_AGE, LATENESS, RULE_SETS};
use crate::seam::{SimLog, Told};
use crate::sim::{Length, Sim};
use crate::support::{door, pipeline_of, worker_settings};

/// A worker that is silent for longer than this must not send any more.
pub(crate) const LEASE: Duration = Duration::from_secs(8);
/// An engine that judges by `rule_set`.
pub(crate) fn engine(rule_set: &Arc<RuleSet>, shared: &Arc<Shared>) -> Engine {
    let settings = EngineSettings {
        engine_version: "simulated".into(),
        lateness: LATENESS,
        advice_lateness: ADVICE_LATENESS,
        answer_within: None,
        cards_count_max: 1_000,
        recent_answers: RecentAnswersLimits { age_max: ANSWERS_AGE, bytes_max: 16 << 20 },
    };
    Engine::new(Arc::clone(rule_set), Arc::clone(shared), settings, encode_record)
}

/// How many restorations and gaps are under way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tasks {
    restores: u32,
    gaps: u32,
}

impl Tasks {
    pub(crate) fn more(self, restores: u32, gaps: u32) -> Self {
        Self { restores: self.restores + restores, gaps: self.gaps + gaps }
    }

    pub(crate) fn less(self, restores: u32, gaps: u32) -> Self {
        Self { restores: self.restores - restores, gaps: self.gaps - gaps }
    }
}

/// Thrown through a worker that is killed.
struct Crash;

/// One instance.
pub(crate) struct Member {
    pub(crate) number: u32,
    pub(crate) clock: Clock,
    /// `None` while it turns, and when it is dead.
    worker: RefCell<Option<Worker<SimLog, Told>>>,
    pub(crate) client: RefCell<Client>,
    follower: RefCell<Follower<StopTail>>,
    status: Arc<FollowerStatus>,
    pub(crate) tasks: Cell<Tasks>,
    /// The group gave it up.
    pub(crate) is_fenced: Cell<bool>,
    pub(crate) is_ending: Cell<bool>,
    /// It was killed while it was frozen.
    is_doomed: Cell<bool>,
    /// How often it was given each partition.
    assignments: RefCell<BTreeMap<PartitionId, u32>>,
    pub(crate) has_lease: bool,
}

impl Member {
    /// A new instance, whose list is whole: before that no worker is made.
    pub(crate) fn new(sim: &Rc<Sim>, number: u32) -> Rc<Self> {
        let clock = Clock::manual(sim.now.get());
        let shared = Arc::new(Shared::default());
        let status = Arc::new(FollowerStatus::default());
        sim.lists_at_start.borrow_mut().push(sim.broker.borrow().stop_orders.end);
        let tail = StopTail { sim: Rc::clone(sim), position: 0, told_end_at: None };
        let told = Arc::clone(&status);
        let mut follower = Follower::new(tail, door(), Format::Protobuf, Arc::clone(&shared), told);
        while !status.is_whole() {
            follower.turn().unwrap();
        }
        let member = Rc::new(Self {
            number,
            clock,
            worker: RefCell::new(None),
            client: RefCell::default(),
            follower: RefCell::new(follower),
            status,
            tasks: Cell::default(),
            is_fenced: Cell::new(false),
            is_ending: Cell::new(false),
            is_doomed: Cell::new(false),
            assignments: RefCell::default(),
            has_lease: sim.profile.length == Length::Minute,
        });
        let rules = if sim.profile.is_unlike { sim.below(RULE_SETS.len()) } else { 0 };
        let pipeline = member.pipeline(sim, rules, &shared);
        let log = SimLog { sim: Rc::clone(sim), member: Rc::clone(&member) };
        let told = Told { sim: Rc::clone(sim), member: Rc::clone(&member) };
        let recall = Box::new(SimRecall::new(sim, &member));
        let (clock, settings) = (member.clock.clone(), member.settings());
        let worker = Worker::new(log, recall, pipeline, told, clock, settings);
        *member.worker.borrow_mut() = Some(worker);
        member
    }

    fn pipeline(&self, sim: &Sim, rules: usize, shared: &Arc<Shared>) -> Pipeline {
        let partitions_count = u32::try_from(sim.profile.partitions_count).unwrap();
        pipeline_of(
            &self.writer(),
            engine(&RULE_SETS[rules], shared),
            &self.clock,
            partitions_count,
        )
    }

    fn settings(&self) -> WorkerSettings {
        let lease = if self.has_lease { LEASE } else { Duration::MAX };
        WorkerSettings {
            drain_timeout: Duration::from_millis(400),
            lease,
            unwritable_max: Duration::MAX,
            ..worker_settings(Duration::from_millis(500))
        }
    }

    /// What it writes as.
    fn writer(&self) -> String {
        format!("simulated/{}", self.number)
    }

    /// It was told what was restored of `partition`.
    pub(crate) fn was_assigned(&self, sim: &Sim, partition: PartitionId) {
        let mut assignments = self.assignments.borrow_mut();
        let times = assignments.entry(partition).or_default();
        *times += 1;
        if *times > 1 {
            sim.returned.borrow_mut().insert((self.writer(), partition.0));
        }
    }

    /// How it stands.
    pub(crate) fn phase(&self) -> Phase {
        let tasks = self.tasks.get();
        let is_leaving = self.client.try_borrow().is_ok_and(|client| !client.leaving.is_empty());
        if self.is_fenced.get() {
            Phase::Zombie
        } else if self.is_ending.get() {
            Phase::Ending
        } else if is_leaving {
            Phase::Leaving
        } else if tasks.gaps > 0 {
            Phase::Gap
        } else if tasks.restores > 0 {
            Phase::Restoring
        } else {
            Phase::Answering
        }
    }

    /// False while it turns or is frozen, and when it is dead.
    pub(crate) fn is_free(&self) -> bool {
        self.worker.borrow().is_some()
    }

    /// What it holds: given, told of and not released.
    pub(crate) fn held(&self) -> Vec<PartitionId> {
        self.client.borrow().shares.keys().copied().collect()
    }

    /// Kills it here and now: nothing that it remembers survives.
    pub(crate) fn crash(&self) {
        resume_unwind(Box::new(Crash));
    }

    /// Kills it from outside; one that is frozen does not wake up.
    pub(crate) fn kill(&self) {
        drop(self.worker.borrow_mut().take());
        self.is_doomed.set(true);
    }

    pub(crate) fn is_doomed(&self) -> bool {
        self.is_doomed.get()
    }

    /// Lets its follower take the next stop order, if there is one.
    pub(crate) fn follow(&self) {
        self.follower.borrow_mut().turn().unwrap();
    }

    pub(crate) fn list_version(&self) -> u64 {
        self.status.applied_count()
    }

    /// What it remembers of `partition`, line by line; nothing where it does not answer it.
    pub(crate) fn listing(&self, partition: PartitionId) -> Vec<String> {
        let worker = self.worker.borrow();
        worker.as_ref().map(|worker| worker.engine().listing(partition)).unwrap_or_default()
    }

    /// One turn of its worker, or its end in good order. False where it is no more.
    pub(crate) fn turn(self: &Rc<Self>, sim: &Sim) -> bool {
        let Some(mut worker) = self.worker.borrow_mut().take() else { return false };
        let silent_nanos = self.clock.monotonic_nanos() - self.client.borrow().polled_at_nanos;
        let answers = self.client.borrow().shares.values().any(|share| share.position.is_some());
        let must_step_down =
            self.has_lease && answers && u128::from(silent_nanos) > LEASE.as_nanos();
        let is_ending = self.is_ending.get();
        let turned = catch_unwind(AssertUnwindSafe(|| {
            if is_ending {
                worker.go(|| true).map(|()| false)
            } else {
                worker.turn().map(|()| true)
            }
        }));
        match turned {
            Ok(Ok(true)) => {
                assert!(
                    !must_step_down,
                    "LEASE: worker {} was silent for {silent_nanos} ns and goes on",
                    self.number
                );
                *self.worker.borrow_mut() = Some(worker);
                true
            }
            Ok(Ok(false)) => {
                sim.tell(self.number, "has ended in good order", String::new);
                false
            }
            Ok(Err(end)) => {
                sim.tell(self.number, "ends", || end.to_string());
                self.check_end(&end);
                false
            }
            Err(thrown) if thrown.is::<Crash>() => false,
            Err(thrown) => resume_unwind(thrown),
        }
    }

    /// Panics where the worker had no reason to end so.
    fn check_end(&self, end: &WorkerEnd) {
        let is_fenced = self.is_fenced.get();
        let has_reason = match end {
            WorkerEnd::LeasePassed { .. } => self.has_lease,
            WorkerEnd::NotDrained { .. } | WorkerEnd::NotCommitted { .. } => self.is_ending.get(),
            WorkerEnd::Log(LogFault::StepDown { .. }) => self.client.borrow().is_fatal,
            WorkerEnd::Log(LogFault::OffsetOutOfRange { .. })
            | WorkerEnd::NotRestored(RestoreFault::NoPosition { .. }) => is_fenced,
            _ => false,
        };
        assert!(has_reason, "worker {} ends without a reason: {end}", self.number);
    }
}

/// Reads the stop orders.
struct StopTail {
    sim: Rc<Sim>,
    position: i64,
    told_end_at: Option<i64>,
}

impl Tail for StopTail {
    fn next(&mut self, _wait: Duration) -> Result<Option<TailEvent>, LogFault> {
        let broker = self.sim.broker.borrow();
        let topic = &broker.stop_orders;
        if let Some(record) = topic.from(self.position) {
            self.position = record.offset.next().0;
            return Ok(Some(TailEvent::Record(record.to_tail(PartitionId(0)))));
        }
        if self.told_end_at == Some(topic.end) {
            return Ok(None);
        }
        self.told_end_at = Some(topic.end);
        Ok(Some(TailEvent::ReachedEnd(PartitionId(0))))
    }

    fn is_at_end(&mut self, _wait: Duration) -> Result<bool, LogFault> {
        Ok(self.sim.broker.borrow().stop_orders.from(self.position).is_none())
    }
}

impl Sim {
    /// What a worker counted.
    pub(crate) fn count_tally(
        &self,
        tally: &stopline::service::Tally,
        partitions: &[stopline::service::PartitionStatus],
    ) {
        let mut counts = self.counts.borrow_mut();
        counts.adopted += tally.adopted;
        counts.amended += tally.amended;
        counts.foreign += tally.foreign_records;
        counts.gaps += tally.gaps;
        let traffic = self.traffic.borrow();
        let (sent, accounts_count) = (traffic.sent_count(), traffic.accounts.len());
        for status in partitions {
            let size = status.size;
            assert!(
                size.cards_count <= accounts_count + 1
                    && size.recent_answers_count <= sent
                    && size.pending_count <= sent
                    && size.evictions_count == 0,
                "BOUNDS: a partition remembers more than was sent: {size:?}"
            );
            assert!(status.frontier <= Offset(i64::MAX));
        }
    }
}
