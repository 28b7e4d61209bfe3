//! Which stop orders are taken and which are refused, case by case, in both formats.

use prost::Message;

use crate::domain::{
    CardKey, ErrorReason, EventTime, Identifier, Offset, ReportChannel, StopCause, StopOrder,
    StopScope,
};

use super::proto;
use super::{Door, DoorSettings, Format, KafkaKey, KeySeed, PanKey, Refusal};

const PAN: &str = "4111111111111111";
const TAG: &str = "00112233445566778899aabbccddeeff";

fn door(numeric_references: bool) -> Door {
    let settings = DoorSettings { accept_pan: true, numeric_references, message_bytes_max: 65_536 };
    Door::new(settings, &KeySeed::from_bytes([7; 16]), Some(pan_key()))
}

fn pan_key() -> PanKey {
    PanKey::from_bytes([9; 32])
}

fn appended_at() -> EventTime {
    EventTime::from_unix_millis(1_770_000_000_000).expect("in range")
}

fn order() -> proto::StopOrder {
    proto::StopOrder {
        order_id: "order-1".into(),
        card_token: Some("tok-1".into()),
        account_reference: Some("par-1".into()),
        pan_tag: Some(TAG.into()),
        pan_key_id: Some(pan_key().id().to_string()),
        cause: proto::StopCause::Lost.into(),
        report_channel: proto::ReportChannel::Telephone.into(),
        reported_at_millis: Some(1_769_999_000_000),
        in_force_from_millis: Some(1_769_999_500_000),
        lapses_at_millis: Some(1_770_086_400_000),
        source: Some("hotline 挂失".into()),
        ..Default::default()
    }
}

fn decode(door: &Door, format: Format, order: &proto::StopOrder) -> Result<StopOrder, Refusal> {
    let value = match format {
        Format::Protobuf => order.encode_to_vec(),
        Format::Json => serde_json::to_vec(order).expect("JSON"),
    };
    let key = KafkaKey::Record(Some(b"order-1"));
    door.decode_stop_order(format, key, Some(&value), Offset(41), appended_at())
}

type Change = fn(&mut proto::StopOrder);

#[rustfmt::skip] // A case a line.
#[test]
fn orders_that_are_not_whole_or_contradict_themselves_are_refused() {
    use ErrorReason::{
        FieldInvalid, FieldMissing, KeyMismatch, ReferenceLooksLikePan, TimeOutOfRange,
    };
    let cases: &[(Change, ErrorReason, &str)] = &[
        (|o| o.order_id.clear(), FieldMissing, "order_id"),
        (|o| o.order_id = "order-2".into(), KeyMismatch, "order_id"),
        (|o| o.order_id = "o".repeat(65), FieldInvalid, "order_id"),
        (|o| o.card_token = Some(String::new()), FieldInvalid, "card_token"),
        (|o| o.card_token = Some(PAN.into()), ReferenceLooksLikePan, "card_token"),
        (|o| o.account_reference = Some(PAN.into()), ReferenceLooksLikePan, "account_reference"),
        (|o| o.account_reference = Some("1234567890123".into()), ReferenceLooksLikePan,
            "account_reference"),
        (|o| o.pan_tag = Some(PAN.into()), FieldInvalid, "pan_tag"),
        (|o| o.pan_tag = Some(format!("+{}", "1".repeat(31))), FieldInvalid, "pan_tag"),
        (|o| o.pan_key_id = None, FieldMissing, "pan_key_id"),
        (|o| o.pan_tag = None, FieldMissing, "pan_tag"),
        (|o| o.cause = 0, FieldMissing, "cause"),
        (|o| o.scope = 2, FieldMissing, "merchant_id"),
        (|o| o.scope = 3, FieldMissing, "merchant_category_code"),
        (|o| o.merchant_id = Some("m".into()), FieldInvalid, "merchant_id"),
        (|o| o.acquirer_id = Some("a".into()), FieldInvalid, "acquirer_id"),
        (|o| o.merchant_category_code = Some(1), FieldInvalid, "merchant_category_code"),
        (|o| o.merchant_category_code = Some(10_000), FieldInvalid, "merchant_category_code"),
        (|o| o.reported_at_millis = Some(0), TimeOutOfRange, "reported_at_millis"),
        (|o| o.in_force_from_millis = Some(i64::MAX), TimeOutOfRange, "in_force_from_millis"),
        (|o| o.lapses_at_millis = o.in_force_from_millis, FieldInvalid, "lapses_at_millis"),
        (|o| o.lifted_at_millis = Some(1_770_000_000_000), FieldMissing, "lift_reason"),
        (|o| o.lift_reason = Some("found".into()), FieldMissing, "lifted_at_millis"),
        (|o| o.lift_reason = Some("寻".repeat(201)), FieldInvalid, "lift_reason"),
        (|o| o.source = Some("a\nb".into()), FieldInvalid, "source"),
        (|o| (o.card_token, o.account_reference, o.pan_tag, o.pan_key_id) =
            (None, None, None, None), FieldMissing, ""),
        (|o| o.cause = 8, FieldMissing, "scope"),
        (|o| o.cause = 9, FieldMissing, "scope"),
        (|o| (o.cause, o.merchant_id) = (9, Some("m".into())), FieldMissing, "scope"),
        (|o| (o.cause, o.scope) = (8, 1), FieldInvalid, "scope"),
        (|o| (o.cause, o.scope) = (9, 4), FieldInvalid, "scope"),
    ];
    for (index, (change, reason, field)) in cases.iter().enumerate() {
        let mut order = order();
        change(&mut order);
        for format in [Format::Protobuf, Format::Json] {
            let refusal = decode(&door(false), format, &order).expect_err("refused");
            let place = format!("case {index} {format:?} {refusal:?}");
            assert_eq!((refusal.reason, refusal.field), (*reason, *field), "{place}");
            assert!(!format!("{refusal:?}").contains(PAN), "{place}");
        }
    }
}

