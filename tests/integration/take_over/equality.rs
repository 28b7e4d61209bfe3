//! J11 and J16: times, and the same bytes across crashes.

use std::time::Duration;

use prost::Message as _;
use stopline::wire::proto;

use super::{USUAL, answer_to, fate_of, owner, probe, send, settle, written};
use crate::support::faulty_log::Fate;
use crate::support::{BEGINNING, Rig, purchase};

/// A request that its switch dates so many seconds from now.
fn send_dated(rig: &Rig, id: &str, seconds: i64) {
    rig.send(&proto::Authorisation {
        authorised_at_millis: rig.clock.unix_millis() + seconds * 1_000,
        ..purchase(id, "account")
    });
}

#[test]
fn j11_a_fast_switch_sets_no_window_ahead_live_or_read_back() {
    let rig = Rig::new(1);
    let mut first = owner(&rig, "first/1", USUAL);
    send_dated(&rig, "fast", 120);
    send_dated(&rig, "second", 0);
    send_dated(&rig, "third", -1);
    assert_eq!(probe(&rig, &mut first), (4, 15_000));
    let fast = answer_to(&rig, 0).decision.unwrap();
    assert_eq!(fast.event_at_millis, fast.appended_at_millis);
    drop(first);
    assert_eq!(probe(&rig, &mut owner(&rig, "second/1", USUAL)), (5, 15_000));
}

#[test]
fn j11_a_leader_whose_clock_is_behind_turns_no_window_back() {
    let rig = Rig::new(1);
    let mut first = owner(&rig, "first/1", USUAL);
    rig.clock.advance(Duration::from_hours(1));
    send_dated(&rig, "before", 0);
    settle(&rig, &mut first);
    let highest = answer_to(&rig, 0).decision.unwrap().appended_at_millis;
    rig.clock.step_wall_to(BEGINNING);
    send_dated(&rig, "behind", 0);
    settle(&rig, &mut first);
    let behind = answer_to(&rig, 1).decision.unwrap();
    assert_eq!(behind.appended_at_millis, highest);
    // Ten minutes late at the most: it is outside of the newest one's window of as many.
    assert_eq!(behind.event_at_millis, highest - 600_000);
    drop(first);
    let mut second = owner(&rig, "second/1", USUAL);
    let (_, sum) = probe(&rig, &mut second);
    assert_eq!(sum, 10_000);
}

#[test]
fn j16_across_crashes_the_same_bytes_bind_as_without() {
    let inputs = |rig: &Rig, from: usize, owner: &mut dyn FnMut(&Rig)| {
        for number in from..60 {
            send(rig, number % 45..number % 45 + 1);
            rig.clock.advance(Duration::from_secs(7));
            if number % 7 == 6 {
                owner(rig);
            }
        }
    };
    let binding = |rig: &Rig| {
        let mut found = std::collections::BTreeMap::new();
        for record in written(rig) {
            if let Some(decided) = record.decided() {
                found.entry(decided).or_insert(record.value);
            }
        }
        found
    };
    let calm = Rig::new(1);
    inputs(&calm, 0, &mut |_| {});
    calm.answer_all(&[0]);

    let rough = Rig::new(1);
    let mut number = 0;
    // Each owner loses one record, knows of none, and is killed.
    inputs(&rough, 0, &mut |rig| {
        number += 1;
        let mut killed = owner(rig, &format!("killed/{number}"), USUAL);
        killed.script.borrow_mut().holds_back = number % 3 != 0;
        fate_of(&killed, Fate::Fails, number * 5..number * 5 + 1);
        killed.turn(2);
    });
    settle(&rough, &mut owner(&rough, "last/1", USUAL));
    let (calm, rough) = (binding(&calm), binding(&rough));
    assert_eq!(calm.len(), 45);
    assert!(calm == rough, "another decision binds");
    for value in calm.values() {
        assert!(proto::Record::decode(value.as_slice()).is_ok());
    }
}
