//! What a take-over, history, an amendment and time leave of the life cycle.

use stopline::domain::Outcome;
use stopline::engine::Journalled;
use stopline::wire::proto::{Authorisation, Noted};

use super::any_order::Desk;
use super::{advice, incremental, noted, notice, partial, request, reversal, seen_on};
use crate::support::{BEGINNING, Rig};

#[test]
fn a_take_over_finds_what_was_taken_back_and_what_waits() {
    let rig = Rig::new(1);
    let dollars = Authorisation { currency: "USD".to_owned(), ..partial("t", "a", 1) };
    for message in [
        request("a"),
        partial("r", "a", 1_200),
        partial("r", "a", 1_200),
        dollars,
        notice("b", "51"),
        advice("c", "00"),
        incremental("i", "c", 700),
        reversal("s", "d"),
    ] {
        rig.send(&message);
    }
    rig.answer_all(&[0]);
    // Another worker begins here: it reads both topics back.
    let seen = seen_on(&rig, &[request("b"), request("d"), partial("r", "a", 1_200)]);
    assert_eq!(seen.answers[1], seen.answers[10], "the stored answer");
    // a less 12.00, b declined by its host, c with what was added; d is taken back.
    assert_eq!((seen.count, seen.sum), (3, 3_800 + 5_000 + 700));
}

#[test]
fn an_answer_too_old_to_be_sent_still_keeps_later_ones_out_at_a_take_over() {
    let (mut live, mut taken_over) = (Desk::new(), Desk::new());
    // The host says another word while the first is remembered, and again when it is not.
    for (code, clock) in [("00", 0), ("51", 500), ("91", 700)] {
        live.decide(&notice("a", code), clock);
        let value: &[u8] = if clock == 0 { b"" } else { b"noted" };
        taken_over.adopt_as(&notice("a", code), clock, Journalled::Noted { value });
    }
    for desk in [&mut live, &mut taken_over] {
        desk.probe("account", 1_200);
    }
    assert_eq!(live.size().recent_answers_count, 2, "the last notice's and the probe's");
    assert_eq!(taken_over.size().recent_answers_count, 2);
}

#[test]
fn an_advice_that_is_refused_moves_no_window() {
    let other = stopline::wire::proto::authorisation::Card::CardToken("another".to_owned());
    let at = |seconds: i64, message: Authorisation| Authorisation {
        authorised_at_millis: BEGINNING + seconds * 1_000,
        ..message
    };
    let refused = at(1_500, Authorisation { card: Some(other), ..advice("a", "00") });
    let (mut live, mut taken_over) = (Desk::new(), Desk::new());
    for desk in [&mut live, &mut taken_over] {
        desk.decide(&request("a"), 0);
    }
    live.decide(&refused, 1_500);
    taken_over.adopt_as(&refused, 1_500, Journalled::LeftNothing);
    let [lived, read_back] = [live, taken_over].map(|mut desk| {
        let (_, evidence) = desk.decide(&at(10, request("b")), 1_501);
        evidence
    });
    assert_eq!(lived, read_back);
    assert_eq!(lived[1], Some(2), "both in the last 20 minutes");
}

#[test]
fn history_takes_its_outcomes_from_notices() {
    let mut desk = Desk::new();
    for message in [request("a"), notice("a", "51"), notice("b", "00"), request("b"), request("c")]
    {
        desk.adopt_as(&message, 0, Journalled::Unanswered);
    }
    let windows = desk.probe("account", 1);
    // Three and the probe; one declined; one known to be approved.
    assert_eq!((windows[0], windows[2], windows[3]), (Some(4), Some(1), Some(5_000)));
}

#[test]
fn an_amendment_and_a_reversal_subtract_once_whichever_comes_first() {
    for is_amended_first in [true, false] {
        let mut desk = Desk::new();
        desk.decide(&request("a"), 0);
        desk.decide(&request("b"), 0);
        if is_amended_first {
            desk.amend_first("account", "a", Outcome::Decline, BEGINNING);
        }
        desk.decide(&reversal("r", "a"), 0);
        if !is_amended_first {
            desk.amend_first("account", "a", Outcome::Decline, BEGINNING);
        }
        let windows = desk.probe("account", 1);
        assert_eq!((windows[0], windows[2], windows[3]), (Some(2), Some(0), Some(5_000)));
    }
}

#[test]
fn an_amendment_does_not_outdo_the_host() {
    let mut desk = Desk::new();
    desk.decide(&request("a"), 0);
    desk.decide(&notice("a", "00"), 0);
    desk.amend_first("account", "a", Outcome::Decline, BEGINNING);
    let windows = desk.probe("account", 1);
    assert_eq!((windows[2], windows[3]), (Some(0), Some(5_000)));
}

#[test]
fn what_waits_for_an_authorisation_that_never_comes_expires_and_is_counted() {
    let mut desk = Desk::new();
    desk.decide(&reversal("r", "never"), 0);
    desk.decide(&notice("never", "00"), 0);
    assert_eq!((desk.size().pending_count, desk.size().pending_expired_count), (2, 0));
    desk.probe("account", 86_401);
    assert_eq!((desk.size().pending_count, desk.size().pending_expired_count), (0, 2));
}

#[test]
fn what_waited_for_another_card_is_let_go_of_and_counted() {
    let rig = Rig::new(1);
    let other = stopline::wire::proto::authorisation::Card::CardToken("another".to_owned());
    let contradicting = Authorisation { card: Some(other), ..reversal("r", "a") };
    let mut desk = Desk::new();
    desk.decide(&contradicting, 0);
    desk.decide(&request("a"), 0);
    assert_eq!((desk.size().pending_count, desk.size().pending_contradicted_count), (0, 1));
    let seen = seen_on(&rig, &[contradicting, request("a")]);
    assert_eq!(noted(&seen.answers[0]), Noted::Pending);
    assert_eq!((seen.count, seen.sum), (1, 5_000));
}
