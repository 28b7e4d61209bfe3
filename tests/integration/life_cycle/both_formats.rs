//! The same history in JSON and in protobuf has the same records, the same windows and the
//! same counts, whatever is wrong with it.

use std::collections::BTreeSet;
use std::time::Duration;

use prost::Message as _;
use serde_json::{Value, json};
use stopline::wire::proto::{self, Authorisation, MessageType, ProcessingCode, record};

use super::{advice, incremental, notice, of, partial, request, reversal};
use crate::support::{AUTHORISATIONS, Notes, Rig};

const JSON: [(&str, &[u8]); 1] = [("content-type", b"application/json")];

fn typed(message_type: MessageType, message: Authorisation) -> Authorisation {
    Authorisation { message_type: message_type as i32, ..message }
}

fn coded(code: ProcessingCode, message: Authorisation) -> Authorisation {
    Authorisation { processing_code: code as i32, ..message }
}

/// How many of the history are in order.
const GOOD_COUNT: usize = 19;

/// A history with every type of message, good ones, contradictions, and every fault that
/// both formats can write.
fn history() -> Vec<Authorisation> {
    use MessageType as Type;
    let card = |name: &str| Some(proto::authorisation::Card::CardToken(name.to_owned()));
    let dollars = |message| Authorisation { currency: "USD".to_owned(), ..message };
    let mut messages = vec![
        reversal("r", "a"),
        request("a"),
        typed(Type::MessageType0101, request("a")),
        typed(Type::MessageType0200, request("b")),
        typed(Type::MessageType0201, request("b")),
        notice("a", "51"),
        typed(Type::MessageType0210, notice("b", "00")),
        advice("c", "00"),
        typed(Type::MessageType0121, advice("c", "00")),
        typed(Type::MessageType0220, advice("d", "91")),
        typed(Type::MessageType0221, advice("d", "91")),
        typed(Type::MessageType0400, partial("s", "c", 1_000)),
        typed(Type::MessageType0401, partial("s", "c", 1_000)),
        typed(Type::MessageType0421, reversal("r", "a")),
        partial("t", "c", 9_000),
        incremental("i", "c", 700),
        coded(ProcessingCode::Refund, request("refund")),
        coded(ProcessingCode::AccountCheck, of(0, request("check"))),
        Authorisation {
            message_type: Type::MessageType0800 as i32,
            authorisation_id: "echo".to_owned(),
            ..Authorisation::default()
        },
    ];
    // Contradictions.
    messages.extend([
        of(1, request("a")),
        typed(Type::MessageType0210, Authorisation { card: card("another"), ..notice("b", "00") }),
        dollars(partial("u", "c", 1)),
        reversal("r", "b"),
    ]);
    // Faults.
    messages.extend([
        typed(Type::Unspecified, request("x1")),
        request(""),
        request("not printable \u{7}"),
        Authorisation { account_reference: String::new(), ..request("x2") },
        Authorisation { account_reference: "elsewhere".to_owned(), ..request("x3") },
        Authorisation { account_reference: "4111111111111111".to_owned(), ..request("x4") },
        of(-1, request("x5")),
        of(i64::MAX, request("x6")),
        Authorisation { currency: "CNX".to_owned(), ..request("x7") },
        Authorisation { currency: String::new(), ..request("x8") },
        Authorisation { authorised_at_millis: 1, ..request("x9") },
        Authorisation { merchant_country: Some("China".to_owned()), ..request("x10") },
        Authorisation { original_id: None, ..reversal("x11", "") },
        Authorisation { response_code: None, ..notice("x12", "") },
        Authorisation {
            card: Some(proto::authorisation::Card::Pan("4111111111111111".to_owned())),
            ..request("x13")
        },
        Authorisation { original_id: None, ..incremental("x14", "", 1) },
        request(&"long".repeat(100)),
    ]);
    messages
}

/// What a worker answers to `values`, whose key is the account's, and what it counts.
fn answered(values: &[Vec<u8>], is_json: bool) -> (Vec<proto::Record>, Notes) {
    let rig = Rig::new(1);
    let headers: &[(&str, &[u8])] = if is_json { &JSON } else { &[] };
    for value in values {
        rig.clock.advance(Duration::from_millis(10));
        rig.broker.produce_keyed(AUTHORISATIONS, b"account", Some(value), headers).expect("sent");
    }
    let notes = rig.answer_all(&[0]);
    let decoded = rig.decisions().into_iter().map(|found| {
        let value = found.value.expect("a value");
        if is_json {
            serde_json::from_slice(&value).expect("a record in JSON")
        } else {
            proto::Record::decode(value.as_slice()).expect("a record in protobuf")
        }
    });
    (decoded.collect(), notes)
}

