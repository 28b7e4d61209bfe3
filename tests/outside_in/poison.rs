//! Inputs that no engine can decide, and why.

use stopline::wire::proto::{Authorisation, ErrorReason, authorisation::Card};

use crate::inputs::{Expected, Format, Input, Traffic};

/// How a good input is spoiled.
enum Damage {
    /// Before it is written.
    Message(fn(&mut Authorisation)),
    /// The same, but only protobuf can say it.
    Protobuf(fn(&mut Authorisation)),
    /// When it is written already.
    Record(fn(&mut Input)),
}

/// Every kind of poison with the reason that the answer must give, in the contract's order.
const KINDS: [(ErrorReason, Damage); 17] = {
    use Damage::{Message, Protobuf, Record};
    use ErrorReason as Reason;
    [
        (Reason::Malformed, Record(cut_off)),
        (Reason::TooLarge, Record(|input| value(input).resize(70_000, b' '))),
        (Reason::Empty, Record(|input| input.record.value = None)),
        (Reason::UnknownMessageType, Message(|message| message.message_type = 0)),
        (Reason::FieldMissing, Message(|message| message.authorisation_id.clear())),
        (Reason::FieldMissing, Message(|message| message.amount_minor_units = None)),
        (Reason::FieldInvalid, Message(|message| message.authorisation_id = "x".repeat(65))),
        (Reason::UnknownEnumValue, Protobuf(|message| message.scheme = 77)),
        (Reason::AmountOutOfRange, Message(|message| message.amount_minor_units = Some(-1))),
        (Reason::AmountOutOfRange, Message(|message| message.amount_minor_units = Some(i64::MAX))),
        (
            Reason::TimeOutOfRange,
            Message(|message| message.authorised_at_millis = 5_680_281_600_000),
        ),
        (Reason::UnknownCurrency, Message(|message| message.currency = "XQZ".into())),
        (Reason::KeyMismatch, Record(|input| input.record.key = Some(b"another".to_vec()))),
        (Reason::KeyMismatch, Record(|input| input.record.key = None)),
        (
            Reason::PanRefused,
            Message(|message| message.card = Some(Card::Pan("4000000000000002".into()))),
        ),
        (
            Reason::ReferenceLooksLikePan,
            Message(|message| message.account_reference = "4000000000000002".into()),
        ),
        (
            Reason::UnsupportedFormat,
            Record(|input| {
                input.record.headers = vec![("content-type", b"text/csv".to_vec())];
                input.format = None;
            }),
        ),
    ]
};

/// How many kinds [`poison`] makes.
pub(crate) const KINDS_COUNT: usize = KINDS.len() + 2;

/// Poison of kind `number`, which wraps around. `elsewhere` is a partition where the
/// account `wanderer` does not belong.
pub(crate) fn poison(number: usize, traffic: &mut Traffic, elsewhere: i32) -> Input {
    let format = traffic.format();
    let number = number % KINDS_COUNT;
    let Some((reason, damage)) = KINDS.get(number) else {
        return if number == KINDS.len() {
            misrouted(traffic, format, elsewhere)
        } else {
            conflicting(traffic, format)
        };
    };
    let mut message = traffic.request();
    let expected = Expected::Error(*reason);
    match damage {
        Damage::Message(spoil) => {
            spoil(&mut message);
            Input::new(message, format, expected)
        }
        Damage::Protobuf(spoil) => {
            spoil(&mut message);
            Input::new(message, Format::Protobuf, expected)
        }
        Damage::Record(spoil) => {
            let mut input = Input::new(message, format, expected);
            spoil(&mut input);
            input
        }
    }
}

fn misrouted(traffic: &mut Traffic, format: Format, elsewhere: i32) -> Input {
    let message = traffic.request_of("wanderer");
    let expected = Expected::Error(ErrorReason::Misrouted);
    let mut input = Input::new(message, format, expected);
    input.record.partition = Some(elsewhere);
    input
}

/// The id of an earlier request with another amount.
fn conflicting(traffic: &mut Traffic, format: Format) -> Input {
    let mut message = traffic.earlier_request().expect("there is one");
    message.amount_minor_units = message.amount_minor_units.map(|amount| amount + 1);
    let expected = Expected::Error(ErrorReason::ConflictingRepeat);
    Input::new(message, format, expected)
}

/// Ends in the middle of the last field.
fn cut_off(input: &mut Input) {
    let value = value(input);
    value.truncate(value.len() - 3);
}

fn value(input: &mut Input) -> &mut Vec<u8> {
    input.record.value.as_mut().expect("a value")
}
