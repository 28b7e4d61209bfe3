//! Stories of a scenarios file, told to an engine: does the policy do what it is meant to?
//!
//! Each story has an engine of its own, that knows nothing yet, and the real way from the bytes
//! of a message to its answer, without a log.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::config::Problems;
use crate::config::scenarios::{Answered, Message, Step, Story, Written};
use crate::domain::{Decision, Input, Met, Offset, PartitionId, Record};
use crate::engine::rules::RuleSet;
use crate::engine::shared::Shared;
use crate::engine::{AnswerKind, Engine, EngineSettings, History};
use crate::wire::{Door, DoorSettings, Format, Incoming, KafkaKey, KeySeed, Scratch, SecretFault};

const PARTITION: PartitionId = PartitionId(0);

/// No story has more accounts than messages.
const CARDS_COUNT_MAX: usize = 10_000;

/// What became of some stories.
#[derive(Debug, Default)]
pub struct Told {
    /// How many were told.
    pub stories_count: usize,
    /// How many messages they had.
    pub messages_count: usize,
    /// How many came out differently.
    pub failed_count: usize,
    /// Where, and what came instead.
    pub problems: Problems,
}

/// Tells `stories` to engines that judge by `rule_set`.
///
/// # Errors
/// Never in practice: the key seed of stories is no key.
pub fn tell(
    stories: &[Story],
    rule_set: &Arc<RuleSet>,
    settings: &EngineSettings,
) -> Result<Told, SecretFault> {
    let settings = EngineSettings { cards_count_max: CARDS_COUNT_MAX, ..settings.clone() };
    let door = door()?;
    let mut told = Told { stories_count: stories.len(), ..Told::default() };
    for story in stories {
        let problems = tell_one(story, rule_set, &settings, &door);
        told.messages_count += story.steps.len();
        told.failed_count += usize::from(!problems.is_empty());
        told.problems.append(problems);
    }
    Ok(told)
}

/// A door that lets names of every form in: they are nobody's.
fn door() -> Result<Door, SecretFault> {
    let settings =
        DoorSettings { accept_pan: false, numeric_references: true, message_bytes_max: 65_536 };
    let seed = KeySeed::from_hex("00000000000000000000000000000001")?;
    Ok(Door::new(settings, &seed, None))
}

fn tell_one(
    story: &Story,
    rule_set: &Arc<RuleSet>,
    settings: &EngineSettings,
    door: &Door,
) -> Problems {
    let shared = Arc::new(Shared::default());
    let canonical = crate::wire::encode_record;
    let mut engine = Engine::new(Arc::clone(rule_set), shared, settings.clone(), canonical);
    engine.open_partition(PARTITION, History::Whole);
    let mut problems = Problems::default();
    // By offset: a repeat is answered with what was decided before.
    let mut decisions: Vec<Option<Box<Decision>>> = Vec::new();
    let mut scratch = Scratch::default();
    for (step, offset) in story.steps.iter().zip(0..) {
        decisions.push(None);
        let sent_at = story.begins_at.plus(step.at);
        let text = message(step, sent_at.unix_millis()).to_string();
        let value = Some(text.as_bytes());
        let auth = match door.decode(Format::Json, KafkaKey::Unchecked, value, &mut scratch) {
            Ok(Incoming::Message { auth, .. }) => auth,
            Ok(Incoming::Echo { .. }) => continue,
            Err(refusal) => {
                problems.add(step.refused(&story.name, &refusal.to_string()));
                continue;
            }
        };
        let met = Met::fresh(Input { partition: PARTITION, offset: Offset(offset) }, sent_at);
        let noted = match engine.decide(&auth, &met).kind {
            AnswerKind::Fresh(Record::Decision(decision)) => {
                if let Some(last) = decisions.last_mut() {
                    *last = Some(decision.clone());
                }
                None
            }
            AnswerKind::Repeated { input, .. } => {
                let earlier = usize::try_from(input.0).ok().and_then(|at| decisions.get(at));
                let earlier = earlier.cloned().flatten();
                if let Some(last) = decisions.last_mut() {
                    *last = earlier;
                }
                None
            }
            AnswerKind::Fresh(Record::Acknowledgement(acknowledgement)) => {
                Some(acknowledgement.noted)
            }
            AnswerKind::Fresh(Record::Error(error)) => {
                problems.add(step.refused(&story.name, &error.detail));
                continue;
            }
        };
        let decided = decisions.last().and_then(Option::as_deref);
        let answered = match (noted, decided) {
            (Some(noted), _) => Answered::Noted(noted),
            (None, Some(decision)) => Answered::Decision(decision, &auth),
            (None, None) => continue,
        };
        problems.append(step.compare(answered, &story.name, rule_set));
    }
    problems
}

/// What `step` sends at `sent_at_millis`, as JSON of the contract.
fn message(step: &Step, sent_at_millis: i64) -> Value {
    let message_type = match step.message {
        Message::Request | Message::Incremental => "MESSAGE_TYPE_0100",
        Message::Repeat => "MESSAGE_TYPE_0101",
        Message::Notice => "MESSAGE_TYPE_0110",
        Message::Advice => "MESSAGE_TYPE_0120",
        Message::Reversal => "MESSAGE_TYPE_0420",
    };
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    set("message_type", message_type.into());
    set("authorisation_id", step.id.as_ref().into());
    set("account_reference", "account".into());
    set("card_token", "card".into());
    set("acquirer_id", "acquirer".into());
    set("authorised_at_millis", sent_at_millis.into());
    for (name, value) in &step.fields {
        set(
            name,
            match value {
                Written::Text(text) => text.as_str().into(),
                Written::Number(number) => (*number).into(),
            },
        );
    }
    if let Some(original) = &step.original {
        set("original_id", original.as_ref().into());
    }
    if step.message == Message::Incremental {
        set("incremental", true.into());
    }
    Value::Object(fields)
}
