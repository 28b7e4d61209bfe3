//! The seam between the worker and its log, and its two fillings.
//!
//! [`Log`] is all that a worker sees of Kafka: batches come out, records go in,
//! acknowledgements come back, positions are committed, partitions are given and
//! taken. [`kafka`] fills it with rdkafka, [`memory`] with an in-process log; the
//! simulator of later fills it with faults. Whoever fills it decides nothing:
//! what a record, a frontier or a take-over means is the worker's.
//!
//! [`Tail`] reads one topic from given offsets: the stop-order follower, the
//! demo's reader and, later, journal and projections.

pub mod kafka;
pub mod memory;

use std::time::Duration;

use thiserror::Error;

use crate::domain::{Input, Offset, PartitionId};

/// The most messages of one batch.
pub const BATCH_MESSAGES_MAX: usize = 16;

/// What a worker sees of its log. One worker owns it; nothing is shared, nothing locks.
pub trait Log {
    /// Waits up to `wait` for something to happen, then takes what is already
    /// there: up to [`BATCH_MESSAGES_MAX`] messages into `batch`, which it clears
    /// first. A change of assignment is returned before any message of a newly
    /// started partition.
    ///
    /// # Errors
    /// A [`Fault`]; one that [`Fault::is_fatal`] ends the worker.
    fn poll(&mut self, wait: Duration, batch: &mut Batch) -> Result<Option<Change>, Fault>;

    /// Starts reading an assigned partition at `offset`, paused until [`Log::resume`].
    ///
    /// # Errors
    /// The partition is not assigned any more, or the client refuses.
    fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), Fault>;

    /// Lets messages of a started partition flow.
    ///
    /// # Errors
    /// The partition is not assigned any more, or the client refuses.
    fn resume(&mut self, partitions: &[PartitionId]) -> Result<(), Fault>;

    /// Gives partitions back, after [`Change::Revoked`] and once all is settled.
    ///
    /// # Errors
    /// The client refuses.
    fn release(&mut self, partitions: &[PartitionId]) -> Result<(), Fault>;

    /// Hands a record to the log, without waiting. The log keeps its own copy.
    ///
    /// # Errors
    /// [`AppendRefused::Full`]: take acknowledgements, then try again.
    fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused>;

    /// Appends to `reports` what became of records handed in before.
    ///
    /// # Errors
    /// A fatal producer error: step down.
    fn acknowledged(&mut self, reports: &mut Vec<Report>) -> Result<(), Fault>;

    /// Commits, per partition, the first input whose record is not acknowledged.
    /// Waits for the broker where `wait` is given; else lazily.
    ///
    /// # Errors
    /// The commit was refused; the next one may pass.
    fn commit(&mut self, frontier: &[(PartitionId, Offset)], wait: CommitWait)
    -> Result<(), Fault>;

    /// Leaves: gives everything back and closes. A static member keeps its place.
    fn close(self);
}

/// Whether a commit waits for the broker's answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitWait {
    /// Returns at once; a refusal shows at a later poll.
    Lazily,
    /// Returns when it is committed.
    UntilDone,
}

/// What happened to a worker's assignment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// Partitions were given, none of them started yet.
    Assigned(Vec<Assigned>),
    /// Partitions are to be given back: settle them, then [`Log::release`].
    Revoked(Vec<PartitionId>),
    /// Partitions are somebody else's already: nothing may be sent or committed
    /// for them; [`Log::release`] them.
    Lost(Vec<PartitionId>),
}

/// A partition given to a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Assigned {
    /// Which one.
    pub partition: PartitionId,
    /// The group's committed position, where there is one.
    pub committed: Option<Offset>,
    /// The first offset that the log still holds.
    pub beginning: Offset,
    /// The offset behind the last one, when it was looked up.
    pub end: Offset,
}

/// Up to [`BATCH_MESSAGES_MAX`] messages, copied out of the client into buffers that are reused.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    messages: Vec<Slot>,
    headers: Vec<HeaderSlot>,
}

#[derive(Debug)]
struct Slot {
    input: Input,
    appended_at_unix_millis: i64,
    key: Option<(usize, usize)>,
    value: Option<(usize, usize)>,
    headers: (usize, usize),
}

#[derive(Debug)]
struct HeaderSlot {
    name: (usize, usize),
    value: (usize, usize),
}

/// One message of a [`Batch`].
#[derive(Clone, Copy, Debug)]
pub struct Message<'b> {
    /// Where it lies.
    pub input: Input,
    /// The broker's append time in Unix milliseconds.
    pub appended_at_unix_millis: i64,
    /// The record's key.
    pub key: Option<&'b [u8]>,
    /// The record's value; `None` is a tombstone.
    pub value: Option<&'b [u8]>,
    batch: &'b Batch,
    headers: (usize, usize),
}

