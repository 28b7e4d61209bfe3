//! The overload ladder: what a step leaves out, and when a worker climbs it.

mod ladder;
mod steps;

use stopline::domain::{Decision, EventTime, Input, Met, Offset, PartitionId, Record};
use stopline::engine::{AnswerKind, Engine, History};
use stopline::wire::{Door, Incoming, KafkaKey, Scratch, proto};

use prost::Message as _;

use crate::support::{BEGINNING, door, engine_by, rule_set};

/// An engine that is told the step of each message.
struct Desk {
    engine: Engine,
    door: Door,
    next: i64,
}

impl Desk {
    fn new(policy: &str) -> Self {
        let mut engine = engine_by(rule_set(policy), &std::sync::Arc::default());
        engine.open_partition(PartitionId(0), History::Whole);
        Self { engine, door: door(), next: 0 }
    }

    /// The answer to `message` at `step`, and its decision where it was made now.
    fn decide(&mut self, message: &proto::Authorisation, step: u8) -> (Vec<u8>, Option<Decision>) {
        let input = Input { partition: PartitionId(0), offset: Offset(self.next) };
        self.next += 1;
        let appended_at = EventTime::nearest_to(message.authorised_at_millis.max(BEGINNING));
        let met = Met { overload_step: step, ..Met::fresh(input, appended_at) };
        let (mut scratch, value) = (Scratch::default(), message.encode_to_vec());
        let key = KafkaKey::Record(Some(message.account_reference.as_bytes()));
        let format = stopline::wire::Format::Protobuf;
        let Ok(Incoming::Message { auth, .. }) =
            self.door.decode(format, key, Some(&value), &mut scratch)
        else {
            panic!("the tests' messages are sound");
        };
        let answer = self.engine.decide(&auth, &met);
        let decision = match answer.kind {
            AnswerKind::Fresh(Record::Decision(decision)) => Some((**decision).clone()),
            _ => None,
        };
        (answer.value.to_vec(), decision)
    }

    fn decision(&mut self, message: &proto::Authorisation, step: u8) -> Decision {
        self.decide(message, step).1.expect("a decision made now")
    }
}
