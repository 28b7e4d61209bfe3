//! A card number is refused wherever in a message it comes, and whatever comes behind it.

use prost::Message;
use serde_json::Value;

use stopline::domain::{ErrorReason, Text};
use stopline::wire::proto::authorisation::Card;
use stopline::wire::{Door, Format, KafkaKey, Refusal, Scratch, proto};

use super::wire_messages::{self as messages, PAN};

fn decode(door: &Door, format: Format, value: &[u8]) -> Option<Refusal> {
    door.decode(format, KafkaKey::Unchecked, Some(value), &mut Scratch::default()).err()
}

/// A request whose card is `cards`, in this order, in both formats. Protobuf reads what lies
/// one behind the other as one message.
fn request_with(cards: &[Card]) -> [(Format, Vec<u8>); 2] {
    let without_card = proto::Authorisation { card: None, ..messages::least_request() };
    let mut bytes = without_card.encode_to_vec();
    let mut text = serde_json::to_string(&without_card).expect("JSON");
    text.truncate(text.len() - 1);
    for card in cards {
        let only = proto::Authorisation { card: Some(card.clone()), ..Default::default() };
        bytes.extend_from_slice(&only.encode_to_vec());
        let (name, value) = match card {
            Card::CardToken(token) => ("card_token", token),
            Card::Pan(pan) => ("pan", pan),
        };
        text = format!("{text},\"{name}\":{}", Value::from(value.as_str()));
    }
    [(Format::Protobuf, bytes), (Format::Json, format!("{text}}}").into_bytes())]
}

fn token() -> Card {
    Card::CardToken("tok-1".into())
}

fn pan() -> Card {
    Card::Pan(PAN.into())
}

fn no_pan() -> Card {
    Card::Pan(String::new())
}

#[test]
fn a_card_number_that_ever_was_in_a_message_refuses_it_in_any_order() {
    let orders = [
        vec![pan()],
        vec![pan(), token()],
        vec![token(), pan()],
        vec![pan(), no_pan()],
        vec![no_pan(), pan()],
        vec![pan(), token(), token()],
        vec![pan(), no_pan(), token()],
    ];
    for cards in orders {
        for (format, value) in request_with(&cards) {
            let refusal = decode(&messages::door(false), format, &value).expect("refused");
            assert_eq!(refusal.reason, ErrorReason::PanRefused, "{format:?}");
            assert_eq!(refusal.field, "pan");
            assert_eq!(refusal.id.as_ref().map(Text::as_str), Some("auth-1"));
            assert!(!format!("{refusal} {refusal:?}").contains(PAN), "{refusal}");
        }
    }
}

#[test]
fn a_null_does_not_take_a_card_number_back() {
    let [_, (_, text)] = request_with(&[pan()]);
    let text = String::from_utf8(text).expect("text").replace('}', ",\"pan\":null}");
    let refusal = decode(&messages::door(false), Format::Json, text.as_bytes());
    assert_eq!(refusal.map(|refusal| refusal.reason), Some(ErrorReason::PanRefused));
}

#[test]
fn a_message_has_one_card_also_where_card_numbers_are_let_in() {
    let door = messages::door(true);
    for cards in [vec![pan(), token()], vec![token(), pan()], vec![token(), no_pan()]] {
        for (format, value) in request_with(&cards) {
            let refusal = decode(&door, format, &value).expect("refused");
            let found = (refusal.reason, refusal.field);
            assert_eq!(found, (ErrorReason::FieldInvalid, "pan"), "{format:?}");
        }
    }
    for cards in [vec![pan()], vec![token()], vec![token(), token()]] {
        for (format, value) in request_with(&cards) {
            assert_eq!(decode(&door, format, &value), None, "{format:?}");
        }
    }
}
