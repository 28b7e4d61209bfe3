//! Sends records as a card switch would: for demo, load generator and tests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::context::log_line;
use super::fault::settings_fault;
use super::headers::owned_headers;
use super::settings;
use super::writer::take_what_is_there;
use crate::config::KafkaSettings;
use crate::domain::PartitionId;
use crate::service::Clock;
use crate::service::log::{AppendRefused, Fault};

/// One round of serving the producer while it drains.
const DRAINING_ROUND: Duration = Duration::from_millis(1);

/// A record to send.
#[derive(Clone, Copy, Debug)]
pub struct FeedRecord<'r> {
    /// Where to.
    pub topic: &'r str,
    /// Which partition; without one the key decides, as with Java producers.
    pub partition: Option<PartitionId>,
    /// Its key.
    pub key: Option<&'r [u8]>,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'r [u8]>,
    /// Its headers, in order.
    pub headers: &'r [(&'r str, &'r [u8])],
}

/// A producer for any topic. Stays on one thread; [`Self::serve`] it now and then.
pub struct KafkaFeed {
    producer: BaseProducer<FeedContext>,
    causes: Receiver<String>,
    clock: Clock,
}

#[derive(Debug)]
struct FeedContext {
    failed_count: AtomicU64,
    causes: Sender<String>,
}

impl ClientContext for FeedContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        log_line(level, facility, text);
    }

    fn stats_raw(&self, _statistics: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "the feed's client mends something");
    }
}

impl ProducerContext for FeedContext {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.failed_count.fetch_add(1, Ordering::Relaxed);
            drop(self.causes.send(error.to_string()));
        }
    }
}

impl KafkaFeed {
    /// A feed to the brokers of `kafka`.
    ///
    /// # Errors
    /// The client refuses its settings.
    pub fn open(kafka: &KafkaSettings, clock: Clock) -> Result<Self, Fault> {
        let (causes_sender, causes) = channel();
        let context = FeedContext { failed_count: AtomicU64::new(0), causes: causes_sender };
        let producer = settings::feed(kafka)?
            .create_with_context(context)
            .map_err(|error| settings_fault(&error))?;
        Ok(Self { producer, causes, clock })
    }

    /// Hands a record to the client, without waiting.
    ///
    /// # Errors
    /// [`AppendRefused::Full`]: [`Self::serve`], then try again.
    pub fn send(&self, record: &FeedRecord<'_>) -> Result<(), AppendRefused> {
        let sent = self.producer.send(BaseRecord {
            topic: record.topic,
            partition: record.partition.map(|partition| partition.0),
            payload: record.value,
            key: record.key,
            timestamp: None,
            headers: Some(owned_headers(record.headers)),
            delivery_opaque: (),
        });
        match sent {
            Ok(()) => Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                Err(AppendRefused::Full)
            }
            Err((error, _)) => {
                tracing::error!(%error, topic = record.topic, "the feed refuses a record");
                Err(AppendRefused::Fatal)
            }
        }
    }

    /// Takes the acknowledgements that are there.
    pub fn serve(&self) {
        take_what_is_there(&self.producer);
    }

    /// How many records were given up.
    pub fn failed_count(&self) -> u64 {
        self.producer.context().failed_count.load(Ordering::Relaxed)
    }

    /// Waits up to `wait` until all that was sent is acknowledged.
    ///
    /// # Errors
    /// Something was given up since the last drain, or is not acknowledged yet.
    pub fn drain(&self, wait: Duration) -> Result<(), Fault> {
        let deadline = self.clock.deadline(wait);
        self.serve();
        while self.producer.in_flight_count() > 0 && !deadline.has_passed() {
            self.producer.poll(DRAINING_ROUND);
        }
        let in_flight_count = self.producer.in_flight_count();
        if in_flight_count > 0 {
            return Err(Fault::Passing {
                what: format!("{in_flight_count} records are not acknowledged after {wait:?}"),
            });
        }
        match self.causes.try_iter().last() {
            Some(cause) => {
                Err(Fault::Refused { what: format!("records were not delivered: {cause}") })
            }
            None => Ok(()),
        }
    }
}
