//! Reversals, full and partial; what is no spend.

use std::time::Duration;

use stopline::wire::proto::{self, Authorisation, ErrorReason, MessageType, Noted};

use super::{
    advice, check, check_any_order, incremental, noted, notice, of, partial, request, reversal,
    seen, seen_on,
};
use crate::support::{AUTHORISATIONS, BEGINNING, Rig, error};

#[test]
fn a_full_reversal_undoes_count_and_amount_at_the_originals_time() {
    check(&[request("a"), reversal("r", "a")], Noted::Applied, (0, 0));
    check(&[request("a"), partial("r", "a", 5_000)], Noted::Applied, (0, 0));
    check(&[request("a"), request("b"), reversal("r", "a")], Noted::Applied, (1, 5_000));
}

#[test]
fn a_partial_reversal_takes_back_the_amount_and_leaves_the_count() {
    check(&[request("a"), partial("r", "a", 1_200)], Noted::Applied, (1, 3_800));
}

#[test]
fn partial_reversals_add_up_to_a_full_one() {
    let messages = [request("a"), partial("r", "a", 1_200), partial("s", "a", 3_800)];
    check(&messages, Noted::Applied, (0, 0));
    check_any_order(&messages, (0, 0));
}

#[test]
fn a_reversal_before_its_original_waits_for_it() {
    check(&[reversal("r", "a")], Noted::Pending, (0, 0));
    check_any_order(&[request("a"), reversal("r", "a")], (0, 0));
    check_any_order(&[request("a"), partial("r", "a", 1_200)], (1, 3_800));
}

#[test]
fn a_reversal_sent_again_takes_back_once_also_when_its_answer_is_forgotten() {
    let again = Authorisation {
        message_type: MessageType::MessageType0421 as i32,
        ..partial("r", "a", 1_200)
    };
    let messages = [request("a"), partial("r", "a", 1_200), again.clone()];
    let at_once = seen(&messages);
    assert_eq!(at_once.answers[1], at_once.answers[2]);
    assert_eq!((at_once.count, at_once.sum), (1, 3_800));

    let rig = Rig::new(1);
    for message in &messages[..2] {
        rig.send(message);
    }
    rig.clock.advance(Duration::from_secs(601));
    let later = seen_on(&rig, &[again]);
    assert_eq!(noted(&later.answers[2]), Noted::NothingToDo);
    assert_eq!(later.sum, 3_800);
}

#[test]
fn more_than_was_authorised_is_taken_back_to_nothing_and_reported() {
    check(&[request("a"), partial("r", "a", 5_001)], Noted::OverReversed, (0, 0));
    let twice = [request("a"), partial("r", "a", 4_000), partial("s", "a", 4_000)];
    check(&twice, Noted::OverReversed, (0, 0));
    check_any_order(&twice, (0, 0));
}

#[test]
fn whether_it_is_too_much_goes_by_what_is_left() {
    let too_much = [request("a"), partial("r", "a", 4_000), partial("s", "a", 4_000)];
    check(&[&too_much[..], &[reversal("t", "a")]].concat(), Noted::Applied, (0, 0));
    let nothing_left = [request("a"), reversal("r", "a"), partial("s", "a", 1)];
    check(&nothing_left, Noted::OverReversed, (0, 0));
}

#[test]
fn a_reversal_in_another_currency_or_of_another_card_is_an_error() {
    let dollars = Authorisation { currency: "USD".to_owned(), ..partial("r", "a", 1_200) };
    let other = Authorisation {
        card: Some(proto::authorisation::Card::CardToken("another".to_owned())),
        ..reversal("r", "a")
    };
    for contradicting in [dollars, other] {
        let seen = seen(&[request("a"), contradicting.clone()]);
        assert_eq!(error(&seen.answers[1]).reason(), ErrorReason::ContradictsOriginal);
        assert_eq!(error(&seen.answers[1]).field, "original_id");
        assert_eq!((seen.count, seen.sum), (1, 5_000));
        check_any_order(&[request("a"), contradicting], (1, 5_000));
    }
}

#[test]
fn a_reversal_on_another_account_is_an_error_while_the_original_is_answered_from_memory() {
    let seen = seen(&[
        request("a"),
        Authorisation { account_reference: "another".to_owned(), card: None, ..reversal("r", "a") },
    ]);
    assert_eq!(error(&seen.answers[1]).reason(), ErrorReason::ContradictsOriginal);
    assert_eq!((seen.count, seen.sum), (1, 5_000));
}

#[test]
fn a_reversal_after_its_original_left_the_windows_has_nothing_to_change() {
    let rig = Rig::new(1);
    rig.send(&request("a"));
    rig.clock.advance(Duration::from_hours(96));
    let late =
        Authorisation { original_authorised_at_millis: Some(BEGINNING), ..reversal("r", "a") };
    let seen = seen_on(&rig, &[request("b"), late]);
    assert_eq!(noted(&seen.answers[2]), Noted::OutsideWindows);
    assert_eq!((seen.count, seen.sum), (1, 5_000));
}

#[test]
fn money_towards_the_cardholder_is_no_spend_and_its_reversal_takes_nothing() {
    let refund = |message| Authorisation {
        processing_code: proto::ProcessingCode::Refund as i32,
        ..message
    };
    check(&[refund(request("a")), refund(reversal("r", "a"))], Noted::NothingToDo, (0, 0));
    check(&[refund(request("a")), reversal("r", "a")], Noted::OutsideWindows, (0, 0));
    check(&[refund(advice("a", "00"))], Noted::NothingToDo, (0, 0));
}

#[test]
fn an_account_check_counts_as_one_authorisation_of_nothing() {
    let checked = Authorisation {
        processing_code: proto::ProcessingCode::AccountCheck as i32,
        ..of(0, request("a"))
    };
    let found = seen(std::slice::from_ref(&checked));
    assert_eq!((found.count, found.sum), (1, 0));
    check(&[checked, reversal("r", "a")], Noted::Applied, (0, 0));
}

#[test]
fn a_reversal_id_used_for_another_original_is_an_error() {
    let seen = seen(&[request("a"), request("b"), reversal("r", "a"), reversal("r", "b")]);
    assert_eq!(error(&seen.answers[3]).reason(), ErrorReason::ConflictingRepeat);
    assert_eq!((seen.count, seen.sum), (1, 5_000));
}

#[test]
fn the_same_history_in_json_has_the_same_answers() {
    let messages = [
        reversal("r", "a"),
        request("a"),
        incremental("i", "a", 700),
        notice("b", "51"),
        request("b"),
        advice("c", "00"),
        partial("s", "c", 1_000),
        Authorisation { currency: "USD".to_owned(), ..partial("t", "c", 1) },
    ];
    let (binary, text) = (Rig::new(1), Rig::new(1));
    for message in &messages {
        binary.send(message);
        let value = serde_json::to_vec(message).unwrap();
        let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
        text.broker.produce_keyed(AUTHORISATIONS, b"account", Some(&value), &headers).unwrap();
    }
    binary.answer_all(&[0]);
    text.answer_all(&[0]);
    let of_text: Vec<proto::Record> = text
        .decisions()
        .iter()
        .map(|record| serde_json::from_slice(record.value.as_ref().unwrap()).unwrap())
        .collect();
    assert_eq!(binary.answers(), of_text);
    let states: Vec<_> = binary.answers()[5..7].iter().map(noted).collect();
    assert_eq!(states, [Noted::Applied, Noted::Applied]);
}
