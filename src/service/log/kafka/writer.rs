//! The producer's side of a worker's log.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Partitioner, Producer, ProducerContext};

use super::context::{ProducerNews, WriterContext};
use super::fault::settings_fault;
use super::figures::KafkaFigures;
use super::headers::owned_headers;
use crate::service::Clock;
use crate::service::log::{AppendRefused, Fault, Outgoing, Report};

/// One round of serving the producer while it drains.
const DRAINING_ROUND: Duration = Duration::from_millis(1);

// A pointer's worth is what the client carries for us with each record: an input's offset.
const _: () = assert!(usize::BITS >= 64, "an offset fits a delivery's opaque");

/// A producer, and what became of its records.
pub(super) struct Writer {
    producer: BaseProducer<WriterContext>,
    topic: String,
    news: Receiver<ProducerNews>,
    refusal: Option<Refusal>,
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
        Ok(Self { producer, topic: topic.to_owned(), news, refusal: None })
    }

    pub(super) fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused> {
        let sent = self.producer.send(BaseRecord {
            topic: &self.topic,
            partition: Some(record.answers.partition.0),
            payload: Some(record.value),
            key: record.key,
            timestamp: None,
            headers: Some(owned_headers(record.headers)),
            delivery_opaque: usize::try_from(record.answers.offset.0).unwrap_or(usize::MAX),
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
                ProducerNews::Delivered(report) => reports.push(report),
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
