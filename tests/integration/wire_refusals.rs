//! Whatever comes, the door answers; and no answer repeats a card number.

use prost::Message;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use stopline::domain::{ErrorReason, EventTime, Input, Offset, PartitionId, Record};
use stopline::wire::{Door, Format, Incoming, KafkaKey, Refusal, Scratch, encode_record, proto};

use super::wire_messages::{self as messages, PAN};

const SEED: u64 = 20_260_103;

/// All that leaves the process of a refusal: none of it may hold a card number.
fn check_says_no_pan(refusal: &Refusal, place: &str) {
    let input = Input { partition: PartitionId(0), offset: Offset(0) };
    let shown = format!("{refusal} {refusal:?}");
    let mut bytes = Vec::new();
    let error = refusal.clone().into_input_error(input);
    encode_record(&Record::Error(Box::new(error)), &mut bytes);
    let written = String::from_utf8_lossy(&bytes);
    for text in [shown.as_str(), &written] {
        assert!(!text.contains(PAN), "{place}: {text}");
        assert!(!text.contains("411111111"), "{place}: {text}");
    }
}

fn object(message: &proto::Authorisation) -> Map<String, Value> {
    match serde_json::to_value(message) {
        Ok(Value::Object(object)) => object,
        other => panic!("{other:?}"),
    }
}

fn decode(door: &Door, format: Format, value: &[u8]) -> Option<Refusal> {
    let key = KafkaKey::Record(Some(b"par-1"));
    let mut scratch = Scratch::default();
    door.decode(format, key, Some(value), &mut scratch).err()
}

/// Each way to be refused, so that what else the message holds is seen by a refusal.
fn breakers() -> Vec<(&'static str, Value)> {
    vec![
        ("message_type", json!("MESSAGE_TYPE_UNSPECIFIED")),
        ("authorisation_id", json!("")),
        ("currency", json!("CNX")),
        ("amount_minor_units", json!("-1")),
        ("authorised_at_millis", json!("1")),
        ("merchant_country", json!("china")),
        ("account_reference", json!("par-2")),
    ]
}

#[test]
fn a_card_number_planted_in_any_field_is_in_no_refusal() {
    let mut names: Vec<String> = object(&messages::full_request()).keys().cloned().collect();
    names.extend(["pan".into(), "response_code".into(), "unknown_field".into()]);
    let plants = [json!(PAN), json!(format!("{PAN}\n")), json!(format!("a{PAN}\u{7f}"))];
    let number = json!(4_111_111_111_111_111_i64);
    let mut refused_count = 0;
    for name in &names {
        for plant in plants.iter().chain([&number]) {
            for (broken, by) in breakers() {
                let mut fields = object(&messages::full_request());
                if name == "pan" {
                    fields.remove("card_token");
                }
                fields.insert(broken.into(), by);
                fields.insert(name.clone(), plant.clone());
                let text = Value::Object(fields).to_string();
                let place = format!("{name} = {plant}, broken by {broken}");
                for accept_pan in [false, true] {
                    let door = messages::door(accept_pan);
                    if let Some(refusal) = decode(&door, Format::Json, text.as_bytes()) {
                        refused_count += 1;
                        check_says_no_pan(&refusal, &place);
                    }
                    // What the contract can hold at all, in protobuf as well.
                    let Ok(message) = serde_json::from_str::<proto::Authorisation>(&text) else {
                        continue;
                    };
                    let bytes = message.encode_to_vec();
                    if let Some(refusal) = decode(&door, Format::Protobuf, &bytes) {
                        check_says_no_pan(&refusal, &place);
                    }
                    for length in (0..bytes.len()).step_by(7) {
                        if let Some(refusal) = decode(&door, Format::Protobuf, &bytes[..length]) {
                            check_says_no_pan(&refusal, &place);
                        }
                    }
                }
            }
        }
    }
    assert!(refused_count > 1_000, "{refused_count}");
}

