//! Catching up: how fast an engine answers what had gathered before it was started.
//!
//! Requests go to the log while nobody answers. Then an engine is started, outside, and
//! until all is answered only the ends of the decisions are looked at, so that nobody reads
//! beside it; how long it took follows from the broker's times of first and last decision.
//! Only after that the decisions are read, to see that each request has its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::backlog_summary::BacklogSummary;
use super::place::{LoadFault, Place};
use super::reader::Reader;
use super::run::{nanos, run_number, traffic};
use super::sender::{headers, in_format};
use super::tally::Tally;
use super::ticket::{Stream, Ticket};
use crate::lab::closing::Closing;
use crate::lab::cluster::ClusterOutlet;
use crate::lab::elapsed::Elapsed;
use crate::lab::outlet::Outlet;
use crate::lab::progress::Progress;
use crate::service::Clock;
use crate::service::log::kafka::{KafkaAdmin, KafkaFeed, KafkaTail, Positions};
use crate::service::log::{Fault, Tail};
use crate::wire::Format;

/// How long the first answer may take: somebody starts the engine meanwhile.
const FIRST_ANSWER_PATIENCE: Duration = Duration::from_mins(10);
/// Between two looks at the ends of the decisions.
const REST: Duration = Duration::from_millis(200);
/// The pace at which cards would rest as they do; a backlog is made faster than people pay.
const NOMINAL_RATE: u32 = 100_000;

/// What backlog to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BacklogSettings {
    /// Requests.
    pub count: u64,
    /// Cards that pay.
    pub cards_count: u32,
    /// Which traffic.
    pub seed: u64,
    /// How requests are written, and answers with them.
    pub format: Format,
    /// How long no answer may come before the rest counts as missing.
    pub grace: Duration,
}

/// How a backlog stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BacklogMoment {
    /// All of it is in the log: the engine may be started.
    Produced {
        /// How many requests.
        count: u64,
    },
    /// Decisions are in the log.
    Answering {
        /// How many records.
        answered: u64,
    },
}

/// The decisions of a place, from when the backlog was begun.
pub trait Decisions {
    /// What reads them.
    type Tail: Tail;

    /// How many records there are.
    ///
    /// # Errors
    /// The log cannot be asked.
    fn count(&self) -> Result<u64, Fault>;

    /// Reads them.
    ///
    /// # Errors
    /// The log cannot be read.
    fn read(self) -> Result<Self::Tail, Fault>;
}

/// A backlog that can be made.
pub struct Backlog<D = KafkaDecisions> {
    pub(super) settings: BacklogSettings,
    pub(super) clock: Clock,
    pub(super) outlet: Outlet,
    pub(super) decisions: D,
}

impl Backlog {
    /// Makes ready to put a backlog on the topics of `place`.
    ///
    /// # Errors
    /// The topics are not there or not as they must be, or no broker answers.
    pub fn open(settings: BacklogSettings, place: Place) -> Result<Self, LoadFault> {
        let partitions_count = place.partitions_count()?;
        let starts = place.decisions_positions(partitions_count)?;
        let admin = KafkaAdmin::open(&place.kafka, place.clock.clone())?;
        let feed = KafkaFeed::open(&place.kafka, place.clock.clone())?;
        let outlet = Outlet::Cluster(ClusterOutlet { feed, topics: place.topics.clone() });
        let clock = place.clock.clone();
        let decisions = KafkaDecisions { place, admin, starts, partitions_count };
        Ok(Self { settings, clock, outlet, decisions })
    }
}

impl<D: Decisions> Backlog<D> {
    /// Makes the backlog, shows that it is there, waits for its answers and adds them up.
    ///
    /// # Errors
    /// It cannot be made, or the decisions cannot be read: nothing can be said about them.
    pub fn run(
        mut self,
        must_end: &AtomicBool,
        show: &mut dyn FnMut(BacklogMoment),
    ) -> Result<BacklogSummary, LoadFault> {
        let elapsed = Elapsed::new(self.clock.clone());
        let run = run_number(&elapsed, self.settings.seed);
        let progress = Arc::new(Progress::default());
        self.produce(run, &elapsed, &progress, must_end)?;
        let produced_millis = elapsed.nanos() / 1_000_000;
        show(BacklogMoment::Produced { count: progress.sent() });
        self.await_answers(progress.sent(), must_end, show)?;
        let (moments, _) = mpsc::channel();
        let reader = Reader {
            tail: self.decisions.read()?,
            elapsed,
            progress: Arc::clone(&progress),
            probing: Arc::default(),
            run,
            format: self.settings.format,
            tally: Tally::new(0),
            closing: Closing::new(nanos(self.settings.grace)),
            moments,
        };
        let tally = reader.run()?;
        Ok(BacklogSummary::of(&self.settings, progress.sent(), produced_millis, &tally))
    }

    fn produce(
        &mut self,
        run: u64,
        elapsed: &Elapsed,
        progress: &Progress,
        must_end: &AtomicBool,
    ) -> Result<(), Fault> {
        let BacklogSettings { count, cards_count, seed, format, .. } = self.settings;
        let mut traffic = traffic(seed, cards_count, NOMINAL_RATE, elapsed);
        while progress.sent() < count && !must_end.load(Ordering::SeqCst) {
            let due_nanos = elapsed.nanos();
            let request = traffic.next_request(elapsed.unix_millis_at(due_nanos));
            let value = in_format(format, &request)?;
            let sequence = progress.sent();
            let ticket = Ticket { run, stream: Stream::Requests, sequence, due_nanos }.to_text();
            let key = request.account_reference.as_bytes();
            self.outlet.send(key, &value, &headers(format, &ticket))?;
            progress.one_sent();
        }
        self.outlet.settle()?;
        progress.all_sent();
        Ok(())
    }

    /// Waits until there are as many decisions as requests, or no more come.
    fn await_answers(
        &self,
        count: u64,
        must_end: &AtomicBool,
        show: &mut dyn FnMut(BacklogMoment),
    ) -> Result<(), Fault> {
        let mut answered = 0;
        let mut deadline = self.clock.deadline(FIRST_ANSWER_PATIENCE);
        while answered < count && !deadline.has_passed() && !must_end.load(Ordering::SeqCst) {
            self.clock.sleep(REST);
            let found = match self.decisions.count() {
                Ok(found) => found,
                Err(Fault::Unreachable { .. }) => continue,
                Err(fault) => return Err(fault),
            };
            if found > answered {
                answered = found;
                deadline = self.clock.deadline(self.settings.grace);
                show(BacklogMoment::Answering { answered });
            }
        }
        Ok(())
    }
}

/// The decisions of a cluster.
pub struct KafkaDecisions {
    place: Place,
    admin: KafkaAdmin,
    starts: Vec<Positions>,
    partitions_count: u32,
}

impl Decisions for KafkaDecisions {
    type Tail = KafkaTail;

    fn count(&self) -> Result<u64, Fault> {
        let topic = &self.place.topics.decisions;
        let ends = self.admin.end_offsets_sum(topic, self.partitions_count)?;
        let starts = self.starts.iter().map(|start| start.end.0.cast_unsigned()).sum();
        Ok(ends.saturating_sub(starts))
    }

    fn read(self) -> Result<KafkaTail, Fault> {
        self.place.decisions_since(&self.starts)
    }
}
