//! The life cycle that the README tells, message by message: each is sent, each answer and
//! each window is what it says.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use stopline::config::load_rules;
use stopline::domain::{Input, Offset, PartitionId};
use stopline::engine::History;
use stopline::engine::shared::Shared;
use stopline::service::log::Batch;
use stopline::service::{Clock, Pipeline};

use crate::readme::{assert_shows, block};
use crate::support::{engine_by, pipeline_of};

/// When all of them are appended: after the last of their own times.
const APPENDED_AT: i64 = 1_795_504_080_000;

/// A message, what it is answered with, and what windows hold then.
#[derive(Default)]
struct Told {
    message: String,
    answer: String,
    windows: Vec<(String, i64)>,
}

fn told() -> Vec<Told> {
    let mut all: Vec<Told> = Vec::new();
    let mut in_answer = false;
    for line in block("messages").lines() {
        if let Some(begun) = line.strip_prefix("> ") {
            all.push(Told { message: begun.to_owned(), ..Told::default() });
            in_answer = false;
        } else if let Some(begun) = line.strip_prefix("< ") {
            begun.clone_into(&mut all.last_mut().expect("a message").answer);
            in_answer = true;
        } else if let Some(windows) = line.strip_prefix("= ") {
            let last = all.last_mut().expect("a message");
            let pairs = windows.split(", ").map(|pair| pair.split_once(' ').expect("a value"));
            last.windows = pairs
                .map(|(name, value)| (name.to_owned(), value.parse().expect("a number")))
                .collect();
        } else if let Some(rest) = line.strip_prefix("  ") {
            let last = all.last_mut().expect("a message");
            let to = if in_answer { &mut last.answer } else { &mut last.message };
            to.push(' ');
            to.push_str(rest);
        } else {
            assert!(line.starts_with("# "), "{line}");
        }
    }
    all
}

/// A worker's pipeline under the shipped policy.
fn shipped() -> (Pipeline, Vec<String>) {
    let (rule_set, _) = load_rules(Path::new("config/rules.toml")).expect("sound");
    let names = rule_set.features().iter().map(|feature| feature.name.to_string()).collect();
    let shared = Arc::new(Shared::default());
    let mut engine = engine_by(Arc::new(rule_set), &shared);
    engine.open_partition(PartitionId(0), History::Whole);
    (pipeline_of("test", engine, &Clock::manual(APPENDED_AT), 1), names)
}

fn answer(pipeline: &mut Pipeline, offset: i64, message: &str) -> Value {
    let mut message: Value = serde_json::from_str(message).expect("JSON");
    let common = json!({
        "account_reference": "par-7F3A9C", "card_token": "tok-51c2", "merchant_country": "CN",
    });
    let object = message.as_object_mut().expect("an object");
    object.extend(common.as_object().expect("an object").clone());
    let value = serde_json::to_vec(&message).expect("JSON");
    let input = Input { partition: PartitionId(0), offset: Offset(offset) };
    let mut batch = Batch::default();
    let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    batch.push(input, APPENDED_AT, Some(b"par-7F3A9C"), Some(&value), headers);
    let message = batch.iter().next().expect("one");
    let (_, answer) = pipeline.answer(&message, |record| record.value.to_vec());
    serde_json::from_slice(&answer).expect("a record")
}

/// What the features hold behind `messages`, by their names, without the probe.
fn windows_behind(messages: &[Told]) -> impl Fn(&str) -> i64 {
    let (mut pipeline, names) = shipped();
    for (offset, told) in (0..).zip(messages) {
        answer(&mut pipeline, offset, &told.message);
    }
    let probe = json!({
        "message_type": "MESSAGE_TYPE_0100", "authorisation_id": "probe",
        "amount_minor_units": 1, "currency": "CNY", "authorised_at_millis": APPENDED_AT,
    });
    let record = answer(&mut pipeline, 99, &probe.to_string());
    let evidence = record["decision"]["evidence"].as_array().expect("a list").clone();
    move |name| {
        let place = names.iter().position(|known| known == name).expect("a feature");
        let wire: i64 = evidence[place].as_str().expect("a number").parse().expect("a number");
        let value = stopline::wire::evidence_from_wire(wire.try_into().expect("fits"));
        value.expect("present") - i64::from(name.starts_with("attempts"))
    }
}

#[test]
fn every_message_of_the_life_cycle_is_answered_and_counted_as_the_readme_shows() {
    let all = told();
    assert!(all.len() > 15, "{}", all.len());
    let (mut pipeline, _) = shipped();
    let mut held = Vec::new();
    for (place, told) in all.iter().enumerate() {
        let found = answer(&mut pipeline, i64::try_from(place).expect("few"), &told.message);
        let shown: Value = serde_json::from_str(&told.answer).expect(&told.answer);
        assert_shows(&shown, &found, &told.message);
        if !told.windows.is_empty() {
            held.clone_from(&told.windows);
        }
        let windows = windows_behind(&all[..=place]);
        for (name, value) in &held {
            assert_eq!(windows(name), *value, "{name} behind {}", told.message);
        }
    }
}

#[test]
fn every_type_of_message_that_leaves_a_trace_is_shown() {
    let shown: Vec<String> = told().into_iter().map(|told| told.message).collect();
    for wanted in ["0100", "0101", "0110", "0120", "0400", "0420", "0800"] {
        assert!(shown.iter().any(|it| it.contains(&format!("MESSAGE_TYPE_{wanted}"))), "{wanted}");
    }
    for wanted in ["\"incremental\": true", "_REFUND", "_ACCOUNT_CHECK"] {
        assert!(shown.iter().any(|it| it.contains(wanted)), "{wanted}");
    }
}
