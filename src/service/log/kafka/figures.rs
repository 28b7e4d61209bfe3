//! What the clients say of themselves, once a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::Deserialize;

/// The latest figures of a worker's consumer and producer, to be exported as gauges.
#[derive(Debug, Default)]
pub struct KafkaFigures {
    /// The slowest broker's 99th percentile round trip, as the consumer saw it.
    pub consumer_round_trip_p99_micros: AtomicI64,
    /// The same, as the producer saw it.
    pub producer_round_trip_p99_micros: AtomicI64,
    /// Messages fetched and not yet polled.
    pub fetched_messages_count: AtomicI64,
    /// Their size.
    pub fetched_bytes: AtomicI64,
    /// Messages behind the committed position, over all partitions with one.
    pub lag_messages_count: AtomicI64,
    /// Records handed in and not yet acknowledged.
    pub unacknowledged_records_count: AtomicI64,
    /// Their size.
    pub unacknowledged_bytes: AtomicI64,
}

/// The few of librdkafka's statistics that are read. Source: its STATISTICS.md.
#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    msg_cnt: i64,
    #[serde(default)]
    msg_size: i64,
    #[serde(default)]
    brokers: BTreeMap<String, Broker>,
    #[serde(default)]
    topics: BTreeMap<String, Topic>,
}

#[derive(Deserialize)]
struct Broker {
    rtt: RoundTrip,
}

#[derive(Deserialize)]
struct RoundTrip {
    p99: i64,
}

#[derive(Deserialize)]
struct Topic {
    partitions: BTreeMap<String, Partition>,
}

#[derive(Deserialize)]
struct Partition {
    fetchq_cnt: i64,
    fetchq_size: i64,
    consumer_lag: i64,
}

impl KafkaFigures {
    pub(super) fn take_consumers(&self, statistics: &[u8]) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else {
            return;
        };
        let partitions = || {
            let topics = statistics.topics.values();
            topics.flat_map(|topic| topic.partitions.values())
        };
        let sum = |of: fn(&Partition) -> i64| partitions().map(of).sum();
        set(&self.consumer_round_trip_p99_micros, statistics.slowest());
        set(&self.fetched_messages_count, sum(|p| p.fetchq_cnt));
        set(&self.fetched_bytes, sum(|p| p.fetchq_size));
        // Minus one stands for unknown.
        set(&self.lag_messages_count, sum(|p| p.consumer_lag.max(0)));
    }

    pub(super) fn take_producers(&self, statistics: &[u8]) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else {
            return;
        };
        set(&self.producer_round_trip_p99_micros, statistics.slowest());
        set(&self.unacknowledged_records_count, statistics.msg_cnt);
        set(&self.unacknowledged_bytes, statistics.msg_size);
    }
}

impl Statistics {
    fn slowest(&self) -> i64 {
        let round_trips = self.brokers.values().map(|broker| broker.rtt.p99);
        round_trips.max().unwrap_or(0)
    }
}

fn set(figure: &AtomicI64, value: i64) {
    figure.store(value, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_sums_over_partitions_and_the_worst_broker() {
        let figures = KafkaFigures::default();
        figures.take_consumers(
            br#"{"msg_cnt":0,"brokers":{"a":{"rtt":{"p99":3}},"b":{"rtt":{"p99":9}}},
            "topics":{"t":{"partitions":{
            "0":{"fetchq_cnt":2,"fetchq_size":20,"consumer_lag":5},
            "-1":{"fetchq_cnt":1,"fetchq_size":10,"consumer_lag":-1}}}}}"#,
        );
        let read = |figure: &AtomicI64| figure.load(Ordering::Relaxed);
        assert_eq!(read(&figures.consumer_round_trip_p99_micros), 9);
        assert_eq!(read(&figures.fetched_messages_count), 3);
        assert_eq!(read(&figures.fetched_bytes), 30);
        assert_eq!(read(&figures.lag_messages_count), 5);
        figures.take_producers(br#"{"msg_cnt":7,"msg_size":70}"#);
        assert_eq!(read(&figures.unacknowledged_records_count), 7);
        assert_eq!(read(&figures.unacknowledged_bytes), 70);
    }
}
