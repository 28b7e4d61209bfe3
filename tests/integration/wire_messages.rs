//! Messages that the wire tests send, and the door that they send them to.

use stopline::wire::proto::authorisation::Card;
use stopline::wire::{Door, DoorSettings, KeySeed, PanKey, proto};

/// Passes the check digit; no bank ever issued it.
pub(crate) const PAN: &str = "4111111111111111";

/// A door with a fixed seed and secret.
pub(crate) fn door(accept_pan: bool) -> Door {
    let settings =
        DoorSettings { accept_pan, numeric_references: false, message_bytes_max: 65_536 };
    let seed = KeySeed::from_hex("000102030405060708090a0b0c0d0e0f").expect("32 digits");
    let secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let pan_key = PanKey::from_hex(secret).expect("64 digits");
    Door::new(settings, &seed, Some(pan_key))
}

/// The fewest fields that a request needs.
pub(crate) fn least_request() -> proto::Authorisation {
    proto::Authorisation {
        message_type: proto::MessageType::MessageType0100.into(),
        authorisation_id: "auth-1".into(),
        card: Some(Card::CardToken("tok-1".into())),
        account_reference: "par-1".into(),
        amount_minor_units: Some(0),
        currency: "CNY".into(),
        authorised_at_millis: 1_770_000_000_000,
        ..Default::default()
    }
}

/// A request with every field that a request may have.
pub(crate) fn full_request() -> proto::Authorisation {
    proto::Authorisation {
        message_type: proto::MessageType::MessageType0200.into(),
        original_id: Some("first-1".into()),
        processing_code: proto::ProcessingCode::Cash.into(),
        incremental: true,
        amount_minor_units: Some(1_000_000_000_000_000),
        billing_amount_minor_units: Some(1_700),
        billing_currency: Some("USD".into()),
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
        expiry_result: proto::CheckResult::NotProcessed.into(),
        bin: Some("41111111".into()),
        device_id: Some("device-1".into()),
        ip_address: Some("2001:db8::1".into()),
        ip_country: Some("SG".into()),
        email_digest: Some("0a0b0c".into()),
        scheme: proto::Scheme::Unionpay.into(),
        portfolio: Some("gold".into()),
        switch_context: Some(vec![0, 1, 2, 255]),
        ..least_request()
    }
}

/// A request with a card number.
pub(crate) fn pan_request() -> proto::Authorisation {
    proto::Authorisation {
        card: Some(Card::Pan(PAN.into())),
        scheme: proto::Scheme::Visa.into(),
        ..least_request()
    }
}

/// What the host decided.
pub(crate) fn outcome_notice() -> proto::Authorisation {
    proto::Authorisation {
        message_type: proto::MessageType::MessageType0110.into(),
        card: None,
        amount_minor_units: None,
        currency: String::new(),
        response_code: Some("51".into()),
        ..least_request()
    }
}

/// A partial reversal.
pub(crate) fn reversal() -> proto::Authorisation {
    proto::Authorisation {
        message_type: proto::MessageType::MessageType0420.into(),
        authorisation_id: "reversal-1".into(),
        original_id: Some("auth-1".into()),
        original_authorised_at_millis: Some(1_770_000_000_000),
        amount_minor_units: Some(500),
        authorised_at_millis: 1_770_000_060_000,
        ..least_request()
    }
}

/// An echo test with all that it may have.
pub(crate) fn echo_test() -> proto::Authorisation {
    proto::Authorisation {
        message_type: proto::MessageType::MessageType0800.into(),
        authorisation_id: "probe-1".into(),
        authorised_at_millis: 1_770_000_000_000,
        switch_context: Some(vec![7]),
        ..Default::default()
    }
}

/// An order with every field; its tag is of a key that no door has.
pub(crate) fn stop_order() -> proto::StopOrder {
    proto::StopOrder {
        order_id: "order-1".into(),
        card_token: Some("tok-1".into()),
        account_reference: Some("par-1".into()),
        pan_tag: Some("00112233445566778899aabbccddeeff".into()),
        pan_key_id: Some("key-1".into()),
        cause: proto::StopCause::RevokeAuthorisation.into(),
        scope: proto::StopScope::Merchant.into(),
        merchant_id: Some("merchant 1".into()),
        acquirer_id: Some("acq-1".into()),
        merchant_category_code: None,
        report_channel: proto::ReportChannel::Telephone.into(),
        reported_at_millis: Some(1_769_999_000_000),
        in_force_from_millis: Some(1_769_999_500_000),
        lapses_at_millis: Some(1_770_086_400_000),
        lifted_at_millis: Some(1_770_080_000_000),
        lift_reason: Some("found 已找到".into()),
        source: Some("hotline".into()),
    }
}

/// An order on a card number, tagged with the key of [`door`].
pub(crate) fn tagged_stop_order() -> proto::StopOrder {
    proto::StopOrder {
        order_id: "order-1".into(),
        pan_tag: Some("00112233445566778899aabbccddeeff".into()),
        pan_key_id: door(true).pan_key().map(|key| key.id().to_string()),
        cause: proto::StopCause::RevokeAllAuthorisations.into(),
        ..Default::default()
    }
}
