//! Our readers and writers against the generated ones, on the same bytes.

use prost::Message;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::door_tests::request;
use super::fields::{CardFields, FIELD_NAMES, Fields};
use super::json;
use super::json::JsonMessage;
use super::proto;
use super::proto::authorisation::Card;
use super::scratch::Scratch;

const SEED: u64 = 20_260_101;

/// True where `card` holds what the generated reader found, which keeps one form only.
fn holds_card(card: CardFields<'_>, message: &proto::Authorisation) -> bool {
    match &message.card {
        None => card == CardFields::default(),
        Some(Card::CardToken(token)) => card.token == Some(token),
        Some(Card::Pan(pan)) => card.pan == Some(pan),
    }
}

/// Reads `bytes` with prost and with ours: both must say the same.
fn check_protobuf(bytes: &[u8], place: &str) -> bool {
    let theirs = proto::Authorisation::decode(bytes);
    let (mut fields, mut card) = (Fields::default(), CardFields::default());
    let ours = fields.read(&mut card, bytes);
    assert_eq!(theirs.is_ok(), ours.is_ok(), "{place} {theirs:?} {ours:?}");
    if let Ok(theirs) = &theirs {
        assert!(fields == Fields::of(theirs), "{place} {theirs:?}");
        assert!(holds_card(card, theirs), "{place} {theirs:?}");
    }
    theirs.is_ok()
}

#[test]
fn protobuf_is_read_as_prost_reads_it_whole_cut_or_mutated() {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let whole = request().encode_to_vec();
    assert!(check_protobuf(&whole, "whole"));
    for length in 0..whole.len() {
        check_protobuf(&whole[..length], &format!("cut at {length}"));
    }
    let mut whole_count = 0;
    for round in 0..60_000 {
        let mut bytes = whole.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..4) {
                0 => bytes[at] = random.random(),
                1 => bytes[at] ^= 1 << random.random_range(0..8),
                2 => bytes.insert(at, random.random()),
                _ => drop(bytes.remove(at)),
            }
        }
        whole_count += u32::from(check_protobuf(&bytes, &format!("seed {SEED} round {round}")));
    }
    assert!(whole_count > 1_000, "too few were whole: {whole_count}");
}

#[test]
fn random_bytes_are_read_as_prost_reads_them() {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    for round in 0..60_000 {
        let length = random.random_range(0..24);
        // Small keys and lengths, so that something is understood.
        let bytes: Vec<u8> = (0..length)
            .map(|_| match random.random_range(0..3) {
                0 => random.random(),
                1 => random.random_range(0..8),
                _ => random.random_range(1..38) << 3 | random.random_range(0..6),
            })
            .collect();
        check_protobuf(&bytes, &format!("seed {SEED} round {round}"));
    }
}

#[test]
fn fields_have_the_numbers_and_names_of_the_contract() {
    let text = serde_json::to_value(request()).expect("JSON");
    let names = text.as_object().expect("an object");
    for name in names.keys() {
        assert!(FIELD_NAMES.contains(&name.as_str()), "{name}");
    }
    // All but `pan` and `response_code`, and `incremental`, which is false.
    assert_eq!(names.len(), FIELD_NAMES.len() - 1 - 3);
}

#[test]
fn json_is_read_as_the_generated_reader_reads_it() {
    let whole = serde_json::to_value(request()).expect("JSON");
    let object = whole.as_object().expect("an object");
    let check = |text: &str, expected: &str| {
        let mut theirs: proto::Authorisation = serde_json::from_str(expected).expect(expected);
        let mut ours = Scratch::default();
        json::read(text.as_bytes(), &mut ours).expect(text);
        assert!(holds_card(ours.card.fields(), &theirs), "{text}");
        theirs.card = None;
        assert_eq!(ours.message, theirs, "{text}");
    };
    check(&whole.to_string(), &whole.to_string());
    for name in object.keys() {
        let mut without = object.clone();
        without.remove(name);
        let expected = serde_json::Value::from(without.clone()).to_string();
        check(&expected, &expected);
        // The mapping reads null as absent; the generated reader does so for some fields only.
        without.insert(name.clone(), serde_json::Value::Null);
        check(&serde_json::Value::from(without).to_string(), &expected);
    }
}