#[test]
fn a_request_of_the_contract_does_not_show_itself() {
    let shown = format!("{:?} {:?}", messages::pan_request(), messages::pan_request().card);
    assert!(!shown.contains(PAN), "{shown}");
}

#[test]
fn a_card_number_planted_in_an_order_is_in_no_refusal() {
    let appended_at = EventTime::EARLIEST;
    let Ok(Value::Object(whole)) = serde_json::to_value(messages::stop_order()) else {
        panic!("an object");
    };
    for name in whole.keys() {
        for (broken, by) in [("cause", json!(0)), ("lapses_at_millis", json!(1))] {
            let mut fields = whole.clone();
            fields.insert(broken.into(), by);
            fields.insert(name.clone(), json!(PAN));
            let text = Value::Object(fields).to_string();
            let refusal = messages::door(false).decode_stop_order(
                Format::Json,
                KafkaKey::Unchecked,
                Some(text.as_bytes()),
                Offset(0),
                appended_at,
            );
            check_says_no_pan(&refusal.expect_err("broken"), name);
        }
    }
}

/// Decodes twice, into a used scratch and into a new one: the same comes out.
fn check_total(door: &Door, format: Format, value: &[u8], scratch: &mut Scratch, place: &str) {
    let key = KafkaKey::Unchecked;
    let mut new = Scratch::default();
    let found = door.decode(format, key, Some(value), scratch);
    assert_eq!(found, door.decode(format, key, Some(value), &mut new), "{place}");
    if let Err(refusal) = found {
        assert!(!refusal.detail.is_empty(), "{place}");
        assert!(refusal.detail.len() < 300, "{place} {refusal:?}");
    }
    let order = door.decode_stop_order(format, key, Some(value), Offset(0), EventTime::EARLIEST);
    if let Err(refusal) = order {
        assert!(!refusal.detail.is_empty(), "{place}");
    }
}

#[test]
fn any_bytes_are_words_or_a_refusal() {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let door = messages::door(true);
    let mut scratch = Scratch::default();
    let wholes =
        [messages::full_request(), messages::pan_request(), messages::reversal()].map(|message| {
            let text = serde_json::to_vec(&message).expect("JSON");
            (message.encode_to_vec(), text)
        });
    for round in 0..30_000 {
        let (bytes, text) = &wholes[random.random_range(0..wholes.len())];
        let (format, whole) =
            if random.random() { (Format::Protobuf, bytes) } else { (Format::Json, text) };
        let mut value = whole.clone();
        if random.random_range(0..8) == 0 {
            value = (0..random.random_range(1..200)).map(|_| random.random()).collect();
        }
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..value.len());
            match random.random_range(0..4) {
                0 => value[at] = random.random(),
                1 => value.truncate(at + 1),
                2 => value.insert(at, random.random()),
                _ => value.extend_from_within(at..),
            }
        }
        let place = format!("seed {SEED} round {round}");
        check_total(&door, format, &value, &mut scratch, &place);
    }
}

#[test]
fn json_nested_ten_thousand_deep_is_answered() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_objects = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let whole = object(&messages::least_request());
    let whole = Value::Object(whole).to_string();
    let head = whole.strip_suffix('}').expect("an object");
    for nest in [&deep, &deep_objects] {
        let unknown = format!("{head},\"unknown\":{nest}}}");
        assert_eq!(decode(&messages::door(false), Format::Json, unknown.as_bytes()), None);
        for field in ["currency", "message_type", "eci", "switch_context"] {
            let known = format!("{head},\"{field}\":{nest}}}");
            let refusal = decode(&messages::door(false), Format::Json, known.as_bytes());
            assert!(refusal.is_some(), "{field}");
        }
        let refusal = decode(&messages::door(false), Format::Json, nest.as_bytes());
        assert!(refusal.is_some());
    }
}

