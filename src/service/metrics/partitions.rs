//! What a worker exports of each of its partitions.

use std::collections::BTreeMap;

use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::{count, float_of};
use crate::domain::PartitionId;
use crate::engine::PartitionSize;
use crate::service::PartitionStatus;

/// One of a partition's counts, which only grow.
type CountOf = fn(&PartitionSize) -> u64;

/// What was last said of each partition.
#[derive(Debug, Default)]
pub(super) struct PartitionFigures {
    last: BTreeMap<i32, PartitionSize>,
}

impl PartitionFigures {
    /// Exports what `partitions`, all that the worker has, are like now.
    pub(super) fn export(&mut self, partitions: &[PartitionStatus]) {
        for status in partitions {
            let partition = status.partition.0.to_string();
            let size = status.size;
            let set = |name: &'static str, value: i64| {
                gauge!(name, "partition" => partition.clone()).set(float_of(value));
            };
            set("stopline_cards", count(size.cards_count));
            set("stopline_recent_answers", count(size.recent_answers_count));
            set("stopline_recent_answers_bytes", count(size.recent_answers_bytes));
            set("stopline_pending", count(size.pending_count));
            set("stopline_records_outstanding", count(status.outstanding_count));
            set("stopline_frontier_offset", status.frontier.0);
            self.count_since(status.partition, size);
        }
        let is_ours =
            |id: &i32| partitions.iter().any(|status| status.partition == PartitionId(*id));
        self.last.retain(|partition, _| is_ours(partition));
    }

    /// Counts what was let go of since the last time. A partition counts from nothing when it
    /// is given, its restoration included.
    fn count_since(&mut self, partition: PartitionId, size: PartitionSize) {
        let earlier = self.last.insert(partition.0, size);
        let counts: [(&'static str, CountOf); 5] = [
            ("stopline_card_evictions_total", |size| size.evictions_count),
            ("stopline_out_of_calendar_total", |size| size.out_of_calendar_count),
            ("stopline_pending_expired_total", |size| size.pending_expired_count),
            ("stopline_pending_overflowed_total", |size| size.pending_overflowed_count),
            ("stopline_pending_contradicted_total", |size| size.pending_contradicted_count),
        ];
        for (name, count_of) in counts {
            let since = count_of(&size).saturating_sub(earlier.as_ref().map_or(0, count_of));
            counter!(name, "partition" => partition.0.to_string()).increment(since);
        }
    }
}

/// Says what each means.
pub(super) fn describe() {
    describe_gauge!("stopline_cards", "Accounts in a partition's windows.");
    describe_counter!(
        "stopline_card_evictions_total",
        "Accounts forgotten before their windows ended."
    );
    describe_gauge!("stopline_recent_answers", "Answers kept for repeats.");
    describe_gauge!("stopline_recent_answers_bytes", "Memory of the answers kept for repeats.");
    describe_gauge!("stopline_records_outstanding", "Records not acknowledged yet.");
    describe_gauge!("stopline_frontier_offset", "First input whose record is not acknowledged.");
    describe_gauge!("stopline_pending", "Messages that wait for the authorisation they are about.");
    let counters = [
        (
            "stopline_out_of_calendar_total",
            "Requests judged where the calendar of business days does not reach.",
        ),
        ("stopline_pending_expired_total", "Those whose authorisation never came."),
        ("stopline_pending_overflowed_total", "Those let go of for lack of room."),
        ("stopline_pending_contradicted_total", "Those of another card or currency than it."),
    ];
    for (name, meaning) in counters {
        describe_counter!(name, meaning);
    }
}
