//! The seam between the worker and its log, and its two fillings.
//!
//! [`Log`] is all that a worker sees of Kafka: batches come out, records go in,
//! acknowledgements come back, positions are committed, partitions are given and
//! taken. [`kafka`] fills it with rdkafka, [`memory`] with an in-process log; the
//! simulator of later fills it with faults. Whoever fills it decides nothing:
//! what a record, a frontier or a take-over means is the worker's.
//!
//! [`Tail`] reads one topic from given offsets: the stop-order follower, the
//! demo's reader and, later, projections. An [`Archive`] opens tails on a worker's own two
//! topics: what it reads back at a take-over and where somebody else wrote.

pub mod kafka;
pub mod memory;

mod archive;
mod batch;
mod partitioner;

use std::time::Duration;

use thiserror::Error;

use crate::domain::{Input, Offset, PartitionId};

pub use archive::{Archive, Bounds, Side};
pub use batch::{Batch, Message};
pub use partitioner::partition_of_key;

/// The most messages of one batch.
pub const BATCH_MESSAGES_MAX: usize = 16;

/// The most records that a log keeps which are not acknowledged; it takes no more then.
pub const UNACKNOWLEDGED_RECORDS_MAX: usize = 100_000;

/// What a worker sees of its log. One worker owns it; nothing is shared, nothing locks.
pub trait Log {
    /// Waits up to `wait` for something to happen, then takes what is already
    /// there: up to [`BATCH_MESSAGES_MAX`] messages into `batch`, which it clears
    /// first. It may return early with nothing.
    ///
    /// A change or a fault comes alone, with an empty batch: nothing that was taken
    /// is ever lost to one. A partition's messages come after its [`Change::Assigned`],
    /// [`Log::start`] and [`Log::resume`], and none after its revocation was returned.
    ///
    /// # Errors
    /// A [`Fault`]; one that [`Fault::is_fatal`] ends the worker.
    fn poll(&mut self, wait: Duration, batch: &mut Batch) -> Result<Option<Change>, Fault>;

    /// Starts reading assigned partitions at the given offsets, paused until
    /// [`Log::resume`]. Neither the group nor the other partitions wait for it: state
    /// may be restored first.
    ///
    /// One that was taken away meanwhile is passed over here and below: the polls tell.
    ///
    /// # Errors
    /// The client refuses.
    fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), Fault>;

    /// Lets messages of a started partition flow.
    ///
    /// # Errors
    /// The client refuses.
    fn resume(&mut self, partitions: &[PartitionId]) -> Result<(), Fault>;

    /// Stops messages of a started partition until [`Log::resume`]: when the producer
    /// stays full, the worker goes on polling and so keeps its place.
    ///
    /// # Errors
    /// The client refuses.
    fn pause(&mut self, partitions: &[PartitionId]) -> Result<(), Fault>;

    /// Gives partitions back, after [`Change::Revoked`] and once all is settled, or after
    /// [`Change::Lost`]. Of records handed in before, nothing more is told. Make it
    /// soon: until all that was revoked is released, the group waits, the client holds
    /// back the partitions that stay, and a place that was lost shows by refused commits only.
    ///
    /// # Errors
    /// The client refuses.
    fn release(&mut self, partitions: &[PartitionId]) -> Result<(), Fault>;

    /// Hands a record to the log, without waiting. The log keeps its own copy.
    ///
    /// # Errors
    /// [`AppendRefused::Full`]: take acknowledgements, then try again.
    fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused>;

    /// Appends to `reports` what became of records handed in before, also where it
    /// fails.
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
    /// Partitions were given, none of them started yet. None at all: the group has a place
    /// for this member and nothing more to do for it.
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

impl Undelivered {
    /// A copy of `outgoing`.
    pub fn of(outgoing: &Outgoing<'_>) -> Self {
        let owned = |(name, value): &(&str, &[u8])| ((*name).to_owned(), value.to_vec());
        Self {
            key: outgoing.key.map(<[u8]>::to_vec),
            value: outgoing.value.to_vec(),
            headers: outgoing.headers.iter().map(owned).collect(),
        }
    }

    /// Its headers, borrowed.
    pub fn header_slices(&self) -> Vec<(&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect()
    }

    /// The same record again, with [`Self::header_slices`].
    pub fn as_outgoing<'r>(
        &'r self,
        answers: Input,
        headers: &'r [(&'r str, &'r [u8])],
    ) -> Outgoing<'r> {
        Outgoing { answers, key: self.key.as_deref(), value: &self.value, headers }
    }
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
    /// Not now: too much is in flight, or something ails the topic, which the polls tell.
    #[error("the producer takes nothing more for now")]
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
    #[error(
        "topic {topic} is unknown to the broker; create it, see README \"Start against your own \
         Kafka\""
    )]
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
    /// A broker said no.
    #[error("the broker refuses: {what}")]
    Refused {
        /// What it said.
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
    /// The group belongs to an engine whose answers go to another topic.
    #[error(
        "{what}. Whoever took a partition would commit it, and its authorisations would never be \
         answered there. Give each a kafka.group of its own, see README \"Operate\""
    )]
    AnothersGroup {
        /// What was found.
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
    /// What happened, without what follows from it: for a process that ends with it.
    pub fn cause(&self) -> String {
        match self {
            Self::Passing { what } => format!("the client reports {what}"),
            Self::TopicMissing { .. }
            | Self::OffsetOutOfRange { .. }
            | Self::StepDown { .. }
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::AnothersGroup { .. }
            | Self::Settings { .. } => self.to_string(),
        }
    }

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

    /// Asks whether [`Self::next`] has returned all that its partitions hold now, waiting up to
    /// `wait` for each of them.
    ///
    /// # Errors
    /// Nobody answers.
    fn is_at_end(&mut self, wait: Duration) -> Result<bool, Fault>;
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
