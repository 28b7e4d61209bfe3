//! What must be: an engine that nothing disturbs, and beside it the slow oracle, both fed
//! with what binds.
//!
//! It answers every input of a partition, in order. Where the journal binds another decision,
//! that one takes the place of its own. What it then remembers is what everybody must.

use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use stopline::domain::{EventTime, Input, Met, Offset, Outcome, PartitionId};
use stopline::engine::rules::{RuleSet, Verdict};
use stopline::engine::shared::Shared;
use stopline::engine::{Amendment, Binding, History};
use stopline::service::log::Batch;
use stopline::service::{Clock, Pipeline};
use stopline::wire::{
    Door, Format, Incoming, KafkaKey, Scratch, evidence_from_wire, proto, proto::record::Answer,
};

use crate::broker::{Landed, Stored, content, noted_in};
use crate::member::engine;
use crate::oracle::{Answer as Told, Oracle};
use crate::policy::{RULE_SETS, policy};
use crate::support::{BEGINNING, door, pipeline_of};

static DOOR: LazyLock<Door> = LazyLock::new(door);

/// One partition's undisturbed engine, and the oracle.
pub(crate) struct Reference {
    partition: PartitionId,
    pipeline: Pipeline,
    oracle: Oracle,
    batch: Batch,
}

/// What an input is answered with.
pub(crate) struct Expected {
    pub(crate) answer: Answer,
    pub(crate) value: Rc<[u8]>,
}

impl Expected {
    /// The input that it notes.
    pub(crate) fn noted(&self) -> Option<i64> {
        noted_in(&self.answer)
    }

    /// The input that it decides.
    pub(crate) fn decided(&self) -> Option<i64> {
        match &self.answer {
            Answer::Decision(decision) => Some(decision.decided_input.unwrap().offset),
            Answer::Acknowledgement(_) | Answer::Error(_) => None,
        }
    }
}

impl Reference {
    pub(crate) fn new(partition: PartitionId, partitions_count: usize, list: Shared) -> Self {
        let clock = Clock::manual(BEGINNING);
        let partitions_count = u32::try_from(partitions_count).unwrap();
        let engine = engine(&RULE_SETS[0], &Arc::new(list));
        let mut pipeline = pipeline_of("reference", engine, &clock, partitions_count);
        pipeline.engine_mut().open_partition(partition, History::Whole);
        Self { partition, pipeline, oracle: Oracle::new(policy()), batch: Batch::default() }
    }

    /// Answers `input`.
    pub(crate) fn answer(&mut self, input: &Stored) -> Expected {
        self.batch.clear();
        self.batch.push(
            Input { partition: self.partition, offset: input.offset },
            input.appended_at,
            input.key.as_deref(),
            input.value.as_deref(),
            input.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())),
        );
        let message = self.batch.get(0).unwrap();
        let (_, (record, value)) = self.pipeline.answer(&message, |record| {
            let named = record.headers.iter().find(|(name, _)| *name == "content-type");
            content(named.and_then(|(_, value)| std::str::from_utf8(value).ok()), record.value)
        });
        let expected = Expected { answer: record.answer.unwrap(), value };
        self.check_oracle(input, &expected.answer);
        expected
    }

    /// The oracle must say the same; what the door refuses it is not told.
    fn check_oracle(&mut self, input: &Stored, answer: &Answer) {
        if let Answer::Error(error) = answer
            && !matches!(
                error.reason(),
                proto::ErrorReason::ConflictingRepeat | proto::ErrorReason::ContradictsOriginal
            )
        {
            return;
        }
        let mut scratch = Scratch::default();
        let value = input.value.as_deref();
        let decoded = DOOR.decode(format_of(input), KafkaKey::Unchecked, value, &mut scratch);
        let Ok(Incoming::Message { auth, .. }) = decoded else { return };
        let place = Input { partition: self.partition, offset: input.offset };
        let met = Met::fresh(place, EventTime::nearest_to(input.appended_at));
        let told = self.oracle.tell(&auth, &met);
        assert!(
            says_the_same(&told, answer, input.offset),
            "O4: the engine answers input {}:{} with {answer:?} and the oracle with {told:?}",
            self.partition.0,
            input.offset.0
        );
    }

    /// Whoever answered all this must remember what the oracle remembers.
    pub(crate) fn check_state(&self, listing: &[String]) {
        let expected = self.oracle.listing();
        let found: Vec<&String> =
            listing.iter().filter(|line| !expected.contains(line)).take(3).collect();
        let missing: Vec<&String> =
            expected.iter().filter(|line| !listing.contains(line)).take(3).collect();
        assert!(
            found.is_empty() && missing.is_empty() && listing.len() == expected.len(),
            "O4: an instance remembers {found:?} of {:?} where the journal says {missing:?}",
            self.partition
        );
    }

    /// Puts what binds in the place of its own decision.
    pub(crate) fn follow(&mut self, landed: &Landed) {
        let decision = landed.decision().unwrap();
        let binding = Binding {
            outcome: outcome(decision),
            event_at: EventTime::nearest_to(decision.event_at_millis),
            value: &landed.value,
            is_counted_before: decision.counted_before,
            is_by_policy: decision.synthetic,
        };
        let account = u128::from_str_radix(&decision.account_key, 16).unwrap();
        let amendment = Amendment {
            account: stopline::domain::AccountKey::from_bits(account),
            id: self.pipeline.keys().id_key(&decision.authorisation_id),
            decided: Offset(decision.decided_input.unwrap().offset),
            binding,
        };
        self.pipeline.engine_mut().amend(self.partition, &amendment);
        let Amendment { account, decided, binding, .. } = amendment;
        self.oracle.amend(account, decided, binding.outcome, binding.event_at);
    }
}

