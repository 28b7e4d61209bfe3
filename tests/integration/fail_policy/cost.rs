//! What a late decision costs beside a judged one, under the shipped rules.

use std::path::Path;
use std::sync::Arc;

use stopline::config::parse_rules;
use stopline::domain::{EventTime, Input, Met, Offset, PartitionId, Record};
use stopline::engine::{AnswerKind, Engine, History};
use stopline::service::Clock;
use stopline::wire::{Format, Incoming, KafkaKey, Scratch, encode_record, proto};

use prost::Message as _;

use crate::support::{BEGINNING, door, engine_settings, purchase};

const ACCOUNTS_COUNT: usize = 50;
/// Payments of each account within 30 days before anything is measured.
const HISTORY_PER_ACCOUNT: usize = 60;
const MEASURED_COUNT: usize = 4_000;

/// One engine with a history, and what it is sent next.
struct Bench {
    engine: Engine,
    clock: Clock,
    sent: usize,
    at: i64,
}

impl Bench {
    fn new() -> Self {
        let text = include_str!("../../../config/rules.toml");
        let (rule_set, _) = parse_rules(Path::new("config/rules.toml"), text).unwrap();
        let shared = Arc::default();
        let mut engine = Engine::new(Arc::new(rule_set), shared, engine_settings(), encode_record);
        engine.open_partition(PartitionId(0), History::Whole);
        let mut bench = Self { engine, clock: Clock::system(), sent: 0, at: BEGINNING };
        for _ in 0..ACCOUNTS_COUNT * HISTORY_PER_ACCOUNT {
            bench.decide(false);
            bench.at += 600_000;
        }
        bench
    }

    /// Decides one more request, late or in time; how long that took, in nanoseconds.
    fn decide(&mut self, is_late: bool) -> u64 {
        let number = self.sent;
        self.sent += 1;
        self.at += 1_000;
        let message = proto::Authorisation {
            authorised_at_millis: self.at,
            ..purchase(&format!("id-{number}"), &format!("account-{}", number % ACCOUNTS_COUNT))
        };
        let value = message.encode_to_vec();
        let (door, mut scratch) = (door(), Scratch::default());
        let key = KafkaKey::Unchecked;
        let incoming = door.decode(Format::Protobuf, key, Some(&value), &mut scratch);
        let Ok(Incoming::Message { auth, .. }) = incoming else { panic!("a request") };
        let input =
            Input { partition: PartitionId(0), offset: Offset(number.cast_signed() as i64) };
        let met = Met {
            deadline: is_late.then_some(EventTime::EARLIEST),
            ..Met::fresh(input, EventTime::nearest_to(self.at))
        };
        let started = self.clock.monotonic_nanos();
        let answer = self.engine.decide(&auth, &met);
        let ended = self.clock.monotonic_nanos();
        let AnswerKind::Fresh(Record::Decision(decision)) = answer.kind else {
            panic!("a decision of its own");
        };
        assert_eq!(decision.evidence.is_empty(), is_late);
        assert_eq!(decision.by_policy.is_some(), is_late);
        ended - started
    }
}

#[test]
fn a_late_decision_costs_clearly_less_than_a_judged_one() {
    let mut bench = Bench::new();
    let (mut judged, mut late) = (Vec::new(), Vec::new());
    for _ in 0..MEASURED_COUNT {
        judged.push(bench.decide(false));
        late.push(bench.decide(true));
    }
    // By turns, and medians: whatever else the machine does meets both alike.
    let median = |nanos: &mut Vec<u64>| {
        nanos.sort_unstable();
        nanos[nanos.len() / 2]
    };
    let (judged, late) = (median(&mut judged), median(&mut late));
    eprintln!("late {late} ns, judged {judged} ns at the median of {MEASURED_COUNT} each");
    assert!(3 * late < 2 * judged, "late {late} ns, judged {judged} ns");
}
