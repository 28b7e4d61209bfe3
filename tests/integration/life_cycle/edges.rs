//! The edges of windows and of what waits: what is left when one of two has gone.

use std::time::Duration;

use stopline::wire::proto::{Authorisation, Noted};

use super::any_order::Desk;
use super::{
    check_any_order, incremental, noted, of, partial, request, reversal, seen, seen_on, windows,
};
use crate::support::{BEGINNING, Rig, decision};

/// `message` of so many seconds after the beginning.
fn at(seconds: i64, message: Authorisation) -> Authorisation {
    Authorisation { authorised_at_millis: BEGINNING + seconds * 1_000, ..message }
}

/// What the windows hold at the end of `timed`, messages each sent at their own second, and
/// the answers.
fn told(
    timed: &[(u64, Authorisation)],
    end: u64,
) -> (Vec<stopline::wire::proto::Record>, i64, i64) {
    let rig = Rig::new(1);
    let mut now = 0;
    for (second, message) in timed {
        rig.clock.advance(Duration::from_secs(second - now));
        now = *second;
        rig.send(message);
    }
    rig.clock.advance(Duration::from_secs(end - now));
    rig.send(&at(i64::try_from(end).expect("few"), of(1, request("probe"))));
    rig.answer_all(&[0]);
    let mut answers = rig.answers();
    let (count, sum) = windows(&answers.pop().expect("the probe's"));
    (answers, count, sum)
}

#[test]
fn an_authorisation_is_in_a_window_until_it_is_exactly_as_old_as_that() {
    let asked = [(0, at(0, request("a")))];
    assert_eq!(told(&asked, 599).1, 1);
    assert_eq!(told(&asked, 600).1, 0, "ten minutes old");
    assert_eq!(told(&asked, 3_599).2, 5_000);
    assert_eq!(told(&asked, 3_600).2, 0, "an hour old");
}

#[test]
fn an_incremental_stays_one_when_its_original_has_left_every_window() {
    let asked = [
        (0, at(0, request("a"))),
        (60, at(60, incremental("i", "a", 700))),
        (3_601, at(3_601, request("b"))),
    ];
    assert_eq!(told(&asked, 3_610).2, 700 + 5_000);
    // Taken back whole by the id of the original, which is gone.
    let mut undone = asked.to_vec();
    undone.push((3_605, reversal("r", "a")));
    let (answers, _, sum) = told(&undone, 3_610);
    assert_eq!((noted(&answers[3]), sum), (Noted::Applied, 5_000));
}

#[test]
fn what_was_taken_back_of_an_original_that_left_is_not_taken_from_its_incremental() {
    let asked = [
        (0, at(0, request("a"))),
        (60, at(60, incremental("i", "a", 700))),
        (61, partial("r", "a", 4_000)),
        (3_601, at(3_601, request("b"))),
    ];
    assert_eq!(told(&asked, 3_610).2, 700 + 5_000);
    // 1 000 more are still of the original; 300 beyond that are of the incremental.
    let mut more = asked.to_vec();
    more.push((3_605, partial("s", "a", 1_300)));
    let (answers, _, sum) = told(&more, 3_610);
    assert_eq!((noted(&answers[4]), sum), (Noted::Applied, 400 + 5_000));
}

#[test]
fn what_was_taken_back_of_an_incremental_that_left_is_not_taken_from_the_next() {
    let asked = [
        (0, at(0, request("a"))),
        (10, at(10, incremental("i", "a", 700))),
        (60, at(60, incremental("j", "a", 900))),
        (61, partial("r", "a", 5_600)),
        (3_611, at(3_611, request("b"))),
    ];
    // 600 of i were taken, and i is gone as is a; j is whole.
    assert_eq!(told(&asked, 3_620).2, 900 + 5_000);
    let mut more = asked.to_vec();
    more.push((3_615, partial("s", "a", 400)));
    assert_eq!(told(&more, 3_620).2, 900 + 5_000 - 300, "100 were left of i");
}

#[test]
fn a_chain_is_forgotten_with_the_last_of_it() {
    let asked = [
        (0, at(0, request("a"))),
        (10, at(10, incremental("i", "a", 700))),
        (3_611, at(3_611, request("b"))),
        (3_612, reversal("r", "a")),
    ];
    let (answers, _, sum) = told(&asked, 3_620);
    // Nothing of it is known any more: it waits in vain.
    assert_eq!((noted(&answers[3]), sum), (Noted::Pending, 5_000));
}

