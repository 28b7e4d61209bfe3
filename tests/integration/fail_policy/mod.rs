//! What becomes of a request that cannot be judged as usual, a sentence a test: late ones
//! here and in `deadlines`, the other causes in `causes`, crashes in `take_over`, and what it
//! costs in `cost`.

mod causes;
mod cost;
mod deadlines;
mod take_over;

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use stopline::domain::Span;
use stopline::engine::{Engine, EngineSettings};
use stopline::service::Circumstances;
use stopline::wire::{encode_record, proto};

use crate::support::owner::{GatedRecall, Owner, WatchedArchive, patient_settings};
use crate::support::{
    AUTHORISATIONS, DECISIONS, POLICY, Rig, decision, engine_settings, faulty_log::given,
    pipeline_of, purchase, rule_set,
};

use proto::{FailCause, Outcome, Reason};

/// The usual policy, and a feature that sees declines.
fn policy() -> String {
    format!(
        "{POLICY}\n[[velocity]]\nname = \"declines_1h\"\nkey = \"account\"\nwhat = \"count\"\n\
         window = \"1h\"\nwhere = \"outcome == declined\"\n[[rule]]\nname = \"declined_before\"\n\
         when = \"velocity.declines_1h >= 1\"\nthen = {{ tag = true }}\nmode = \"shadow\"\n"
    )
}

/// An owner of partition 0 whose requests may be so old; its gate holds restorations back.
fn gated_owner(
    rig: &Rig,
    answer_within: Option<Span>,
    circumstances: Circumstances,
) -> (Owner, Rc<std::cell::Cell<bool>>) {
    let is_open = Rc::new(std::cell::Cell::new(true));
    let recall = Box::new(GatedRecall::new(WatchedArchive::new(rig, &Rc::default()), &is_open));
    let settings = EngineSettings { answer_within, ..engine_settings() };
    let engine = Engine::new(rule_set(&policy()), Arc::clone(&rig.shared), settings, encode_record);
    let pipeline = pipeline_of("test/1", engine, &rig.clock, rig.partitions_count);
    let owner = Owner::new(rig, pipeline.under(circumstances), recall, patient_settings());
    owner.script.borrow_mut().changes.push_back(given(&[0]));
    (owner, is_open)
}

fn owner(rig: &Rig, answer_within: Option<Span>) -> Owner {
    gated_owner(rig, answer_within, Circumstances::default()).0
}

const TEN_SECONDS: Option<Span> = Some(Span::from_seconds(10));

/// Turns `owner` until all is answered.
fn answer(rig: &Rig, owner: &mut Owner) {
    for _ in 0..1_000 {
        if rig.ends(DECISIONS) >= rig.ends(AUTHORISATIONS) {
            return;
        }
        owner.turn(1);
    }
    panic!("something is never answered");
}

/// A purchase over so many yuan by `account`.
fn over(yuan: i64, id: &str) -> proto::Authorisation {
    proto::Authorisation { amount_minor_units: Some(yuan * 100), ..purchase(id, "account") }
}

fn by_merchant(request: proto::Authorisation) -> proto::Authorisation {
    proto::Authorisation { initiator: proto::Initiator::Merchant as i32, ..request }
}

fn decisions(rig: &Rig) -> Vec<proto::Decision> {
    rig.answers().iter().map(|answer| decision(answer).clone()).collect()
}

fn wait(rig: &Rig, seconds: u64) {
    rig.clock.advance(Duration::from_secs(seconds));
}

/// Asserts that `found` was taken by the policy for `cause`, and says what it came to.
fn synthetic(found: &proto::Decision, cause: FailCause) -> (Outcome, Reason) {
    assert!(found.synthetic && !found.degraded, "{found:?}");
    assert_eq!(found.synthetic_cause(), cause);
    assert!(found.fail_causes().any(|held| held == cause), "{found:?}");
    assert_eq!((found.score, found.evidence.len()), (0, 0));
    assert!(found.fired_rules.is_empty() && found.shadow_rules.is_empty());
    (found.outcome(), found.reason())
}

/// What the windows told a judged decision: `count_10m`, `sum_1h`, `declines_1h`.
fn windows(found: &proto::Decision) -> [u64; 3] {
    let value = |at: usize| (found.evidence[at] - 1) / 2;
    [value(0), value(1), value(2)]
}

