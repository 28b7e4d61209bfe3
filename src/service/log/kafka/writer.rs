//! The producer's side of a worker's log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{
    BaseProducer, BaseRecord, Partitioner, Producer, ProducerContext, PurgeConfig,
};

use super::context::{ProducerNews, WriterContext};
use super::fault::settings_fault;
use super::figures::KafkaFigures;
use super::headers::owned_headers;
use super::opaque::to_opaque;
use crate::domain::PartitionId;
use crate::service::Clock;
use crate::service::log::{AppendRefused, Fault, Outgoing, Report};

/// One round of serving the producer while it drains.
const DRAINING_ROUND: Duration = Duration::from_millis(1);

/// A producer, and what became of its records.
pub(super) struct Writer {
    producer: BaseProducer<WriterContext>,
    topic: String,
    news: Receiver<ProducerNews>,
    refusal: Option<Refusal>,
    /// How often each partition was released: what is said of records of before is not told.
    releases: BTreeMap<PartitionId, u16>,
}

/// Why the client itself refused a record, yet to be told.
enum Refusal {
    /// What ails the topic may be mended: no right to write, no such topic or partition.
    ForNow(String),
    ForGood(String),
}

impl Writer {
    pub(super) fn open(
        config: &ClientConfig,
        topic: &str,
        figures: Arc<KafkaFigures>,
    ) -> Result<Self, Fault> {
        let (sender, news) = channel();
        let producer = config
            .create_with_context(WriterContext::new(sender, figures))
            .map_err(|error| settings_fault(&error))?;
        let releases = BTreeMap::new();
        Ok(Self { producer, topic: topic.to_owned(), news, refusal: None, releases })
    }

    pub(super) fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused> {
        let sent = self.producer.send(BaseRecord {
            topic: &self.topic,
            partition: Some(record.answers.partition.0),
            payload: Some(record.value),
            key: record.key,
            timestamp: None,
            headers: Some(owned_headers(record.headers)),
            delivery_opaque: to_opaque(
                self.release_number(record.answers.partition),
                record.answers.offset,
            ),
        });
        let Err((error, _)) = sent else {
            return Ok(());
        };
        let what = error.to_string();
        if let KafkaError::MessageProduction(code) = error {
            if code == RDKafkaErrorCode::QueueFull {
                return Err(AppendRefused::Full);
            }
            if may_be_mended(code) {
                self.refusal = Some(Refusal::ForNow(what));
                return Err(AppendRefused::Full);
            }
        }
        self.refusal = Some(Refusal::ForGood(what));
        Err(AppendRefused::Fatal)
    }

    /// Appends to `reports` what is known by now, and returns what passed by, if anything.
    pub(super) fn acknowledged(
        &mut self,
        reports: &mut Vec<Report>,
    ) -> Result<Option<Fault>, Fault> {
        take_what_is_there(&self.producer);
        let mut passing = None;
        while let Ok(news) = self.news.try_recv() {
            match news {
                ProducerNews::Delivered(release, report) => {
                    // Its partition may be another's, or ours anew: what it left is read there.
                    if release == self.release_number(report.answers.partition) {
                        reports.push(report);
                    }
                }
                ProducerNews::Reason(what) => passing = Some(Fault::Passing { what }),
            }
        }
        if let Some((_, what)) = self.producer.client().fatal_error() {
            return Err(Fault::StepDown { what });
        }
        match self.refusal.take() {
            None => Ok(passing),
            Some(Refusal::ForNow(what)) => Ok(Some(Fault::Passing { what })),
            Some(Refusal::ForGood(what)) => Err(Fault::StepDown { what }),
        }
    }

    /// Takes back what the client has not sent yet: the assignment is lost, and sending it now
    /// would be a zombie's doing. What is on its way arrives all the same.
    pub(super) fn withdraw(&self) {
        self.producer.purge(PurgeConfig::default().queue());
    }

    /// Takes note that `partitions` are given back: of records handed in before, nothing more
    /// is told.
    pub(super) fn release(&mut self, partitions: &[PartitionId]) {
        for partition in partitions {
            let number = self.releases.entry(*partition).or_default();
            *number = number.wrapping_add(1);
        }
    }

    fn release_number(&self, partition: PartitionId) -> u16 {
        self.releases.get(&partition).copied().unwrap_or(0)
    }

    /// Waits up to `wait` for what is in flight; dropped, it would be purged.
    pub(super) fn drain(&mut self, clock: &Clock, wait: Duration) {
        let deadline = clock.deadline(wait);
        while self.producer.in_flight_count() > 0 && !deadline.has_passed() {
            self.producer.poll(DRAINING_ROUND);
        }
    }
}

/// Serves every delivery report that has come in. One `poll(ZERO)` of the client takes one
/// event, that is one batch of one partition: with it alone, acknowledgements fall behind.
pub(super) fn take_what_is_there<C, P>(producer: &BaseProducer<C, P>)
where
    C: ProducerContext<P>,
    P: Partitioner,
{
    loop {
        let before = producer.in_flight_count();
        producer.poll(Duration::ZERO);
        if producer.in_flight_count() >= before {
            return; // Nothing was taken: what is in flight has not come back yet.
        }
    }
}

fn may_be_mended(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
    )
}
