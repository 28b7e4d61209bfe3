//! One partition of a topic in memory: records in segments, readers, committed positions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::doorbell::Doorbell;
use crate::domain::{Input, Offset, PartitionId};
use crate::service::log::{Batch, Fault, Message};

/// A segment is closed at this many records …
const SEGMENT_RECORDS_MAX: usize = 4_096;
/// … or this many bytes, whichever comes first.
const SEGMENT_BYTES_MAX: usize = 1 << 20;

/// Somebody who reads a partition.
#[derive(Debug)]
pub(super) struct Reader {
    /// Records from here on are kept for it.
    held_from: AtomicI64,
    bell: Arc<Doorbell>,
}

impl Reader {
    pub(super) fn new(held_from: Offset, bell: Arc<Doorbell>) -> Arc<Self> {
        Arc::new(Self { held_from: AtomicI64::new(held_from.0), bell })
    }

    /// Lets go of everything before `offset`.
    pub(super) fn hold_from(&self, offset: Offset) {
        self.held_from.store(offset.0, Ordering::Relaxed);
    }
}

/// The log of one partition.
///
/// ```text
/// beginning                                        end
///   |  segment  |  segment  |  segment (open)  . . .|
///        ^ committed   ^ readers
///   a whole segment before all of these goes once the partition is over its cap
/// ```
#[derive(Debug)]
pub(super) struct PartitionLog {
    id: PartitionId,
    segments: VecDeque<Segment>,
    end: Offset,
    newest_append_unix_millis: i64,
    /// Of the closed segments.
    closed_bytes: usize,
    bytes_max: usize,
    /// The buffers of a dropped segment, to be used again.
    spare: Option<Batch>,
    readers: Vec<Arc<Reader>>,
    committed: BTreeMap<String, Offset>,
}

#[derive(Debug)]
struct Segment {
    first: Offset,
    records: Batch,
}

impl Segment {
    fn end(&self) -> Offset {
        let records_count = i64::try_from(self.records.len()).unwrap_or(i64::MAX);
        Offset(self.first.0.saturating_add(records_count))
    }

    fn is_full(&self) -> bool {
        self.records.len() >= SEGMENT_RECORDS_MAX || self.records.size_bytes() >= SEGMENT_BYTES_MAX
    }
}

impl PartitionLog {
    pub(super) fn new(id: PartitionId, bytes_max: usize) -> Self {
        Self {
            id,
            segments: VecDeque::new(),
            end: Offset(0),
            newest_append_unix_millis: i64::MIN,
            closed_bytes: 0,
            bytes_max,
            spare: None,
            readers: Vec::new(),
            committed: BTreeMap::new(),
        }
    }

    /// Appends a record, wakes the readers and returns its offset.
    pub(super) fn append(
        &mut self,
        now_unix_millis: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) -> Offset {
        let offset = self.end;
        let input = Input { partition: self.id, offset };
        // Like a broker's, the append time of a partition never steps back.
        let appended_at = now_unix_millis.max(self.newest_append_unix_millis);
        self.newest_append_unix_millis = appended_at;
        if self.segments.back().is_none_or(Segment::is_full) {
            self.open_segment();
        }
        if let Some(segment) = self.segments.back_mut() {
            let records = &mut segment.records;
            records.push(input, appended_at, key, value, headers.iter().copied());
            self.end = offset.next();
        }
        for reader in &self.readers {
            reader.bell.ring();
        }
        offset
    }

    /// The first record that was appended at `unix_millis` or later.
    pub(super) fn offset_at(&self, unix_millis: i64) -> Option<Offset> {
        let is_older = |offset: i64| {
            self.record(Offset(offset))
                .is_some_and(|record| record.appended_at_unix_millis < unix_millis)
        };
        let (mut first, mut behind) = (self.beginning().0, self.end.0);
        while first < behind {
            let middle = first.midpoint(behind);
            if is_older(middle) {
                first = middle + 1;
            } else {
                behind = middle;
            }
        }
        (first < self.end.0).then_some(Offset(first))
    }

