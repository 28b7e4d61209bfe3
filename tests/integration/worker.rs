//! The worker over the in-process log: every step of a message's way.

use std::collections::BTreeSet;

use prost::Message as _;
use stopline::domain::PartitionId;
use stopline::wire::proto::{self, ErrorReason, Outcome};

use crate::support::{
    AUTHORISATIONS, DECISIONS, GROUP, Notes, Rig, decision, error, header, purchase,
};

#[test]
fn every_input_gets_one_record_on_the_partition_of_the_same_number() {
    let rig = Rig::new(4);
    for number in 0..200 {
        rig.send(&purchase(&format!("id-{number}"), &format!("account-{number}")));
    }
    let notes = rig.answer_all(&[0, 1, 2, 3]);
    assert_eq!(rig.ends(DECISIONS), rig.ends(AUTHORISATIONS));
    let answered: BTreeSet<String> = rig
        .decisions()
        .iter()
        .map(|record| {
            let input = header(record, "stopline-input").expect("a header");
            assert_eq!(input.split_once(':').unwrap().0, record.partition.0.to_string());
            input.to_owned()
        })
        .collect();
    assert_eq!(answered.len(), 200);
    assert_eq!(notes.tally.acknowledged, 200);
    assert_eq!(notes.assigned.len(), 4);
}

#[test]
fn poison_gets_an_error_record_and_the_run_goes_on() {
    let rig = Rig::new(1);
    let good = purchase("id", "account").encode_to_vec();
    let large = vec![0xFF; 70_000];
    let cases: [(Option<&[u8]>, Option<&[u8]>, ErrorReason); 5] = [
        (Some(b"account"), None, ErrorReason::Empty),
        (Some(b"account"), Some(&good[..good.len() - 3]), ErrorReason::Malformed),
        (Some(b"account"), Some(&large), ErrorReason::TooLarge),
        (Some(b"another"), Some(&good), ErrorReason::KeyMismatch),
        (None, Some(&good), ErrorReason::KeyMismatch),
    ];
    for (key, value, _) in &cases {
        rig.send_raw(*key, *value, &[]);
    }
    rig.send(&purchase("id", "account"));
    let notes = rig.answer_all(&[0]);
    let answers = rig.answers();
    for (answer, (_, _, reason)) in answers.iter().zip(&cases) {
        assert_eq!(error(answer).reason(), *reason);
    }
    assert_eq!(decision(&answers[5]).outcome(), Outcome::Approve);
    assert_eq!(notes.tally.refused().map(|(_, count)| count).sum::<u64>(), 5);
}

#[test]
fn a_card_number_in_a_key_is_not_sent_back() {
    let rig = Rig::new(1);
    let number = b"4111111111111111";
    rig.send_raw(Some(number), Some(b"\xFF"), &[]);
    rig.answer_all(&[0]);
    let records = rig.decisions();
    assert_eq!(records[0].key, None);
    let shown = format!("{:?}", rig.answers());
    assert!(!shown.contains("4111"), "{shown}");
}

#[test]
fn the_answer_comes_in_the_requests_format_with_its_context_and_echoed_headers() {
    let rig = Rig::new(1);
    let json = br#"{
        "message_type": "MESSAGE_TYPE_0200", "authorisation_id": "json-1",
        "account_reference": "account", "card_token": "token",
        "amount_minor_units": 5000, "currency": "CNY",
        "authorised_at_millis": "1700000000000", "switch_context": "AAEC"
    }"#;
    let headers: [(&str, &[u8]); 3] = [
        ("content-type", b"application/json; charset=utf-8"),
        ("correlation-id", b"c-17"),
        ("not-echoed", b"x"),
    ];
    rig.send_raw(Some(b"account"), Some(json), &headers);
    rig.answer_all(&[0]);
    let records = rig.decisions();
    let record = &records[0];
    assert_eq!(header(record, "content-type"), Some("application/json"));
    assert_eq!(header(record, "correlation-id"), Some("c-17"));
    assert_eq!(header(record, "not-echoed"), None);
    assert_eq!(header(record, "stopline-switch-context"), Some("\u{0}\u{1}\u{2}"));
    let answer: serde_json::Value = serde_json::from_slice(record.value.as_ref().unwrap()).unwrap();
    assert_eq!(answer["decision"]["authorisation_id"], "json-1");
    assert_eq!(answer["decision"]["outcome"], "OUTCOME_APPROVE");
    assert_eq!(answer["decision"]["message_type"], 210);
}