#[test]
fn a_reversal_after_its_original_left_waits_in_vain_where_it_does_not_say_when_that_was() {
    let asked =
        [(0, at(0, request("a"))), (3_700, at(3_700, request("b"))), (3_701, reversal("r", "a"))];
    let (answers, _, sum) = told(&asked, 3_702);
    assert_eq!((noted(&answers[2]), sum), (Noted::Pending, 5_000));

    let mut desk = Desk::new();
    desk.decide(&reversal("r", "gone"), 0);
    desk.probe("account", 86_401);
    assert_eq!((desk.size().pending_count, desk.size().pending_expired_count), (0, 1));
}

#[test]
fn a_reversal_on_another_account_whose_original_left_the_answers_waits_and_harms_nobody() {
    let rig = Rig::new(1);
    rig.send(&request("a"));
    rig.clock.advance(Duration::from_secs(601));
    let other =
        Authorisation { account_reference: "another".to_owned(), card: None, ..reversal("r", "a") };
    let seen = seen_on(&rig, std::slice::from_ref(&other));
    // Its answer is forgotten: nothing tells that the original is another account's.
    assert_eq!(noted(&seen.answers[1]), Noted::Pending);
    assert_eq!(seen.sum, 5_000);

    let mut desk = Desk::new();
    desk.decide(&request("a"), 0);
    desk.probe("account", 601);
    desk.decide(&other, 601);
    assert_eq!(desk.size().pending_count, 1);
    assert_eq!(desk.probe("another", 700)[0], Some(1), "the probe alone");
    desk.probe("account", 601 + 86_401);
    assert_eq!((desk.size().pending_count, desk.size().pending_expired_count), (0, 1));
}

#[test]
fn an_incremental_of_an_incremental_adds_to_the_chain_of_that_one_in_any_order() {
    let chain = [request("a"), incremental("i", "a", 700), incremental("j", "i", 900)];
    check_any_order(&chain, (1, 6_600));
    let with = |message: Authorisation| [&chain[..], &[message]].concat();
    check_any_order(&with(reversal("r", "a")), (0, 0));
    // The original first, then the incrementals by their time; here of one time.
    check_any_order(&with(partial("r", "a", 5_000)), (1, 1_600));
    check_any_order(&with(partial("r", "a", 6_600)), (0, 0));
    // That one back alone: what adds to it adds to the original all the same.
    check_any_order(&with(reversal("r", "i")), (1, 5_900));
    check_any_order(&with(reversal("r", "j")), (1, 5_700));
    check_any_order(&[incremental("i", "a", 700), incremental("j", "i", 900)], (2, 1_600));
    let longer = [
        request("a"),
        incremental("i", "a", 700),
        incremental("j", "i", 900),
        incremental("k", "j", 100),
        reversal("r", "a"),
    ];
    check_any_order(&longer, (0, 0));
}

#[test]
fn an_incremental_of_an_incremental_says_whether_its_original_is_known() {
    let seen = seen(&[request("a"), incremental("i", "a", 700), incremental("j", "i", 900)]);
    assert!(!decision(&seen.answers[2]).original_unknown);
    let orphans = super::seen(&[incremental("i", "a", 700), incremental("j", "i", 900)]);
    assert!(decision(&orphans.answers[1]).original_unknown);
}

#[test]
fn incrementals_that_name_each_other_are_two_requests_and_harm_nothing() {
    let seen = seen(&[incremental("i", "j", 700), incremental("j", "i", 900), request("a")]);
    assert_eq!(seen.answers.len(), 3);
    assert_eq!(seen.sum, 6_600);
}

#[test]
fn more_than_may_wait_lets_the_longest_waiting_go_and_counts_it() {
    let mut desk = Desk::new();
    let count = stopline::engine::PENDING_COUNT_MAX;
    for number in 0..=count {
        desk.decide(&reversal(&format!("r{number}"), &format!("never-{number}")), 0);
    }
    let size = desk.size();
    assert_eq!((size.pending_count, size.pending_overflowed_count), (count, 1));
    // The first let go: its original, when it comes, counts.
    desk.decide(&request("never-0"), 0);
    desk.decide(&request("never-1"), 0);
    let found = desk.probe("account", 1);
    assert_eq!(found[3], Some(5_000));
}