fn counts(notes: &Notes) -> Vec<String> {
    let tally = &notes.tally;
    let decisions = tally.decisions().map(|it| format!("{it:?}"));
    let refused = tally.refused().map(|it| format!("{it:?}"));
    let noted = tally.noted().map(|it| format!("{it:?}"));
    decisions.chain(refused).chain(noted).chain([format!("{}", tally.repeated)]).collect()
}

#[test]
fn the_same_history_in_both_formats_has_the_same_records_and_counts() {
    let mut messages = history();
    messages.push(request("probe"));
    let of_type = |message: &Authorisation| message.message_type;
    let types: BTreeSet<i32> = messages.iter().map(of_type).collect();
    let known = (0..1_000).filter(|number| MessageType::try_from(*number).is_ok());
    assert_eq!(types.into_iter().collect::<Vec<_>>(), known.collect::<Vec<_>>(), "all types");

    let binary: Vec<_> = messages.iter().map(prost::Message::encode_to_vec).collect();
    let text: Vec<_> = messages.iter().map(|it| serde_json::to_vec(it).expect("JSON")).collect();
    let (of_binary, binary_notes) = answered(&binary, false);
    let (of_text, text_notes) = answered(&text, true);
    assert_eq!(of_binary.len(), messages.len(), "one record each");
    for ((message, binary), text) in messages.iter().zip(&of_binary).zip(&of_text) {
        assert_eq!(binary, text, "{message:?}");
    }
    assert_eq!(counts(&binary_notes), counts(&text_notes));
    // Every fault was one, and nothing else was.
    for (place, (message, found)) in messages.iter().zip(&of_binary).enumerate() {
        let is_error = matches!(found.answer, Some(record::Answer::Error(_)));
        let is_fault = (GOOD_COUNT..messages.len() - 1).contains(&place);
        assert_eq!(is_error, is_fault, "{message:?}: {found:?}");
    }
}

#[test]
fn what_only_one_format_can_get_wrong_is_refused_for_the_same_reason() {
    let good = serde_json::to_value(request("a")).expect("JSON");
    let spoilt = |name: &str, value: Value| {
        let mut object = good.as_object().expect("an object").clone();
        object.insert(name.to_owned(), value);
        serde_json::to_vec(&object).expect("JSON")
    };
    let unknown_type = Authorisation { message_type: 999, ..request("a") };
    let unknown_mode = Authorisation { entry_mode: 999, ..request("a") };
    let pairs: [(Vec<u8>, Vec<u8>, &str); 5] = [
        (vec![0xff, 0xff, 0xff], b"{".to_vec(), "no message at all"),
        (request("a").encode_to_vec()[..9].to_vec(), br#"{"authorisation_id": "a"#.to_vec(), "cut"),
        (Vec::new(), Vec::new(), "empty"),
        (
            unknown_type.encode_to_vec(),
            spoilt("message_type", json!("MESSAGE_TYPE_0999")),
            "an unknown message type",
        ),
        (
            unknown_mode.encode_to_vec(),
            spoilt("entry_mode", json!("ENTRY_MODE_TELEPATHY")),
            "an unknown word",
        ),
    ];
    for (binary, text, what) in pairs {
        let reason = |records: Vec<proto::Record>| match &records[0].answer {
            Some(record::Answer::Error(error)) => error.reason(),
            other => panic!("{what}: {other:?}"),
        };
        let (of_binary, _) = answered(&[binary], false);
        let (of_text, _) = answered(&[text], true);
        assert_eq!(reason(of_binary), reason(of_text), "{what}");
    }
}

#[test]
fn whatever_is_wrong_damages_nothing_that_is_in_the_windows() {
    let before = [request("a"), incremental("i", "a", 700), notice("a", "00")];
    let sums = |messages: &[Authorisation]| {
        let seen = super::seen(messages);
        (seen.count, seen.sum)
    };
    assert_eq!(sums(&before), (1, 5_700));
    let faults: Vec<_> = history().split_off(GOOD_COUNT);
    let harmless = faults.into_iter().filter(|message| !message.authorisation_id.is_empty());
    for fault in harmless {
        // Those that contradict what is not here would wait, or be judged: they are no fault.
        if ["a", "b", "u", "r"].contains(&fault.authorisation_id.as_str()) {
            continue;
        }
        if fault.account_reference != "account" {
            continue; // Its key would be another's.
        }
        let messages = [&before[..], std::slice::from_ref(&fault)].concat();
        assert_eq!(sums(&messages), (1, 5_700), "{fault:?}");
    }
}
