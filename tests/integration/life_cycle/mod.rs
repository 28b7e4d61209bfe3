//! The life cycle of an authorisation, message by message: each test is one line of the
//! engine's table in `src/engine/life_cycle/mod.rs`, over the whole path from bytes to bytes.

mod any_order;
mod both_formats;
mod chains;
mod edges;
mod filters;
mod journal;
mod outcomes;
mod recount;
mod repeats;
mod reversals;
mod story;

use stopline::wire::evidence_from_wire;
use stopline::wire::proto::{self, Authorisation, MessageType, Noted};

use crate::support::{Notes, Rig, decision, purchase};

/// A purchase of 50.00 CNY by the one account of these tests.
fn request(id: &str) -> Authorisation {
    purchase(id, "account")
}

fn of(minor_units: i64, message: Authorisation) -> Authorisation {
    Authorisation { amount_minor_units: Some(minor_units), ..message }
}

/// The host's answer to the request `id`.
fn notice(id: &str, code: &str) -> Authorisation {
    Authorisation {
        message_type: MessageType::MessageType0110 as i32,
        response_code: Some(code.to_owned()),
        ..request(id)
    }
}

/// What somebody else decided about the authorisation `id`.
fn advice(id: &str, code: &str) -> Authorisation {
    Authorisation { message_type: MessageType::MessageType0120 as i32, ..notice(id, code) }
}

/// Takes back all of `original`.
fn reversal(id: &str, original: &str) -> Authorisation {
    Authorisation {
        message_type: MessageType::MessageType0420 as i32,
        original_id: Some(original.to_owned()),
        amount_minor_units: None,
        currency: String::new(),
        ..request(id)
    }
}

/// Takes back `minor_units` of `original`.
fn partial(id: &str, original: &str, minor_units: i64) -> Authorisation {
    Authorisation {
        amount_minor_units: Some(minor_units),
        currency: "CNY".to_owned(),
        ..reversal(id, original)
    }
}

fn incremental(id: &str, original: &str, minor_units: i64) -> Authorisation {
    let asked = of(minor_units, request(id));
    Authorisation { incremental: true, original_id: Some(original.to_owned()), ..asked }
}

/// What was answered to some messages, and what the windows counted afterwards.
struct Seen {
    answers: Vec<proto::Record>,
    /// Authorisations in 10 minutes and approved money in an hour, without the probe.
    count: i64,
    sum: i64,
    notes: Notes,
}

fn windows(answer: &proto::Record) -> (i64, i64) {
    let evidence: Vec<_> =
        decision(answer).evidence.iter().map(|wire| evidence_from_wire(*wire)).collect();
    (evidence[0].expect("a count") - 1, evidence[1].expect("a sum"))
}

fn seen_on(rig: &Rig, messages: &[Authorisation]) -> Seen {
    for message in messages {
        rig.send(message);
    }
    rig.send(&of(1, request("probe")));
    let notes = rig.answer_all(&[0]);
    let mut answers = rig.answers();
    let (count, sum) = windows(&answers.pop().expect("the probe's"));
    Seen { answers, count, sum, notes }
}

fn seen(messages: &[Authorisation]) -> Seen {
    seen_on(&Rig::new(1), messages)
}

fn noted(answer: &proto::Record) -> Noted {
    match &answer.answer {
        Some(proto::record::Answer::Acknowledgement(found)) => found.noted(),
        other => panic!("not an acknowledgement: {other:?}"),
    }
}

/// The last message is answered with `noted`, and the windows then count so much.
fn check(messages: &[Authorisation], last: Noted, (count, sum): (i64, i64)) {
    let seen = seen(messages);
    assert_eq!(noted(seen.answers.last().expect("one")), last);
    assert_eq!((seen.count, seen.sum), (count, sum));
}

/// The windows count so much, whichever of the messages comes first.
fn check_any_order(messages: &[Authorisation], expected: (i64, i64)) {
    for order in orders(messages.len()) {
        let ordered: Vec<_> = order.iter().map(|place| messages[*place].clone()).collect();
        let seen = seen(&ordered);
        assert_eq!((seen.count, seen.sum), expected, "in the order {order:?}");
    }
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![vec![]];
    }
    let shorter = orders(count - 1);
    let with = |order: &Vec<usize>, place: usize| {
        let mut order = order.clone();
        order.insert(place, count - 1);
        order
    };
    shorter.iter().flat_map(|order| (0..count).map(|place| with(order, place))).collect()
}
