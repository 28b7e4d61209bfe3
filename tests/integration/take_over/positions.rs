//! J7 and J8: where answering begins, how far back is read, and what returns.

use std::time::Duration;

use stopline::config::{FirstStart, StartAt};
use stopline::domain::{EventTime, Offset, PartitionId};
use stopline::service::journal::RestoreFault;
use stopline::service::log::{CommitWait, Log as _};
use stopline::service::{WorkerEnd, WorkerSettings};

use super::{
    STRICT, USUAL, answer_to, answered_by, committed, give, make, owner, probe, revoke, seen, send,
    settle, tally,
};
use crate::support::faulty_log::given;
use crate::support::owner::{Owner, patient_settings};
use crate::support::{AUTHORISATIONS, BEGINNING, DECISIONS, GROUP, Rig};

fn starting(rig: &Rig, writer: &str, first_start: Option<FirstStart>) -> Owner {
    let settings = WorkerSettings { first_start, ..patient_settings() };
    let owner = make(rig, writer, USUAL, settings).owner;
    give(&owner);
    owner
}

fn from(history_from: StartAt, answer_from: StartAt) -> FirstStart {
    FirstStart { history_from, answer_from }
}

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

/// Inputs 0 to 3, a minute apart, the first at once.
fn four_inputs() -> Rig {
    let rig = Rig::new(1);
    for number in 0..4 {
        send(&rig, number..number + 1);
        rig.clock.advance(minutes(1));
    }
    rig
}

#[test]
fn j7_a_first_start_begins_where_it_is_told() {
    let at = |minute: i64| {
        StartAt::At(EventTime::from_unix_millis(BEGINNING + minute * 60_000).unwrap())
    };
    let (beginning, end) = (StartAt::Beginning, StartAt::End);
    // From where history and answers are taken, the first input answered, how many it counts.
    let cases = [
        (beginning, beginning, 0, 1),
        (beginning, at(2), 2, 3),
        (at(1), at(2), 2, 2),
        (at(3), at(2), 2, 1),
        (beginning, end, 4, 5),
        (end, end, 4, 1),
        (at(1), at(99), 4, 4),
    ];
    for (history_from, answer_from, first, count) in cases {
        let rig = four_inputs();
        let mut only = starting(&rig, "only/1", Some(from(history_from, answer_from)));
        only.turn(3);
        send(&rig, 4..5);
        settle(&rig, &mut only);
        let case = (history_from, answer_from);
        assert_eq!(answered_by(&rig, "only/1"), (first..5).collect::<Vec<_>>(), "{case:?}");
        let (found, sum) = seen(&answer_to(&rig, first));
        assert_eq!((found, sum), (count, 0), "nobody said what became of history: {case:?}");
    }
}

#[test]
fn j7_a_second_start_goes_on_whatever_the_settings_say_of_the_first() {
    let rig = four_inputs();
    let mut first = starting(&rig, "first/1", Some(from(StartAt::Beginning, StartAt::End)));
    first.turn(3);
    drop(first);
    // It crashed before its first answer; these came meanwhile.
    send(&rig, 4..6);
    let mut second = starting(&rig, "second/1", None);
    settle(&rig, &mut second);
    tally(&rig, &mut second);
    assert_eq!(second.notes.borrow().tally.unanswered, 4, "those before the first start");
    drop(second);
    send(&rig, 6..8);
    settle(&rig, &mut starting(&rig, "third/1", Some(from(StartAt::Beginning, StartAt::End))));
    assert_eq!(answered_by(&rig, "second/1"), [4, 5]);
    assert_eq!(answered_by(&rig, "third/1"), [6, 7]);
}

#[test]
fn j7_a_first_start_on_empty_topics_is_read_again_while_nothing_was_answered() {
    let time = |minute: i64| {
        StartAt::At(EventTime::from_unix_millis(BEGINNING + minute * 60_000).unwrap())
    };
    let (beginning, end) = (StartAt::Beginning, StartAt::End);
    // What the second start says, and the first input that it answers.
    for (answer_from, first) in [(time(2), 2), (beginning, 0), (end, 0)] {
        let rig = Rig::new(1);
        let mut smoke = starting(&rig, "smoke/1", Some(from(beginning, end)));
        smoke.turn(3);
        drop(smoke);
        assert_eq!(committed(&rig), Some(Offset(0)));
        for number in 0..4 {
            send(&rig, number..number + 1);
            rig.clock.advance(minutes(1));
        }
        let mut second = starting(&rig, "second/1", Some(from(beginning, answer_from)));
        settle(&rig, &mut second);
        drop(second);
        assert_eq!(answered_by(&rig, "second/1"), (first..4).collect::<Vec<_>>());
        // From then on it is not read any more.
        send(&rig, 4..5);
        settle(&rig, &mut starting(&rig, "third/1", Some(from(beginning, time(99)))));
        assert_eq!(answered_by(&rig, "third/1"), [4]);
    }
}

#[test]
fn j7_nothing_is_answered_before_the_first_position_is_committed() {
    let rig = four_inputs();
    let mut only = starting(&rig, "only/1", Some(from(StartAt::Beginning, StartAt::Beginning)));
    only.script.borrow_mut().refuses_commits = true;
    for _ in 0..10 {
        only.turn(1);
        rig.clock.advance(Duration::from_secs(1));
    }
    assert_eq!((committed(&rig), rig.ends(DECISIONS)), (None, vec![Offset(0)]));
    only.script.borrow_mut().refuses_commits = false;
    settle(&rig, &mut only);
    assert_eq!(only.script.borrow().committed[0], (PartitionId(0), Offset(0)));
    assert_eq!(answered_by(&rig, "only/1"), [0, 1, 2, 3]);
}