#[test]
fn unknown_enum_values_are_refused_by_field() {
    let cases: [(Change, &str); 3] = [
        (|o| o.cause = 11, "cause"),
        (|o| o.scope = 5, "scope"),
        (|o| o.report_channel = -1, "report_channel"),
    ];
    for (change, field) in cases {
        let mut order = order();
        change(&mut order);
        let refusal = decode(&door(false), Format::Protobuf, &order).expect_err("refused");
        let expected = (ErrorReason::UnknownEnumValue, field);
        assert_eq!((refusal.reason, refusal.field), expected);
        let id = refusal.id.expect("an id");
        assert_eq!(id.as_str(), "order-1");
    }
}

#[test]
fn an_order_is_known_by_the_same_keys_as_a_request() {
    for format in [Format::Protobuf, Format::Json] {
        let door = door(false);
        let found = decode(&door, format, &order()).expect("taken");
        assert_eq!(found.card, Some(door.keys().card_token_key("tok-1")));
        assert_eq!(found.account, Some(door.keys().account_key("par-1")));
        let tag = 0x0011_2233_4455_6677_8899_aabb_ccdd_eeff;
        assert_eq!(found.pan, Some(CardKey::from_bits(tag)));
        assert_eq!(found.key, door.keys().order_key("order-1"));
        assert_eq!(found.offset, Offset(41));
        assert_eq!(found.cause, StopCause::Lost);
        assert_eq!(found.scope, StopScope::All);
        assert_eq!(found.report_channel, ReportChannel::Telephone);
        assert_eq!(found.reported_at.unix_millis(), 1_769_999_000_000);
        assert_eq!(found.in_force_from.unix_millis(), 1_769_999_500_000);
    }
}

#[test]
fn absent_times_are_the_append_time_and_absent_channels_written() {
    let least = proto::StopOrder {
        order_id: "order-1".into(),
        account_reference: Some("par-1".into()),
        cause: proto::StopCause::CardholderFreeze.into(),
        ..Default::default()
    };
    let found = decode(&door(false), Format::Json, &least).expect("taken");
    assert_eq!(found.reported_at, appended_at());
    assert_eq!(found.in_force_from, appended_at());
    assert_eq!((found.lapses_at, found.lifted_at), (None, None));
    assert_eq!(found.report_channel, ReportChannel::Written);
    assert_eq!((found.card, found.pan), (None, None));
}

#[test]
fn a_scope_names_what_a_request_is_compared_with() {
    let door = door(false);
    let text = |name| Identifier::new(name, 32).expect("a name").to_text();
    let cases: [(Change, StopScope); 9] = [
        (|o| o.scope = 1, StopScope::All),
        (
            |o| {
                o.scope = 2;
                o.merchant_id = Some("m-1".into());
                o.acquirer_id = Some("acq-1".into());
            },
            StopScope::Merchant { merchant_id: text("m-1"), acquirer_id: Some(text("acq-1")) },
        ),
        (
            |o| (o.cause, o.scope, o.merchant_id) = (9, 2, Some("m-1".into())),
            StopScope::Merchant { merchant_id: text("m-1"), acquirer_id: None },
        ),
        (
            |o| {
                o.scope = 3;
                o.merchant_category_code = Some(7_995);
            },
            StopScope::MerchantCategory(7_995),
        ),
        (|o| o.scope = 4, StopScope::MerchantInitiated),
        // Without a scope: as the cause means.
        (|o| o.cause = 1, StopScope::All),
        (|o| o.cause = 6, StopScope::All),
        (|o| o.cause = 10, StopScope::MerchantInitiated),
        (|o| (o.cause, o.scope) = (10, 1), StopScope::All),
    ];
    for (change, expected) in cases {
        let mut order = order();
        change(&mut order);
        let found = decode(&door, Format::Protobuf, &order).expect("taken");
        assert_eq!(found.scope, expected);
    }
}

