//! A worker's log over Kafka: a member of the group and a writer, on one thread.

use std::sync::Arc;
use std::time::Duration;

use super::figures::KafkaFigures;
use super::headers::keep_quiet_about_headers;
use super::member::Member;
use super::settings;
use super::writer::Writer;
use crate::config::{KafkaSettings, TopicSettings};
use crate::domain::{Offset, PartitionId};
use crate::service::Clock;
use crate::service::log::{AppendRefused, Batch, Change, CommitWait, Fault, Log, Outgoing, Report};

/// Fills [`Log`] with a consumer and a producer of its own.
pub struct KafkaLog {
    member: Member,
    writer: Writer,
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
        topics: &TopicSettings,
        worker_number: usize,
        wait_max: Duration,
        clock: Clock,
    ) -> Result<Self, Fault> {
        keep_quiet_about_headers();
        let figures = Arc::new(KafkaFigures::default());
        let writer = Writer::open(
            &settings::worker_producer(kafka, worker_number)?,
            &topics.decisions,
            Arc::clone(&figures),
        )?;
        let member = Member::join(
            &settings::worker_consumer(kafka, worker_number)?,
            &topics.authorisations,
            Arc::clone(&figures),
            wait_max,
            clock.clone(),
        )?;
        Ok(Self { member, writer, figures, clock, wait_max })
    }

    /// Its clients' figures, kept up to date by the polls.
    pub fn figures(&self) -> &Arc<KafkaFigures> {
        &self.figures
    }
}

impl Log for KafkaLog {
    fn poll(&mut self, wait: Duration, batch: &mut Batch) -> Result<Option<Change>, Fault> {
        self.member.poll(wait, batch)
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
