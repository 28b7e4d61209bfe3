//! What the clients say of themselves, once a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;

use super::bursts::Lane;
use crate::service::Clock;

/// The latest figures of a worker's consumer and producer, to be exported as gauges.
#[derive(Debug)]
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
    /// Of each producer alone: round trip, records and their size.
    producers: [[AtomicI64; 3]; 2],
    /// When the brokers that the consumer reads from were last heard.
    answered_at_nanos: AtomicU64,
    clock: Clock,
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
    #[serde(default)]
    nodeid: i64,
    #[serde(default)]
    state: String,
    /// Microseconds since it was last heard; negative before that.
    #[serde(default = "never")]
    rxidle: i64,
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
    /// The broker that it is read from.
    #[serde(default = "never")]
    leader: i64,
    #[serde(default)]
    fetch_state: String,
    fetchq_cnt: i64,
    fetchq_size: i64,
    consumer_lag: i64,
}

const fn never() -> i64 {
    -1
}

impl KafkaFigures {
    /// Figures of clients of which nothing is known yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            consumer_round_trip_p99_micros: AtomicI64::new(0),
            producer_round_trip_p99_micros: AtomicI64::new(0),
            fetched_messages_count: AtomicI64::new(0),
            fetched_bytes: AtomicI64::new(0),
            lag_messages_count: AtomicI64::new(0),
            unacknowledged_records_count: AtomicI64::new(0),
            unacknowledged_bytes: AtomicI64::new(0),
            producers: Default::default(),
            answered_at_nanos: AtomicU64::new(clock.monotonic_nanos()),
            clock,
        }
    }

    /// For how long the brokers that the consumer reads from have not answered; of several the
    /// one that was silent longest. It asks them many times a second.
    pub fn silent_for(&self) -> Duration {
        let answered_at = self.answered_at_nanos.load(Ordering::Relaxed);
        Duration::from_nanos(self.clock.monotonic_nanos().saturating_sub(answered_at))
    }

    pub(in crate::service) fn take_consumers(&self, statistics: &[u8]) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else {
            return;
        };
        let partitions = || {
            let topics = statistics.topics.values();
            topics.flat_map(|topic| topic.partitions.values())
        };
        let sum = |of: fn(&Partition) -> i64| partitions().map(of).sum();
        if let Some(idle_micros) = statistics.idle_micros() {
            let idle_nanos = idle_micros.saturating_mul(1_000);
            let heard_at = self.clock.monotonic_nanos().saturating_sub(idle_nanos);
            self.answered_at_nanos.fetch_max(heard_at, Ordering::Relaxed);
        }
        set(&self.consumer_round_trip_p99_micros, statistics.slowest());
        set(&self.fetched_messages_count, sum(|p| p.fetchq_cnt));
        set(&self.fetched_bytes, sum(|p| p.fetchq_size));
        // Minus one stands for unknown.
        set(&self.lag_messages_count, sum(|p| p.consumer_lag.max(0)));
    }

    /// Of the producer of `lane`; what is shown is the worse, and the sum, of both.
    pub(super) fn take_producers(&self, lane: Lane, statistics: &[u8]) {
        let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else {
            return;
        };
        let [quick, bulk] = &self.producers;
        let own = if lane == Lane::Quick { quick } else { bulk };
        let said = [statistics.slowest(), statistics.msg_cnt, statistics.msg_size];
        own.iter().zip(said).for_each(|(figure, value)| set(figure, value));
        let read = |figure: &AtomicI64| figure.load(Ordering::Relaxed);
        let [[slowest, count, bytes], [bulk_slowest, bulk_count, bulk_bytes]] = &self.producers;
        set(&self.producer_round_trip_p99_micros, read(slowest).max(read(bulk_slowest)));
        set(&self.unacknowledged_records_count, read(count) + read(bulk_count));
        set(&self.unacknowledged_bytes, read(bytes) + read(bulk_bytes));
    }
}

impl Statistics {
    /// Since the brokers that are read from were heard, the quietest of them; where none is
    /// read from yet, since any was. `None` where one of them cannot be reached.
    fn idle_micros(&self) -> Option<u64> {
        let idle = |broker: &Broker| match broker.state.as_str() {
            "UP" => u64::try_from(broker.rxidle).ok(),
            _ => None,
        };
        // One broker may stand there twice: once more as the group's coordinator.
        let of_node = |node: i64| {
            let connections = self.brokers.values().filter(|broker| broker.nodeid == node);
            connections.filter_map(idle).min()
        };
        let partitions = self.topics.values().flat_map(|topic| topic.partitions.values());
        let read: Vec<_> = partitions
            .filter(|partition| partition.fetch_state == "active")
            .map(|partition| of_node(partition.leader))
            .collect();
        if read.is_empty() {
            return self.brokers.values().filter_map(idle).min();
        }
        read.into_iter().try_fold(0, |worst, idle| Some(worst.max(idle?)))
    }

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
        let figures = KafkaFigures::new(Clock::manual(0));
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
        figures.take_producers(Lane::Quick, br#"{"msg_cnt":7,"msg_size":70}"#);
        figures.take_producers(Lane::Bulk, br#"{"msg_cnt":9,"msg_size":80}"#);
        figures.take_producers(Lane::Bulk, br#"{"msg_cnt":1,"msg_size":10}"#);
        assert_eq!(read(&figures.unacknowledged_records_count), 8);
        assert_eq!(read(&figures.unacknowledged_bytes), 80);
    }

    #[test]
    fn the_quietest_broker_that_is_read_from_says_how_long_they_are_silent() {
        let clock = Clock::manual(0);
        let figures = KafkaFigures::new(clock.clone());
        let said = |first: &str, second: &str| {
            let broker = |node: u8, said: &str| {
                format!(r#""{node}":{{"nodeid":{node},{said},"rtt":{{"p99":1}}}}"#)
            };
            let partition = |number: u8, state: &str| {
                format!(
                    r#""{number}":{{"leader":{number},"fetch_state":"{state}","fetchq_cnt":0,
                    "fetchq_size":0,"consumer_lag":0}}"#
                )
            };
            let brokers = [
                broker(1, first),
                broker(2, second),
                broker(3, r#""state":"UP","rxidle":9000000"#), // It leads nothing that is read.
            ];
            let partitions = [partition(1, "active"), partition(2, "active"), partition(3, "none")];
            format!(
                r#"{{"brokers":{{{}}},"topics":{{"t":{{"partitions":{{{}}}}}}}}}"#,
                brokers.join(","),
                partitions.join(",")
            )
        };
        let up = |micros| format!(r#""state":"UP","rxidle":{micros}"#);
        let cases = [
            (up(100_000), up(200_000), 200),
            (up(100_000), up(4_000_000), 4_000),
            (up(100_000), r#""state":"DOWN","rxidle":1"#.to_owned(), 10_000),
            (up(100_000), up(-1), 10_000),
        ];
        for (first, second, silent_millis) in cases {
            let said = said(&first, &second);
            figures.answered_at_nanos.store(clock.monotonic_nanos(), Ordering::Relaxed);
            clock.advance(Duration::from_secs(10));
            figures.take_consumers(said.as_bytes());
            assert_eq!(figures.silent_for(), Duration::from_millis(silent_millis), "{said}");
        }
    }
}
