//! A worker's log over Kafka: a member of the group and a writer, on one thread.

use std::sync::Arc;
use std::time::Duration;

use super::figures::KafkaFigures;
use super::headers::keep_quiet_about_headers;
use super::member::Member;
use super::settings;
use super::writer::Writer;
use crate::config::KafkaSettings;
use crate::domain::{Offset, PartitionId};
use crate::service::Clock;
use crate::service::log::{AppendRefused, Batch, Change, CommitWait, Fault, Log, Outgoing, Report};

/// What a worker reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct LogTopics<'t> {
    /// Inputs come from here.
    pub inputs: &'t str,
    /// Their records go here.
    pub outputs: &'t str,
}

/// Fills [`Log`] with a consumer and producers of its own.
pub struct KafkaLog {
    // The writer first: where all is dropped it takes back what is not sent, before the member
    // takes its time to leave.
    writer: Writer,
    member: Member,
    figures: Arc<KafkaFigures>,
    clock: Clock,
    /// The longest that a commit, a drain or a close may wait.
    wait_max: Duration,
}

impl KafkaLog {
    /// Joins the group as worker `worker_number` of this process. It returns before any
    /// broker has answered: what is wrong with them shows at the polls. A commit that is
    /// waited for, the last drain and the closing take up to `wait_max` each.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub fn open(
        kafka: &KafkaSettings,
        topics: LogTopics<'_>,
        worker_number: usize,
        wait_max: Duration,
        clock: Clock,
    ) -> Result<Self, Fault> {
        keep_quiet_about_headers();
        let figures = Arc::new(KafkaFigures::new(clock.clone()));
        let writer = Writer::open(
            &settings::worker_producer(kafka, worker_number)?,
            &settings::worker_bulk_producer(kafka, worker_number)?,
            topics.outputs,
            &figures,
        )?;
        let member = Member::join(
            &settings::worker_consumer(kafka, worker_number)?,
            topics,
            Arc::clone(&figures),
            wait_max,
            clock.clone(),
        )?;
        Ok(Self { writer, member, figures, clock, wait_max })
    }

    /// Its clients' figures, kept up to date by the polls.
    pub fn figures(&self) -> &Arc<KafkaFigures> {
        &self.figures
    }
}

impl Log for KafkaLog {
    fn poll(&mut self, wait: Duration, batch: &mut Batch) -> Result<Option<Change>, Fault> {
        let polled = self.member.poll(wait, batch);
        if matches!(polled, Ok(Some(Change::Lost(_)))) {
            self.writer.withdraw();
        }
        polled
    }

    fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), Fault> {
        self.member.start(starts)
    }

    fn resume(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.member.resume(partitions)
    }

    fn pause(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.member.pause(partitions)
    }

    fn release(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.writer.release(partitions);
        self.member.release(partitions)
    }

    fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused> {
        self.writer.append(record)
    }

    fn acknowledged(&mut self, reports: &mut Vec<Report>) -> Result<(), Fault> {
        if let Some(passing) = self.writer.acknowledged(reports)? {
            self.member.tell_fault(passing);
        }
        Ok(())
    }

    fn commit(
        &mut self,
        frontier: &[(PartitionId, Offset)],
        wait: CommitWait,
    ) -> Result<(), Fault> {
        self.member.commit(frontier, wait)
    }

    fn close(mut self) {
        self.writer.drain(&self.clock, self.wait_max);
    }
}
