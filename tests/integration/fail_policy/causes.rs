//! The other causes: what tells them, and that they end.

use std::sync::Arc;
use std::time::Duration;

use stopline::domain::{EventTime, Input, Met, Offset, PartitionId, Record, Span};
use stopline::engine::{AnswerKind, History};
use stopline::service::{Circumstances, Follower, FollowerStatus};
use stopline::wire::{Format, Incoming, KafkaKey, Scratch, proto};

use prost::Message as _;

use super::{answer, decisions, gated_owner, over, synthetic, wait, windows};
use crate::support::{BEGINNING, Rig, STOP_ORDERS, door, engine};

use proto::{FailCause, Outcome, Reason};

#[test]
fn a_stop_list_that_is_not_known_to_be_up_to_date_is_stale_until_the_follower_asks_again() {
    let rig = Rig::new(1);
    let status = Arc::new(FollowerStatus::default());
    let tail = rig.broker.tail_from_beginning(STOP_ORDERS).unwrap();
    let shared = Arc::clone(&rig.shared);
    let follower = Follower::new(tail, door(), Format::Protobuf, shared, Arc::clone(&status));
    let mut follower = follower.watching(rig.clock.clone());
    let circumstances = Circumstances {
        stop_list: Some((status, Span::from_seconds(30))),
        ..Circumstances::default()
    };
    let (mut owner, _) = gated_owner(&rig, None, circumstances);
    let mut ask = |id: &str, yuan| {
        rig.send(&over(yuan, id));
        answer(&rig, &mut owner);
        decisions(&rig).pop().unwrap()
    };
    assert!(!ask("fresh", 500).synthetic);
    wait(&rig, 30);
    assert!(!ask("not-yet", 500).synthetic);
    wait(&rig, 1);
    let declined = (Outcome::Decline, Reason::DoNotHonour);
    let stale = ask("stale", 500);
    assert_eq!(synthetic(&stale, FailCause::StopListStale), declined);
    assert_eq!(stale.response_code, "05");
    let judged = ask("stale-and-small", 99);
    assert!(judged.degraded && !judged.synthetic, "{judged:?}");
    assert_eq!(judged.fail_causes, [FailCause::StopListStale as i32]);
    // The declined one is an attempt, no decline.
    assert_eq!(windows(&judged)[2], 0);
    for _ in 0..2 {
        follower.turn().unwrap();
    }
    let fresh = ask("fresh-again", 500);
    assert!(!fresh.synthetic && !fresh.degraded, "{fresh:?}");
}

#[test]
fn a_list_that_is_read_and_not_at_its_end_is_not_up_to_date() {
    let rig = Rig::new(1);
    for number in 0..5 {
        let order = crate::support::loss_order(&format!("order-{number}"), "account");
        let (key, value) = (order.order_id.as_bytes(), order.encode_to_vec());
        rig.broker.produce(STOP_ORDERS, PartitionId(0), Some(key), Some(&value), &[]).unwrap();
    }
    let status = Arc::new(FollowerStatus::default());
    let tail = rig.broker.tail_from_beginning(STOP_ORDERS).unwrap();
    let shared = Arc::clone(&rig.shared);
    let follower = Follower::new(tail, door(), Format::Protobuf, shared, Arc::clone(&status));
    let mut follower = follower.watching(rig.clock.clone());
    let is_stale = || status.is_stale(rig.clock.monotonic_nanos(), Span::from_seconds(3));
    for _ in 0..4 {
        rig.clock.advance(Duration::from_secs(1));
        follower.turn().unwrap();
    }
    assert!(is_stale(), "four of five were read");
    rig.clock.advance(Duration::from_secs(1));
    follower.turn().unwrap();
    assert!(!is_stale());
}

