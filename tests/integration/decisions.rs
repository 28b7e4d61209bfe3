//! What is decided, from a message in the log to its record: bursts, spend, repeats, stop
//! orders, shadow rules.

use prost::Message as _;
use stopline::domain::PartitionId;
use stopline::wire::proto::{self, ErrorReason, Outcome, Reason};

use crate::support::{BEGINNING, Rig, STOP_ORDERS, decision, error, header, loss_order, purchase};

fn outcomes(rig: &Rig) -> Vec<(Outcome, Reason)> {
    let answers = rig.answers();
    answers.iter().map(decision).map(|found| (found.outcome(), found.reason())).collect()
}

#[test]
fn a_burst_is_stepped_up_then_declined() {
    let rig = Rig::new(1);
    for number in 0..7 {
        rig.send(&purchase(&format!("id-{number}"), "account"));
    }
    rig.answer_all(&[0]);
    let count = Reason::VelocityCountExceeded;
    assert_eq!(
        outcomes(&rig),
        [
            (Outcome::Approve, Reason::Unspecified),
            (Outcome::Approve, Reason::Unspecified),
            (Outcome::Approve, Reason::Unspecified),
            (Outcome::StepUp, count),
            (Outcome::StepUp, count),
            (Outcome::Decline, count),
            (Outcome::Decline, count),
        ]
    );
}

#[test]
fn every_live_rule_that_fired_is_listed_with_what_it_saw() {
    let rig = Rig::new(1);
    for number in 0..6 {
        rig.send(&purchase(&format!("id-{number}"), "account"));
    }
    rig.answer_all(&[0]);
    let answers = rig.answers();
    let last = decision(&answers[5]);
    let fired: Vec<_> =
        last.fired_rules.iter().map(|rule| (rule.name.as_str(), rule.points)).collect();
    assert_eq!(fired, [("few_in_10m", 400), ("many_in_10m", 400)]);
    let seen: Vec<_> =
        last.fired_rules[1].values.iter().map(|seen| (seen.name.as_str(), seen.value)).collect();
    assert_eq!(seen, [("velocity.count_10m", Some(6)), ("thresholds.many", Some(5))]);
    assert_eq!(last.score, 800);
}

#[test]
fn a_shadow_rule_is_reported_and_changes_nothing() {
    let rig = Rig::new(1);
    let abroad = proto::Authorisation {
        merchant_country: Some("US".to_owned()),
        ..purchase("id", "account")
    };
    rig.send(&abroad);
    rig.answer_all(&[0]);
    let answers = rig.answers();
    let found = decision(&answers[0]);
    assert_eq!(found.outcome(), Outcome::Approve);
    assert_eq!(found.score, 0);
    assert!(found.fired_rules.is_empty());
    assert_eq!(found.shadow_rules.len(), 1);
    assert_eq!(found.shadow_rules[0].name, "abroad");
}

#[test]
fn only_what_was_approved_counts_as_spend() {
    let rig = Rig::new(1);
    let large = |id: &str, minor_units| proto::Authorisation {
        amount_minor_units: Some(minor_units),
        ..purchase(id, "account")
    };
    rig.send(&large("first", 600_000));
    rig.send(&large("too-much", 600_000)); // 12,000.00 in all: declined, so not spent.
    rig.send(&large("fits", 400_000));
    rig.answer_all(&[0]);
    assert_eq!(
        outcomes(&rig),
        [
            (Outcome::Approve, Reason::Unspecified),
            (Outcome::Decline, Reason::VelocityAmountExceeded),
            (Outcome::Approve, Reason::Unspecified),
        ]
    );
}

#[test]
fn the_same_authorisation_sent_three_times_gets_one_answer_and_counts_once() {
    let rig = Rig::new(1);
    let first = purchase("same", "account");
    let repeat = proto::Authorisation {
        message_type: proto::MessageType::MessageType0101 as i32,
        ..first.clone()
    };
    for message in [&first, &repeat, &first] {
        rig.send(message);
    }
    rig.send(&purchase("next", "account"));
    let notes = rig.answer_all(&[0]);
    let records = rig.decisions();
    assert_eq!(records[0].value, records[1].value);
    assert_eq!(records[0].value, records[2].value);
    let flags: Vec<_> = records.iter().map(|record| header(record, "stopline-repeat")).collect();
    assert_eq!(flags, [None, Some("1"), Some("1"), None]);
    assert_eq!(notes.tally.repeated, 2);
    let answers = rig.answers();
    let next = decision(&answers[3]);
    // Evidence: 1 + zigzag(2) for the count of two, this one included.
    assert_eq!(next.evidence.first(), Some(&5));
}