#[test]
fn j7_answers_without_a_position_stop_the_worker() {
    let rig = four_inputs();
    let first_start = Some(from(StartAt::Beginning, StartAt::Beginning));
    let mut first = starting(&rig, "first/1", first_start);
    first.turn(3);
    let records = rig.decisions();
    let other = Rig::new(1);
    send(&other, 0..4);
    for record in &records {
        other.write(record);
    }
    let ended = starting(&other, "second/1", first_start).end();
    let expected = RestoreFault::NoPosition { partition: PartitionId(0), journal_end: Offset(4) };
    assert_eq!(ended, WorkerEnd::NotRestored(expected));
    assert!(ended.to_string().contains("up to offset 4"), "{ended}");
    assert_eq!(other.ends(DECISIONS), [Offset(4)]);
}

#[test]
fn j7_a_first_start_that_nobody_described_stops_the_worker() {
    let ended = starting(&four_inputs(), "only/1", None).end();
    let expected = RestoreFault::NoFirstStart { partition: PartitionId(0) };
    assert_eq!(ended, WorkerEnd::NotRestored(expected));
}

#[test]
fn j8_what_is_older_than_the_horizon_is_not_read() {
    let rig = four_inputs();
    settle(&rig, &mut owner(&rig, "first/1", USUAL));
    // The longest window, an hour, and an advice's lateness, three days, back from the last
    // one committed.
    rig.clock.advance(minutes(30));
    send(&rig, 4..5);
    rig.clock.advance(minutes(3 * 24 * 60 + 59));
    send(&rig, 5..6);
    settle(&rig, &mut owner(&rig, "second/1", USUAL));
    let mut made = make(&rig, "third/1", USUAL, patient_settings());
    give(&made.owner);
    made.owner.turn(2);
    // Once to ask for the last one's time, once to read back.
    assert_eq!(made.watch.borrow().inputs_from, [Offset(5), Offset(4)]);
    assert_eq!(probe(&rig, &mut made.owner), (2, 5_000));
    let answer = answer_to(&rig, 6).decision.unwrap();
    assert!(!answer.history_truncated, "what is not read counts in no window");
}

#[test]
fn j8_a_position_outside_of_the_log_is_named() {
    let rig = four_inputs();
    let partition = PartitionId(0);
    let mut log = rig.broker.worker_log(GROUP, AUTHORISATIONS, DECISIONS, &[partition]).unwrap();
    log.commit(&[(partition, Offset(99))], CommitWait::UntilDone).unwrap();
    drop(log);
    let ended = owner(&rig, "only/1", USUAL).end();
    assert!(matches!(ended, WorkerEnd::NotRestored(RestoreFault::PositionGone { .. })));
    let what = ended.to_string();
    assert!(what.contains("99") && what.contains("0 to 4"), "{what}");
}

#[test]
fn j8_state_left_behind_is_taken_up_where_it_stood() {
    let rig = four_inputs();
    let mut made = make(&rig, "first/1", USUAL, patient_settings());
    give(&made.owner);
    settle(&rig, &mut made.owner);
    revoke(&rig, &mut made.owner);
    // Somebody else declines two meanwhile.
    let mut between = owner(&rig, "between/1", STRICT);
    send(&rig, 4..6);
    settle(&rig, &mut between);
    revoke(&rig, &mut between);
    made.owner.script.borrow_mut().changes.push_back(given(&[0]));
    made.watch.borrow_mut().inputs_from.clear();
    assert_eq!(probe(&rig, &mut made.owner), (7, 15_000));
    assert_eq!(made.watch.borrow().inputs_from, [Offset(4)], "it knows what came before");
    assert_eq!(tally(&rig, &mut made.owner), (0, 0, 0, 0));
    revoke(&rig, &mut made.owner);
    // After five minutes it is forgotten, and all is read back.
    rig.clock.advance(minutes(6));
    made.owner.turn(1);
    made.owner.script.borrow_mut().changes.push_back(given(&[0]));
    made.watch.borrow_mut().inputs_from.clear();
    assert_eq!(probe(&rig, &mut made.owner).1, 15_000);
    assert_eq!(made.watch.borrow().inputs_from.last(), Some(&Offset(0)));
}

#[test]
fn j10_what_left_no_event_leaves_none_after_a_take_over_either() {
    let rig = Rig::new(1);
    send(&rig, 0..1);
    let mut live = owner(&rig, "live/1", USUAL);
    settle(&rig, &mut live);
    // Its answer is forgotten, its event is not: it is judged again and counted once.
    rig.clock.advance(minutes(50));
    send(&rig, 0..1);
    settle(&rig, &mut live);
    let again = answer_to(&rig, 1).decision.unwrap();
    assert!(again.judged_again && again.counted_before);
    // The first lies behind the horizon now, the second inside the hour.
    rig.clock.advance(minutes(25));
    assert_eq!(probe(&rig, &mut live), (1, 0));
    drop(live);
    assert_eq!(probe(&rig, &mut owner(&rig, "next/1", USUAL)), (2, 5_000), "the probe alone");
}
