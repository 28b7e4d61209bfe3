//! A small policy, words for messages, and a worker to give them to.

mod fail_policy;
pub(crate) mod faulty_log;
pub(crate) mod owner;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use stopline::config::{FirstStart, StartAt, parse_rules};
use stopline::domain::{Offset, PartitionId, Span};
use stopline::engine::rules::RuleSet;
use stopline::engine::shared::Shared;
use stopline::engine::{Engine, EngineSettings, RecentAnswersLimits};
use stopline::service::journal::{Inline, Recall};
use stopline::service::log::memory::{MemoryBroker, MemoryLog};
use stopline::service::log::{Tail as _, TailEvent, TailRecord};
use stopline::service::{
    Clock, Follower, FollowerStatus, Observer, PartitionStatus, Pipeline, PipelineSettings,
    RestoringStatus, Tally, Worker, WorkerSettings,
};
use stopline::wire::{Door, DoorSettings, Format, KeySeed, encode_record, proto};

pub(crate) use fail_policy::FAIL_POLICY;

/// 2023-11-14T22:13:20Z: when the tests begin.
pub(crate) const BEGINNING: i64 = 1_700_000_000_000;
pub(crate) const SEED: &str = "000102030405060708090a0b0c0d0e0f";

pub(crate) const AUTHORISATIONS: &str = "stopline.authorisations";
pub(crate) const DECISIONS: &str = "stopline.decisions";
pub(crate) const STOP_ORDERS: &str = "stopline.stop-orders";
pub(crate) const GROUP: &str = "stopline";

/// The fourth approved authorisation in ten minutes steps up, the sixth declines.
pub(crate) const POLICY: &str = r#"
currency = "CNY"

[bands]
step_up_at = 300
decline_at = 700
merchant_initiated_step_up = "decline"

[fail_policy.late]
bands = [
  { below = "100.00 CNY", then = "approve" },
  { below = "1000.00 CNY", then = "step_up", merchant_initiated = "approve" },
  { then = "decline", reason = "issuer_unavailable" },
]
without_amount = { then = "decline", reason = "issuer_unavailable" }

[fail_policy.overload]
bands = [{ then = "decline", reason = "not_scored" }]
without_amount = { then = "decline", reason = "not_scored" }

[fail_policy.stop_list_stale]
bands = [{ below = "100.00 CNY", then = "judge" }, { then = "decline", reason = "do_not_honour" }]
without_amount = { then = "judge" }

[fail_policy.recovering]
bands = [{ then = "judge" }]
without_amount = { then = "judge" }

[fail_policy.history_truncated]
bands = [{ then = "judge" }]
without_amount = { then = "judge" }

[thresholds]
few = 3
many = 5
large = "10000.00 CNY"

[[velocity]]
name = "count_10m"
key = "account"
what = "count"
window = "10m"

[[velocity]]
name = "sum_1h"
key = "account"
what = "sum"
window = "1h"
where = "outcome == approved"

[[rule]]
name = "few_in_10m"
when = "velocity.count_10m > thresholds.few"
then = { points = 400, reason = "velocity_count_exceeded" }
mode = "live"

[[rule]]
name = "many_in_10m"
when = "velocity.count_10m > thresholds.many"
then = { points = 400, reason = "velocity_count_exceeded" }
mode = "live"

[[rule]]
name = "much_in_1h"
when = "velocity.sum_1h + amount > thresholds.large"
then = { decline = "velocity_amount_exceeded" }
mode = "live"

[[rule]]
name = "abroad"
when = "merchant_country != 'CN'"
then = { points = 999, reason = "suspected_fraud" }
mode = "shadow"
"#;

/// `text` as a rule set.
pub(crate) fn rule_set(text: &str) -> Arc<RuleSet> {
    match parse_rules(Path::new("policy.toml"), text) {
        Ok((rule_set, _warnings)) => Arc::new(rule_set),
        Err(problems) => panic!("the tests' policy is wrong:\n{problems}"),
    }
}

pub(crate) fn door() -> Door {
    let settings =
        DoorSettings { accept_pan: false, numeric_references: false, message_bytes_max: 65_536 };
    Door::new(settings, &KeySeed::from_hex(SEED).unwrap(), None)
}

pub(crate) fn engine(shared: &Arc<Shared>) -> Engine {
    engine_by(rule_set(POLICY), shared)
}

/// An engine that judges by `rule_set`.
pub(crate) fn engine_by(rule_set: Arc<RuleSet>, shared: &Arc<Shared>) -> Engine {
    Engine::new(rule_set, Arc::clone(shared), engine_settings(), encode_record)
}