#[test]
fn an_id_used_again_for_something_else_is_an_error_and_counts_nothing() {
    let rig = Rig::new(1);
    rig.send(&purchase("same", "account"));
    for other in [
        proto::Authorisation { amount_minor_units: Some(1), ..purchase("same", "account") },
        proto::Authorisation { currency: "USD".to_owned(), ..purchase("same", "account") },
        proto::Authorisation {
            card: Some(proto::authorisation::Card::CardToken("another".to_owned())),
            ..purchase("same", "account")
        },
        purchase("same", "another-account"),
        proto::Authorisation {
            message_type: proto::MessageType::MessageType0200 as i32,
            ..purchase("same", "account")
        },
        proto::Authorisation {
            processing_code: proto::ProcessingCode::Refund as i32,
            ..purchase("same", "account")
        },
    ] {
        rig.send(&other);
    }
    rig.send(&purchase("next", "account"));
    rig.answer_all(&[0]);
    let answers = rig.answers();
    for answer in &answers[1..7] {
        assert_eq!(error(answer).reason(), ErrorReason::ConflictingRepeat);
        assert_eq!(error(answer).authorisation_id.as_deref(), Some("same"));
    }
    assert_eq!(decision(&answers[7]).evidence.first(), Some(&5));
    let differing = answers[1..7].iter().map(|answer| {
        let detail = &error(answer).detail;
        assert!(detail.ends_with("; send a new authorisation under an id of its own"), "{detail}");
        detail.trim_start_matches("was used before, and differs now in ").split(';').next()
    });
    let expected =
        ["amount_minor_units", "currency", "card", "account_reference, card", "message_type"]
            .into_iter()
            .chain(["processing_code"]);
    assert_eq!(differing.collect::<Vec<_>>(), expected.map(Some).collect::<Vec<_>>());
}

#[test]
fn whoever_repeats_an_advice_or_reversal_otherwise_is_told_what_to_do_about_it() {
    let rig = Rig::new(1);
    let of_type = |indicator: i32, amount: i64| proto::Authorisation {
        message_type: indicator,
        original_id: (indicator == 420).then(|| "original".to_owned()),
        response_code: (indicator == 120).then(|| "00".to_owned()),
        amount_minor_units: Some(amount),
        ..purchase("same", "account")
    };
    for (indicator, remedy) in [(120, "the authorisation that it is about"), (420, "reversal")] {
        rig.send(&of_type(indicator, 5_000));
        rig.send(&of_type(indicator, 4_000));
        rig.answer_all(&[0]);
        let answers = rig.answers();
        let detail = &error(answers.last().expect("an answer")).detail;
        assert!(detail.contains("differs now in amount_minor_units"), "{detail}");
        assert!(detail.contains(remedy) && !detail.contains("new authorisation"), "{detail}");
    }
}

#[test]
fn a_card_reported_lost_is_declined_whatever_the_rules_say() {
    let rig = Rig::new(1);
    rig.send(&purchase("before", "account"));
    rig.answer_all(&[0]);
    rig.publish(&loss_order("order-1", "account"));
    rig.send(&purchase("after", "account"));
    rig.send(&purchase("another", "another-account"));
    rig.answer_all(&[0]);
    let answers = rig.answers();
    let after = decision(&answers[1]);
    assert_eq!((after.outcome(), after.reason()), (Outcome::Decline, Reason::LostCard));
    assert_eq!(after.response_code, "41");
    let order = after.stop_order.as_ref().expect("the order");
    assert_eq!((order.order_id.as_str(), order.offset), ("order-1", 0));
    assert_eq!(after.stop_list_version, 1);
    assert_eq!(decision(&answers[2]).outcome(), Outcome::Approve);
}

#[test]
fn a_lifted_order_stops_nothing_and_a_tombstone_lifts_nothing() {
    let rig = Rig::new(1);
    rig.publish(&loss_order("order-1", "account"));
    rig.broker.produce(STOP_ORDERS, PartitionId(0), Some(b"order-1"), None, &[]).unwrap();
    let status = rig.follow_to_the_end();
    assert_eq!(status.tombstones_refused_count(), 1);
    rig.send(&purchase("stopped", "account"));
    rig.answer_all(&[0]);
    let lifted = proto::StopOrder {
        lifted_at_millis: Some(BEGINNING),
        lift_reason: Some("found again".to_owned()),
        ..loss_order("order-1", "account")
    };
    rig.publish(&lifted);
    rig.send(&purchase("free", "account"));
    rig.answer_all(&[0]);
    let found: Vec<_> = outcomes(&rig).into_iter().map(|(outcome, _)| outcome).collect();
    assert_eq!(found, [Outcome::Decline, Outcome::Approve]);
}

#[test]
fn a_refused_stop_order_leaves_the_list_as_it_was() {
    let rig = Rig::new(1);
    rig.publish(&loss_order("order-1", "account"));
    let bad = proto::StopOrder { cause: 99, ..loss_order("order-1", "account") };
    rig.broker
        .produce(STOP_ORDERS, PartitionId(0), Some(b"order-1"), Some(&bad.encode_to_vec()), &[])
        .unwrap();
    let status = rig.follow_to_the_end();
    assert_eq!((status.applied_count(), status.refused_count()), (1, 1));
    rig.send(&purchase("stopped", "account"));
    rig.answer_all(&[0]);
    assert_eq!(outcomes(&rig)[0].0, Outcome::Decline);
}

