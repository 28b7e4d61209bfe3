//! What a stop order says and what is then declined: from the topic to the record.

use stopline::wire::proto::{Authorisation, Outcome, Reason, Scheme, StopCause, StopOrder};

use crate::support::{Rig, decision, loss_order, purchase};

/// An order of `cause` on the account of the purchases below.
fn order(cause: StopCause) -> StopOrder {
    StopOrder { cause: cause.into(), ..loss_order("order-1", "account") }
}

/// What is answered to a Visa purchase, changed by `change`, where `order` stands.
fn answer(order: &StopOrder, change: fn(&mut Authorisation)) -> (Outcome, Reason, String) {
    let rig = Rig::new(1);
    rig.publish(order);
    let mut request =
        Authorisation { scheme: Scheme::Visa.into(), ..purchase("request", "account") };
    change(&mut request);
    rig.send(&request);
    rig.answer_all(&[0]);
    let answers = rig.answers();
    let found = decision(&answers[0]);
    (found.outcome(), found.reason(), found.response_code.clone())
}

const APPROVED: (Outcome, Reason, &str) = (Outcome::Approve, Reason::Unspecified, "00");

fn check(order: &StopOrder, change: fn(&mut Authorisation), expected: (Outcome, Reason, &str)) {
    let (outcome, reason, code) = answer(order, change);
    assert_eq!((outcome, reason, code.as_str()), expected, "{order:?}");
}

#[test]
fn an_order_on_a_merchant_holds_through_any_acquirer_unless_it_names_one() {
    let any = StopOrder {
        scope: 2,
        merchant_id: Some("merchant-1".into()),
        ..order(StopCause::RevokeAuthorisation)
    };
    let one = StopOrder { acquirer_id: Some("acq-1".into()), ..any.clone() };
    let revoked = (Outcome::Decline, Reason::AuthorisationRevoked, "R1");
    let through_one: fn(&mut Authorisation) = |m| m.acquirer_id = Some("acq-1".into());
    let through_other: fn(&mut Authorisation) = |m| m.acquirer_id = Some("acq-2".into());
    check(&any, |_| {}, revoked);
    check(&any, through_one, revoked);
    check(&any, |m| m.merchant_id = Some("merchant-2".into()), APPROVED);
    check(&one, through_one, revoked);
    check(&one, through_other, APPROVED);
    check(&one, |_| {}, APPROVED);
}

#[test]
fn each_cause_of_the_cardholder_has_a_reason_and_a_code_of_its_own() {
    let stopped = StopOrder {
        scope: 3,
        merchant_category_code: Some(5_999),
        ..order(StopCause::StopPayment)
    };
    let in_category: fn(&mut Authorisation) = |m| m.merchant_category_code = Some(5_999);
    check(&stopped, in_category, (Outcome::Decline, Reason::PaymentStopped, "R0"));
    check(&stopped, |_| {}, APPROVED);

    let all = order(StopCause::RevokeAllAuthorisations);
    let revoked = (Outcome::Decline, Reason::AllAuthorisationsRevoked, "R3");
    check(&all, |m| m.initiator = 2, revoked);
    // What the cardholder buys herself is no authorisation that she gave a merchant.
    check(&all, |_| {}, APPROVED);
}

#[test]
fn an_order_whose_tag_no_request_has_stands_for_its_account_and_is_counted() {
    let rig = Rig::new(1);
    rig.publish(&StopOrder {
        pan_tag: Some("0".repeat(32)),
        pan_key_id: Some("00000000".into()),
        ..order(StopCause::Lost)
    });
    rig.publish(&StopOrder {
        order_id: "order-2".into(),
        account_reference: None,
        pan_tag: Some("0".repeat(32)),
        pan_key_id: Some("00000000".into()),
        ..order(StopCause::Lost)
    });
    let status = rig.follow_to_the_end();
    assert_eq!((status.applied_count(), status.refused_count()), (1, 1));
    assert_eq!(status.foreign_tags_count(), 1);
    rig.send(&purchase("request", "account"));
    rig.answer_all(&[0]);
    assert_eq!(decision(&rig.answers()[0]).reason(), Reason::LostCard);
}

#[test]
fn an_order_that_would_stop_more_than_it_says_is_refused() {
    let rig = Rig::new(1);
    for (number, cause) in
        [StopCause::StopPayment, StopCause::RevokeAuthorisation].iter().enumerate()
    {
        rig.publish(&StopOrder { order_id: format!("order-{number}"), ..order(*cause) });
    }
    let status = rig.follow_to_the_end();
    assert_eq!((status.applied_count(), status.refused_count()), (0, 2));
    rig.send(&purchase("id", "account"));
    rig.answer_all(&[0]);
    assert_eq!(decision(&rig.answers()[0]).outcome(), Outcome::Approve);
}
