//! What a worker reads back of its two topics, beside its log.

use super::{Fault, Tail};
use crate::domain::{Offset, PartitionId};

/// One of a worker's two topics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The authorisations.
    Inputs,
    /// The answers.
    Journal,
}

/// What a partition holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The first offset that the log still holds.
    pub beginning: Offset,
    /// The offset behind the last one.
    pub end: Offset,
}

/// Reads back what lies in a worker's two topics, in no group. Each question may wait for a
/// broker: ask beside the worker.
pub trait Archive {
    /// Reads one partition of one side from an offset on.
    type Tail: Tail;

    /// What `partition` holds now.
    ///
    /// # Errors
    /// A [`Fault`]; a passing one may be asked again.
    fn bounds(&mut self, side: Side, partition: PartitionId) -> Result<Bounds, Fault>;

    /// The first offset that was appended at `unix_millis` or later, or `None` where all
    /// that is there is older.
    ///
    /// # Errors
    /// As [`Self::bounds`].
    fn offset_at(
        &mut self,
        side: Side,
        partition: PartitionId,
        unix_millis: i64,
    ) -> Result<Option<Offset>, Fault>;

    /// Reads `partition` from `from` on.
    ///
    /// # Errors
    /// As [`Self::bounds`], and where `from` is not in the log.
    fn tail(
        &mut self,
        side: Side,
        partition: PartitionId,
        from: Offset,
    ) -> Result<Self::Tail, Fault>;
}
