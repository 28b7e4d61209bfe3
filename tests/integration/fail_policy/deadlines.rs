//! Where a deadline comes from, and what goes before what.

use stopline::service::Circumstances;
use stopline::wire::proto::{self, ErrorReason, record::Answer};

use prost::Message as _;

use super::{TEN_SECONDS, answer, decisions, gated_owner, over, owner, wait};
use crate::support::{BEGINNING, Rig, error};

const HEADER: &str = "deadline-millis";

fn with_header() -> Circumstances {
    Circumstances { deadline_header: Some(HEADER.to_owned()), ..Circumstances::default() }
}

/// Sends a request with a deadline in the message and one beside it, in seconds from now.
fn send(rig: &Rig, id: &str, message: Option<i64>, header: Option<i64>) {
    let at = |seconds: i64| BEGINNING + seconds * 1_000;
    let request = proto::Authorisation { deadline_millis: message.map(at), ..over(1, id) };
    let header = header.map(|seconds| at(seconds).to_string());
    let headers: Vec<_> = header.iter().map(|value| (HEADER, value.as_bytes())).collect();
    rig.send_raw(Some(b"account"), Some(&request.encode_to_vec()), &headers);
}

#[test]
fn the_messages_deadline_goes_before_the_headers_and_that_before_the_settings() {
    // In the message, beside it; is it late after 20 s, where the settings allow 10?
    let cases = [
        (None, None, true),
        (None, Some(30), false),
        (None, Some(19), true),
        (Some(30), None, false),
        (Some(30), Some(5), false),
        (Some(19), Some(90), true),
    ];
    let rig = Rig::new(1);
    for (number, (message, header, _)) in cases.iter().enumerate() {
        send(&rig, &format!("id-{number}"), *message, *header);
    }
    wait(&rig, 20);
    answer(&rig, &mut gated_owner(&rig, TEN_SECONDS, with_header()).0);
    for (found, (message, header, expected)) in decisions(&rig).iter().zip(cases) {
        assert_eq!(found.late, expected, "{message:?} {header:?}");
    }
}

#[test]
fn without_any_deadline_nothing_is_late_however_old() {
    let rig = Rig::new(1);
    send(&rig, "old", None, None);
    wait(&rig, 30 * 86_400);
    answer(&rig, &mut owner(&rig, None));
    let found = &decisions(&rig)[0];
    assert!(!found.late && !found.synthetic && !found.degraded, "{found:?}");
}

#[test]
fn a_header_that_no_setting_names_is_no_deadline() {
    let rig = Rig::new(1);
    send(&rig, "old", None, Some(1));
    wait(&rig, 20);
    answer(&rig, &mut owner(&rig, None));
    assert!(!decisions(&rig)[0].late);
}

#[test]
fn a_header_that_cannot_be_read_refuses_its_request_unless_the_message_names_a_deadline() {
    let rig = Rig::new(1);
    let request = |deadline_millis| {
        let request = proto::Authorisation { deadline_millis, ..over(1, "id") };
        request.encode_to_vec()
    };
    for value in [&b"soon"[..], b"", b"12.5", b"9999999999999"] {
        rig.send_raw(Some(b"account"), Some(&request(None)), &[(HEADER, value)]);
    }
    let own = request(Some(BEGINNING + 90_000));
    rig.send_raw(Some(b"account"), Some(&own), &[(HEADER, b"soon")]);
    answer(&rig, &mut gated_owner(&rig, None, with_header()).0);
    let answers = rig.answers();
    let reasons: Vec<_> = answers[..4].iter().map(|answer| error(answer).reason()).collect();
    let invalid = ErrorReason::FieldInvalid;
    assert_eq!(reasons, [invalid, invalid, invalid, ErrorReason::TimeOutOfRange]);
    let refused = error(&answers[0]);
    assert_eq!(refused.authorisation_id.as_deref(), Some("id"));
    assert_eq!(refused.field, "deadline_millis");
    assert!(refused.detail.contains("`deadline-millis`"), "{}", refused.detail);
    assert!(!refused.detail.contains("soon"), "{}", refused.detail);
    assert!(matches!(answers[4].answer, Some(Answer::Decision(_))));
    let report = crate::verify::verify(&rig, crate::support::DECISIONS);
    assert!(report.is_clean, "{report}");
}
