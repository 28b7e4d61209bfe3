//! What does one decision cost in process?
//!
//! Twenty rules over the shipped features, a stop list of 10,000 orders, card-not-present
//! traffic over 30 days (skewed activity: the card behind a random message has many events).
//! Sizes: 1 thousand cards (in cache) and 1 million (out of cache); with `--test` 2 thousand.
//! `decide` is words in to canonical bytes out; `bytes_to_bytes` is the worker's whole inner
//! path, protobuf to protobuf. Budget: 5 µs at the median of `decide` at 1 million cards.
//! `steps` is `decide` at each step of the overload ladder, taken in turns; budget: no step
//! costs more than the one before it.
//! `late` is `decide` past the deadline: the fail policy answers and no rule is evaluated. Its
//! median must be below six tenths of a judged decision's in cache; out of cache, where both
//! wait for the card's memory, below it.
//!
//! Asserted: every message is decided afresh, rules fire, stop orders hit, and two engines
//! over the same messages give the same bytes.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench fails loudly and prints its figures"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use hdrhistogram::Histogram;
use prost::Message as _;
use stopline::config::parse_rules;
use stopline::domain::{
    Authorisation, EventTime, Input, Met, Offset, Outcome, PartitionId, Reason, Record, Span,
};
use stopline::engine::shared::Shared;
use stopline::engine::{AnswerKind, Engine, EngineSettings, History, RecentAnswersLimits};
use stopline::lab::traffic::{CardNumber, Traffic, TrafficSettings, to_protobuf};
use stopline::service::log::Batch;
use stopline::service::{Clock, Pipeline, PipelineSettings};
use stopline::wire::{
    Door, DoorSettings, Format, Incoming, KafkaKey, KeySeed, Scratch, encode_record, proto,
};

const START: i64 = 1_700_000_000_000;
const DAYS_30_MILLIS: i64 = 30 * 24 * 3_600_000;
const PARTITION: PartitionId = PartitionId(0);
const RULES_COUNT: usize = 20;
const STOP_ORDERS_COUNT: u32 = 10_000;
/// Messages per card before anything is measured.
const HISTORY_PER_CARD: u64 = 6;
/// Steps of the overload ladder that decide.
const STEPS: [u8; 4] = [0, 1, 2, 3];
/// Messages at one step before it is the next one's turn.
const STEP_TURN_COUNT: u64 = 500;
/// Messages that the percentiles rest on.
const MEASURED_COUNT: usize = 200_000;

/// The shipped policy, with more rules of its kind until there are twenty.
fn policy() -> String {
    let mut text = include_str!("../config/rules.toml").to_owned();
    let shipped = text.lines().filter(|line| line.trim() == "[[rule]]").count();
    for number in shipped..RULES_COUNT {
        let when = format!(
            "velocity.attempts_10m >= {number} && amount > '{number}.00 CNY' \
             && initiator == cardholder"
        );
        writeln!(
            text,
            "\n[[rule]]\nname = \"more_{number}\"\nwhen = \"{when}\"\n\
             then = {{ points = 50, reason = \"suspected_fraud\" }}\nmode = \"live\""
        )
        .unwrap();
    }
    text
}

fn door() -> Door {
    let settings =
        DoorSettings { accept_pan: false, numeric_references: false, message_bytes_max: 65_536 };
    Door::new(settings, &KeySeed::from_hex("000102030405060708090a0b0c0d0e0f").unwrap(), None)
}

/// Messages in log order, spread over 30 days before and after the history.
struct Source {
    traffic: Traffic,
    at: i64,
    step: i64,
    offset: i64,
}

/// A message as it comes, and what it is met with.
struct Raw {
    key: Vec<u8>,
    value: Vec<u8>,
    met: Met,
}

impl Source {
    fn next(&mut self) -> Raw {
        let message = self.traffic.next_request(self.at);
        let input = Input { partition: PARTITION, offset: Offset(self.offset) };
        let appended_at = EventTime::nearest_to(self.at);
        self.at += self.step;
        self.offset += 1;
        Raw {
            key: message.account_reference.as_bytes().to_vec(),
            value: to_protobuf(&message),
            met: Met::fresh(input, appended_at),
        }
    }

