//! J1 to J6: what lies in the journal, and what lands there meanwhile.

use std::rc::Rc;
use std::time::Duration;

use prost::Message as _;
use stopline::domain::Offset;
use stopline::service::{Pipeline, PipelineSettings};
use stopline::wire::proto::{self, Outcome};
use stopline::wire::{Door, DoorSettings, Format, KeySeed};

use super::{
    STRICT, USUAL, answer_to, answered_by, committed, fate_of, give, make, owner, probe, revoke,
    send, send_repeat, settle, tally, verify, written,
};
use crate::support::faulty_log::{Fate, given};
use crate::support::owner::{Owner, patient_settings};
use crate::support::{Rig, SEED, engine, header, purchase};

#[test]
fn j1_a_repeat_gets_the_stored_value_under_headers_of_its_own_whoever_stored_it() {
    let rig = Rig::new(1);
    send(&rig, 0..1);
    settle(&rig, &mut owner(&rig, "first/1", USUAL));
    send_repeat(&rig, 0);
    let repeat = proto::Authorisation {
        message_type: proto::MessageType::MessageType0101 as i32,
        switch_context: b"context".to_vec().into(),
        ..purchase("id-0", "account")
    };
    let json = serde_json::to_vec(&repeat).unwrap();
    rig.send_raw(Some(b"account"), Some(&json), &[("content-type", b"application/json")]);
    settle(&rig, &mut owner(&rig, "second/1", STRICT));
    let records = rig.decisions();
    assert_eq!(records[1].value, records[0].value);
    let from_json: proto::Record =
        serde_json::from_slice(records[2].value.as_deref().unwrap()).unwrap();
    assert_eq!(Some(from_json.encode_to_vec()), records[0].value);
    for (record, input) in records[1..].iter().zip(["0:1", "0:2"]) {
        assert_eq!(header(record, "stopline-input"), Some(input));
        assert_eq!(header(record, "stopline-writer"), Some("second/1"));
        assert_eq!(header(record, "stopline-repeat"), Some("1"));
    }
    assert_eq!(header(&records[2], "stopline-switch-context"), Some("context"));
}

#[test]
fn j2_an_input_whose_decision_lies_in_its_repeats_record_only_is_sent_a_copy_of_it() {
    let rig = Rig::new(1);
    send(&rig, 0..3);
    send_repeat(&rig, 0);
    let mut first = owner(&rig, "first/1", USUAL);
    // The record of 0 times out, and its worker is killed before it knows.
    fate_of(&first, Fate::Fails, 0..1);
    first.script.borrow_mut().holds_back = true;
    first.turn(2);
    drop(first);
    assert_eq!(answered_by(&rig, "first/1"), [1, 2, 3]);
    let mut second = owner(&rig, "second/1", STRICT);
    settle(&rig, &mut second);
    assert_eq!(answered_by(&rig, "second/1"), [0]);
    assert_eq!(answer_to(&rig, 0).value, answer_to(&rig, 3).value);
    assert_eq!(answer_to(&rig, 0).decided(), Some(0));
    send_repeat(&rig, 0);
    assert_eq!(probe(&rig, &mut second), (4, 15_000), "all three as they were decided");
    assert_eq!(answer_to(&rig, 4).value, answer_to(&rig, 3).value);
    verify(&rig);
    drop(second);
    assert_eq!(probe(&rig, &mut owner(&rig, "third/1", STRICT)), (5, 15_000));
}

#[test]
fn j2_an_error_that_carries_an_id_binds_nothing() {
    let rig = Rig::new(1);
    send(&rig, 0..1);
    rig.send(&proto::Authorisation { amount_minor_units: Some(1), ..purchase("id-0", "account") });
    let mut first = owner(&rig, "first/1", USUAL);
    fate_of(&first, Fate::Fails, 0..1);
    first.script.borrow_mut().holds_back = true;
    first.turn(2);
    drop(first);
    assert_eq!(written(&rig)[0].decision, None, "only the refusal of 1 is there");
    let mut second = owner(&rig, "second/1", STRICT);
    settle(&rig, &mut second);
    assert_eq!(answered_by(&rig, "second/1"), [0]);
    assert_eq!(answer_to(&rig, 0).decision.unwrap().outcome(), Outcome::Decline);
    assert_eq!(probe(&rig, &mut second), (2, 0));
    verify(&rig);
}

