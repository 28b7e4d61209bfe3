//! What the exporter says of a partition, as a scrape would see it.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;

use super::metrics::WorkerMetrics;
use super::{Clock, Health, Observer as _, PartitionStatus, Tally};
use crate::domain::{Offset, PartitionId};
use crate::engine::PartitionSize;

fn status(size: PartitionSize) -> PartitionStatus {
    PartitionStatus { partition: PartitionId(3), size, outstanding_count: 0, frontier: Offset(0) }
}

#[test]
fn what_waited_in_vain_and_what_no_calendar_reaches_is_exported() {
    let size = PartitionSize {
        cards_count: 1,
        evictions_count: 2,
        out_of_calendar_count: 3,
        recent_answers_count: 4,
        recent_answers_bytes: 5,
        pending_count: 6,
        pending_expired_count: 7,
        pending_overflowed_count: 8,
        pending_contradicted_count: 9,
    };
    let expected = [
        ("stopline_cards", 1),
        ("stopline_card_evictions_total", 2),
        ("stopline_out_of_calendar_total", 3),
        ("stopline_recent_answers", 4),
        ("stopline_recent_answers_bytes", 5),
        ("stopline_pending", 6),
        ("stopline_pending_expired_total", 7),
        ("stopline_pending_overflowed_total", 8),
        ("stopline_pending_contradicted_total", 9),
    ];
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    ::metrics::with_local_recorder(&recorder, || {
        let health = Arc::new(Health::new(Clock::manual(0), Duration::from_secs(10)));
        let mut metrics = WorkerMetrics::new("worker-0".to_owned(), health);
        metrics.tallied(&Tally::default(), &[status(size)]);
        let page = handle.render();
        for (name, value) in expected {
            let line = format!("{name}{{partition=\"3\"}} {value}\n");
            assert!(page.contains(&line), "{line}{page}");
        }
    });
}