#[test]
fn stop_orders_in_json_are_read_as_the_generated_reader_reads_them() {
    let order = proto::StopOrder {
        order_id: "o".into(),
        card_token: Some("t".into()),
        account_reference: Some("a".into()),
        pan_tag: Some("p".into()),
        pan_key_id: Some("k".into()),
        cause: proto::StopCause::Stolen.into(),
        scope: proto::StopScope::Merchant.into(),
        merchant_id: Some("m".into()),
        acquirer_id: Some("q".into()),
        merchant_category_code: Some(1),
        report_channel: proto::ReportChannel::Online.into(),
        reported_at_millis: Some(2),
        in_force_from_millis: Some(3),
        lapses_at_millis: Some(4),
        lifted_at_millis: Some(5),
        lift_reason: Some("r".into()),
        source: Some("s".into()),
    };
    let text = serde_json::to_string(&order).expect("JSON");
    let mut ours = proto::StopOrder::default();
    json::read(text.as_bytes(), &mut ours).expect("read");
    assert_eq!(ours, order);
    assert_eq!(proto::StopOrder::NAMES.len(), 18);
}

#[test]
fn the_last_of_two_values_counts_in_json_too() {
    let text =
        br#"{"pan":"1","currency":"CNY","messageType":100,"currency":"USD","card_token":"2"}"#;
    let mut ours = Scratch::default();
    json::read(text, &mut ours).expect("read");
    assert_eq!(ours.message.currency, "USD");
    assert_eq!(ours.message.message_type, 100);
    // But of the card both forms are kept: one of them may be a card number.
    assert!(ours.card.fields() == CardFields { token: Some("2"), pan: Some("1") });
}

#[test]
fn json_faults_name_the_field_and_never_the_value() {
    use crate::domain::ErrorReason::{
        FieldInvalid, Malformed, UnknownEnumValue, UnknownMessageType,
    };
    let deep = format!("{{\"currency\":{}", "[".repeat(10_000));
    let cases = [
        (r#"{"currency":987654}"#, FieldInvalid, "currency"),
        (r#"{"amount_minor_units":"987654x"}"#, FieldInvalid, "amount_minor_units"),
        (r#"{"amount_minor_units":987654.5}"#, FieldInvalid, "amount_minor_units"),
        (r#"{"incremental":"987654"}"#, FieldInvalid, "incremental"),
        (r#"{"switch_context":"987654*"}"#, FieldInvalid, "switch_context"),
        (r#"{"pan":987654}"#, FieldInvalid, "pan"),
        (r#"{"channel":"987654"}"#, UnknownEnumValue, "channel"),
        (r#"{"channel":987654}"#, UnknownEnumValue, "channel"),
        (r#"{"message_type":"987654"}"#, UnknownMessageType, "message_type"),
        (r#"{"currency":"987654"#, Malformed, ""),
        (r#"{"currency":"987654"} 987654"#, Malformed, ""),
        (r#"["987654"]"#, Malformed, ""),
        (r#""987654""#, Malformed, ""),
        ("987654", Malformed, ""),
        ("\u{feff}{}", Malformed, ""),
        ("{987654:1}", Malformed, ""),
        (&deep, FieldInvalid, "currency"),
    ];
    for (text, reason, field) in cases {
        let fault = json::read(text.as_bytes(), &mut Scratch::default()).expect_err(text);
        assert_eq!((fault.reason, fault.field), (reason, field), "{text}");
        assert!(!fault.detail.contains("987654"), "{}", fault.detail);
        assert!(fault.detail.contains("(line 1, column "), "{}", fault.detail);
    }
}