#[test]
fn a_request_that_waited_too_long_while_its_partition_was_restored_is_marked_and_no_other() {
    let rig = Rig::new(1);
    let circumstances =
        Circumstances { recovering_after: Some(Span::from_seconds(5)), ..Circumstances::default() };
    let (mut owner, is_open) = gated_owner(&rig, None, circumstances);
    rig.send(&over(1, "before"));
    wait(&rig, 60);
    is_open.set(false);
    owner.turn(1); // Given, and restoring from now on.
    rig.send(&over(1, "waits-long"));
    wait(&rig, 2);
    rig.send(&over(1, "waits-long-enough"));
    wait(&rig, 1);
    rig.send(&over(1, "waits-shortly"));
    wait(&rig, 5);
    is_open.set(true);
    owner.turn(1);
    rig.send(&over(1, "after"));
    answer(&rig, &mut owner);
    let found: Vec<_> = decisions(&rig)
        .iter()
        .map(|found| (found.authorisation_id.clone(), found.degraded, found.fail_causes.clone()))
        .collect();
    let recovering = vec![FailCause::Recovering as i32];
    let expected = [
        ("before", true, recovering.clone()),
        ("waits-long", true, recovering.clone()),
        ("waits-long-enough", true, recovering),
        ("waits-shortly", false, Vec::new()),
        ("after", false, Vec::new()),
    ];
    assert_eq!(found, expected.map(|(id, is_marked, causes)| (id.to_owned(), is_marked, causes)));
}

/// Decides one request over so many yuan, on fresh windows of a partition with `history`.
fn decided(yuan: i64, history: History, met: impl FnOnce(Met) -> Met) -> proto::Decision {
    let shared = Arc::default();
    let mut engine = engine(&shared);
    let input = Input { partition: PartitionId(0), offset: Offset(0) };
    engine.open_partition(input.partition, history);
    let value = over(yuan, "id").encode_to_vec();
    let mut scratch = Scratch::default();
    let key = KafkaKey::Unchecked;
    let incoming = door().decode(Format::Protobuf, key, Some(&value), &mut scratch);
    let Ok(Incoming::Message { auth, .. }) = incoming else { panic!("a request") };
    let met = met(Met::fresh(input, EventTime::from_unix_millis(BEGINNING).unwrap()));
    let answer = engine.decide(&auth, &met);
    assert!(matches!(answer.kind, AnswerKind::Fresh(Record::Decision(_))));
    let record = proto::Record::decode(answer.value).unwrap();
    crate::support::decision(&record).clone()
}

#[test]
fn from_step_three_of_the_overload_ladder_on_the_policy_stands_in_for_the_rules() {
    for (step, is_stood_in_for) in [(0, false), (2, false), (3, true), (4, true)] {
        let found = decided(1, History::Whole, |met| Met { overload_step: step, ..met });
        assert_eq!(found.synthetic, is_stood_in_for, "{step}");
        assert_eq!(found.overload_step, u32::from(step));
        if is_stood_in_for {
            let declined = (Outcome::Decline, Reason::NotScored);
            assert_eq!(synthetic(&found, FailCause::Overload), declined);
            assert_eq!(found.response_code, "96");
        } else {
            assert_eq!(found.degraded, step > 0);
        }
    }
}

#[test]
fn truncated_windows_are_judged_and_marked_where_the_policy_says_so() {
    let found = decided(1, History::Truncated, |met| met);
    assert!(found.history_truncated && found.degraded && !found.synthetic, "{found:?}");
    assert_eq!(found.fail_causes, [FailCause::HistoryTruncated as i32]);
}

#[test]
fn where_several_causes_hold_the_strictest_answer_goes_and_all_of_them_are_listed() {
    let age = Span::from_seconds(20);
    let found = decided(50, History::Truncated, |met| Met {
        age,
        deadline: Some(met.appended_at.plus(Span::from_seconds(10))),
        overload_step: 3,
        ..met
    });
    // Late approves so little; overload declines it.
    let declined = (Outcome::Decline, Reason::NotScored);
    assert_eq!(synthetic(&found, FailCause::Overload), declined);
    let causes: Vec<_> = found.fail_causes().collect();
    let expected = [FailCause::Late, FailCause::Overload, FailCause::HistoryTruncated];
    assert_eq!(causes, expected);
}
