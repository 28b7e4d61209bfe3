//! The engine and the oracle, told the same.

use std::fmt;
use std::sync::Arc;

use stopline::domain::{
    Authorisation, EventTime, Input, Met, Offset, Outcome, PartitionId, Record, Span, StopOrder,
};
use stopline::engine::shared::Shared;
use stopline::engine::{
    Amendment, Answer as EngineAnswer, AnswerKind, Binding, Engine, EngineSettings, History,
    RecentAnswersLimits,
};
use stopline::wire::{Door, Format, Incoming, KafkaKey, Scratch, encode_record, proto};

use crate::oracle::policy::Policy;
use crate::oracle::{Answer, Decided, Oracle};
use crate::support::{door, rule_set};

const PARTITION: PartitionId = PartitionId(0);

/// One message of a history, and when the broker took it.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Sent {
    pub(super) at_millis: i64,
    pub(super) message: proto::Authorisation,
    /// Somebody else decided it first, so: where it is a request, this binds.
    pub(super) bound: Option<Outcome>,
}

/// Where engine and oracle part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Difference {
    pub(super) engine: String,
    pub(super) oracle: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "engine:\n{}\noracle:\n{}", self.engine, self.oracle)
    }
}

pub(super) struct Pair {
    door: Door,
    scratch: Scratch,
    shared: Arc<Shared>,
    engine: Engine,
    oracle: Oracle,
    next: i64,
}

impl Pair {
    pub(super) fn new(policy: Policy) -> Self {
        let settings = EngineSettings {
            engine_version: "test".into(),
            lateness: policy.lateness,
            advice_lateness: policy.advice_lateness,
            cards_count_max: 1_000_000,
            recent_answers: RecentAnswersLimits { age_max: policy.answers_age, bytes_max: 1 << 30 },
        };
        let shared = Arc::new(Shared::default());
        let rules = rule_set(&policy.to_toml());
        let mut engine = Engine::new(rules, Arc::clone(&shared), settings, encode_record);
        engine.open_partition(PARTITION, History::Whole);
        Self {
            door: door(),
            scratch: Scratch::default(),
            shared,
            engine,
            oracle: Oracle::new(policy),
            next: 0,
        }
    }

    pub(super) fn door(&self) -> &Door {
        &self.door
    }

    /// Puts `order` in force for both.
    pub(super) fn stop(&mut self, order: &StopOrder) {
        self.shared.stop_list.apply(order.clone());
        self.oracle.stop(order.clone());
    }

    /// Tells both; the oracle's answer, or the difference.
    pub(super) fn tell(&mut self, sent: &Sent) -> Result<Answer, Box<Difference>> {
        let bytes = prost::Message::encode_to_vec(&sent.message);
        let Self { door, scratch, engine, oracle, next, .. } = self;
        let incoming = door.decode(Format::Protobuf, KafkaKey::Unchecked, Some(&bytes), scratch);
        let Ok(Incoming::Message { auth, .. }) = incoming else {
            panic!("not let in: {incoming:?}");
        };
        let met = Met {
            input: Input { partition: PARTITION, offset: Offset(*next) },
            appended_at: EventTime::nearest_to(sent.at_millis),
            age: Span::ZERO,
            overload_step: 0,
        };
        *next += 1;
        let expected = oracle.tell(&auth, &met);
        let found = in_oracle_words(&engine.decide(&auth, &met), &auth);
        if found == expected {
            if let (Some(outcome), Answer::Decided(decided)) = (sent.bound, &expected) {
                let Decided { event_at, is_counted_before, .. } = **decided;
                let binding = Binding { outcome, event_at, value: b"", is_counted_before };
                let (account, id, decided) = (auth.account, auth.id_key, met.input.offset);
                engine.amend(PARTITION, &Amendment { account, id, decided, binding });
                oracle.amend(account, decided, outcome, event_at);
            }
            return Ok(expected);
        }
        Err(Box::new(first_difference(&format!("{found:#?}"), &format!("{expected:#?}"))))
    }

    /// What both remember, where it differs.
    pub(super) fn compare_states(&self) -> Result<(), Box<Difference>> {
        let listing = self.engine.listing(PARTITION);
        if crate::oracle::listing::digest_of(&listing) == self.oracle.digest() {
            return Ok(());
        }
        let expected = self.oracle.listing();
        Err(Box::new(first_difference(&listing.join("\n"), &expected.join("\n"))))
    }
}

/// The first line in which the two differ, each with the line before it.
fn first_difference(engine: &str, oracle: &str) -> Difference {
    let (engine, oracle): (Vec<_>, Vec<_>) = (engine.lines().collect(), oracle.lines().collect());
    let place = engine.iter().zip(&oracle).position(|(one, other)| one != other);
    let place = place.unwrap_or(engine.len().min(oracle.len()));
    let told = |lines: &[&str]| {
        let from = place.saturating_sub(1).min(lines.len());
        lines[from..lines.len().min(place + 1)].join("\n")
    };
    Difference { engine: told(&engine), oracle: told(&oracle) }
}

fn in_oracle_words(answer: &EngineAnswer<'_>, auth: &Authorisation<'_>) -> Answer {
    match answer.kind {
        AnswerKind::Repeated { input, .. } => Answer::Again(input),
        AnswerKind::Fresh(Record::Acknowledgement(found)) => {
            assert_eq!(found.account, Some(auth.account), "the acknowledgement's account");
            Answer::Noted(found.noted)
        }
        AnswerKind::Fresh(Record::Error(found)) => {
            Answer::Refused { reason: found.reason, field: found.field }
        }
        AnswerKind::Fresh(Record::Decision(found)) => {
            assert_eq!(found.request.account, auth.account, "the decision's account");
            Answer::Decided(Box::new(Decided {
                outcome: found.outcome,
                reason: found.reason,
                score: found.score,
                fired: found.fired.clone(),
                shadow: found.shadow.clone(),
                evidence: found.evidence.clone(),
                stop_order: found.stop_order.as_ref().map(|order| order.offset),
                policy_minor_units: found.request.policy_minor_units,
                event_at: found.request.event_at,
                appended_at: found.request.appended_at,
                is_judged_again: found.is_judged_again,
                is_counted_before: found.is_counted_before,
                original_unknown: found.original_unknown,
            }))
        }
    }
}