/// True where the oracle's `told` and the engine's `answer` to the message in `input` agree.
fn says_the_same(told: &Told, answer: &Answer, input: Offset) -> bool {
    let lies_at = |noted: Option<proto::InputPosition>| noted.map(|noted| Offset(noted.offset));
    match (told, answer) {
        (Told::Decided(told), Answer::Decision(found)) => {
            let evidence = found.evidence.iter().map(|value| evidence_from_wire(*value));
            lies_at(found.decided_input) == Some(input)
                && told.outcome == outcome(found)
                && u32::from(told.score) == found.score
                && told.evidence.iter().copied().eq(evidence)
                && told.event_at.unix_millis() == found.event_at_millis
                && told.appended_at.unix_millis() == found.appended_at_millis
                && told.is_judged_again == found.judged_again
                && told.is_counted_before == found.counted_before
                && told.original_unknown == found.original_unknown
        }
        (Told::Noted(told), Answer::Acknowledgement(found)) => {
            lies_at(found.noted_input) == Some(input)
                && format!("{told:?}") == format!("{:?}", found.noted())
        }
        (Told::Again(told), Answer::Decision(found)) => lies_at(found.decided_input) == Some(*told),
        (Told::Again(told), Answer::Acknowledgement(found)) => {
            lies_at(found.noted_input) == Some(*told)
        }
        (Told::Refused { reason, .. }, Answer::Error(found)) => {
            format!("{reason:?}") == format!("{:?}", found.reason())
        }
        _ => false,
    }
}

fn format_of(input: &Stored) -> Format {
    match input.header("content-type") {
        Some("application/json") => Format::Json,
        _ => Format::Protobuf,
    }
}

fn outcome(decision: &proto::Decision) -> Outcome {
    match decision.outcome() {
        proto::Outcome::Approve => Outcome::Approve,
        proto::Outcome::StepUp => Outcome::StepUp,
        proto::Outcome::Decline => Outcome::Decline,
        proto::Outcome::Unspecified => panic!("a decision without an outcome"),
    }
}

fn rule_set_of(decision: &proto::Decision) -> &'static RuleSet {
    let hash = |rule_set: &&Arc<RuleSet>| format!("{:016x}", rule_set.hash().0);
    RULE_SETS
        .iter()
        .find(|rule_set| hash(rule_set) == decision.rule_set)
        .unwrap_or_else(|| panic!("O3: nobody judges by rule set {}", decision.rule_set))
}

/// Judges `input` again by what `decision` says that it was judged by; panics where that
/// gives another answer.
pub(crate) fn check_rederives(input: &Stored, decision: &proto::Decision) {
    let format = format_of(input);
    let mut scratch = Scratch::default();
    let value = input.value.as_deref();
    let decoded = DOOR.decode(format, KafkaKey::Unchecked, value, &mut scratch);
    let Ok(Incoming::Message { auth, .. }) = decoded else {
        panic!("O3: input {} was decided and cannot be read", input.offset.0);
    };
    let rule_set = rule_set_of(decision);
    let evidence: Vec<_> =
        decision.evidence.iter().map(|value| evidence_from_wire(*value)).collect();
    let mut verdict = Verdict::default();
    rule_set.judge(&auth, decision.policy_amount_minor_units, &evidence, &mut verdict);
    let fired: Vec<&str> = verdict.fired.iter().map(|fired| &*fired.name).collect();
    let found: Vec<&str> = decision.fired_rules.iter().map(|fired| fired.name.as_str()).collect();
    let outcome_again = match &decision.stop_order {
        Some(_) => Outcome::Decline,
        None => verdict.outcome,
    };
    let again = (outcome_again, u32::from(verdict.score), fired);
    assert_eq!(
        (outcome(decision), decision.score, found),
        again,
        "O3: the decision of input {} does not follow from what it recorded",
        input.offset.0
    );
    let policy_minor_units = auth.minor_units_in(rule_set.currency());
    assert_eq!(decision.policy_amount_minor_units, policy_minor_units, "O3");
}
