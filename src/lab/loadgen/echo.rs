//! The echo: does with the log what the engine's worker does, and decides nothing.
//!
//! Consumer and producer are the worker's own, with its settings; an input's value goes
//! back as it came, into the partition of its number, and its position is committed once
//! that is acknowledged. So the difference between a run against the engine and one against
//! the echo is what deciding costs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::place::{LoadFault, Place};
use super::reader::ECHO_WRITER;
use crate::domain::{Offset, PartitionId};
use crate::lab::headers::{CONTENT_TYPE, CORRELATION_HEADER, INPUT_HEADER, WRITER_HEADER};
use crate::service::log::kafka::KafkaLog;
use crate::service::log::{
    AppendRefused, Assigned, Batch, Change, CommitWait, Delivery, Fault, Log, Message, Outgoing,
    Report,
};
use crate::service::{Clock, Frontier, WorkerSettings};

/// How long acknowledgements are awaited when partitions or the echo itself go.
const DRAIN_MAX: Duration = Duration::from_secs(10);
/// How long an echo that can only wait leaves the log alone.
const PAUSE: Duration = Duration::from_millis(1);
/// From progress line to progress line.
const MOMENT_NANOS: u64 = 1_000_000_000;
/// What a request carries that its answer carries unchanged.
const ECHOED_HEADERS: [&str; 3] = [CONTENT_TYPE, CORRELATION_HEADER, "reply-to"];

/// How an echo stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EchoMoment {
    /// Partitions that it has.
    pub partitions_count: usize,
    /// Inputs sent back so far.
    pub echoed: u64,
}

/// Which inputs an echo answers that its group has not met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EchoStart {
    /// Those that come from now on.
    End,
    /// All that the log holds: a backlog.
    Beginning,
}

/// Sends inputs back.
pub struct Echo<L: Log = KafkaLog> {
    log: L,
    clock: Clock,
    timing: WorkerSettings,
    start: EchoStart,
    writer: String,
    frontiers: BTreeMap<PartitionId, Frontier>,
    batch: Batch,
    reports: Vec<Report>,
    echoed: u64,
    committed_at_nanos: u64,
}

impl Echo {
    /// Joins a group of its own at `place`.
    ///
    /// # Errors
    /// The topics are not there or not as they must be, or no broker answers.
    pub fn open(place: Place, start: EchoStart) -> Result<Self, LoadFault> {
        place.partitions_count()?;
        let Place { kafka, topics, clock } = place;
        let log = KafkaLog::open(&kafka, topics.of_worker(), 0, DRAIN_MAX, clock.clone())?;
        Ok(Self::new(log, clock, start))
    }
}

impl<L: Log> Echo<L> {
    /// An echo on `log` that has not polled yet.
    pub(super) fn new(log: L, clock: Clock, start: EchoStart) -> Self {
        Self {
            log,
            timing: WorkerSettings::default(),
            start,
            writer: format!("{ECHO_WRITER}{}", clock.unix_millis()),
            clock,
            frontiers: BTreeMap::new(),
            batch: Batch::default(),
            reports: Vec::new(),
            echoed: 0,
            committed_at_nanos: 0,
        }
    }

    /// Sends back until it must end or `length` is over; returns how many. Shows a moment a
    /// second, and one as soon as its partitions change.
    ///
    /// # Errors
    /// The log fails.
    pub fn run(
        mut self,
        length: Option<Duration>,
        must_end: &AtomicBool,
        show: &mut dyn FnMut(EchoMoment),
    ) -> Result<u64, LoadFault> {
        let clock = self.clock.clone();
        let deadline = length.map(|length| clock.deadline(length));
        let (mut shown_at_nanos, mut shown_count) = (clock.monotonic_nanos(), 0);
        while !must_end.load(Ordering::SeqCst)
            && !deadline.is_some_and(|deadline| deadline.has_passed())
        {
            self.turn()?;
            let now = clock.monotonic_nanos();
            let partitions_count = self.frontiers.len();
            if partitions_count != shown_count || now - shown_at_nanos >= MOMENT_NANOS {
                (shown_at_nanos, shown_count) = (now, partitions_count);
                show(EchoMoment { partitions_count, echoed: self.echoed });
            }
        }
        self.settle(CommitWait::UntilDone)?;
        self.log.close();
        Ok(self.echoed)
    }

