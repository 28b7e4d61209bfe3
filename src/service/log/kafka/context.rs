//! What librdkafka calls back, turned into plain values for the thread that polls.
//!
//! A context must be shareable, so values leave it by a channel; nothing here locks or waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, DeliveryResult, Message as _};
use rdkafka::producer::ProducerContext;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;

use super::bursts::Lane;
use super::figures::KafkaFigures;
use super::headers::headers_of;
use super::opaque::from_opaque;
use crate::domain::{Input, Offset, PartitionId};
use crate::service::log::{Delivery, Report, Undelivered};

/// The client's log line about a commit that was refused.
const COMMIT_FAILED: &str = "COMMITFAIL";

/// What a consumer's callbacks tell.
#[derive(Debug)]
pub(super) enum ConsumerNews {
    /// Given by the group; the client reads none of them yet.
    Given(Vec<PartitionId>),
    /// To be given back: the group waits for the answer.
    Revoked(Vec<PartitionId>),
    /// Everything is lost, and the client has let go of it already.
    Lost,
    /// The client's longer text for the error that the poll returns.
    Reason(String),
    /// A lazy commit was refused.
    CommitRefused(String),
    /// The client refused our answer to a rebalance: the member would be stuck.
    AnswerRefused(String),
}

/// Callbacks of a worker's consumer.
#[derive(Debug)]
pub(super) struct MemberContext {
    news: Sender<ConsumerNews>,
    figures: Arc<KafkaFigures>,
    is_closing: AtomicBool,
    has_answered_closing: AtomicBool,
}

impl MemberContext {
    pub(super) fn new(news: Sender<ConsumerNews>, figures: Arc<KafkaFigures>) -> Self {
        Self {
            news,
            figures,
            is_closing: AtomicBool::new(false),
            has_answered_closing: AtomicBool::new(false),
        }
    }

    /// From now on a rebalance is answered at once: nobody is left to settle anything. To be
    /// called right before the consumer is closed.
    pub(super) fn begin_closing(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
    }

    /// Answers the first event of a closing consumer, and only that: behind the request to
    /// close the client takes any answer for "take all away", and may be gone when a second
    /// one, which would then wait for ever, is given. An event that was under way when it
    /// was closed makes two of them.
    fn answer_closing(&self, consumer: &BaseConsumer<Self>) {
        if !self.has_answered_closing.swap(true, Ordering::SeqCst)
            && let Err(error) = consumer.unassign()
        {
            tracing::warn!(%error, "the client refuses the answer to its closing");
        }
    }

    fn tell(&self, news: ConsumerNews) {
        // The other end is gone only while the log is dropped.
        drop(self.news.send(news));
    }

    fn tell_if_refused(&self, answer: KafkaResult<()>) {
        if let Err(error) = answer {
            self.tell(ConsumerNews::AnswerRefused(error.to_string()));
        }
    }
}

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        // With the event interface, which rdkafka uses, the client tells a lazy commit's
        // refusal nowhere else: `commit_callback` is for its own commits.
        if facility == COMMIT_FAILED {
            self.tell(ConsumerNews::CommitRefused(text.to_owned()));
        } else {
            log_line(level, facility, text);
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.figures.take_consumers(statistics);
    }

    fn error(&self, _error: KafkaError, reason: &str) {
        self.tell(ConsumerNews::Reason(reason.to_owned()));
    }
}

impl ConsumerContext for MemberContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let elements = partitions.elements();
        let ids: Vec<_> = elements.iter().map(|element| PartitionId(element.partition())).collect();
        if self.is_closing.load(Ordering::SeqCst) {
            self.answer_closing(consumer);
        } else if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.tell_if_refused(add(consumer, &TopicPartitionList::new()));
            self.tell(ConsumerNews::Given(ids));
        } else if consumer.assignment_lost() {
            self.tell_if_refused(take_all_away(consumer));
            self.tell(ConsumerNews::Lost);
        } else {
            self.tell(ConsumerNews::Revoked(ids));
        }
    }
}

/// Adds partitions to what the client reads and so answers an assignment.
pub(super) fn add(
    consumer: &BaseConsumer<MemberContext>,
    partitions: &TopicPartitionList,
) -> KafkaResult<()> {
    if is_cooperative(consumer) {
        consumer.incremental_assign(partitions)
    } else {
        consumer.assign(partitions)
    }
}

