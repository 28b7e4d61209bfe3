//! `stopline verify` on the topics of a real broker: clean after a run, and a planted
//! violation is named.

use std::process::Output;
use std::time::Duration;

use prost::Message;
use stopline::service::log::partition_of_key;
use stopline::wire::proto::{Outcome, Record, record::Answer};

use crate::broker::Broker;
use crate::engine::Installation;
use crate::inputs::{Format, Traffic};
use crate::ledger::Ledger;
use crate::poison::{KINDS_COUNT, poison};
use crate::topics::{Inbound, Outbound, PARTITIONS_COUNT, Reader, Topics, Writer};

const INPUTS_COUNT: usize = 600;

/// A copy of `record` that says the contrary, by the same writer.
fn contrary(record: &Inbound) -> Outbound {
    let mut value = Record::decode(record.value.as_slice()).expect("a record");
    if let Some(Answer::Decision(decision)) = &mut value.answer {
        let is_approved = decision.outcome() == Outcome::Approve;
        decision.set_outcome(if is_approved { Outcome::Decline } else { Outcome::Approve });
    }
    let copied = |name| (name, record.header(name).expect("a header").as_bytes().to_vec());
    Outbound {
        partition: Some(record.place.0),
        key: record.key.clone(),
        value: Some(value.encode_to_vec()),
        headers: ["content-type", "stopline-input", "stopline-writer"].map(copied).to_vec(),
    }
}

fn is_decision_in_protobuf(record: &Inbound) -> bool {
    record.header("content-type") == Some(Format::Protobuf.content_type())
        && record.header("stopline-repeat").is_none()
        && matches!(
            Record::decode(record.value.as_slice()),
            Ok(Record { answer: Some(Answer::Decision(_)) })
        )
}

/// Asserts how it ended, and returns what it printed.
fn printed(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}\n{complaints}");
    text
}

#[test]
fn a_run_is_clean_and_a_planted_violation_is_named() {
    let broker = Broker::shared();
    let topics = Topics::named_for("verify");
    topics.create(broker);
    let installation = Installation::new("verify", broker.address(), &topics);
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("verify", 5));
    let mut decisions = Reader::new(broker, &topics.decisions);
    let mut ledger = Ledger::default();
    // With nothing committed nothing must be answered yet, but with `--all`; and it says so.
    let home = partition_of_key(b"wanderer", PARTITIONS_COUNT.unsigned_abs()).0;
    let mut inputs: Vec<_> = (0..INPUTS_COUNT).map(|_| traffic.next_input()).collect();
    let elsewhere = (home + 1) % PARTITIONS_COUNT;
    inputs.extend((0..KINDS_COUNT).map(|kind| poison(kind, &mut traffic, elsewhere)));
    let count = inputs.len();
    ledger.send(&writer, &topics.authorisations, inputs);
    let unchecked = printed(&installation.verify(&[]), 78);
    assert!(unchecked.contains(" 0 in the decided range"), "{unchecked}");
    assert!(unchecked.contains("has committed nothing"), "{unchecked}");
    let unanswered = printed(&installation.verify(&["--all"]), 70);
    assert!(unanswered.contains(&format!("missing_record: {count}\n")), "{unanswered}");

    let mut engine = installation.start();
    engine.await_ready();
    ledger.await_answers(&mut decisions, Duration::from_mins(1));
    printed(&installation.verify(&["--all"]), 0); // While it runs.
    engine.terminate();
    assert_eq!(engine.await_exit(Duration::from_secs(30)), Some(0));
    let summary = tempfile::NamedTempFile::new().expect("a file");
    let path = summary.path().to_str().expect("a path");
    let clean = printed(&installation.verify(&["--summary", path]), 0);
    assert!(clean.contains(&format!("{count} in the decided range")), "{clean}");
    let text = std::fs::read_to_string(path).expect("the summary");
    let figures: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(figures["is_clean"], true, "{text}");
    assert_eq!(figures["counts"]["inputs_decided"], count, "{text}");

    let records = decisions.read_to_end();
    let victim = records.iter().find(|record| is_decision_in_protobuf(record)).expect("a decision");
    let (partition, offset) = writer.send(&topics.decisions, &[contrary(victim)])[0];
    let found = printed(&installation.verify(&[]), 70);
    let input = victim.header("stopline-input").expect("its input");
    let named = format!(
        "differing_copy: record {partition}:{offset} differs from the binding decision by the \
         same writer, on input {input}"
    );
    assert!(found.contains(&named), "{named}\n{found}");
    assert!(!found.contains("account-"), "{found}");
}

#[test]
fn what_cannot_be_verified_has_its_exit_code() {
    let broker = Broker::shared();
    let topics = Topics::named_for("unverified");
    let installation = Installation::new("unverified", broker.address(), &topics);
    let missing = installation.verify(&[]);
    printed(&missing, 78);
    let complaint = String::from_utf8(missing.stderr).expect("text");
    assert!(complaint.contains(&topics.authorisations), "{complaint}");
    topics.create(broker);
    let sent: Vec<_> = (0..5_000).map(|_| Outbound::default()).collect();
    Writer::new(broker).send(&topics.authorisations, &sent);
    printed(&installation.verify(&["--memory-max", "1"]), 1);
    let nowhere = Installation::new("nowhere", "127.0.0.1:1", &topics);
    printed(&nowhere.verify(&[]), 69);
}