/// Nothing is late by its age alone.
pub(crate) fn engine_settings() -> EngineSettings {
    EngineSettings {
        engine_version: "test".into(),
        lateness: Span::from_seconds(600),
        advice_lateness: Span::from_seconds(3 * 86_400),
        answer_within: None,
        cards_count_max: 10_000,
        recent_answers: RecentAnswersLimits {
            age_max: Span::from_seconds(600),
            bytes_max: 16 << 20,
        },
    }
}

pub(crate) fn pipeline(shared: &Arc<Shared>, clock: &Clock, partitions_count: u32) -> Pipeline {
    pipeline_of("test/1", engine(shared), clock, partitions_count)
}

/// A pipeline that writes as `writer`.
pub(crate) fn pipeline_of(
    writer: &str,
    engine: Engine,
    clock: &Clock,
    partitions_count: u32,
) -> Pipeline {
    let settings = PipelineSettings {
        default_format: Format::Protobuf,
        echo_headers: vec!["correlation-id".to_owned()],
        writer: writer.to_owned(),
        partitions_count: Some(partitions_count),
    };
    Pipeline::new(door(), engine, clock.clone(), settings)
}

/// A purchase over 50.00 CNY by `account`.
pub(crate) fn purchase(id: &str, account: &str) -> proto::Authorisation {
    proto::Authorisation {
        message_type: proto::MessageType::MessageType0100 as i32,
        authorisation_id: id.to_owned(),
        account_reference: account.to_owned(),
        card: Some(proto::authorisation::Card::CardToken(format!("token-of-{account}"))),
        amount_minor_units: Some(5_000),
        currency: "CNY".to_owned(),
        authorised_at_millis: BEGINNING,
        merchant_id: Some("merchant-1".to_owned()),
        merchant_country: Some("CN".to_owned()),
        ..proto::Authorisation::default()
    }
}

/// An order that stops `account` as lost, from when it is appended.
pub(crate) fn loss_order(order_id: &str, account: &str) -> proto::StopOrder {
    proto::StopOrder {
        order_id: order_id.to_owned(),
        account_reference: Some(account.to_owned()),
        cause: proto::StopCause::Lost as i32,
        report_channel: proto::ReportChannel::Telephone as i32,
        ..proto::StopOrder::default()
    }
}

/// What a worker told its observer.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) tally: Tally,
    pub(crate) assigned: Vec<PartitionId>,
    pub(crate) stalls: Vec<bool>,
}

impl Observer for &mut Notes {
    fn tallied(&mut self, tally: &Tally, _partitions: &[PartitionStatus]) {
        self.tally.merge(tally);
    }

    fn assigned(&mut self, partitions: &[PartitionId], _restoring: &[RestoringStatus]) {
        self.assigned = partitions.to_vec();
    }

    fn stalled(&mut self, is_stalled: bool) {
        self.stalls.push(is_stalled);
    }

    fn lost(&mut self, partitions: &[PartitionId]) {
        self.assigned.retain(|partition| !partitions.contains(partition));
    }
}

/// A worker that waits for nothing and begins at the log's beginning.
pub(crate) fn worker_settings(commit_interval: Duration) -> WorkerSettings {
    WorkerSettings {
        poll_wait: Duration::ZERO,
        commit_interval,
        drain_timeout: Duration::from_secs(5),
        first_start: Some(FirstStart {
            history_from: StartAt::Beginning,
            answer_from: StartAt::Beginning,
        }),
        ..WorkerSettings::default()
    }
}

/// An in-process log with the three topics, and a clock turned by hand.
pub(crate) struct Rig {
    pub(crate) broker: MemoryBroker,
    pub(crate) clock: Clock,
    pub(crate) shared: Arc<Shared>,
    pub(crate) partitions_count: u32,
}

impl Rig {
    pub(crate) fn new(partitions_count: u32) -> Self {
        let clock = Clock::manual(BEGINNING);
        let broker = MemoryBroker::new(clock.clone());
        broker.create_topic(AUTHORISATIONS, partitions_count);
        broker.create_topic(DECISIONS, partitions_count);
        broker.create_topic(STOP_ORDERS, 1);
        Self { broker, clock, shared: Arc::new(Shared::default()), partitions_count }
    }

    /// Sends `message` to the partition of its key, as protobuf.
    pub(crate) fn send(&self, message: &proto::Authorisation) {
        let (key, value) = (message.account_reference.as_bytes(), message.encode_to_vec());
        self.broker.produce_keyed(AUTHORISATIONS, key, Some(&value), &[]).unwrap();
    }

    /// Sends `value` as it is to partition 0.
    pub(crate) fn send_raw(
        &self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) {
        self.broker.produce(AUTHORISATIONS, PartitionId(0), key, value, headers).unwrap();
    }