#[test]
fn a_restart_goes_on_behind_what_was_committed() {
    let rig = Rig::new(2);
    for number in 0..50 {
        rig.send(&purchase(&format!("id-{number}"), &format!("account-{number}")));
    }
    rig.answer_all(&[0, 1]);
    for partition in [PartitionId(0), PartitionId(1)] {
        let committed = rig.broker.committed(GROUP, AUTHORISATIONS, partition).unwrap();
        assert_eq!(committed, Some(rig.ends(AUTHORISATIONS)[partition.0 as usize]));
    }
    for number in 50..80 {
        rig.send(&purchase(&format!("id-{number}"), &format!("account-{number}")));
    }
    rig.answer_all(&[0, 1]);
    assert_eq!(rig.ends(DECISIONS), rig.ends(AUTHORISATIONS));
    // The second worker read the past back: it knows all that the rules ask for.
    assert!(rig.answers().iter().all(|answer| !decision(answer).history_truncated));
}

#[test]
fn two_workers_on_a_fixed_split_answer_as_one() {
    let messages: Vec<_> = (0..300)
        .map(|number| purchase(&format!("id-{number}"), &format!("account-{}", number % 40)))
        .collect();
    let values = |split: &[&[i32]]| {
        let rig = Rig::new(4);
        for message in &messages {
            rig.send(message);
        }
        for share in split {
            rig.answer_all(share);
        }
        let mut records = rig.decisions();
        records.sort_by_key(|record| (record.partition, record.offset));
        records.into_iter().map(|record| record.value).collect::<Vec<_>>()
    };
    assert_eq!(values(&[&[0, 1, 2, 3]]), values(&[&[0, 2], &[1, 3]]));
}

#[test]
fn two_workers_at_once_answer_everything_once() {
    let rig = Rig::new(4);
    let mut notes = [Notes::default(), Notes::default()];
    let [first, second] = &mut notes;
    let mut workers = [rig.worker(&[0, 1], first), rig.worker(&[2, 3], second)];
    for round in 0..20 {
        for number in 0..10 {
            rig.send(&purchase(&format!("id-{round}-{number}"), &format!("account-{number}")));
        }
        for worker in &mut workers {
            worker.turn().unwrap();
        }
    }
    let [one, two] = workers;
    let mut turns = 0;
    for worker in [one, two] {
        worker
            .run(|| {
                turns += 1;
                turns % 50 == 0
            })
            .unwrap();
    }
    assert_eq!(rig.ends(DECISIONS), rig.ends(AUTHORISATIONS));
}

#[test]
fn the_same_log_gives_the_same_bytes() {
    let values = || {
        let rig = Rig::new(1);
        for number in 0..100 {
            rig.send(&purchase(&format!("id-{number}"), &format!("account-{}", number % 7)));
        }
        rig.answer_all(&[0]);
        rig.decisions().into_iter().map(|record| record.value).collect::<Vec<_>>()
    };
    assert_eq!(values(), values());
}

#[test]
fn a_key_that_belongs_to_another_partition_is_misrouted() {
    let rig = Rig::new(4);
    let message = purchase("id", "account");
    let (key, value) = (message.account_reference.as_bytes(), message.encode_to_vec());
    for partition in 0..4 {
        rig.broker
            .produce(AUTHORISATIONS, PartitionId(partition), Some(key), Some(&value), &[])
            .unwrap();
    }
    rig.answer_all(&[0, 1, 2, 3]);
    let answers = rig.answers();
    let refused = answers
        .iter()
        .filter(|answer| matches!(&answer.answer, Some(proto::record::Answer::Error(_))))
        .inspect(|answer| assert_eq!(error(answer).reason(), ErrorReason::Misrouted))
        .count();
    assert_eq!((answers.len(), refused), (4, 3));
}