#[test]
fn j2_what_was_answered_is_not_answered_again_by_a_door_that_refuses_it() {
    let rig = Rig::new(1);
    send(&rig, 0..3);
    let mut first = owner(&rig, "first/1", USUAL);
    first.script.borrow_mut().holds_back = true;
    first.turn(2);
    drop(first);
    let settings =
        DoorSettings { accept_pan: false, numeric_references: false, message_bytes_max: 1 };
    let door = Door::new(settings, &KeySeed::from_hex(SEED).unwrap(), None);
    let settings = PipelineSettings {
        default_format: Format::Protobuf,
        echo_headers: Vec::new(),
        writer: "second/1".to_owned(),
        partitions_count: Some(1),
    };
    let pipeline = Pipeline::new(door, engine(&rig.shared), rig.clock.clone(), settings);
    let mut second = Owner::new(&rig, pipeline, rig.recall(), patient_settings());
    give(&second);
    settle(&rig, &mut second);
    assert!(answered_by(&rig, "second/1").is_empty());
}

#[test]
fn j3_what_lands_while_the_journal_is_read_is_adopted() {
    let rig = Rig::new(1);
    send(&rig, 0..3);
    let mut first = owner(&rig, "first/1", USUAL);
    fate_of(&first, Fate::Waits, 0..3);
    first.turn(2);
    let left = Rc::clone(&first.script);
    drop(first);
    let mut made = make(&rig, "second/1", STRICT, patient_settings());
    made.watch.borrow_mut().lands_then = Some(left);
    give(&made.owner);
    settle(&rig, &mut made.owner);
    assert_eq!(answered_by(&rig, "first/1"), [0, 1, 2]);
    assert!(answered_by(&rig, "second/1").is_empty(), "they were decided already");
    assert_eq!(probe(&rig, &mut made.owner), (4, 15_000));
    assert_eq!(tally(&rig, &mut made.owner), (3, 0, 0, 0));
}

/// A zombie that decided inputs 1 to 20 and whose records are in flight, and its strict
/// successor, which has read the journal; input 0 is answered and committed.
fn zombie_and_successor(rig: &Rig) -> (Owner, Owner) {
    send(rig, 0..1);
    let mut zombie = owner(rig, "zombie/1", USUAL);
    settle(rig, &mut zombie);
    zombie.script.borrow_mut().is_fenced = true;
    send(rig, 1..21);
    fate_of(&zombie, Fate::Waits, 0..21);
    zombie.turn(2);
    let mut successor = owner(rig, "successor/1", STRICT);
    successor.turn(1);
    (zombie, successor)
}

#[test]
fn j4_foreign_records_amend_what_was_decided_and_are_kept_for_what_comes() {
    let rig = Rig::new(1);
    let (zombie, mut successor) = zombie_and_successor(&rig);
    zombie.script.borrow_mut().land(&rig.broker, usize::MAX);
    settle(&rig, &mut successor);
    // A batch has 16: 1 to 16 were decided before the gap showed, 17 to 20 were not.
    assert_eq!(answered_by(&rig, "successor/1"), (1..17).collect::<Vec<_>>());
    assert_eq!(tally(&rig, &mut successor), (4, 20, 16, 1));
    for number in [1, 16, 17, 20] {
        send_repeat(&rig, number);
    }
    // The zombie approved three and stepped up or declined the others.
    assert_eq!(probe(&rig, &mut successor), (22, 15_000));
    for (repeat, original) in [(21, 1), (22, 16), (23, 17), (24, 20)] {
        let binding = answer_to(&rig, original);
        assert_eq!(binding.writer, "zombie/1");
        assert_eq!(answer_to(&rig, repeat).value, binding.value, "the repeat of {original}");
    }
    verify(&rig);
    drop(successor);
    assert_eq!(probe(&rig, &mut owner(&rig, "third/1", STRICT)), (23, 15_000));
}

#[test]
fn j4_a_foreign_record_behind_ones_own_changes_nothing() {
    let rig = Rig::new(1);
    let (zombie, mut successor) = zombie_and_successor(&rig);
    settle(&rig, &mut successor);
    zombie.script.borrow_mut().land(&rig.broker, usize::MAX);
    assert_eq!(probe(&rig, &mut successor), (22, 5_000));
    assert_eq!(tally(&rig, &mut successor), (0, 20, 0, 1));
    verify(&rig);
}

#[test]
fn j4_an_acknowledgement_without_an_offset_is_looked_for_with_all_that_lies_before() {
    let rig = Rig::new(1);
    let (zombie, mut successor) = zombie_and_successor(&rig);
    zombie.script.borrow_mut().land(&rig.broker, 1);
    fate_of(&successor, Fate::LandsUnplaced, 0..99);
    settle(&rig, &mut successor);
    let (_, foreign, amended, _) = tally(&rig, &mut successor);
    assert_eq!((foreign, amended), (1, 1));
    assert_eq!(probe(&rig, &mut successor), (22, 10_000));
}