#[test]
fn a_refused_stop_order_that_a_good_one_followed_is_told_at_no_restart() {
    let rig = Rig::new(1);
    let send = |order: &proto::StopOrder| {
        let (key, value) = (order.order_id.clone(), order.encode_to_vec());
        let place = (STOP_ORDERS, PartitionId(0));
        rig.broker.produce(place.0, place.1, Some(key.as_bytes()), Some(&value), &[]).unwrap();
    };
    let bad = |order_id| proto::StopOrder { cause: 99, ..loss_order(order_id, "account") };
    send(&bad("put-right"));
    send(&bad("stays-bad"));
    send(&loss_order("put-right", "account"));
    send(&loss_order("was-good", "account"));
    send(&bad("was-good"));
    let status = rig.follow_to_the_end();
    assert_eq!((status.applied_count(), status.refused_count()), (2, 2));
    // A tombstone of an order that stands, which was then published again.
    rig.broker.produce(STOP_ORDERS, PartitionId(0), Some(b"put-right"), None, &[]).unwrap();
    assert_eq!(rig.follow_to_the_end().tombstones_refused_count(), 1);
    send(&loss_order("put-right", "account"));
    assert_eq!(rig.follow_to_the_end().tombstones_refused_count(), 0);
}

#[test]
fn other_messages_are_acknowledged_and_counted() {
    let rig = Rig::new(1);
    let of_type = |indicator: i32, id: &str| proto::Authorisation {
        message_type: indicator,
        original_id: Some("original".to_owned()),
        response_code: matches!(indicator, 110 | 120).then(|| "00".to_owned()),
        ..purchase(id, "account")
    };
    for (indicator, id) in [(110, "a"), (120, "b"), (400, "c"), (420, "d")] {
        rig.send(&of_type(indicator, id));
    }
    let echo = proto::Authorisation { message_type: 800, ..proto::Authorisation::default() };
    rig.send_raw(None, Some(&echo.encode_to_vec()), &[]);
    rig.send(&purchase("request", "account"));
    let notes = rig.answer_all(&[0]);
    let answers = rig.answers();
    let acknowledged: Vec<_> = answers[..5]
        .iter()
        .map(|record| match &record.answer {
            Some(proto::record::Answer::Acknowledgement(found)) => found.message_type,
            other => panic!("not an acknowledgement: {other:?}"),
        })
        .collect();
    assert_eq!(acknowledged, [110, 130, 410, 430, 810]);
    // The advice is an authorisation of its own; what the others are about never came.
    assert_eq!(decision(&answers[5]).evidence.first(), Some(&5));
    let noted: u64 = notes.tally.noted().map(|(_, count)| count).sum();
    assert_eq!(noted, 5);
}

#[test]
fn a_repeat_whose_stored_answer_is_gone_is_judged_again_flagged_and_counted_once() {
    let rig = Rig::new(1);
    let repeat = proto::Authorisation {
        message_type: proto::MessageType::MessageType0101 as i32,
        ..purchase("same", "account")
    };
    rig.send(&purchase("same", "account"));
    rig.clock.advance(std::time::Duration::from_secs(601));
    rig.send(&purchase("between", "another-account")); // Time passes: the answer is forgotten.
    rig.send(&repeat);
    rig.send(&purchase("next", "account"));
    rig.answer_all(&[0]);
    let answers = rig.answers();
    let flags: Vec<_> = answers.iter().map(|answer| decision(answer).judged_again).collect();
    assert_eq!(flags, [false, false, true, false]);
    // It does not see its first among the earlier ones: one attempt, nothing spent.
    assert_eq!(decision(&answers[2]).evidence, [3, 1]);
    // One hour's spend: 1 + zigzag of the first one's 50.00 CNY, once.
    assert_eq!(decision(&answers[3]).evidence.get(1), Some(&10_001));
}

#[test]
fn an_order_confirmed_later_goes_on_stopping_from_its_report() {
    let rig = Rig::new(1);
    let reported = proto::StopOrder {
        reported_at_millis: Some(BEGINNING),
        ..loss_order("order-1", "account")
    };
    rig.publish(&reported);
    rig.clock.advance(std::time::Duration::from_secs(10));
    rig.send(&purchase("meanwhile", "account"));
    rig.clock.advance(std::time::Duration::from_secs(10));
    let confirmed =
        proto::StopOrder { report_channel: proto::ReportChannel::Written as i32, ..reported };
    rig.publish(&confirmed); // Applied before the authorisation that lies before it is read.
    rig.answer_all(&[0]);
    assert_eq!(outcomes(&rig), [(Outcome::Decline, Reason::LostCard)]);
}