impl<'b> Message<'b> {
    /// Its headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        let batch = self.batch;
        let (from, to) = self.headers;
        batch
            .headers
            .get(from..to)
            .unwrap_or_default()
            .iter()
            .map(move |slot| {
                let name = std::str::from_utf8(batch.slice(slot.name)).unwrap_or_default();
                (name, batch.slice(slot.value))
            })
    }

    /// The value of its first header called `name`.
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

impl Batch {
    /// Empties it and keeps its buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
        self.headers.clear();
    }

    /// How many messages it holds.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// True where it holds none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Copies a message in.
    pub fn push<'h>(
        &mut self,
        input: Input,
        appended_at_unix_millis: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    ) {
        let key = key.map(|key| self.keep(key));
        let value = value.map(|value| self.keep(value));
        let first_header = self.headers.len();
        for (name, value) in headers {
            let slot = HeaderSlot {
                name: self.keep(name.as_bytes()),
                value: self.keep(value),
            };
            self.headers.push(slot);
        }
        let headers = (first_header, self.headers.len());
        self.messages.push(Slot {
            input,
            appended_at_unix_millis,
            key,
            value,
            headers,
        });
    }

    /// Its messages, in log order per partition.
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        self.messages.iter().map(|slot| Message {
            input: slot.input,
            appended_at_unix_millis: slot.appended_at_unix_millis,
            key: slot.key.map(|range| self.slice(range)),
            value: slot.value.map(|range| self.slice(range)),
            batch: self,
            headers: slot.headers,
        })
    }

    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (from, self.bytes.len())
    }

    fn slice(&self, (from, to): (usize, usize)) -> &[u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }
}

/// A record on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'r> {
    /// The input that it answers: its partition is the record's too.
    pub answers: Input,
    /// The record's key.
    pub key: Option<&'r [u8]>,
    /// The canonical value.
    pub value: &'r [u8],
    /// Its headers, in order.
    pub headers: &'r [(&'r str, &'r [u8])],
}

/// An owned copy of an [`Outgoing`], as it comes back when its delivery failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undelivered {
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The canonical value.
    pub value: Vec<u8>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// What became of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// The input that it answers.
    pub answers: Input,
    /// Where it lies now, or what came back.
    pub delivery: Delivery,
}

/// What became of a delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// It is in the log, at this offset where the client knows it.
    Acknowledged(Option<Offset>),
    /// It may not be: send the same bytes again, never skip it.
    Failed {
        /// What the client said.
        cause: String,
        /// The same bytes.
        record: Box<Undelivered>,
    },
}

/// Why a record was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum AppendRefused {
    /// Too much is in flight.
    #[error("the producer's queue is full")]
    Full,
    /// The client will take nothing more.
    #[error("the producer refuses records for good")]
    Fatal,
}

/// What a log reports as wrong.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Fault {
    /// The client mends it by itself: count it and go on.
    #[error("the client reports {what}; it goes on by itself")]
    Passing {
        /// What the client said.
        what: String,
    },
    /// A topic is missing.
    #[error("topic {topic} is unknown to the broker; create it, see README \"Topics\"")]
    TopicMissing {
        /// Its name.
        topic: String,
    },
    /// The start position is gone: going on would skip inputs.
    #[error("the position to start from is no longer in the log: {what}; see README \"Operate\"")]
    OffsetOutOfRange {
        /// What the client said.
        what: String,
    },
    /// Another member took our place, or the producer cannot go on.
    #[error("this worker must step down: {what}")]
    StepDown {
        /// What the client said.
        what: String,
    },
    /// No broker answers.
    #[error("no broker of {brokers} answers: {what}")]
    Unreachable {
        /// Where it was looked for.
        brokers: String,
        /// What the client said.
        what: String,
    },
    /// The client's settings are refused.
    #[error("the Kafka client refuses its settings: {what}")]
    Settings {
        /// What the client said.
        what: String,
    },
}

impl Fault {
    /// True where the worker must end: nothing may be sent or skipped after it.
    pub const fn is_fatal(&self) -> bool {
        !matches!(self, Self::Passing { .. } | Self::TopicMissing { .. })
    }
}

/// Reads partitions of one topic from given offsets, in no group.
pub trait Tail {
    /// Waits up to `wait` for the next thing to happen.
    ///
    /// # Errors
    /// A [`Fault`] of the client.
    fn next(&mut self, wait: Duration) -> Result<Option<TailEvent>, Fault>;
}

/// What a [`Tail`] came upon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TailEvent {
    /// A record.
    Record(TailRecord),
    /// The end of a partition, for now: everything before was returned.
    ReachedEnd(PartitionId),
}

/// A record read by a [`Tail`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TailRecord {
    /// Its partition.
    pub partition: PartitionId,
    /// Its offset.
    pub offset: Offset,
    /// The broker's append time in Unix milliseconds.
    pub appended_at_unix_millis: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}