#[test]
fn j4_an_acknowledgement_that_comes_after_its_record_was_read_is_not_looked_for() {
    let rig = Rig::new(1);
    send(&rig, 0..2);
    let mut only = owner(&rig, "only/1", USUAL);
    fate_of(&only, Fate::LandsUnplaced, 0..2);
    only.script.borrow_mut().holds_back = true;
    only.turn(2);
    let second = only.script.borrow_mut().reports.pop_back().unwrap();
    only.script.borrow_mut().holds_back = false;
    settle(&rig, &mut only);
    only.script.borrow_mut().reports.push_back(second);
    only.turn(1);
    let before = tally(&rig, &mut only);
    only.turn(10);
    assert_eq!(tally(&rig, &mut only), before, "it reads the same place again and again");
    revoke(&rig, &mut only);
    assert_eq!(committed(&rig), Some(Offset(2)));
}

#[test]
fn j4_a_gap_that_holds_ones_own_record_is_nobody_elses() {
    let rig = Rig::new(1);
    send(&rig, 0..4);
    let mut only = owner(&rig, "only/1", USUAL);
    // It lands, is said to have failed, and is sent again behind the others.
    fate_of(&only, Fate::LandsUntold, 1..2);
    only.turn(2);
    only.script.borrow_mut().fates = None;
    settle(&rig, &mut only);
    assert_eq!(answered_by(&rig, "only/1"), [0, 1, 2, 3, 1, 1]);
    assert_eq!(tally(&rig, &mut only), (0, 0, 0, 2));
    assert_eq!(probe(&rig, &mut only), (5, 15_000));
    verify(&rig);
}

#[test]
fn j4_a_copy_of_what_was_adopted_takes_nothings_place() {
    let rig = Rig::new(1);
    send(&rig, 0..2);
    // Two zombies decided 1, and the first of them lost its record of 0.
    let mut zombies = [owner(&rig, "zombie/1", USUAL), owner(&rig, "zombie/2", STRICT)];
    for zombie in &mut zombies {
        zombie.turn(1);
    }
    for (zombie, fate) in zombies.iter_mut().zip([Fate::Fails, Fate::Waits]) {
        zombie.script.borrow_mut().holds_back = true;
        fate_of(zombie, fate, if fate == Fate::Fails { 0..1 } else { 0..2 });
        zombie.turn(1);
        zombie.script.borrow_mut().is_fenced = true;
    }
    let mut successor = owner(&rig, "successor/1", USUAL);
    fate_of(&successor, Fate::Waits, 0..1);
    successor.turn(2);
    zombies[1].script.borrow_mut().land(&rig.broker, usize::MAX);
    successor.script.borrow_mut().land(&rig.broker, usize::MAX);
    successor.script.borrow_mut().fates = None;
    settle(&rig, &mut successor);
    let writers: Vec<_> = written(&rig).into_iter().map(|found| found.writer).collect();
    assert_eq!(writers, ["zombie/1", "zombie/2", "zombie/2", "successor/1"]);
    // Of 0 the second zombie's decline binds, of 1 the first one's approval.
    assert_eq!(probe(&rig, &mut successor), (3, 5_000));
    send_repeat(&rig, 1);
    settle(&rig, &mut successor);
    assert_eq!(answer_to(&rig, 3).value, answer_to(&rig, 1).value);
}

#[test]
fn j6_nothing_is_committed_past_an_unread_gap() {
    let rig = Rig::new(1);
    send(&rig, 0..2);
    let mut zombie = owner(&rig, "zombie/1", USUAL);
    fate_of(&zombie, Fate::Waits, 0..2);
    zombie.turn(2);
    zombie.script.borrow_mut().is_fenced = true;
    let mut made = make(&rig, "successor/1", STRICT, patient_settings());
    give(&made.owner);
    made.owner.turn(1);
    made.is_open.set(false);
    zombie.script.borrow_mut().land(&rig.broker, 1);
    for _ in 0..10 {
        made.owner.turn(1);
        rig.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(answered_by(&rig, "successor/1"), [0, 1]);
    assert_eq!(committed(&rig), Some(Offset(0)), "the place before its records is unread");
    made.is_open.set(true);
    settle(&rig, &mut made.owner);
    assert_eq!(probe(&rig, &mut made.owner), (3, 5_000));
}

#[test]
fn j6_a_partition_that_leaves_with_an_unread_gap_is_read_back_when_it_returns() {
    let rig = Rig::new(1);
    let (zombie, successor) = zombie_and_successor(&rig);
    drop(successor);
    let mut made = make(&rig, "successor/2", STRICT, patient_settings());
    give(&made.owner);
    made.owner.turn(1);
    made.is_open.set(false);
    zombie.script.borrow_mut().land(&rig.broker, 3);
    made.owner.turn(3);
    revoke(&rig, &mut made.owner);
    assert_eq!(committed(&rig), Some(Offset(1)));
    made.is_open.set(true);
    made.owner.script.borrow_mut().changes.push_back(given(&[0]));
    // Approved: 0 before, and two of the zombie's three that landed first.
    assert_eq!(probe(&rig, &mut made.owner), (22, 15_000));
    verify(&rig);
}