    /// Publishes `order` and lets the follower read all there is.
    pub(crate) fn publish(&self, order: &proto::StopOrder) {
        let (key, value) = (order.order_id.as_bytes(), order.encode_to_vec());
        self.broker.produce(STOP_ORDERS, PartitionId(0), Some(key), Some(&value), &[]).unwrap();
        self.follow_to_the_end();
    }

    /// Lets a follower read the stop-orders topic to its end.
    pub(crate) fn follow_to_the_end(&self) -> Arc<FollowerStatus> {
        self.follow(&self.shared)
    }

    /// Lets a follower read it into `shared`.
    pub(crate) fn follow(&self, shared: &Arc<Shared>) -> Arc<FollowerStatus> {
        let status = Arc::new(FollowerStatus::default());
        let tail = self.broker.tail_from_beginning(STOP_ORDERS).unwrap();
        let (shared, told) = (Arc::clone(shared), Arc::clone(&status));
        let mut follower = Follower::new(tail, door(), Format::Protobuf, shared, told);
        while !status.is_whole() {
            follower.turn().unwrap();
        }
        status
    }

    pub(crate) fn worker<'n>(
        &self,
        partitions: &[i32],
        notes: &'n mut Notes,
    ) -> Worker<MemoryLog, &'n mut Notes> {
        let partitions: Vec<_> = partitions.iter().copied().map(PartitionId).collect();
        let log = self.broker.worker_log(GROUP, AUTHORISATIONS, DECISIONS, &partitions).unwrap();
        let settings = worker_settings(Duration::from_millis(500));
        Worker::new(
            log,
            self.recall(),
            pipeline(&self.shared, &self.clock, self.partitions_count),
            notes,
            self.clock.clone(),
            settings,
        )
    }

    /// What reads the two topics back.
    pub(crate) fn recall(&self) -> Box<dyn Recall> {
        Box::new(Inline::new(self.broker.archive(AUTHORISATIONS, DECISIONS)))
    }

    /// Runs a worker on `partitions` until it has answered all there is; drains it.
    pub(crate) fn answer_all(&self, partitions: &[i32]) -> Notes {
        let mut notes = Notes::default();
        let worker = self.worker(partitions, &mut notes);
        let ends = self.ends(AUTHORISATIONS);
        let wanted: i64 = partitions.iter().map(|place| ends[*place as usize].0).sum();
        let mut turns = 0;
        worker
            .run(|| {
                let done = self.ends(DECISIONS);
                let answered: i64 = partitions.iter().map(|place| done[*place as usize].0).sum();
                turns += 1;
                assert!(turns < 100_000, "{answered} of {wanted} answered after {turns} turns");
                answered >= wanted
            })
            .unwrap();
        notes
    }

    /// Appends `record` to the decisions, as whoever wrote it would.
    pub(crate) fn write(&self, record: &TailRecord) {
        let headers: Vec<_> =
            record.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        self.broker.produce(DECISIONS, record.partition, key, value, &headers).unwrap();
    }

    pub(crate) fn ends(&self, topic: &str) -> Vec<Offset> {
        self.broker.end_offsets(topic).unwrap().into_iter().map(|(_, end)| end).collect()
    }

    /// Every record of the decisions topic.
    pub(crate) fn decisions(&self) -> Vec<TailRecord> {
        let mut tail = self.broker.tail_from_beginning(DECISIONS).unwrap();
        let mut open = self.ends(DECISIONS).len();
        let mut records = Vec::new();
        while open > 0 {
            match tail.next(Duration::ZERO).unwrap() {
                Some(TailEvent::Record(record)) => records.push(record),
                Some(TailEvent::ReachedEnd(_)) => open -= 1,
                None => {}
            }
        }
        records
    }

    /// Every record of the decisions topic, decoded, in partition 0's order.
    pub(crate) fn answers(&self) -> Vec<proto::Record> {
        let decoded = |record: TailRecord| {
            proto::Record::decode(record.value.expect("a value").as_slice()).expect("a record")
        };
        self.decisions().into_iter().map(decoded).collect()
    }
}

/// The header `name` of `record`, as text.
pub(crate) fn header<'r>(record: &'r TailRecord, name: &str) -> Option<&'r str> {
    let (_, value) = record.headers.iter().find(|(found, _)| found == name)?;
    std::str::from_utf8(value).ok()
}

/// What `record` decided.
pub(crate) fn decision(record: &proto::Record) -> &proto::Decision {
    match &record.answer {
        Some(proto::record::Answer::Decision(decision)) => decision,
        other => panic!("not a decision: {other:?}"),
    }
}

/// Why `record` is an error.
pub(crate) fn error(record: &proto::Record) -> &proto::Error {
    match &record.answer {
        Some(proto::record::Answer::Error(error)) => error,
        other => panic!("not an error: {other:?}"),
    }
}
