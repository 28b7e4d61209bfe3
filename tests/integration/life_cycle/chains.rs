//! Incrementals and what is taken back of them.

use stopline::wire::proto::Authorisation;

use super::{check_any_order, incremental, partial, request, reversal, seen};
use crate::support::decision;

#[test]
fn an_incremental_adds_its_amount_and_is_not_counted() {
    let messages = [request("a"), incremental("i", "a", 700)];
    let seen = seen(&messages);
    assert!(!decision(&seen.answers[1]).original_unknown);
    assert_eq!((seen.count, seen.sum), (1, 5_700));
}

#[test]
fn an_incremental_whose_original_is_unknown_counts_as_its_own_and_says_so() {
    let seen = seen(&[incremental("i", "never", 700)]);
    assert!(decision(&seen.answers[0]).original_unknown);
    assert_eq!((seen.count, seen.sum), (1, 700));
}

#[test]
fn an_incremental_before_its_original_ends_up_as_one_behind_it() {
    check_any_order(&[request("a"), incremental("i", "a", 700)], (1, 5_700));
}

#[test]
fn a_full_reversal_of_the_original_closes_the_chain_in_whatever_order() {
    let all = [request("a"), incremental("i", "a", 700), reversal("r", "a")];
    check_any_order(&all, (0, 0));
    let by_amount = [request("a"), incremental("i", "a", 700), partial("r", "a", 5_700)];
    check_any_order(&by_amount, (0, 0));
}

#[test]
fn a_partial_reversal_takes_from_the_original_first_then_from_the_incrementals() {
    let less = [request("a"), incremental("i", "a", 700), partial("r", "a", 4_000)];
    check_any_order(&less, (1, 1_700));
    let more = [request("a"), incremental("i", "a", 700), partial("r", "a", 5_200)];
    check_any_order(&more, (1, 500));
}

#[test]
fn a_reversal_that_names_an_incremental_takes_that_one_back_alone() {
    let messages = [request("a"), incremental("i", "a", 700), reversal("r", "i")];
    check_any_order(&messages, (1, 5_000));
}

#[test]
fn an_incremental_in_another_currency_is_an_authorisation_of_its_own() {
    let dollars = Authorisation { currency: "USD".to_owned(), ..incremental("i", "a", 700) };
    check_any_order(&[request("a"), dollars], (2, 5_000));
}
