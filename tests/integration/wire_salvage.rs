//! What a refused message is found again by: its id and the switch's own bytes.

use prost::Message;

use stopline::domain::{ErrorReason, Text};
use stopline::wire::proto::authorisation::Card;
use stopline::wire::{Door, Format, KafkaKey, Refusal, Scratch, SwitchContext, proto};

use super::support::{Rig, error, header, purchase};
use super::wire_messages as messages;

const CONTEXT: &[u8] = &[0, 1, 2, 255];

fn refused(door: &Door, format: Format, value: &[u8]) -> Refusal {
    let key = KafkaKey::Record(Some(b"par-1"));
    let mut scratch = Scratch::default();
    let found = door.decode(format, key, Some(value), &mut scratch);
    found.expect_err("it must be refused")
}

fn context_of(refusal: &Refusal) -> Option<&[u8]> {
    refusal.switch_context.as_ref().map(SwitchContext::bytes)
}

fn id_of(refusal: &Refusal) -> Option<&str> {
    refusal.id.as_ref().map(Text::as_str)
}

#[test]
fn a_refusal_gives_back_id_and_context_whatever_was_wrong_in_both_formats() {
    use ErrorReason::{
        AmountOutOfRange, FieldInvalid, FieldMissing, KeyMismatch, PanRefused, TimeOutOfRange,
        UnknownCurrency, UnknownEnumValue, UnknownMessageType,
    };
    let cases: [(fn(&mut proto::Authorisation), ErrorReason); 9] = [
        (|m| m.message_type = 0, UnknownMessageType),
        (|m| m.currency.clear(), FieldMissing),
        (|m| m.merchant_country = Some("china".into()), FieldInvalid),
        (|m| m.amount_minor_units = Some(-1), AmountOutOfRange),
        (|m| m.authorised_at_millis = 1, TimeOutOfRange),
        (|m| m.currency = "CNX".into(), UnknownCurrency),
        (|m| m.account_reference = "par-2".into(), KeyMismatch),
        (|m| m.card = Some(Card::Pan(messages::PAN.into())), PanRefused),
        (|m| m.channel = 99, UnknownEnumValue),
    ];
    let door = messages::door(false);
    for (change, reason) in cases {
        let mut message = messages::full_request();
        change(&mut message);
        let mut forms = vec![(Format::Protobuf, message.encode_to_vec())];
        // An enum value without a name cannot be written as JSON.
        forms.extend(serde_json::to_vec(&message).ok().map(|text| (Format::Json, text)));
        for (format, value) in forms {
            let refusal = refused(&door, format, &value);
            assert_eq!(refusal.reason, reason, "{format:?} {refusal}");
            assert_eq!(id_of(&refusal), Some("auth-1"), "{format:?} {refusal}");
            assert_eq!(context_of(&refusal), Some(CONTEXT), "{format:?} {refusal}");
        }
    }
}

#[test]
fn what_came_before_a_tear_is_given_back() {
    let door = messages::door(false);
    // `AAEC/w==` is the context. What is in the place of TEAR is no JSON.
    let head = r#"{"authorisation_id":"auth-1","switchContext":"AAEC/w==","amount_minor_units":"#;
    for tear in ["tru}", "NaN}", "12", "\"cut sho", "\u{0}", "[[[[", "-", "1} trailing"] {
        let text = format!("{head}{tear}");
        let refusal = refused(&door, Format::Json, text.as_bytes());
        assert_eq!(id_of(&refusal), Some("auth-1"), "{tear} {refusal}");
        assert_eq!(context_of(&refusal), Some(CONTEXT), "{tear} {refusal}");
    }
    // A field of another type does not tear it: what follows is read as well.
    let behind = r#"{"eci":"x","currency":[1,{"a":2}],
        "authorisation_id":"auth-1","switch_context":"AAEC/w=="}"#;
    let refusal = refused(&door, Format::Json, behind.as_bytes());
    assert_eq!((id_of(&refusal), context_of(&refusal)), (Some("auth-1"), Some(CONTEXT)));
    // Protobuf: the context is its last field.
    let mut torn = messages::full_request().encode_to_vec();
    torn.extend_from_slice(&[0x0a, 0xff]);
    let refusal = refused(&door, Format::Protobuf, &torn);
    assert_eq!((id_of(&refusal), context_of(&refusal)), (Some("auth-1"), Some(CONTEXT)));
}

