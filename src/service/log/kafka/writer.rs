//! The producer's side of a worker's log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{
    BaseProducer, BaseRecord, Partitioner, Producer, ProducerContext, PurgeConfig,
};

use super::bursts::{Bursts, Lane};
use super::context::{ProducerNews, WriterContext};
use super::fault::settings_fault;
use super::figures::KafkaFigures;
use super::headers::owned_headers;
use super::opaque::to_opaque;
use crate::domain::PartitionId;
use crate::service::Clock;
use crate::service::log::{AppendRefused, Fault, Outgoing, Report, UNACKNOWLEDGED_RECORDS_MAX};

/// One round of serving the producer while it drains.
const DRAINING_ROUND: Duration = Duration::from_millis(1);

/// A worker's producers, and what became of their records.
pub(super) struct Writer {
    clients: Clients,
    topic: String,
    news: Receiver<ProducerNews>,
    refusal: Option<Refusal>,
    bursts: Bursts<HeldRecord>,
    /// How often each partition was released: what is said of records of before is not told.
    releases: BTreeMap<PartitionId, u16>,
}

/// One for each [`Lane`].
struct Clients {
    quick: BaseProducer<WriterContext>,
    bulk: BaseProducer<WriterContext>,
}

impl Clients {
    fn both(&self) -> [&BaseProducer<WriterContext>; 2] {
        [&self.quick, &self.bulk]
    }

    fn by(&self, lane: Lane) -> &BaseProducer<WriterContext> {
        match lane {
            Lane::Quick => &self.quick,
            Lane::Bulk => &self.bulk,
        }
    }
}

/// A record that waits to be handed to a client.
struct HeldRecord {
    partition: PartitionId,
    key: Option<Box<[u8]>>,
    value: Box<[u8]>,
    headers: OwnedHeaders,
    opaque: usize,
}

/// Why the client itself refused a record, yet to be told.
enum Refusal {
    /// What ails the topic may be mended: no right to write, no such topic or partition.
    ForNow(String),
    ForGood(String),
}

impl Writer {
    pub(super) fn open(
        quick: &ClientConfig,
        bulk: &ClientConfig,
        topic: &str,
        figures: &Arc<KafkaFigures>,
    ) -> Result<Self, Fault> {
        let (sender, news) = channel();
        let open = |config: &ClientConfig, lane| {
            config
                .create_with_context(WriterContext::new(lane, sender.clone(), Arc::clone(figures)))
                .map_err(|error| settings_fault(&error))
        };
        let clients = Clients { quick: open(quick, Lane::Quick)?, bulk: open(bulk, Lane::Bulk)? };
        Ok(Self {
            clients,
            topic: topic.to_owned(),
            news,
            refusal: None,
            bursts: Bursts::new(),
            releases: BTreeMap::new(),
        })
    }

    pub(super) fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused> {
        if self.bursts.count() >= UNACKNOWLEDGED_RECORDS_MAX {
            return Err(AppendRefused::Full);
        }
        let partition = record.answers.partition;
        let opaque = to_opaque(self.release_number(partition), record.answers.offset);
        let headers = owned_headers(record.headers);
        if !self.bursts.may_go(partition) {
            let (key, value) = (record.key.map(Box::from), Box::from(record.value));
            let held = HeldRecord { partition, key, value, headers, opaque };
            self.bursts.hold(partition, bytes_of(record), held);
            return Ok(());
        }
        let sent = self.clients.quick.send(BaseRecord {
            topic: &self.topic,
            partition: Some(partition.0),
            payload: Some(record.value),
            key: record.key,
            timestamp: None,
            headers: Some(headers),
            delivery_opaque: opaque,
        });
        match sent {
            Ok(()) => {
                self.bursts.went(partition);
                Ok(())
            }
            Err((error, _)) => Err(self.refused(&error)),
        }
    }