    fn take(&mut self, count: u64) -> Vec<Raw> {
        (0..count).map(|_| self.next()).collect()
    }
}

fn words<'s>(door: &Door, raw: &'s Raw, scratch: &'s mut Scratch) -> Authorisation<'s> {
    let key = KafkaKey::Record(Some(&raw.key));
    match door.decode(Format::Protobuf, key, Some(&raw.value), scratch) {
        Ok(Incoming::Message { auth, .. }) => auth,
        Ok(Incoming::Echo { .. }) | Err(_) => unreachable!("traffic is sound"),
    }
}

/// An engine that has seen 30 days of `cards_count` cards, and what comes next.
fn warmed(cards_count: u32) -> (Engine, Source) {
    let (rule_set, _) = parse_rules(Path::new("policy.toml"), &policy()).unwrap();
    assert_eq!(rule_set.rules().len(), RULES_COUNT);
    let settings = EngineSettings {
        engine_version: "bench".into(),
        lateness: Span::from_seconds(600),
        advice_lateness: Span::from_seconds(3 * 86_400),
        answer_within: None,
        cards_count_max: 20_000_000,
        recent_answers: RecentAnswersLimits {
            age_max: Span::from_seconds(600),
            bytes_max: 64 << 20,
        },
    };
    let history = u64::from(cards_count) * HISTORY_PER_CARD;
    let mut source = Source {
        traffic: Traffic::new(TrafficSettings {
            seed: 1,
            cards_count,
            start_unix_millis: START,
            rate_per_second: 1.0,
            rest_millis: 0,
        }),
        at: START,
        step: (DAYS_30_MILLIS / i64::try_from(history).unwrap()).max(1),
        offset: 0,
    };
    let door = door();
    let shared = Arc::new(Shared::default());
    stop_some(&shared, &door, &source.traffic, cards_count);
    let mut engine = Engine::new(Arc::new(rule_set), shared, settings, encode_record);
    engine.open_partition(PARTITION, History::Whole);
    let mut scratch = Scratch::default();
    for _ in 0..history {
        let raw = source.next();
        black_box(engine.decide(&words(&door, &raw, &mut scratch), &raw.met));
    }
    (engine, source)
}

/// Stops one card in fifty, at most [`STOP_ORDERS_COUNT`].
fn stop_some(shared: &Shared, door: &Door, traffic: &Traffic, cards_count: u32) {
    for number in 0..(cards_count / 50).min(STOP_ORDERS_COUNT) {
        let card = CardNumber(u64::from(number) * 50);
        let order = proto::StopOrder {
            order_id: format!("order-{number}"),
            account_reference: Some(traffic.account_reference(card)),
            cause: proto::StopCause::Lost as i32,
            ..proto::StopOrder::default()
        };
        let key = KafkaKey::Record(Some(order.order_id.as_bytes()));
        let (value, offset) = (order.encode_to_vec(), Offset(i64::from(number)));
        let order = door
            .decode_stop_order(Format::Protobuf, key, Some(&value), offset, EventTime::EARLIEST)
            .unwrap();
        shared.stop_list.apply(order);
    }
}

