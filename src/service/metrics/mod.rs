//! What the process exports: a worker's tally, once a second, as Prometheus metrics.

mod partitions;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hdrhistogram::Histogram;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use self::partitions::PartitionFigures;
use super::log::kafka::KafkaFigures;
use super::telemetry::Tally;
use super::worker::{Observer, PartitionStatus, RestoringStatus};
use super::{FollowerStatus, Health, overload};
use crate::domain::{ErrorReason, Outcome, PartitionId, Reason};
use crate::engine::rules::{Mode, RuleSet};
use crate::engine::shared::StopList;

/// Upper bounds of the engine latency's buckets, in seconds: 250 ns to 10 ms.
const ENGINE_SECONDS: [f64; 14] = [
    0.000_000_25,
    0.000_000_5,
    0.000_001,
    0.000_002,
    0.000_003,
    0.000_005,
    0.000_01,
    0.000_02,
    0.000_05,
    0.000_1,
    0.000_25,
    0.001,
    0.002_5,
    0.01,
];
/// Upper bounds of the age's buckets, in seconds: 1 ms to a minute.
const AGE_SECONDS: [f64; 12] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0];

const ENGINE_LATENCY: &str = "stopline_engine_latency_seconds";
const FAIL_CAUSES: &str = "stopline_fail_causes_total";
const RESTORING: &str = "stopline_restoring_inputs_left";
const AGE: &str = "stopline_decision_age_seconds";

/// A gauge that nobody has set for so long is not shown any more: its partition was given away.
/// All that is still true is set once a second.
const GAUGE_IDLE_MAX: Duration = Duration::from_secs(30);

/// Installs the process's metrics and says what each means.
///
/// # Errors
/// Metrics were installed before.
pub(super) fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full(ENGINE_LATENCY.to_owned()), &ENGINE_SECONDS)?
        .set_buckets_for_metric(Matcher::Full(AGE.to_owned()), &AGE_SECONDS)?
        .idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_IDLE_MAX))
        .install_recorder()?;
    describe();
    // What has not happened yet is there as zero: alerts can be written on it.
    for reason in ErrorReason::ALL {
        counter!("stopline_refused_total", "reason" => reason.name()).absolute(0);
    }
    for class in Tally::class_names() {
        counter!("stopline_acknowledgements_total", "class" => class).absolute(0);
    }
    count_decisions(Outcome::Approve, "none", 0);
    for reason in Reason::ALL {
        count_decisions(Outcome::StepUp, reason.name(), 0);
        count_decisions(Outcome::Decline, reason.name(), 0);
    }
    Ok(handle)
}

fn count_decisions(outcome: Outcome, reason: &'static str, count: u64) {
    counter!("stopline_decisions_total", "outcome" => outcome.name(), "reason" => reason)
        .increment(count);
}

fn count_fired(rule: &str, mode: Mode, count: u64) {
    counter!("stopline_rule_fired_total", "rule" => rule.to_owned(), "mode" => mode.name())
        .increment(count);
}

/// Makes the counters of `rule_set`, so that a rule that never fires is there as zero.
pub(super) fn begin_rules(rule_set: &RuleSet) {
    for rule in rule_set.rules() {
        count_fired(rule.name(), rule.mode(), 0);
    }
}

/// Says which engine this is; to be told again once a second.
pub(super) fn export_build(rule_set: &RuleSet, mode: &'static str, instance: &str) {
    let rule_set = format!("{:016x}", rule_set.hash().0);
    let version = env!("CARGO_PKG_VERSION");
    let instance = instance.to_owned();
    gauge!("stopline_info", "version" => version, "rule_set" => rule_set, "mode" => mode,
        "instance" => instance)
    .set(1.0);
}