    /// Hands the clients what they may have of what is held.
    fn hand_over_held(&mut self) {
        let Self { clients, topic, bursts, .. } = self;
        let mut refusal = None;
        bursts.hand_over(|lane, held| {
            let HeldRecord { partition, key, value, headers, opaque } = held;
            let sent = clients.by(lane).send(BaseRecord {
                topic: topic.as_str(),
                partition: Some(partition.0),
                payload: Some(&*value),
                key: key.as_deref(),
                timestamp: None,
                headers: Some(headers),
                delivery_opaque: opaque,
            });
            let (error, headers) = match sent {
                Ok(()) => return Ok(()),
                Err((error, record)) => (error, record.headers.unwrap_or_default()),
            };
            refusal = Some(error);
            Err(HeldRecord { partition, key, value, headers, opaque })
        });
        if let Some(error) = refusal {
            self.refused(&error);
        }
    }

    fn refused(&mut self, error: &KafkaError) -> AppendRefused {
        let what = error.to_string();
        if let KafkaError::MessageProduction(code) = *error {
            if code == RDKafkaErrorCode::QueueFull {
                return AppendRefused::Full;
            }
            if may_be_mended(code) {
                self.refusal = Some(Refusal::ForNow(what));
                return AppendRefused::Full;
            }
        }
        self.refusal = Some(Refusal::ForGood(what));
        AppendRefused::Fatal
    }

    /// Appends to `reports` what is known by now, and returns what passed by, if anything.
    pub(super) fn acknowledged(
        &mut self,
        reports: &mut Vec<Report>,
    ) -> Result<Option<Fault>, Fault> {
        self.clients.both().into_iter().for_each(take_what_is_there);
        let mut passing = None;
        while let Ok(news) = self.news.try_recv() {
            match news {
                ProducerNews::Delivered(release, report) => {
                    self.bursts.done(report.answers.partition);
                    // Its partition may be another's, or ours anew: what it left is read there.
                    if release == self.release_number(report.answers.partition) {
                        reports.push(report);
                    }
                }
                ProducerNews::Reason(what) => passing = Some(Fault::Passing { what }),
            }
        }
        self.hand_over_held();
        for producer in self.clients.both() {
            if let Some((_, what)) = producer.client().fatal_error() {
                return Err(Fault::StepDown { what });
            }
        }
        match self.refusal.take() {
            None => Ok(passing),
            Some(Refusal::ForNow(what)) => Ok(Some(Fault::Passing { what })),
            Some(Refusal::ForGood(what)) => Err(Fault::StepDown { what }),
        }
    }

    /// Takes back what the client has not sent yet: the assignment is lost, and sending it now
    /// would be a zombie's doing. What is on its way arrives all the same.
    pub(super) fn withdraw(&mut self) {
        self.bursts.drop_all_held();
        for producer in self.clients.both() {
            producer.purge(PurgeConfig::default().queue());
        }
    }

    /// Takes note that `partitions` are given back: of records handed in before, nothing more
    /// is told.
    pub(super) fn release(&mut self, partitions: &[PartitionId]) {
        for partition in partitions {
            let number = self.releases.entry(*partition).or_default();
            *number = number.wrapping_add(1);
            self.bursts.drop_held(*partition);
        }
    }

    fn release_number(&self, partition: PartitionId) -> u16 {
        self.releases.get(&partition).copied().unwrap_or(0)
    }

    /// Waits up to `wait` for what is held and in flight; dropped, it would be purged. Where the
    /// clients take nothing more there is nothing to wait for.
    pub(super) fn drain(&mut self, clock: &Clock, wait: Duration) {
        let deadline = clock.deadline(wait);
        while self.bursts.count() > 0 && !deadline.has_passed() {
            self.clients.quick.poll(DRAINING_ROUND); // Always takes the whole round.
            if self.acknowledged(&mut Vec::new()).is_err() {
                return;
            }
        }
    }
}

/// About what it takes in a request.
fn bytes_of(record: &Outgoing<'_>) -> usize {
    const AROUND: usize = 64;
    let headers = record.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
    let key = record.key.map_or(0, <[u8]>::len);
    AROUND + key + record.value.len() + headers.sum::<usize>()
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