    /// The record at `offset`, or `None` outside [`Self::beginning`] to [`Self::end`].
    pub(super) fn record(&self, offset: Offset) -> Option<Message<'_>> {
        let index =
            self.segments.partition_point(|segment| segment.first <= offset).checked_sub(1)?;
        let segment = self.segments.get(index)?;
        let inside = usize::try_from(offset.0.checked_sub(segment.first.0)?).ok()?;
        segment.records.get(inside)
    }

    /// The first offset that is still held.
    pub(super) fn beginning(&self) -> Offset {
        self.segments.front().map_or(self.end, |segment| segment.first)
    }

    /// The offset behind the last record.
    pub(super) fn end(&self) -> Offset {
        self.end
    }

    /// Refuses to read from an offset that is neither held nor the end.
    pub(super) fn check_start(&self, offset: Offset) -> Result<(), Fault> {
        let (beginning, end) = (self.beginning(), self.end());
        if offset < beginning || offset > end {
            let what = format!(
                "offset {} of partition {}, which holds {} to {}",
                offset.0, self.id.0, beginning.0, end.0
            );
            return Err(Fault::OffsetOutOfRange { what });
        }
        Ok(())
    }

    pub(super) fn register(&mut self, reader: &Arc<Reader>) {
        self.readers.push(Arc::clone(reader));
    }

    pub(super) fn forget(&mut self, reader: &Arc<Reader>) {
        self.readers.retain(|known| !Arc::ptr_eq(known, reader));
    }

    pub(super) fn commit(&mut self, group: &str, offset: Offset) {
        if let Some(committed) = self.committed.get_mut(group) {
            *committed = offset;
        } else {
            self.committed.insert(group.to_owned(), offset);
        }
    }

    pub(super) fn committed(&self, group: &str) -> Option<Offset> {
        self.committed.get(group).copied()
    }

    fn open_segment(&mut self) {
        if let Some(closed) = self.segments.back() {
            self.closed_bytes += closed.records.size_bytes();
        }
        self.drop_what_nobody_needs();
        self.segments
            .push_back(Segment { first: self.end, records: self.spare.take().unwrap_or_default() });
    }

    fn drop_what_nobody_needs(&mut self) {
        let held_from = self
            .readers
            .iter()
            .map(|reader| Offset(reader.held_from.load(Ordering::Relaxed)))
            .chain(self.committed.values().copied())
            .min()
            .unwrap_or(self.end);
        while self.closed_bytes > self.bytes_max
            && let Some(mut oldest) = self.segments.pop_front_if(|oldest| oldest.end() <= held_from)
        {
            self.closed_bytes -= oldest.records.size_bytes();
            oldest.records.clear();
            self.spare = Some(oldest.records);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT_RECORDS: i64 = 4_096;

    fn fill(log: &mut PartitionLog, records_count: usize) {
        for _ in 0..records_count {
            log.append(0, None, Some(&[0; 100]), &[]);
        }
    }

    #[test]
    fn the_append_time_never_steps_back() {
        let mut log = PartitionLog::new(PartitionId(0), usize::MAX);
        for now in [5, 3, 9] {
            log.append(now, None, None, &[]);
        }
        let times: Vec<i64> = (0..3)
            .filter_map(|offset| log.record(Offset(offset)))
            .map(|record| record.appended_at_unix_millis)
            .collect();
        assert_eq!(times, [5, 5, 9]);
    }

    #[test]
    fn every_record_is_found_across_segments() {
        let mut log = PartitionLog::new(PartitionId(0), usize::MAX);
        fill(&mut log, 2 * SEGMENT_RECORDS_MAX + 1);
        for offset in 0..log.end().0 {
            let record = log.record(Offset(offset)).expect("a record");
            assert_eq!(record.input.offset, Offset(offset));
        }
        assert!(log.record(log.end()).is_none());
        assert!(log.record(Offset(-1)).is_none());
    }

    #[test]
    fn over_its_cap_it_drops_whole_segments_behind_every_reader_and_no_others() {
        let mut log = PartitionLog::new(PartitionId(0), 0);
        let slow = Reader::new(Offset(10), Arc::default());
        log.register(&slow);
        log.commit("group", Offset(SEGMENT_RECORDS));
        fill(&mut log, 3 * SEGMENT_RECORDS_MAX);
        assert_eq!(log.beginning(), Offset(0), "the slow reader holds it");
        slow.hold_from(Offset(2 * SEGMENT_RECORDS));
        fill(&mut log, SEGMENT_RECORDS_MAX);
        let committed = Offset(SEGMENT_RECORDS);
        assert_eq!(log.beginning(), committed, "then the committed position");
        assert!(log.record(Offset(0)).is_none());
        assert!(log.record(committed).is_some());
        log.forget(&slow);
        log.commit("group", log.end());
        fill(&mut log, SEGMENT_RECORDS_MAX);
        assert!(log.beginning() > Offset(3 * SEGMENT_RECORDS));
    }

    #[test]
    fn a_topic_that_nobody_reads_stays_under_its_cap() {
        let bytes_max = 4 * SEGMENT_BYTES_MAX;
        let mut log = PartitionLog::new(PartitionId(0), bytes_max);
        fill(&mut log, 50 * SEGMENT_RECORDS_MAX);
        assert!(log.closed_bytes <= bytes_max + SEGMENT_BYTES_MAX);
    }
}