#[test]
fn a_lift_has_a_reason_and_may_precede_the_start() {
    let mut order = order();
    order.lifted_at_millis = Some(1_769_999_000_001);
    order.lift_reason = Some("card found 已找到".into());
    let found = decode(&door(false), Format::Json, &order).expect("taken");
    assert!(!found.is_in_force_at(appended_at()));
}

#[test]
fn numeric_references_open_the_door_to_numeric_tokens() {
    let mut order = order();
    order.card_token = Some(PAN.into());
    order.account_reference = Some("1234567890123".into());
    assert!(decode(&door(true), Format::Protobuf, &order).is_ok());
}

#[test]
fn a_tag_of_another_key_is_left_out_and_never_the_only_name() {
    let without_key =
        DoorSettings { accept_pan: false, numeric_references: false, message_bytes_max: 65_536 };
    let seed = KeySeed::from_bytes([7; 16]);
    let doors = [
        ("no key", Door::new(without_key, &seed, None)),
        ("takes no numbers", Door::new(without_key, &seed, Some(pan_key()))),
        ("another key", Door::new(door(false).settings, &seed, Some(PanKey::from_bytes([8; 32])))),
    ];
    for (shown, other) in doors {
        for format in [Format::Protobuf, Format::Json] {
            let found = decode(&other, format, &order()).expect("taken");
            assert_eq!((found.pan, found.has_foreign_tag), (None, true), "{shown}");
            assert_eq!(found.account, Some(other.keys().account_key("par-1")), "{shown}");

            let mut by_tag_alone = order();
            (by_tag_alone.card_token, by_tag_alone.account_reference) = (None, None);
            let refusal = decode(&other, format, &by_tag_alone).expect_err("refused");
            let expected = (ErrorReason::FieldInvalid, "pan_key_id");
            assert_eq!((refusal.reason, refusal.field), expected, "{shown}");

            let found = decode(&door(false), format, &by_tag_alone).expect("taken");
            assert_eq!((found.pan.is_some(), found.has_foreign_tag), (true, false));
        }
    }
    let mut shouting = order();
    shouting.pan_key_id = shouting.pan_key_id.map(|id| id.to_uppercase());
    assert!(decode(&door(false), Format::Json, &shouting).expect("taken").pan.is_some());
}

#[test]
fn json_orders_with_odd_fields_are_refused_without_repeating_them() {
    let whole = serde_json::to_string(&order()).expect("JSON");
    let head = whole.strip_suffix('}').expect("an object");
    let unknown = ErrorReason::Malformed;
    let twice = ErrorReason::FieldInvalid;
    let cases = [
        (r#""lapse_at_millis":"1770086400000""#, unknown, "", "does not have"),
        (r#""4111111111111111":"4111111111111111""#, unknown, "", "does not have"),
        (r#""":null"#, unknown, "", "does not have"),
        (r#""lapses_at_millis":"1770086400000""#, twice, "lapses_at_millis", "comes twice"),
        (r#""lapsesAtMillis":null"#, twice, "lapses_at_millis", "comes twice"),
        (r#""order_id":"order-1""#, twice, "order_id", "comes twice"),
    ];
    for (added, reason, field, said) in cases {
        let text = format!("{head},{added}}}");
        let key = KafkaKey::Record(Some(b"order-1"));
        let refusal = door(false)
            .decode_stop_order(Format::Json, key, Some(text.as_bytes()), Offset(0), appended_at())
            .expect_err(added);
        assert_eq!((refusal.reason, refusal.field), (reason, field), "{added}");
        assert!(refusal.detail.contains(said), "{added} {refusal}");
        assert!(refusal.detail.contains("(line 1, column "), "{added} {refusal}");
        assert!(!refusal.detail.contains("lapse_at"), "{refusal}");
        assert!(!refusal.detail.contains("4111"), "{refusal}");
    }
}

#[test]
fn torn_orders_are_refused_without_repeating_them() {
    let whole = order().encode_to_vec();
    for length in 0..whole.len() {
        let found = door(false).decode_stop_order(
            Format::Protobuf,
            KafkaKey::Unchecked,
            whole.get(..length),
            Offset(0),
            appended_at(),
        );
        if let Err(refusal) = found {
            assert!(!refusal.detail.contains("tok-1"), "{refusal:?}");
        }
    }
}