/// Takes partitions from what the client reads and so answers a revocation. Under the
/// eager protocol that is always all of them.
pub(super) fn take_away(
    consumer: &BaseConsumer<MemberContext>,
    partitions: &TopicPartitionList,
) -> KafkaResult<()> {
    if is_cooperative(consumer) {
        consumer.incremental_unassign(partitions)
    } else {
        consumer.unassign()
    }
}

/// Takes away all that the client reads.
pub(super) fn take_all_away(consumer: &BaseConsumer<MemberContext>) -> KafkaResult<()> {
    // The group's list may name partitions that were never started; the client's own is exact.
    take_away(consumer, &consumer.assignment()?)
}

/// True where partitions come and go one by one.
pub(super) fn is_cooperative(consumer: &BaseConsumer<MemberContext>) -> bool {
    matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative)
}

/// What a worker's producer tells.
#[derive(Debug)]
pub(super) enum ProducerNews {
    /// What became of a record of a partition that was released so often before.
    Delivered(u16, Report),
    /// Something that it mends by itself.
    Reason(String),
}

/// Callbacks of one of a worker's producers.
#[derive(Debug)]
pub(super) struct WriterContext {
    lane: Lane,
    news: Sender<ProducerNews>,
    figures: Arc<KafkaFigures>,
}

impl WriterContext {
    pub(super) fn new(lane: Lane, news: Sender<ProducerNews>, figures: Arc<KafkaFigures>) -> Self {
        Self { lane, news, figures }
    }
}

impl ClientContext for WriterContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log_line(level, facility, text);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        self.figures.take_producers(self.lane, statistics);
    }

    fn error(&self, _error: KafkaError, reason: &str) {
        drop(self.news.send(ProducerNews::Reason(reason.to_owned())));
    }
}

impl ProducerContext for WriterContext {
    /// See [`from_opaque`]; the partition is the record's.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, opaque: usize) {
        let (release, offset) = from_opaque(opaque);
        let (record, error) = match result {
            Ok(record) => (record, None),
            Err((error, record)) => (record, Some(error)),
        };
        let report = Report {
            answers: Input { partition: PartitionId(record.partition()), offset },
            delivery: match error {
                // Negative: acknowledged without an offset, after a retry.
                None => {
                    Delivery::Acknowledged(Some(record.offset()).filter(|o| *o >= 0).map(Offset))
                }
                Some(error) => Delivery::Failed {
                    cause: error.to_string(),
                    record: Box::new(undelivered(record)),
                },
            },
        };
        drop(self.news.send(ProducerNews::Delivered(release, report)));
    }
}

fn undelivered(record: &BorrowedMessage<'_>) -> Undelivered {
    Undelivered {
        key: record.key().map(<[u8]>::to_vec),
        value: record.payload().unwrap_or_default().to_vec(),
        headers: headers_of(record)
            .map(|(name, value)| (name.to_owned(), value.to_vec()))
            .collect(),
    }
}

/// Callbacks of a client that needs none but the reason of its errors.
#[derive(Debug)]
pub(super) struct PlainContext {
    reasons: Sender<String>,
    figures: Option<Arc<KafkaFigures>>,
}

impl PlainContext {
    pub(super) fn new(reasons: Sender<String>) -> Self {
        Self { reasons, figures: None }
    }

    /// The same for a consumer whose figures are of interest.
    pub(super) fn with_figures(reasons: Sender<String>, figures: &Arc<KafkaFigures>) -> Self {
        Self { reasons, figures: Some(Arc::clone(figures)) }
    }
}

impl ClientContext for PlainContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log_line(level, facility, text);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        if let Some(figures) = &self.figures {
            figures.take_consumers(statistics);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is told as an error, too.
        if error != KafkaError::Global(RDKafkaErrorCode::PartitionEOF) {
            drop(self.reasons.send(reason.to_owned()));
        }
    }
}

impl ConsumerContext for PlainContext {}

/// librdkafka's own lines name brokers, topics and groups, never a message's content.
pub(super) fn log_line(level: RDKafkaLogLevel, facility: &str, text: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => tracing::error!(target: "librdkafka", facility, "{text}"),
        RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{text}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", facility, "{text}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{text}"),
    }
}