#[test]
fn json_that_is_too_large_or_not_called_json_is_found_again_too() {
    let door = messages::door(false);
    let text = serde_json::to_vec(&messages::full_request()).expect("JSON");
    let refusal = refused(&door, Format::Protobuf, &text);
    assert!(refusal.detail.contains("header names are lower case"), "{refusal}");
    assert_eq!((id_of(&refusal), context_of(&refusal)), (Some("auth-1"), Some(CONTEXT)));
    let large = format!(
        r#"{{"authorisation_id":"auth-1","switch_context":"AAEC/w==","x":"{}"}}"#,
        "x".repeat(65_536)
    );
    let refusal = refused(&door, Format::Json, large.as_bytes());
    assert_eq!(refusal.reason, ErrorReason::TooLarge);
    assert_eq!((id_of(&refusal), context_of(&refusal)), (Some("auth-1"), Some(CONTEXT)));
}

#[test]
fn a_context_that_is_too_large_or_none_is_not_given_back() {
    let door = messages::door(false);
    let with = |context: Option<Vec<u8>>| proto::Authorisation {
        switch_context: context,
        currency: String::new(),
        ..messages::full_request()
    };
    for (context, is_back) in [(None, false), (Some(vec![1; 1_025]), false), (Some(vec![]), true)] {
        let message = with(context);
        let text = serde_json::to_vec(&message).expect("JSON");
        for (format, value) in [(Format::Protobuf, message.encode_to_vec()), (Format::Json, text)] {
            assert_eq!(context_of(&refused(&door, format, &value)).is_some(), is_back);
        }
    }
    let no_base64 = br#"{"authorisation_id":"auth-1","switch_context":"*"}"#;
    let refusal = refused(&door, Format::Json, no_base64);
    assert_eq!((id_of(&refusal), context_of(&refusal)), (Some("auth-1"), None));
}

#[test]
fn an_error_record_carries_the_context_in_its_header() {
    let rig = Rig::new(1);
    let context = Some(b"s-17".to_vec());
    let with = |message| proto::Authorisation { switch_context: context.clone(), ..message };
    rig.send(&with(proto::Authorisation { currency: String::new(), ..purchase("a", "account") }));
    let json = br#"{"authorisation_id":"b","switch_context":"cy0xNw==","x":tru}"#;
    rig.send_raw(Some(b"account"), Some(json), &[("content-type", b"application/json")]);
    rig.answer_all(&[0]);
    let records = rig.decisions();
    for record in &records {
        assert_eq!(header(record, "stopline-switch-context"), Some("s-17"));
    }
    let first = records[0].value.as_deref().expect("a value");
    let first = proto::Record::decode(first).expect("a record");
    assert_eq!(error(&first).authorisation_id.as_deref(), Some("a"));
    let text = String::from_utf8(records[1].value.clone().expect("a value")).expect("JSON");
    assert!(text.contains(r#""authorisation_id":"b""#), "{text}");
}

#[test]
fn a_misrouted_message_gets_its_context_back() {
    let rig = Rig::new(16);
    let message = proto::Authorisation {
        switch_context: Some(b"s-17".to_vec()),
        ..purchase("a", "account-1")
    };
    // Of sixteen partitions its key belongs to one, and that is not 0.
    rig.send_raw(Some(b"account-1"), Some(&message.encode_to_vec()), &[]);
    rig.answer_all(&[0]);
    assert_eq!(error(&rig.answers()[0]).reason(), proto::ErrorReason::Misrouted);
    assert_eq!(header(&rig.decisions()[0], "stopline-switch-context"), Some("s-17"));
}

#[test]
fn of_two_content_types_the_last_counts() {
    let rig = Rig::new(1);
    let headers: [(&str, &[u8]); 2] =
        [("content-type", b"application/json"), ("content-type", b"application/x-protobuf")];
    rig.send_raw(Some(b"account"), Some(&purchase("a", "account").encode_to_vec()), &headers);
    rig.answer_all(&[0]);
    assert_eq!(super::support::decision(&rig.answers()[0]).authorisation_id, "a");
}

#[test]
fn a_wrong_type_is_answered_with_what_its_field_takes() {
    let door = messages::door(false);
    let cases = [
        (r#"{"amount_minor_units":12.80}"#, "a whole number of minor units (1280, not 12.80)"),
        (r#"{"billing_amount_minor_units":"x"}"#, "a whole number of minor units"),
        (r#"{"deadline_millis":"now"}"#, "Unix milliseconds"),
        (r#"{"authorised_at_millis":"2026-01-01T00:00:00Z"}"#, "Unix milliseconds"),
        (r#"{"incremental":1}"#, "true or false"),
        (r#"{"switch_context":"*"}"#, "base64"),
        (r#"{"eci":"five"}"#, "a whole number"),
        (r#"{"currency":156}"#, "a text in quotation marks"),
    ];
    for (text, expected) in cases {
        let refusal = refused(&door, Format::Json, text.as_bytes());
        assert!(refusal.detail.contains(expected), "{text} {refusal}");
    }
}
