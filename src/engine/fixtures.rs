//! Words for the tests of this room, and of those that read its conditions.

use crate::domain::{
    AccountKey, Authorisation, CardKey, EventTime, IdKey, Identifier, Initiator, MessageType,
    Processing,
};

/// `seconds` after the tests' beginning of time.
pub(super) fn at(seconds: i64) -> EventTime {
    EventTime::from_unix_millis(1_700_000_000_000 + seconds * 1_000).expect("in range")
}

/// A plain purchase by `account`, with nothing optional.
pub(crate) fn purchase(account: u128) -> Authorisation<'static> {
    Authorisation {
        message_type: MessageType::from_indicator(100).expect("spoken"),
        id: Identifier::new("authorisation", 64).expect("valid"),
        id_key: IdKey::from_bits(1),
        original_id: None,
        original_key: None,
        processing: Processing::Purchase,
        incremental: false,
        account: AccountKey::from_bits(account),
        card: Some(CardKey::from_bits(account << 64)),
        amount: None,
        billing_amount: None,
        authorised_at: at(0),
        original_authorised_at: None,
        deadline: None,
        merchant_id: None,
        acquirer_id: None,
        merchant: None,
        acquirer: None,
        device: None,
        ip: None,
        email: None,
        merchant_category: None,
        merchant_country: None,
        entry_mode: None,
        channel: None,
        initiator: Initiator::Cardholder,
        eci: None,
        cavv_result: None,
        cvv2_result: None,
        avs_result: None,
        expiry_result: None,
        bin: None,
        ip_country: None,
        scheme: None,
        portfolio: None,
        response_code: None,
        outcome_elsewhere: None,
    }
}