fn describe() {
    describe_counter!("stopline_decisions_total", "Decisions made, by outcome and reason.");
    describe_counter!("stopline_rule_fired_total", "Decisions that a rule fired at.");
    describe_gauge!("stopline_info", "1; its labels say which engine this is.");
    describe_counter!("stopline_repeats_total", "Stored answers sent again.");
    describe_counter!("stopline_acknowledgements_total", "Messages noted, by class.");
    describe_counter!("stopline_refused_total", "Inputs answered with an error, by reason.");
    describe_counter!("stopline_late_total", "Decisions made after their deadline.");
    describe_counter!(
        "stopline_history_truncated_total",
        "Decisions made without all the history that the rules ask for."
    );
    describe_counter!(FAIL_CAUSES, "Decisions while a cause of the fail policy held.");
    describe_gauge!(
        "stopline_stop_list_age_seconds",
        "Since the stop list was last known to be up to date; where that is watched."
    );
    describe_counter!("stopline_records_acknowledged_total", "Records safe in the log.");
    describe_counter!(
        "stopline_records_sent_again_total",
        "Records sent again because their delivery failed."
    );
    describe_counter!("stopline_log_faults_total", "Faults that the Kafka client mends by itself.");
    describe_counter!("stopline_adopted_total", "Inputs that the journal had answered already.");
    describe_counter!(
        "stopline_unanswered_total",
        "Inputs behind a committed position, read back, that no record answers."
    );
    describe_counter!("stopline_journal_gaps_total", "Unread places of the journal, read.");
    describe_counter!(
        "stopline_foreign_records_total",
        "Records that somebody else wrote into a partition of this worker: a zombie was there."
    );
    describe_counter!(
        "stopline_amended_total",
        "Own decisions that a foreign one, which binds, took the place of."
    );
    describe_gauge!(RESTORING, "Inputs to be read back before a partition is answered.");
    describe_gauge!("stopline_stalled", "1 while answers are not acknowledged and none are taken.");
    overload::describe();
    describe_histogram!(ENGINE_LATENCY, Unit::Seconds, "Bytes in to bytes out, per message.");
    describe_histogram!(AGE, Unit::Seconds, "From the broker's append to the decision.");
    describe_gauge!("stopline_partitions", "Partitions that a worker has.");
    partitions::describe();
    describe_calendar();
    describe_gauge!("stopline_kafka_lag_messages", "Inputs behind the committed positions.");
    describe_gauge!("stopline_kafka_fetched_messages", "Inputs fetched and not polled yet.");
    describe_gauge!("stopline_kafka_fetched_bytes", "Their size.");
    describe_gauge!("stopline_kafka_unacknowledged_records", "Records handed to the client.");
    describe_gauge!("stopline_kafka_producer_rtt_p99_micros", "Slowest broker's round trip.");
    describe_gauge!("stopline_stop_orders", "Stop orders known.");
    describe_gauge!("stopline_stop_list_version", "Offset after the last stop order applied.");
    describe_counter!(
        "stopline_stop_orders_refused_total",
        "Stop order records and tombstones refused: publish those orders again, put right."
    );
    describe_counter!(
        "stopline_stop_orders_foreign_tags_total",
        "Stop order records whose card-number tag was made with a key that is not this engine's."
    );
}

/// Exports what a worker does, and says that it lives.
#[derive(Debug)]
pub(super) struct WorkerMetrics {
    part: String,
    health: Arc<Health>,
    partitions: PartitionFigures,
    /// What is being restored, in words.
    restoring: Option<String>,
    shown_restoring: Vec<i32>,
    is_stalled: bool,
    /// It lost its place in the group and has no other yet.
    is_lost: bool,
    client: Option<Arc<KafkaFigures>>,
}

impl Observer for WorkerMetrics {
    fn tallied(&mut self, tally: &Tally, partitions: &[PartitionStatus]) {
        for (outcome, reason, count) in tally.decisions() {
            let reason = reason.map_or("none", |reason| reason.name());
            count_decisions(outcome, reason, count);
        }
        for (rule, mode, count) in tally.fired.iter() {
            count_fired(rule, mode, count);
        }
        for (reason, count) in tally.refused() {
            counter!("stopline_refused_total", "reason" => reason.name()).increment(count);
        }
        for (class, count) in tally.noted() {
            counter!("stopline_acknowledgements_total", "class" => class).increment(count);
        }
        counter!("stopline_repeats_total").increment(tally.repeated);
        for (cause, outcome, count) in tally.causes.iter() {
            counter!(FAIL_CAUSES, "cause" => cause.name(), "outcome" => outcome).increment(count);
        }
        counter!("stopline_late_total").increment(tally.late);
        counter!("stopline_history_truncated_total").increment(tally.history_truncated);
        counter!("stopline_records_acknowledged_total").increment(tally.acknowledged);
        counter!("stopline_records_sent_again_total").increment(tally.sent_again);
        export(ENGINE_LATENCY, &tally.engine_nanos, 1_000_000_000);
        export(AGE, &tally.age_millis, 1_000);
        counter!("stopline_log_faults_total").increment(tally.faults);
        counter!("stopline_adopted_total").increment(tally.adopted);
        counter!("stopline_journal_gaps_total").increment(tally.gaps);
        counter!("stopline_unanswered_total").increment(tally.unanswered);
        counter!("stopline_foreign_records_total").increment(tally.foreign_records);
        counter!("stopline_amended_total").increment(tally.amended);
        overload::export(&tally.overload, &self.part);
        gauge!("stopline_partitions", "worker" => self.part.clone())
            .set(float_of(count(partitions.len())));
        gauge!("stopline_stalled", "worker" => self.part.clone()).set(f64::from(self.is_stalled));
        self.partitions.export(partitions);
        self.export_client();
        self.health.beat(&self.part);
    }

    fn assigned(&mut self, partitions: &[PartitionId], restoring: &[RestoringStatus]) {
        gauge!("stopline_partitions", "worker" => self.part.clone())
            .set(float_of(count(partitions.len())));
        for status in restoring {
            gauge!(RESTORING, "partition" => status.partition.0.to_string())
                .set(float_of(status.inputs_left.unwrap_or(0)));
        }
        let now: Vec<i32> = restoring.iter().map(|status| status.partition.0).collect();
        for gone in self.shown_restoring.iter().filter(|partition| !now.contains(partition)) {
            gauge!(RESTORING, "partition" => gone.to_string()).set(0.0);
        }
        self.shown_restoring = now;
        self.is_lost = false;
        self.restoring = (!restoring.is_empty()).then(|| being_restored(restoring));
        self.tell_health();
    }

