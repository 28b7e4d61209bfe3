//! Outcome notices and advices.

use std::time::Duration;

use stopline::wire::proto::{self, Authorisation, ErrorReason, Noted, Outcome};

use super::{advice, check, check_any_order, noted, notice, of, request, seen, seen_on, windows};
use crate::support::{BEGINNING, Rig, decision, error};

#[test]
fn a_host_that_declines_what_we_approved_makes_it_no_spend() {
    check(&[request("a"), notice("a", "51")], Noted::Applied, (1, 0));
}

#[test]
fn a_host_that_agrees_changes_no_window() {
    check(&[request("a"), notice("a", "00")], Noted::Applied, (1, 5_000));
}

#[test]
fn a_technical_failure_at_the_host_is_no_evidence() {
    for code in ["06", "68", "91", "96"] {
        check(&[request("a"), notice("a", code)], Noted::Applied, (0, 0));
    }
}

#[test]
fn a_host_that_approves_after_a_failure_approved_whichever_is_told_first() {
    check_any_order(&[request("a"), notice("a", "91"), notice("a", "00")], (1, 5_000));
}

#[test]
fn a_host_that_asks_for_authentication_makes_it_neither_spend_nor_decline() {
    check(&[request("a"), notice("a", "1A")], Noted::Applied, (1, 0));
}

#[test]
fn an_outcome_that_is_told_before_its_request_waits_for_it() {
    check(&[notice("a", "51")], Noted::Pending, (0, 0));
    check_any_order(&[request("a"), notice("a", "51")], (1, 0));
}

#[test]
fn an_outcome_told_twice_is_noted_once() {
    let seen = seen(&[request("a"), notice("a", "51"), notice("a", "51")]);
    assert_eq!(seen.answers[1], seen.answers[2]);
    assert_eq!(seen.notes.tally.repeated, 1);
    assert_eq!((seen.count, seen.sum), (1, 0));
}

#[test]
fn the_binding_answer_never_changes_whatever_the_host_says() {
    let seen = seen(&[request("a"), notice("a", "51"), request("a")]);
    assert_eq!(seen.answers[0], seen.answers[2]);
    assert_eq!(decision(&seen.answers[2]).outcome(), Outcome::Approve);
}

#[test]
fn an_outcome_of_another_card_is_an_error_and_changes_nothing() {
    let other = proto::authorisation::Card::CardToken("another".to_owned());
    let seen = seen(&[request("a"), Authorisation { card: Some(other), ..notice("a", "51") }]);
    assert_eq!(error(&seen.answers[1]).reason(), ErrorReason::ContradictsOriginal);
    assert_eq!((seen.count, seen.sum), (1, 5_000));
}

#[test]
fn an_advice_without_a_request_is_an_authorisation_of_its_own() {
    check(&[advice("a", "00")], Noted::Applied, (1, 5_000));
    check(&[advice("a", "05")], Noted::Applied, (1, 0));
    check(&[advice("a", "91")], Noted::Applied, (0, 0));
}

#[test]
fn an_advice_counts_at_its_own_time_days_ago() {
    let rig = Rig::new(1);
    rig.clock.advance(Duration::from_mins(20));
    let seen = seen_on(&rig, &[request("now"), advice("a", "00")]);
    // 20 minutes ago: in the hour of the sum, not in the ten minutes of the count. A request
    // that late would count as ten minutes old.
    assert_eq!(noted(&seen.answers[1]), Noted::Applied);
    assert_eq!(seen.sum, 10_000);
}

#[test]
fn an_advice_older_than_every_window_counts_nowhere() {
    let rig = Rig::new(1);
    rig.clock.advance(Duration::from_hours(2));
    let now = |message| Authorisation { authorised_at_millis: BEGINNING + 7_200_000, ..message };
    let seen = seen_on(&rig, &[now(request("now")), advice("a", "00")]);
    assert_eq!(noted(&seen.answers[1]), Noted::OutsideWindows);
    assert_eq!(seen.sum, 5_000);
}

#[test]
fn an_advice_and_its_request_are_one_authorisation_whichever_comes_first() {
    check_any_order(&[request("a"), advice("a", "05")], (1, 0));
    check_any_order(&[of(9_000, request("a")), advice("a", "00")], (1, 9_000));
    let seen = seen(&[advice("a", "00"), request("a")]);
    assert!(!decision(&seen.answers[1]).judged_again);
    assert_eq!(decision(&seen.answers[1]).evidence, [3, 1], "it does not see itself");
}

#[test]
fn an_advice_that_contradicts_does_not_even_move_the_windows() {
    let minutes = |count: i64, message| Authorisation {
        authorised_at_millis: BEGINNING + count * 60_000,
        ..message
    };
    let rig = Rig::new(1);
    rig.send(&request("a"));
    rig.clock.advance(Duration::from_mins(11));
    let dollars = Authorisation { currency: "USD".to_owned(), ..advice("a", "51") };
    rig.send(&minutes(11, dollars));
    // Late: at its own time the first one is still within ten minutes.
    rig.send(&minutes(9, request("b")));
    rig.answer_all(&[0]);
    let answers = rig.answers();
    assert_eq!(error(&answers[1]).reason(), ErrorReason::ContradictsOriginal);
    assert_eq!(windows(&answers[2]).0 + 1, 2);
}

#[test]
fn an_advice_on_another_account_is_an_error_while_the_request_is_answered_from_memory() {
    let other = |message| Authorisation { account_reference: "another".to_owned(), ..message };
    let rig = Rig::new(1);
    let seen = seen_on(&rig, &[request("a"), other(advice("a", "00")), other(request("b"))]);
    assert_eq!(error(&seen.answers[1]).reason(), ErrorReason::ContradictsOriginal);
    assert_eq!(windows(&seen.answers[2]).0, 0, "nothing counts there");
    assert_eq!((seen.count, seen.sum), (1, 5_000));
}

#[test]
fn a_request_is_not_decided_by_an_advice_in_another_currency_whichever_comes_first() {
    let dollars = Authorisation { currency: "USD".to_owned(), ..advice("a", "51") };
    check_any_order(&[request("a"), dollars], (1, 5_000));
}

#[test]
fn what_is_told_late_is_noted_by_time_however_many_accounts_there_are() {
    for (hours, expected) in [(72, Noted::Applied), (74, Noted::Pending)] {
        let rig = Rig::new(1);
        rig.send(&request("a"));
        rig.clock.advance(Duration::from_hours(hours));
        for number in 0..8 {
            rig.send(&Authorisation {
                account_reference: format!("another-{number}"),
                authorised_at_millis: BEGINNING + i64::try_from(hours).expect("few") * 3_600_000,
                ..request(&format!("id-{number}"))
            });
        }
        let seen = seen_on(&rig, &[notice("a", "51")]);
        assert_eq!(noted(&seen.answers[9]), expected, "after {hours} h");
    }
}
