//! What a fail policy answers, and what makes none.

use crate::domain::{FailCause, FailCauses, Initiator, Outcome, Reason};

use super::super::{CausePolicy, FailAnswer, FailBand, FailPolicy, WithoutCardholder};

const DECLINE: FailAnswer = FailAnswer::Decline { reason: Reason::IssuerUnavailable };
const STEP_UP: FailAnswer = FailAnswer::StepUp {
    merchant_initiated: WithoutCardholder::Decline { reason: Reason::NotScored },
};

/// Late: approve below 100, step up below 200, decline beyond; the others as `others` says.
fn policy(others: FailAnswer) -> FailPolicy {
    let band = |below, answer| FailBand { below, answer };
    let late = CausePolicy {
        bands: vec![
            band(Some(100), FailAnswer::Approve),
            band(Some(200), STEP_UP),
            band(None, DECLINE),
        ],
        without_amount: DECLINE,
    };
    FailPolicy::new(|cause| match cause {
        FailCause::Late => late.clone(),
        FailCause::Overload => CausePolicy::always(FailAnswer::Approve),
        FailCause::StopListStale | FailCause::Recovering | FailCause::HistoryTruncated => {
            CausePolicy::always(others)
        }
    })
    .expect("sound")
}

fn causes(held: &[FailCause]) -> FailCauses {
    held.iter().fold(FailCauses::NONE, |set, cause| set.with_if(*cause, true))
}

#[test]
fn an_amount_gets_the_answer_of_its_band() {
    let policy = policy(FailAnswer::Judge);
    let cases = [
        (Some(0), Initiator::Cardholder, Outcome::Approve, None),
        (Some(99), Initiator::Merchant, Outcome::Approve, None),
        (Some(100), Initiator::Cardholder, Outcome::StepUp, Some(Reason::AuthenticationRequired)),
        (Some(199), Initiator::Merchant, Outcome::Decline, Some(Reason::NotScored)),
        (Some(200), Initiator::Cardholder, Outcome::Decline, Some(Reason::IssuerUnavailable)),
        (Some(i64::MAX), Initiator::Merchant, Outcome::Decline, Some(Reason::IssuerUnavailable)),
        (None, Initiator::Cardholder, Outcome::Decline, Some(Reason::IssuerUnavailable)),
    ];
    for (amount, initiator, outcome, reason) in cases {
        let found = policy.ruling(causes(&[FailCause::Late]), amount, initiator).expect("ruled");
        assert_eq!((found.outcome, found.reason), (outcome, reason), "{amount:?} {initiator:?}");
        assert_eq!(found.cause, FailCause::Late);
    }
}

#[test]
fn the_strictest_answer_goes_and_of_equals_the_first_cause_names_it() {
    use FailCause::{HistoryTruncated, Late, Overload, Recovering, StopListStale};
    let ruled = |others, held: &[FailCause], amount| {
        let ruling = policy(others).ruling(causes(held), Some(amount), Initiator::Cardholder);
        ruling.map(|found| (found.outcome, found.cause))
    };
    let judge = FailAnswer::Judge;
    assert_eq!(ruled(judge, &[], 0), None);
    assert_eq!(ruled(judge, &[StopListStale, Recovering, HistoryTruncated], 0), None);
    assert_eq!(ruled(judge, &[Late, HistoryTruncated], 0), Some((Outcome::Approve, Late)));
    assert_eq!(ruled(DECLINE, &[Late, StopListStale], 0), Some((Outcome::Decline, StopListStale)));
    assert_eq!(ruled(DECLINE, &[Late, Recovering], 500), Some((Outcome::Decline, Late)));
    assert_eq!(ruled(STEP_UP, &[Overload, Recovering], 0), Some((Outcome::StepUp, Recovering)));
    assert_eq!(ruled(judge, &[Late, Overload], 0), Some((Outcome::Approve, Late)));
}

#[test]
fn answers_that_leave_an_amount_out_or_cannot_be_given_make_no_policy() {
    let with_late = |late: CausePolicy| {
        FailPolicy::new(|cause| match cause {
            FailCause::Late => late.clone(),
            FailCause::Overload
            | FailCause::StopListStale
            | FailCause::Recovering
            | FailCause::HistoryTruncated => CausePolicy::always(DECLINE),
        })
    };
    let bands = |ends: &[Option<i64>]| CausePolicy {
        bands: ends.iter().map(|below| FailBand { below: *below, answer: DECLINE }).collect(),
        without_amount: DECLINE,
    };
    let cases = [
        (bands(&[]), "must ascend"),
        (bands(&[Some(100)]), "must ascend"),
        (bands(&[Some(0), None]), "must ascend"),
        (bands(&[Some(100), Some(100), None]), "must ascend"),
        (bands(&[None, Some(100), None]), "must ascend"),
        (bands(&[None, None]), "must ascend"),
        (CausePolicy::always(FailAnswer::Judge), "cannot judge when the cause is late"),
        (
            CausePolicy { without_amount: FailAnswer::Judge, ..bands(&[None]) },
            "cannot judge when the cause is late",
        ),
        (
            CausePolicy::always(FailAnswer::Decline { reason: Reason::LostCard }),
            "declines for `lost_card`",
        ),
    ];
    for (late, expected) in cases {
        let fault = with_late(late).expect_err(expected).to_string();
        assert!(fault.contains(expected), "{fault}, not {expected}");
    }
    with_late(bands(&[Some(1), Some(2), None])).expect("sound");
}