    /// One round, as a worker's: a batch, acknowledgements, and what is due is committed.
    fn turn(&mut self) -> Result<(), Fault> {
        let mut batch = std::mem::take(&mut self.batch);
        match self.log.poll(self.timing.poll_wait, &mut batch) {
            Ok(Some(change)) => self.on_change(change)?,
            Ok(None) => (),
            Err(fault) if fault.is_fatal() => return Err(fault),
            Err(fault) => tracing::warn!(%fault, "the log reports a fault"),
        }
        for message in batch.iter() {
            self.send_back(&message)?;
        }
        self.batch = batch;
        self.take_acknowledgements()?;
        let now = self.clock.monotonic_nanos();
        let interval = u64::try_from(self.timing.commit_interval.as_nanos()).unwrap_or(u64::MAX);
        if now.saturating_sub(self.committed_at_nanos) >= interval {
            self.committed_at_nanos = now;
            self.commit(CommitWait::Lazily);
        }
        Ok(())
    }

    fn on_change(&mut self, change: Change) -> Result<(), Fault> {
        match change {
            Change::Assigned(assigned) => self.take_on(&assigned),
            Change::Revoked(partitions) => {
                self.settle(CommitWait::UntilDone)?;
                self.let_go(&partitions)
            }
            Change::Lost(partitions) => self.let_go(&partitions),
        }
    }

    /// Starts at the committed offset, else where it was told to.
    fn take_on(&mut self, assigned: &[Assigned]) -> Result<(), Fault> {
        let start = |given: &Assigned| match self.start {
            EchoStart::End => given.end,
            EchoStart::Beginning => given.beginning,
        };
        let starts: Vec<(PartitionId, Offset)> = assigned
            .iter()
            .map(|given| (given.partition, given.committed.unwrap_or_else(|| start(given))))
            .collect();
        if starts.is_empty() {
            return Ok(());
        }
        let partitions: Vec<_> = starts.iter().map(|(partition, _)| *partition).collect();
        self.log.start(&starts)?;
        self.log.resume(&partitions)?;
        self.frontiers.extend(starts.into_iter().map(|(id, start)| (id, Frontier::new(start))));
        Ok(())
    }

    fn let_go(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.frontiers.retain(|partition, _| !partitions.contains(partition));
        self.log.release(partitions)
    }

    fn send_back(&mut self, message: &Message<'_>) -> Result<(), Fault> {
        let answers = message.input;
        let Some(frontier) = self.frontiers.get_mut(&answers.partition) else {
            return Ok(());
        };
        frontier.sent(answers.offset);
        let input = format!("{}:{}", answers.partition.0, answers.offset.0);
        let writer = self.writer.clone();
        let mut headers: Vec<(&str, &[u8])> =
            vec![(INPUT_HEADER, input.as_bytes()), (WRITER_HEADER, writer.as_bytes())];
        headers.extend(message.headers().filter(|(name, _)| ECHOED_HEADERS.contains(name)));
        let value = message.value.unwrap_or_default();
        let outgoing = Outgoing { answers, key: message.key, value, headers: &headers };
        let deadline = self.clock.clone();
        let deadline = deadline.deadline(DRAIN_MAX);
        while let Err(refused) = self.log.append(&outgoing) {
            if refused == AppendRefused::Fatal || deadline.has_passed() {
                return Err(Fault::StepDown { what: refused.to_string() });
            }
            self.clock.sleep(PAUSE);
            self.take_acknowledgements()?;
        }
        self.echoed += 1;
        Ok(())
    }

    fn take_acknowledgements(&mut self) -> Result<(), Fault> {
        let mut reports = std::mem::take(&mut self.reports);
        self.log.acknowledged(&mut reports)?;
        for Report { answers, delivery } in reports.drain(..) {
            if let Delivery::Failed { cause, .. } = delivery {
                return Err(Fault::StepDown { what: format!("a record failed: {cause}") });
            }
            if let Some(frontier) = self.frontiers.get_mut(&answers.partition) {
                frontier.acknowledged(answers.offset);
            }
        }
        self.reports = reports;
        Ok(())
    }

    /// Waits for acknowledgements, within a bound, and commits.
    fn settle(&mut self, wait: CommitWait) -> Result<(), Fault> {
        let clock = self.clock.clone();
        let deadline = clock.deadline(DRAIN_MAX);
        loop {
            self.take_acknowledgements()?;
            if self.frontiers.values().all(Frontier::is_settled) || deadline.has_passed() {
                break;
            }
            clock.sleep(PAUSE);
        }
        self.commit(wait);
        Ok(())
    }

    fn commit(&mut self, wait: CommitWait) {
        let moved: Vec<_> = self
            .frontiers
            .iter()
            .filter_map(|(partition, frontier)| Some((*partition, frontier.to_commit()?)))
            .collect();
        if moved.is_empty() {
            return;
        }
        if let Err(fault) = self.log.commit(&moved, wait) {
            tracing::warn!(%fault, "positions were not committed; trying again");
            return;
        }
        for (partition, position) in moved {
            if let Some(frontier) = self.frontiers.get_mut(&partition) {
                frontier.committed(position);
            }
        }
    }
}
