//! What the door lets in and what it refuses, case by case, in both formats.

use prost::Message;

use crate::domain::{ErrorReason, EventTime, Text};

use super::proto;
use super::proto::authorisation::Card;
use super::{Door, DoorSettings, Format, Incoming, KafkaKey, KeySeed, PanKey, Refusal, Scratch};

const PAN: &str = "4111111111111111";

fn door(accept_pan: bool, numeric_references: bool) -> Door {
    let settings = DoorSettings { accept_pan, numeric_references, message_bytes_max: 65_536 };
    let pan_key = PanKey::from_bytes([9; 32]);
    Door::new(settings, &KeySeed::from_bytes([7; 16]), Some(pan_key))
}

/// A request with every field that a request may have.
pub(super) fn request() -> proto::Authorisation {
    proto::Authorisation {
        message_type: 100,
        authorisation_id: "auth-1".into(),
        original_id: Some("first-1".into()),
        processing_code: proto::ProcessingCode::QuasiCash.into(),
        incremental: false,
        card: Some(Card::CardToken("tok-1".into())),
        account_reference: "par-1".into(),
        amount_minor_units: Some(12_345),
        currency: "CNY".into(),
        billing_amount_minor_units: Some(1_700),
        billing_currency: Some("USD".into()),
        authorised_at_millis: 1_770_000_000_000,
        original_authorised_at_millis: Some(1_769_000_000_000),
        deadline_millis: Some(1_770_000_002_000),
        merchant_id: Some("merchant 1".into()),
        acquirer_id: Some("acq-1".into()),
        terminal_id: Some("term-1".into()),
        merchant_category_code: Some(5_999),
        merchant_country: Some("CN".into()),
        entry_mode: proto::EntryMode::CredentialOnFile.into(),
        channel: proto::Channel::App.into(),
        initiator: proto::Initiator::Merchant.into(),
        eci: Some(5),
        cavv_result: proto::CheckResult::Match.into(),
        cvv2_result: proto::CheckResult::NoMatch.into(),
        avs_result: proto::CheckResult::PartialMatch.into(),
        expiry_result: proto::CheckResult::NotProvided.into(),
        bin: Some("41111111".into()),
        device_id: Some("device-1".into()),
        ip_address: Some("2001:db8::1".into()),
        ip_country: Some("SG".into()),
        email_digest: Some("0a0b0c".into()),
        scheme: proto::Scheme::Unionpay.into(),
        portfolio: Some("gold".into()),
        response_code: None,
        switch_context: Some(vec![0, 1, 2, 255]),
    }
}

/// The request, made to be of another type: with what that type needs.
fn message(indicator: i32) -> proto::Authorisation {
    let is_told = [110, 120, 121, 210, 220, 221].contains(&indicator);
    proto::Authorisation {
        message_type: indicator,
        response_code: is_told.then(|| "05".into()),
        ..request()
    }
}

