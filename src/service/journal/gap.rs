//! Reading exactly what lies unread in the journal.

use tracing::warn;

use super::JournalRecord;
use super::reader::{Read, Reader};
use crate::domain::{Offset, PartitionId};
use crate::service::log::{Archive, Fault, Side};
use crate::wire::Format;

/// Offsets of one partition of the journal that are to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The first one.
    pub from: Offset,
    /// The one behind the last; `None` is the end, as it is when the end is reached.
    pub to: Option<Offset>,
}

/// What was read of a gap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GapRead {
    /// The records that could be read, in order.
    pub records: Vec<JournalRecord>,
    /// The offset behind all that was read.
    pub next: Offset,
}

/// Reads `gap` of `partition`.
///
/// # Errors
/// The archive's; a passing one where nothing comes for too long.
pub(super) fn read_gap<A: Archive>(
    archive: &mut A,
    partition: PartitionId,
    gap: Gap,
    default_format: Format,
) -> Result<GapRead, Fault> {
    let tail = archive.tail(Side::Journal, partition, gap.from)?;
    let what = format!("partition {} of the answers", partition.0);
    // A record at the end of a gap was acknowledged: the log reaches beyond it.
    let goal = gap.to.map_or(gap.from, Offset::next);
    let mut reader = Reader::new(tail, gap.from, goal, what);
    let mut records = Vec::new();
    let mut next = gap.from;
    while gap.to.is_none_or(|to| next < to) {
        match reader.next()? {
            Read::Nothing => {}
            Read::Record(record) if gap.to.is_none_or(|to| record.offset < to) => {
                next = record.offset.next();
                match JournalRecord::read(&record, default_format) {
                    Ok(read) => records.push(read),
                    Err(unreadable) => warn!(%unreadable, "it binds nothing and is passed over"),
                }
            }
            // Behind the last that is shown control records may lie, which are not.
            Read::Record(_) => return Ok(GapRead { records, next: gap.to.unwrap_or(next) }),
            Read::End => match gap.to {
                None => return Ok(GapRead { records, next }),
                // A new leader may not show yet what was acknowledged: read again later.
                Some(to) => {
                    let what = format!("the answers end before {}, which was acknowledged", to.0);
                    return Err(Fault::Passing { what });
                }
            },
        }
    }
    Ok(GapRead { records, next })
}
