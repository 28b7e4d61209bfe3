//! Messages that come again, and messages of other classes under the same id.

use std::time::Duration;

use stopline::wire::proto::{Authorisation, MessageType, Noted, Outcome};

use super::{advice, incremental, noted, notice, of, partial, request, reversal, seen, seen_on};
use crate::support::{BEGINNING, Rig, decision};

fn typed(message_type: MessageType, message: Authorisation) -> Authorisation {
    Authorisation { message_type: message_type as i32, ..message }
}

#[test]
fn a_message_is_known_by_its_class_and_id_so_a_notice_is_not_answered_with_the_decision() {
    let all =
        [request("a"), notice("a", "51"), advice("a", "51"), request("o"), reversal("a", "o")];
    let seen = seen(&all);
    let found: Vec<_> = [1, 2, 4].map(|place| noted(&seen.answers[place])).into();
    // The advice tells nothing that the notice did not; the reversal has an id of its own
    // class, though it is the same text.
    assert_eq!(found, [Noted::Applied, Noted::NothingToDo, Noted::Applied]);
    // What the host declined is still an attempt.
    assert_eq!((seen.count, seen.sum, seen.notes.tally.repeated), (1, 0, 0));
}

#[test]
fn a_repeat_of_any_class_gets_the_stored_answer_and_is_noted_once() {
    use MessageType as Type;
    let two_hundred = |message| typed(Type::MessageType0200, message);
    for (first, again, counts) in [
        (request("a"), Type::MessageType0101, (1, 5_000)),
        (two_hundred(request("a")), Type::MessageType0201, (1, 5_000)),
        (advice("a", "00"), Type::MessageType0121, (1, 5_000)),
        (typed(Type::MessageType0220, advice("a", "00")), Type::MessageType0221, (1, 5_000)),
        (typed(Type::MessageType0400, partial("r", "o", 100)), Type::MessageType0401, (1, 4_900)),
        (partial("r", "o", 100), Type::MessageType0421, (1, 4_900)),
    ] {
        let is_reversal = first.authorisation_id == "r";
        let before = is_reversal.then(|| request("o"));
        let repeat = typed(again, first.clone());
        let messages: Vec<_> = before.into_iter().chain([first, repeat.clone(), repeat]).collect();
        let seen = seen(&messages);
        let (_, repeats) = seen.answers.split_at(seen.answers.len() - 3);
        assert!(repeats.iter().all(|answer| *answer == repeats[0]), "{again:?}");
        assert_eq!((seen.count, seen.sum), counts, "{again:?}");
        assert_eq!(seen.notes.tally.repeated, 2, "{again:?}");
    }
}

#[test]
fn a_repeat_of_a_message_that_never_came_is_taken_as_the_message_itself() {
    let seen = seen(&[typed(MessageType::MessageType0101, request("a"))]);
    assert!(decision(&seen.answers[0]).judged_again, "flagged: the first may be elsewhere");
    assert_eq!((seen.count, seen.sum), (1, 5_000));
}

#[test]
fn an_incremental_is_scored_like_any_request() {
    // 10 000.00 CNY within the hour are too much, whoever asks.
    let seen = seen(&[request("a"), incremental("i", "a", 999_000)]);
    assert_eq!(decision(&seen.answers[1]).outcome(), Outcome::Decline);
    assert_eq!((seen.count, seen.sum), (1, 5_000), "and what was declined is no spend");
}

#[test]
fn a_time_too_far_back_is_clipped_and_the_original_is_kept_in_the_record() {
    let rig = Rig::new(1);
    rig.clock.advance(Duration::from_hours(2));
    // Two hours old, where ten minutes are allowed: it counts as ten minutes old.
    let seen = seen_on(&rig, &[request("late"), advice("told", "00")]);
    let late = decision(&seen.answers[0]);
    assert_eq!(late.authorised_at_millis, BEGINNING);
    assert_eq!(late.event_at_millis, BEGINNING + 7_200_000 - 600_000);
    // An advice may be days late: it counts at its own time, which is in no window here.
    assert_eq!(noted(&seen.answers[1]), Noted::OutsideWindows);
    assert_eq!(seen.sum, 5_000);
}

#[test]
fn a_time_ahead_of_the_brokers_is_clipped_to_it() {
    let fast = Authorisation { authorised_at_millis: BEGINNING + 120_000, ..request("ahead") };
    let seen = seen(&[fast, request("now")]);
    let ahead = decision(&seen.answers[0]);
    assert_eq!(ahead.authorised_at_millis, BEGINNING + 120_000);
    assert_eq!(ahead.event_at_millis, BEGINNING);
    assert_eq!((seen.count, seen.sum), (2, 10_000));
}

#[test]
fn a_late_request_sees_the_windows_of_the_newest_and_is_stored_at_its_own_time() {
    let rig = Rig::new(1);
    rig.clock.advance(Duration::from_mins(9));
    let now = |message| Authorisation { authorised_at_millis: BEGINNING + 540_000, ..message };
    let seen = seen_on(&rig, &[now(request("newest")), of(700, request("late"))]);
    // The late one sees the newest, and itself; nobody sees a window turned back.
    assert_eq!(decision(&seen.answers[1]).event_at_millis, BEGINNING);
    assert_eq!((seen.count, seen.sum), (2, 5_700));
    rig.clock.advance(Duration::from_mins(1));
    let probe = Authorisation { authorised_at_millis: BEGINNING + 600_000, ..request("probe-2") };
    rig.send(&of(1, probe));
    rig.answer_all(&[0]);
    // Ten minutes after its own time it leaves: the newest and the first probe are left.
    let answers = rig.answers();
    let (count, _) = super::windows(answers.last().expect("the second probe's"));
    assert_eq!(count, 1, "the first probe was of the beginning, too, and leaves with it");
}