/// Decodes `message` in each format that can write it, under its own account as key.
fn check(
    door: &Door,
    message: &proto::Authorisation,
    expected: &dyn Fn(Format, Result<Incoming<'_>, Refusal>),
) {
    let key = message.account_reference.clone().into_bytes();
    let key = KafkaKey::Record(Some(&key));
    let mut scratch = Scratch::default();
    let bytes = message.encode_to_vec();
    let found = door.decode(Format::Protobuf, key, Some(&bytes), &mut scratch);
    expected(Format::Protobuf, found);
    // An enum value without a name cannot be written as JSON.
    if let Ok(text) = serde_json::to_vec(message) {
        expected(Format::Json, door.decode(Format::Json, key, Some(&text), &mut scratch));
    }
}

type Change = fn(&mut proto::Authorisation);

fn check_refused(door: &Door, cases: &[(i32, Change, ErrorReason, &str)]) {
    for (index, (indicator, change, reason, field)) in cases.iter().enumerate() {
        let mut message = message(*indicator);
        change(&mut message);
        let id_is_sound = message.authorisation_id == "auth-1";
        check(door, &message, &|format, found| {
            let refusal = found.expect_err(&format!("case {index} {format:?}"));
            let place = format!("case {index} {format:?} {refusal:?}");
            assert_eq!((refusal.reason, refusal.field), (*reason, *field), "{place}");
            assert!(refusal.detail.starts_with(refusal.field), "{place}");
            let id = refusal.id.as_ref().map(Text::as_str);
            assert_eq!(id, id_is_sound.then_some("auth-1"), "{place}");
        });
    }
}

fn check_let_in(door: &Door, cases: &[(i32, Change)]) {
    for (index, (indicator, change)) in cases.iter().enumerate() {
        let mut message = message(*indicator);
        change(&mut message);
        check(door, &message, &|format, found| {
            assert!(found.is_ok(), "case {index} {format:?} {found:?}");
        });
    }
}

#[test]
fn every_message_type_is_let_in_with_what_it_needs() {
    for indicator in [100, 101, 110, 120, 121, 200, 201, 210, 220, 221, 400, 401, 420, 421] {
        check(&door(false, false), &message(indicator), &|_, found| {
            let Ok(Incoming::Message { auth, switch_context }) = found else {
                panic!("{indicator} {found:?}");
            };
            assert_eq!(i32::from(auth.message_type.indicator), indicator);
            assert_eq!(switch_context, Some(&[0, 1, 2, 255][..]));
            assert_eq!(auth.id.as_str(), "auth-1");
        });
    }
}

#[rustfmt::skip] // A case a line.
#[test]
fn what_is_required_is_refused_when_absent() {
    use ErrorReason::{FieldMissing, UnknownMessageType};
    check_refused(
        &door(false, false),
        &[
            (100, |m| m.message_type = 0, UnknownMessageType, "message_type"),
            (100, |m| m.authorisation_id.clear(), FieldMissing, "authorisation_id"),
            (400, |m| m.original_id = None, FieldMissing, "original_id"),
            (421, |m| m.original_id = None, FieldMissing, "original_id"),
            (100, |m| { m.incremental = true; m.original_id = None }, FieldMissing, "original_id"),
            (100, |m| m.card = None, FieldMissing, "card_token"),
            (201, |m| m.card = None, FieldMissing, "card_token"),
            (100, |m| m.account_reference.clear(), FieldMissing, "account_reference"),
            (100, |m| m.amount_minor_units = None, FieldMissing, "amount_minor_units"),
            (120, |m| m.amount_minor_units = None, FieldMissing, "amount_minor_units"),
            (100, |m| m.currency.clear(), FieldMissing, "currency"),
            (110, |m| m.currency.clear(), FieldMissing, "currency"),
            (100, |m| m.billing_currency = None, FieldMissing, "billing_currency"),
            (100, |m| m.billing_amount_minor_units = None,
                FieldMissing, "billing_amount_minor_units"),
            (100, |m| m.authorised_at_millis = 0, FieldMissing, "authorised_at_millis"),
            (110, |m| m.response_code = None, FieldMissing, "response_code"),
            (220, |m| m.response_code = None, FieldMissing, "response_code"),
        ],
    );
}

#[rustfmt::skip] // A case a line.
#[test]
fn what_does_not_have_its_form_is_refused() {
    use ErrorReason::{
        AmountOutOfRange, FieldInvalid, TimeOutOfRange, UnknownCurrency, UnknownEnumValue,
        UnknownMessageType,
    };
    check_refused(
        &door(false, false),
        &[
            (100, |m| m.message_type = 102, UnknownMessageType, "message_type"),
            (100, |m| m.message_type = -100, UnknownMessageType, "message_type"),
            (100, |m| m.authorisation_id = "a".repeat(65), FieldInvalid, "authorisation_id"),
            (100, |m| m.authorisation_id = "a\nb".into(), FieldInvalid, "authorisation_id"),
            (100, |m| m.original_id = Some(String::new()), FieldInvalid, "original_id"),
            (100, |m| m.processing_code = 7, UnknownEnumValue, "processing_code"),
            (100, |m| m.card = Some(Card::CardToken(String::new())), FieldInvalid, "card_token"),
            (100, |m| m.card = Some(Card::CardToken("t".repeat(65))), FieldInvalid, "card_token"),
            (100, |m| m.account_reference = "卡".into(), FieldInvalid, "account_reference"),
            (100, |m| m.amount_minor_units = Some(-1), AmountOutOfRange, "amount_minor_units"),
            (100, |m| m.amount_minor_units = Some(1_000_000_000_000_001),
                AmountOutOfRange, "amount_minor_units"),
            (110, |m| m.amount_minor_units = Some(i64::MIN),
                AmountOutOfRange, "amount_minor_units"),
            (100, |m| m.currency = "CNX".into(), UnknownCurrency, "currency"),
            (100, |m| m.currency = "cny".into(), UnknownCurrency, "currency"),
            (100, |m| m.billing_amount_minor_units = Some(i64::MAX),
                AmountOutOfRange, "billing_amount_minor_units"),
            (100, |m| m.billing_currency = Some("156".into()), UnknownCurrency, "billing_currency"),
            (100, |m| m.authorised_at_millis = 1, TimeOutOfRange, "authorised_at_millis"),
            (100, |m| m.authorised_at_millis = i64::MIN, TimeOutOfRange, "authorised_at_millis"),
            (400, |m| m.original_authorised_at_millis = Some(0),
                TimeOutOfRange, "original_authorised_at_millis"),
            (100, |m| m.deadline_millis = Some(i64::MAX), TimeOutOfRange, "deadline_millis"),
            (100, |m| m.merchant_id = Some("m".repeat(33)), FieldInvalid, "merchant_id"),
            (100, |m| m.acquirer_id = Some(" a".into()), FieldInvalid, "acquirer_id"),
            (100, |m| m.terminal_id = Some("t".repeat(33)), FieldInvalid, "terminal_id"),
            (100, |m| m.merchant_category_code = Some(0), FieldInvalid, "merchant_category_code"),
            (100, |m| m.merchant_category_code = Some(10_000),
                FieldInvalid, "merchant_category_code"),
            (100, |m| m.merchant_country = Some("cn".into()), FieldInvalid, "merchant_country"),
            (100, |m| m.entry_mode = 8, UnknownEnumValue, "entry_mode"),
            (100, |m| m.channel = 6, UnknownEnumValue, "channel"),
            (100, |m| m.initiator = -1, UnknownEnumValue, "initiator"),
            (100, |m| m.eci = Some(100), FieldInvalid, "eci"),
            (100, |m| m.cavv_result = 6, UnknownEnumValue, "cavv_result"),
            (100, |m| m.cvv2_result = 6, UnknownEnumValue, "cvv2_result"),
            (100, |m| m.avs_result = 6, UnknownEnumValue, "avs_result"),
            (100, |m| m.expiry_result = 6, UnknownEnumValue, "expiry_result"),
            (100, |m| m.bin = Some("41111".into()), FieldInvalid, "bin"),
            (100, |m| m.bin = Some("411111111".into()), FieldInvalid, "bin"),
            (100, |m| m.bin = Some("+411111".into()), FieldInvalid, "bin"),
            (100, |m| m.device_id = Some("d".repeat(65)), FieldInvalid, "device_id"),
            (100, |m| m.ip_address = Some("10.0.0.256".into()), FieldInvalid, "ip_address"),
            (100, |m| m.ip_country = Some("SGP".into()), FieldInvalid, "ip_country"),
            (100, |m| m.email_digest = Some(String::new()), FieldInvalid, "email_digest"),
            (100, |m| m.scheme = 7, UnknownEnumValue, "scheme"),
            (100, |m| m.portfolio = Some("p".repeat(33)), FieldInvalid, "portfolio"),
            (100, |m| m.response_code = Some("00".into()), FieldInvalid, "response_code"),
            (400, |m| m.response_code = Some("00".into()), FieldInvalid, "response_code"),
            (110, |m| m.response_code = Some("0".into()), FieldInvalid, "response_code"),
            (110, |m| m.response_code = Some("0 ".into()), FieldInvalid, "response_code"),
            (100, |m| m.switch_context = Some(vec![0; 1_025]), FieldInvalid, "switch_context"),
            (800, |m| m.switch_context = Some(vec![0; 1_025]), FieldInvalid, "switch_context"),
            (800, |m| m.authorised_at_millis = 1, TimeOutOfRange, "authorised_at_millis"),
            (800, |m| m.authorisation_id = "a".repeat(65), FieldInvalid, "authorisation_id"),
        ],
    );
}

#[test]
fn what_is_about_another_authorisation_has_an_id_of_its_own() {
    let own: Change = |m| m.original_id = Some("auth-1".into());
    let incremental: Change = |m| {
        m.incremental = true;
        m.original_id = Some("auth-1".into());
    };
    let cases = [(400, own), (401, own), (420, own), (421, own), (100, incremental)];
    let refused = cases
        .map(|(indicator, change)| (indicator, change, ErrorReason::FieldInvalid, "original_id"));
    check_refused(&door(false, false), &refused);
    // A payment under an agreement may name itself as its first.
    check_let_in(&door(false, false), &[(100, own), (120, own)]);
}

#[rustfmt::skip] // A case a line.
#[test]
fn values_at_their_limits_are_let_in() {
    check_let_in(
        &door(false, false),
        &[
            (100, |m| m.authorisation_id = "a".repeat(64)),
            (100, |m| m.account_reference = "123456789012".into()),
            (100, |m| m.account_reference = "12345678901234567890".into()),
            (100, |m| m.card = Some(Card::CardToken("4111111111111112".into()))),
            (100, |m| m.amount_minor_units = Some(0)),
            (400, |m| m.amount_minor_units = None),
            (100, |m| m.amount_minor_units = Some(1_000_000_000_000_000)),
            (110, |m| m.amount_minor_units = None),
            (110, |m| m.card = None),
            (400, |m| m.card = None),
            (100, |m| {
                m.authorised_at_millis = EventTime::EARLIEST.unix_millis();
            }),
            (100, |m| {
                m.authorised_at_millis = EventTime::LATEST.unix_millis();
            }),
            (100, |m| m.merchant_category_code = Some(9_999)),
            (100, |m| m.eci = Some(0)),
            (100, |m| m.bin = Some("000000".into())),
            (100, |m| m.switch_context = Some(vec![0; 1_024])),
            (100, |m| m.switch_context = Some(vec![])),
        ],
    );
}

#[test]
fn card_numbers_are_refused_unless_they_are_accepted() {
    use ErrorReason::{FieldInvalid, PanRefused, ReferenceLooksLikePan};
    let with_pan: Change = |m| m.card = Some(Card::Pan(PAN.into()));
    let wrong_pan: Change = |m| m.card = Some(Card::Pan("4111111111111112".into()));
    let numeric: Change = |m| m.account_reference = "1234567890123".into();
    let numeric_token: Change = |m| m.card = Some(Card::CardToken(PAN.into()));
    check_refused(
        &door(false, false),
        &[
            (100, with_pan, PanRefused, "pan"),
            (110, with_pan, PanRefused, "pan"),
            (800, with_pan, PanRefused, "pan"),
            (100, wrong_pan, PanRefused, "pan"),
            (100, numeric, ReferenceLooksLikePan, "account_reference"),
            (100, numeric_token, ReferenceLooksLikePan, "card_token"),
            (110, numeric_token, ReferenceLooksLikePan, "card_token"),
        ],
    );
    check_refused(
        &door(true, false),
        &[
            (100, wrong_pan, FieldInvalid, "pan"),
            (100, |m| m.card = Some(Card::Pan("411".into())), FieldInvalid, "pan"),
            (100, numeric_token, ReferenceLooksLikePan, "card_token"),
        ],
    );
    check_let_in(&door(true, false), &[(100, with_pan)]);
    check_let_in(&door(false, true), &[(100, numeric), (100, numeric_token)]);
}

#[test]
fn a_door_without_a_secret_refuses_card_numbers_whatever_its_settings() {
    let settings =
        DoorSettings { accept_pan: true, numeric_references: false, message_bytes_max: 65_536 };
    let door = Door::new(settings, &KeySeed::from_bytes([7; 16]), None);
    check_refused(
        &door,
        &[(100, |m| m.card = Some(Card::Pan(PAN.into())), ErrorReason::PanRefused, "pan")],
    );
}

#[test]
fn the_records_key_must_be_the_account_reference_but_for_an_echo_test() {
    let door = door(false, false);
    let mut scratch = Scratch::default();
    let request = request().encode_to_vec();
    let keys: [(KafkaKey<'_>, bool); 5] = [
        (KafkaKey::Unchecked, true),
        (KafkaKey::Record(Some(b"par-1")), true),
        (KafkaKey::Record(Some(b"par-2")), false),
        (KafkaKey::Record(Some(b"")), false),
        (KafkaKey::Record(None), false),
    ];
    for (key, is_let_in) in keys {
        let found = door.decode(Format::Protobuf, key, Some(&request), &mut scratch);
        let reason = found.err().map(|refusal| refusal.reason);
        let expected = (!is_let_in).then_some(ErrorReason::KeyMismatch);
        assert_eq!(reason, expected, "{key:?}");
    }
    let echo = proto::Authorisation { message_type: 800, ..Default::default() };
    let echo = echo.encode_to_vec();
    let unkeyed = KafkaKey::Record(None);
    let found = door.decode(Format::Protobuf, unkeyed, Some(&echo), &mut scratch);
    assert_eq!(found, Ok(Incoming::Echo { id: None, authorised_at: None, switch_context: None }));
}

#[test]
fn a_value_that_is_absent_or_too_large_is_refused_before_it_is_read() {
    use ErrorReason::{Empty, TooLarge};
    let door = door(false, false);
    let mut large = request().encode_to_vec();
    large.resize(65_537, 0);
    let cases: [(Option<&[u8]>, ErrorReason); 4] = [
        (None, Empty),
        (Some(b""), Empty),
        (Some(b"\0\0\0\0\x01\0"), Empty),
        (Some(&large), TooLarge),
    ];
    for (value, reason) in cases {
        let refusal = door
            .decode(Format::Protobuf, KafkaKey::Unchecked, value, &mut Scratch::default())
            .expect_err("refused");
        assert_eq!(refusal.reason, reason);
        assert_eq!(refusal.id.is_some(), reason == TooLarge);
    }
}