/// Percentiles of decisions past their deadline, beside as many judged ones of the same
/// traffic, taken by turns; asserted to be below `share` (tenths) of those.
fn late(engine: &mut Engine, source: &mut Source, clock: &Clock, of: (usize, u64)) -> String {
    let (count, share) = of;
    let mut raws = source.take(2 * u64::try_from(count).unwrap());
    for raw in raws.iter_mut().skip(1).step_by(2) {
        raw.met.deadline = Some(EventTime::EARLIEST);
    }
    let door = door();
    let histogram = || Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3).unwrap();
    let (mut judged, mut late, mut stopped) = (histogram(), histogram(), 0);
    let mut scratch = Scratch::default();
    for raw in &raws {
        let auth = words(&door, raw, &mut scratch);
        let started = clock.monotonic_nanos();
        let answer = engine.decide(&auth, &raw.met);
        let nanos = (clock.monotonic_nanos() - started).max(1);
        let AnswerKind::Fresh(Record::Decision(decision)) = answer.kind else {
            unreachable!("every message is decided afresh");
        };
        assert_eq!(decision.evidence.is_empty(), raw.met.deadline.is_some());
        if decision.evidence.is_empty() {
            late.record(nanos).unwrap();
            assert!(decision.by_policy.is_some() || decision.stop_order.is_some());
            stopped += usize::from(decision.stop_order.is_some());
        } else {
            judged.record(nanos).unwrap();
        }
    }
    assert!(stopped > 0, "no late request met a stop order: the list did not run");
    let at = |nanos: &Histogram<u64>, quantile| nanos.value_at_quantile(quantile);
    let (late_p50, judged_p50) = (at(&late, 0.5), at(&judged, 0.5));
    assert!(10 * late_p50 < share * judged_p50, "{late_p50} ns late, {judged_p50} ns judged");
    format!(
        "late p50 {late_p50} ns, p99 {} ns beside judged p50 {judged_p50} ns, p99 {} ns, {count} \
         each by turns; {stopped} late ones stopped",
        at(&late, 0.99),
        at(&judged, 0.99),
    )
}

/// Percentiles of single decisions, and what they found; asserted.
fn percentiles(engine: &mut Engine, source: &mut Source, clock: &Clock, count: usize) -> String {
    let raws = source.take(u64::try_from(count).unwrap());
    let door = door();
    let mut nanos = Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3).unwrap();
    let (mut fired, mut stopped, mut declined) = (0_usize, 0_usize, 0_usize);
    let mut scratch = Scratch::default();
    for raw in &raws {
        let auth = words(&door, raw, &mut scratch);
        let started = clock.monotonic_nanos();
        let answer = engine.decide(&auth, &raw.met);
        let ended = clock.monotonic_nanos();
        nanos.record((ended - started).max(1)).unwrap();
        let AnswerKind::Fresh(Record::Decision(decision)) = answer.kind else {
            unreachable!("every message is decided afresh");
        };
        fired += decision.fired.len();
        stopped += usize::from(decision.reason == Some(Reason::LostCard));
        declined += usize::from(decision.outcome == Outcome::Decline);
    }
    assert!(fired > 0, "no rule fired in {count} messages: the rules did not run");
    assert!(stopped > 0, "no stop order hit in {count} messages: the list did not run");
    assert!(declined >= stopped, "a stopped card was not declined");
    let at = |quantile| nanos.value_at_quantile(quantile);
    format!(
        "p50 {} ns, p99 {} ns, p99.9 {} ns, max {} ns over {count} decisions (a clock read \
         included); {fired} rules fired, {stopped} stopped, {declined} declined",
        at(0.5),
        at(0.99),
        at(0.999),
        nanos.max(),
    )
}

/// Two engines over the same messages give the same bytes.
fn assert_same_bytes() {
    let values = || {
        let (mut engine, mut source) = warmed(500);
        let (door, mut scratch) = (door(), Scratch::default());
        let mut all = Vec::new();
        for raw in source.take(2_000) {
            let auth = words(&door, &raw, &mut scratch);
            all.extend_from_slice(engine.decide(&auth, &raw.met).value);
        }
        all
    };
    assert!(values() == values(), "the same log gave other bytes");
}

/// What a decision costs at each step of the overload ladder, in nanoseconds: the median of
/// single decisions, a clock read included. Each step has its turn of `STEP_TURN_COUNT`
/// messages; asserted where there are enough turns.
fn steps(engine: &mut Engine, source: &mut Source, clock: &Clock, turns_count: usize) -> String {
    let door = door();
    let mut nanos = STEPS.map(|_| Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3).unwrap());
    let mut fired = STEPS.map(|_| 0_usize);
    let mut scratch = Scratch::default();
    for turn in 0..turns_count * STEPS.len() {
        let at = turn % STEPS.len();
        for raw in source.take(STEP_TURN_COUNT) {
            let met = Met { overload_step: STEPS[at], ..raw.met };
            let auth = words(&door, &raw, &mut scratch);
            let started = clock.monotonic_nanos();
            let answer = black_box(engine.decide(&auth, &met));
            nanos[at].saturating_record((clock.monotonic_nanos() - started).max(1));
            if let AnswerKind::Fresh(Record::Decision(decision)) = answer.kind {
                fired[at] += decision.fired.len() + decision.shadow.len();
            }
        }
    }
    let medians = nanos.map(|nanos| nanos.value_at_quantile(0.5));
    assert!(fired[0] > 0 && fired[3] == 0, "{fired:?}: step 0 runs rules, step 3 none");
    if turns_count >= 50 {
        // Ten in a hundred may be the noise of a machine that others use.
        let is_dearer = |pair: &[u64]| pair[1] * 100 > pair[0] * 110;
        assert!(!medians.windows(2).any(is_dearer), "a step costs more: {medians:?} ns");
    }
    let shown: Vec<_> =
        STEPS.iter().zip(medians).map(|(step, nanos)| format!("step {step} {nanos} ns")).collect();
    shown.join(", ")
}