#[test]
fn numbers_beyond_64_bits_are_out_of_range_and_other_types_invalid() {
    use ErrorReason::{AmountOutOfRange, FieldInvalid, TimeOutOfRange, UnknownMessageType};
    let cases = [
        ("amount_minor_units", json!(u64::MAX), AmountOutOfRange),
        ("amount_minor_units", json!(1e300), AmountOutOfRange),
        ("amount_minor_units", json!(-1e300), AmountOutOfRange),
        ("amount_minor_units", json!("9".repeat(99)), AmountOutOfRange),
        ("amount_minor_units", json!(1.5), FieldInvalid),
        ("amount_minor_units", json!(true), FieldInvalid),
        ("authorised_at_millis", json!(u64::MAX), TimeOutOfRange),
        ("deadline_millis", json!("-999999999999999999999"), TimeOutOfRange),
        ("eci", json!(4_294_967_296_i64 + 5), FieldInvalid),
        ("merchant_category_code", json!(-1), FieldInvalid),
        ("message_type", json!("0100"), UnknownMessageType),
        ("message_type", json!(65_636), UnknownMessageType),
    ];
    for (field, value, reason) in cases {
        let mut fields = object(&messages::full_request());
        fields.insert(field.into(), value.clone());
        let text = Value::Object(fields).to_string();
        let refusal = decode(&messages::door(false), Format::Json, text.as_bytes());
        let refusal = refusal.unwrap_or_else(|| panic!("{field} {value}"));
        assert_eq!((refusal.reason, refusal.field), (reason, field), "{value}");
    }
}

#[test]
fn the_id_is_given_back_wherever_it_can_be_read() {
    let door = messages::door(false);
    let whole = messages::full_request().encode_to_vec();
    let id_of = |format, value: &[u8]| {
        let refusal = decode(&door, format, value).expect("refused");
        refusal.id.map(|id| id.as_str().to_owned())
    };
    let expected = Some("auth-1".to_owned());
    // Cut short behind the id.
    assert_eq!(id_of(Format::Protobuf, &whole[..40]), expected);
    // A field of another wire type before it.
    let mut mistyped = vec![0x0d, 1, 2, 3, 4];
    mistyped.extend_from_slice(&whole);
    assert_eq!(id_of(Format::Protobuf, &mistyped), expected);
    // A bad field behind it, and before it.
    let behind = br#"{"authorisation_id":"auth-1","eci":"x"}"#;
    let before = br#"{"eci":"x","authorisationId":"auth-1"}"#;
    assert_eq!(id_of(Format::Json, behind), expected);
    assert_eq!(id_of(Format::Json, before), expected);
    // Cut short behind the id, and before it.
    assert_eq!(id_of(Format::Json, br#"{"authorisation_id":"auth-1""#), expected);
    assert_eq!(id_of(Format::Json, br#"{"authorisation_id":"auth-1"#), None);
    // Larger than the limit.
    let mut large = whole;
    large.resize(65_537, 0x7f);
    assert_eq!(id_of(Format::Protobuf, &large), expected);
    let refusal = decode(&door, Format::Protobuf, &large).expect("refused");
    assert_eq!(refusal.reason, ErrorReason::TooLarge);
}

#[test]
fn one_card_has_one_key_in_both_formats_and_its_own_domain() {
    let door = messages::door(true);
    let bytes = messages::pan_request().encode_to_vec();
    let text = serde_json::to_vec(&messages::pan_request()).expect("JSON");
    let mut keys = Vec::new();
    for (format, value) in [(Format::Protobuf, &bytes), (Format::Json, &text)] {
        let mut scratch = Scratch::default();
        let found = door.decode(format, KafkaKey::Unchecked, Some(value), &mut scratch);
        let Ok(Incoming::Message { auth, .. }) = found else {
            panic!("{found:?}");
        };
        keys.extend(auth.card);
    }
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
    assert_ne!(keys[0], door.keys().card_token_key(PAN));
}