    fn stalled(&mut self, is_stalled: bool) {
        gauge!("stopline_stalled", "worker" => self.part.clone()).set(f64::from(is_stalled));
        self.is_stalled = is_stalled;
        self.tell_health();
    }

    fn lost(&mut self, _partitions: &[PartitionId]) {
        gauge!("stopline_partitions", "worker" => self.part.clone()).set(0.0);
        self.is_lost = true;
        self.tell_health();
    }
}

impl WorkerMetrics {
    /// For the worker that calls itself `part`; not ready until it has been given
    /// its partitions.
    pub(super) fn new(part: String, health: Arc<Health>) -> Self {
        health.not_ready(&part, "waiting for its partitions");
        health.beat(&part);
        gauge!("stopline_stalled", "worker" => part.clone()).set(0.0);
        Self {
            part,
            health,
            partitions: PartitionFigures::default(),
            client: None,
            restoring: None,
            shown_restoring: Vec::new(),
            is_stalled: false,
            is_lost: false,
        }
    }

    /// Exports what the worker's Kafka clients say of themselves, too.
    pub(super) fn watch_client(&mut self, figures: &Arc<KafkaFigures>) {
        self.client = Some(Arc::clone(figures));
    }

    fn tell_health(&self) {
        if self.is_lost {
            let why = "lost its partitions and waits to get a place again";
            self.health.not_ready(&self.part, why);
        } else if let Some(restoring) = &self.restoring {
            self.health.not_ready(&self.part, restoring);
        } else if self.is_stalled {
            let why = "answers are not acknowledged, so no messages are taken; is the answers' \
                       topic writable?";
            self.health.not_ready(&self.part, why);
        } else {
            self.health.ready(&self.part);
        }
    }

    fn export_client(&self) {
        let Some(client) = &self.client else { return };
        let figures = [
            ("stopline_kafka_lag_messages", &client.lag_messages_count),
            ("stopline_kafka_fetched_messages", &client.fetched_messages_count),
            ("stopline_kafka_fetched_bytes", &client.fetched_bytes),
            ("stopline_kafka_unacknowledged_records", &client.unacknowledged_records_count),
            ("stopline_kafka_producer_rtt_p99_micros", &client.producer_round_trip_p99_micros),
        ];
        for (name, figure) in figures {
            gauge!(name, "worker" => self.part.clone())
                .set(float_of(figure.load(Ordering::Relaxed)));
        }
    }
}

fn being_restored(restoring: &[RestoringStatus]) -> String {
    let each: Vec<_> = restoring
        .iter()
        .map(|status| match status.inputs_left {
            Some(left) => format!("{} ({left} inputs left)", status.partition.0),
            None => format!("{} (inputs not counted yet)", status.partition.0),
        })
        .collect();
    format!("restoring partitions {}", each.join(", "))
}

/// Hands a whole histogram to the exporter: a call for each value that occurred.
fn export(name: &'static str, values: &Histogram<u64>, units_per_second: u32) {
    let exported = histogram!(name);
    for step in values.iter_recorded() {
        let times = usize::try_from(step.count_at_value()).unwrap_or(usize::MAX);
        let value = i64::try_from(step.value_iterated_to()).unwrap_or(i64::MAX);
        exported.record_many(seconds(value, units_per_second), times);
    }
}

/// Exports what is known of the stop list.
pub(super) fn export_stop_list(
    list: &StopList,
    follower: &FollowerStatus,
    unknown_for_nanos: Option<u64>,
) {
    if let Some(nanos) = unknown_for_nanos {
        gauge!("stopline_stop_list_age_seconds").set(seconds(whole(nanos), 1_000_000_000));
    }
    gauge!("stopline_stop_orders").set(float_of(count(list.orders_count())));
    gauge!("stopline_stop_list_version").set(float_of(list.version().0));
    counter!("stopline_stop_orders_refused_total")
        .absolute(follower.refused_count() + follower.tombstones_refused_count());
    counter!("stopline_stop_orders_foreign_tags_total").absolute(follower.foreign_tags_count());
}

/// Exports when the calendar of business days ends, where there is one.
pub(super) fn export_calendar(rule_set: &RuleSet) {
    if let Some(calendar) = rule_set.calendar() {
        let seconds = calendar.ends_at().unix_millis() / 1_000;
        gauge!("stopline_calendar_ends_seconds").set(float_of(seconds));
    }
}

fn describe_calendar() {
    describe_gauge!(
        "stopline_calendar_ends_seconds",
        Unit::Seconds,
        "When the calendar of business days ends, in Unix time."
    );
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The exporter speaks in floats; beyond 2^53 they are rounded.
#[expect(clippy::cast_precision_loss, reason = "the exporter speaks in floats")]
fn float_of(value: i64) -> f64 {
    value as f64
}

#[expect(clippy::float_arithmetic, reason = "the exporter speaks in seconds")]
fn seconds(value: i64, units_per_second: u32) -> f64 {
    float_of(value) / f64::from(units_per_second)
}