#[test]
fn a_late_request_is_answered_by_its_amount_marked_and_no_rule_is_evaluated() {
    let rig = Rig::new(1);
    for request in [
        over(99, "small"),
        over(999, "middle"),
        by_merchant(over(999, "middle-merchant")),
        over(1_000, "large"),
        proto::Authorisation { currency: "USD".to_owned(), ..over(1, "no-amount") },
    ] {
        rig.send(&request);
    }
    wait(&rig, 11);
    answer(&rig, &mut owner(&rig, TEN_SECONDS));
    let found = decisions(&rig);
    let unavailable = (Outcome::Decline, Reason::IssuerUnavailable);
    let expected = [
        (Outcome::Approve, Reason::Unspecified),
        (Outcome::StepUp, Reason::AuthenticationRequired),
        (Outcome::Approve, Reason::Unspecified),
        unavailable,
        unavailable,
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(synthetic(found, FailCause::Late), expected, "{}", found.authorisation_id);
        assert!(found.late);
    }
    assert_eq!(found[3].response_code, "91");
}

#[test]
fn the_windows_learn_of_a_late_request_and_a_decline_of_ours_is_no_evidence_against_the_card() {
    let rig = Rig::new(1);
    rig.send(&over(50, "approved-late"));
    rig.send(&over(2_000, "declined-late"));
    wait(&rig, 11);
    let mut owner = owner(&rig, TEN_SECONDS);
    answer(&rig, &mut owner);
    rig.send(&over(10, "in-time"));
    answer(&rig, &mut owner);
    let found = decisions(&rig);
    assert!(found[0].late && found[1].late && !found[2].late);
    assert_eq!((found[2].synthetic, found[2].degraded), (false, false));
    // Three attempts, 50.00 spent, no decline.
    assert_eq!(windows(&found[2]), [3, 5_000, 0]);
}

#[test]
fn the_hosts_word_takes_the_place_of_a_late_answer_in_the_windows() {
    let rig = Rig::new(1);
    rig.send(&over(2_000, "late"));
    wait(&rig, 11);
    let mut owner = owner(&rig, TEN_SECONDS);
    answer(&rig, &mut owner);
    rig.send(&proto::Authorisation {
        message_type: proto::MessageType::MessageType0120 as i32,
        response_code: Some("00".to_owned()),
        ..over(2_000, "late")
    });
    rig.send(&over(10, "in-time"));
    answer(&rig, &mut owner);
    let last = rig.answers().last().map(|last| decision(last).clone()).unwrap();
    assert_eq!(windows(&last), [2, 200_000, 0]);
}

#[test]
fn a_stop_order_in_force_declines_whatever_the_policy_says() {
    let rig = Rig::new(1);
    rig.publish(&crate::support::loss_order("loss", "account"));
    rig.send(&over(1, "small"));
    wait(&rig, 11);
    let mut owner = owner(&rig, TEN_SECONDS);
    answer(&rig, &mut owner);
    let found = &decisions(&rig)[0];
    assert_eq!((found.outcome(), found.reason()), (Outcome::Decline, Reason::LostCard));
    assert!(found.late && found.degraded && !found.synthetic, "{found:?}");
    assert_eq!(found.fail_causes, [FailCause::Late as i32]);
    assert_eq!(found.stop_order.as_ref().unwrap().order_id, "loss");
}

#[test]
fn decisions_are_counted_by_cause_and_by_what_came_of_them() {
    let rig = Rig::new(1);
    rig.publish(&crate::support::loss_order("loss", "stopped"));
    for id in ["one", "two"] {
        rig.send(&over(1, id));
    }
    rig.send(&over(5_000, "large"));
    rig.send(&proto::Authorisation { ..purchase("stopped", "stopped") });
    wait(&rig, 11);
    let mut owner = owner(&rig, TEN_SECONDS);
    answer(&rig, &mut owner);
    rig.send(&over(1, "in-time"));
    answer(&rig, &mut owner);
    wait(&rig, 1);
    owner.turn(1);
    let notes = owner.notes.borrow();
    let counted: Vec<_> = notes
        .tally
        .causes
        .iter()
        .filter(|(_, _, count)| *count > 0)
        .map(|(cause, outcome, count)| (cause.name(), outcome, count))
        .collect();
    assert_eq!(counted, [("late", "approve", 2), ("late", "decline", 1), ("late", "stopped", 1)]);
    assert_eq!(notes.tally.late, 4);
}

#[test]
fn a_late_request_in_json_gets_the_same_record_as_in_protobuf() {
    let answered = |is_json: bool| {
        let rig = Rig::new(1);
        let request = over(2_000, "late");
        if is_json {
            let value = serde_json::to_vec(&request).unwrap();
            let headers: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
            rig.send_raw(Some(b"account"), Some(&value), &headers);
        } else {
            rig.send(&request);
        }
        wait(&rig, 11);
        answer(&rig, &mut owner(&rig, TEN_SECONDS));
        let value = rig.decisions()[0].value.clone().unwrap();
        if is_json {
            serde_json::from_slice::<proto::Record>(&value).unwrap()
        } else {
            proto::Record::decode(value.as_slice()).unwrap()
        }
    };
    assert_eq!(answered(true), answered(false));
}