fn bench_decide(
    criterion: &mut Criterion,
    cards_count: u32,
    engine: &mut Engine,
    source: &mut Source,
    clock: &Clock,
) {
    let door = door();
    let mut group = criterion.benchmark_group("decide");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3));
    group.bench_function(BenchmarkId::from_parameter(cards_count), |bencher| {
        bencher.iter_custom(|iterations| {
            let raws = source.take(iterations);
            let mut scratches: Vec<_> = raws.iter().map(|_| Scratch::default()).collect();
            let auths: Vec<_> = raws
                .iter()
                .zip(&mut scratches)
                .map(|(raw, scratch)| (words(&door, raw, scratch), raw.met))
                .collect();
            let started = clock.monotonic_nanos();
            for (auth, met) in &auths {
                black_box(engine.decide(auth, met));
            }
            Duration::from_nanos(clock.monotonic_nanos() - started)
        });
    });
    group.finish();
}

fn bench_bytes(
    criterion: &mut Criterion,
    cards_count: u32,
    pipeline: &mut Pipeline,
    source: &mut Source,
    clock: &Clock,
) {
    let mut group = criterion.benchmark_group("bytes_to_bytes");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(3));
    group.bench_function(BenchmarkId::from_parameter(cards_count), |bencher| {
        bencher.iter_custom(|iterations| {
            let mut batch = Batch::default();
            for raw in source.take(iterations) {
                let appended_at = raw.met.appended_at.unix_millis();
                batch.push(raw.met.input, appended_at, Some(&raw.key), Some(&raw.value), []);
            }
            let started = clock.monotonic_nanos();
            for message in batch.iter() {
                black_box(pipeline.answer(&message, |record| record.value.len()));
            }
            Duration::from_nanos(clock.monotonic_nanos() - started)
        });
    });
    group.finish();
}

fn bench_size(criterion: &mut Criterion, cards_count: u32, measured_count: usize) {
    let clock = Clock::system();
    let (mut engine, mut source) = warmed(cards_count);
    let found = percentiles(&mut engine, &mut source, &clock, measured_count);
    println!("decide/{cards_count} cards: {found}");
    let found = steps(&mut engine, &mut source, &clock, measured_count / 2_000);
    println!("steps/{cards_count} cards: {found}");
    let share = if cards_count <= 2_000 { 6 } else { 10 };
    let found = late(&mut engine, &mut source, &clock, (measured_count, share));
    println!("decide/{cards_count} cards: {found}");
    bench_decide(criterion, cards_count, &mut engine, &mut source, &clock);

    let settings = PipelineSettings {
        default_format: Format::Protobuf,
        echo_headers: vec!["correlation-id".to_owned()],
        writer: "bench/1".to_owned(),
        partitions_count: Some(1),
    };
    let mut pipeline = Pipeline::new(door(), engine, clock.clone(), settings);
    bench_bytes(criterion, cards_count, &mut pipeline, &mut source, &clock);
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let mut criterion = Criterion::default().configure_from_args();
    assert_same_bytes();
    if is_test {
        bench_size(&mut criterion, 2_000, 2_000);
    } else {
        bench_size(&mut criterion, 1_000, MEASURED_COUNT);
        bench_size(&mut criterion, 1_000_000, MEASURED_COUNT);
    }
    criterion.final_summary();
}
