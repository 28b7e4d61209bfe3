//! Old bytes still say the same, and the same words still make the same bytes.
//!
//! `tests/golden/wire/` holds what was sent and answered when a field was added.
//! A changed file is a broken contract: senders, state and journals of the field
//! hang on it. New files are written with `STOPLINE_BLESS=1`; old ones are never.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs};

use prost::Message;

use stopline::domain::{
    AccountKey, Acknowledgement, Authorisation, CardKey, Decision, ErrorReason, EventTime,
    FailCause, FailCauses, FiredRule, Identifier, Input, InputError, MerchantKey, Met, Noted,
    Offset, Outcome, PartitionId, Reason, Record, RequestFacts, RuleSetHash, ShadowRuleFired,
    StopOrder, StopOrderSeen, Text, ValueSeen,
};
use stopline::wire::{
    Format, Incoming, KafkaKey, Scratch, decode_record, encode_record, proto, record_as_json,
};

use super::wire_messages as messages;

/// The text of golden file `name`, which is `made` where it is not there yet.
fn golden(name: &str, made: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/wire").join(name);
    if !path.exists() && env::var_os("STOPLINE_BLESS").is_some() {
        fs::write(&path, made).expect("written");
    }
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

/// Words may gain a line where the engine learns a field; none is lost or changed.
fn check_words(name: &str, found: &str) {
    let expected = golden(&format!("{name}.words"), found);
    let mut lines = found.lines();
    for line in expected.lines() {
        assert!(lines.any(|found| found == line), "{name}: {line:?} is lost from\n{found}");
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for line in bytes.chunks(32) {
        for byte in line {
            write!(text, "{byte:02x}").expect("written");
        }
        text.push('\n');
    }
    text
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("digits"))
        .collect()
}

fn at(unix_millis: i64) -> EventTime {
    EventTime::from_unix_millis(unix_millis).expect("in range")
}

/// The words, with what `Debug` hides, a line each.
fn words_of(incoming: &Incoming<'_>) -> String {
    let mut words = String::new();
    match incoming {
        Incoming::Message { auth, switch_context } => {
            let names = [
                ("id", Some(auth.id)),
                ("original_id", auth.original_id),
                ("merchant_id", auth.merchant_id),
                ("acquirer_id", auth.acquirer_id),
                ("portfolio", auth.portfolio),
            ];
            for (field, name) in names {
                writeln!(words, "{field}: {:?}", name.map(Identifier::as_str)).expect("written");
            }
            let keys = [
                ("id_key", Some(auth.id_key.bits())),
                ("account", Some(auth.account.bits())),
                ("card", auth.card.map(CardKey::bits)),
                ("merchant", auth.merchant.map(MerchantKey::bits)),
            ];
            for (field, bits) in keys {
                writeln!(words, "{field}: {bits:032x?}").expect("written");
            }
            writeln!(words, "switch_context: {switch_context:?}\n{auth:#?}").expect("written");
        }
        Incoming::Echo { id, .. } => {
            let name = id.map(Identifier::as_str);
            writeln!(words, "id: {name:?}\n{incoming:#?}").expect("written");
        }
    }
    words
}

fn check_message(name: &str, message: &proto::Authorisation) {
    let door = messages::door(true);
    let bytes = unhex(&golden(&format!("{name}.hex"), &hex(&message.encode_to_vec())));
    let text =
        golden(&format!("{name}.json"), &serde_json::to_string_pretty(message).expect("JSON"));
    let key = KafkaKey::Record(Some(message.account_reference.as_bytes()));
    let mut framed = vec![0, 0, 0, 0, 1, 0];
    framed.extend_from_slice(&bytes);
    let cases = [
        (Format::Protobuf, bytes.as_slice()),
        (Format::Protobuf, framed.as_slice()),
        (Format::Json, text.as_bytes()),
    ];
    for (format, value) in cases {
        let mut scratch = Scratch::default();
        let incoming = door
            .decode(format, key, Some(value), &mut scratch)
            .unwrap_or_else(|refusal| panic!("{name} {format:?} {refusal}"));
        check_words(name, &words_of(&incoming));
    }
}

#[test]
fn old_messages_still_say_the_same() {
    check_message("least_request", &messages::least_request());
    check_message("full_request", &messages::full_request());
    check_message("pan_request", &messages::pan_request());
    check_message("outcome_notice", &messages::outcome_notice());
    check_message("reversal", &messages::reversal());
    check_message("echo_test", &messages::echo_test());
}

fn words_of_order(order: &StopOrder) -> String {
    format!(
        "id: {}\nkey: {:032x}\ncard: {:032x?}\npan: {:032x?}\naccount: {:032x?}\n{order:#?}\n",
        order.id.as_str(),
        order.key.bits(),
        order.card.map(CardKey::bits),
        order.pan.map(CardKey::bits),
        order.account.map(AccountKey::bits),
    )
}

#[test]
fn old_stop_orders_still_say_the_same() {
    check_order("stop_order", &messages::stop_order());
    check_order("tagged_stop_order", &messages::tagged_stop_order());
}

fn check_order(name: &str, message: &proto::StopOrder) {
    let bytes = unhex(&golden(&format!("{name}.hex"), &hex(&message.encode_to_vec())));
    let text = serde_json::to_string_pretty(message).expect("JSON");
    let text = golden(&format!("{name}.json"), &text);
    for (format, value) in [(Format::Protobuf, bytes.as_slice()), (Format::Json, text.as_bytes())] {
        let key = KafkaKey::Record(Some(b"order-1"));
        let order = messages::door(true)
            .decode_stop_order(format, key, Some(value), Offset(41), at(1_770_000_000_000))
            .expect("taken");
        check_words(name, &words_of_order(&order));
    }
}

fn check_record(name: &str, record: &Record) {
    let mut bytes = Vec::new();
    encode_record(record, &mut bytes);
    let made = hex(&bytes);
    assert_eq!(made, golden(&format!("{name}.hex"), &made), "{name}");

    let mut text = Vec::new();
    record_as_json(&bytes, &mut text).expect("JSON");
    // Compared as values: the generated writer owns the order and the spaces.
    let found: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let pretty = serde_json::to_string_pretty(&found).expect("JSON");
    let expected = golden(&format!("{name}.json"), &pretty);
    let expected: serde_json::Value = serde_json::from_str(&expected).expect("JSON");
    assert_eq!(found, expected, "{name}");
    assert!(decode_record(&bytes).is_ok(), "{name}");
}

fn met() -> Met {
    let input = Input { partition: PartitionId(3), offset: Offset(4_711) };
    Met::fresh(input, at(1_770_000_000_040))
}

fn with_request(use_it: impl FnOnce(&Authorisation<'_>)) {
    let value = messages::full_request().encode_to_vec();
    let mut scratch = Scratch::default();
    let incoming = messages::door(false).decode(
        Format::Protobuf,
        KafkaKey::Unchecked,
        Some(&value),
        &mut scratch,
    );
    let Ok(Incoming::Message { auth, .. }) = incoming else {
        panic!("{incoming:?}");
    };
    use_it(&auth);
}

fn text(name: &str) -> Text {
    Identifier::new(name, 64).expect("a name").to_text()
}

fn on_trial(fired: FiredRule) -> ShadowRuleFired {
    ShadowRuleFired::new(fired.name, fired.points, fired.reason, fired.values)
}

fn fired(name: &str, points: i32, reason: Option<Reason>, value: Option<i64>) -> FiredRule {
    FiredRule {
        name: Arc::from(name),
        points,
        reason,
        values: vec![ValueSeen { name: Arc::from("velocity.approved_count_10m"), value }],
    }
}

fn decision(auth: &Authorisation<'_>) -> Decision {
    let met = met();
    Decision {
        request: RequestFacts::of(auth, met.input, Some(5), at(1_770_000_000_001), met.appended_at),
        outcome: Outcome::Decline,
        reason: Some(Reason::VelocityCountExceeded),
        score: 720,
        fired: vec![
            fired("burst", 720, Some(Reason::VelocityCountExceeded), Some(1_000)),
            fired("allowance", -20, None, None),
        ],
        shadow: vec![on_trial(fired("trial", 40, Some(Reason::SuspectedFraud), Some(-1_000)))],
        evidence: vec![None, Some(0), Some(-1), Some(1), Some(i64::MAX)],
        rule_set: RuleSetHash(0x00ff_1122_3344_5566),
        stop_list_version: Offset(42),
        stop_order: Some(StopOrderSeen { order_id: text("order-1"), offset: Offset(41) }),
        engine_version: Arc::from("0.1.0"),
        causes: FailCauses::NONE
            .with_if(FailCause::Late, true)
            .with_if(FailCause::HistoryTruncated, true),
        by_policy: None,
        overload_step: 2,
        is_judged_again: false,
        is_counted_before: false,
        original_unknown: false,
    }
}

#[test]
fn the_same_decision_still_makes_the_same_bytes() {
    with_request(|auth| {
        let declined = decision(auth);
        let approved = Decision {
            outcome: Outcome::Approve,
            reason: None,
            score: 0,
            fired: vec![],
            shadow: vec![],
            evidence: vec![],
            stop_list_version: Offset(0),
            stop_order: None,
            causes: FailCauses::NONE,
            overload_step: 0,
            is_judged_again: false,
            is_counted_before: false,
            original_unknown: false,
            ..declined.clone()
        };
        check_record("decision_degraded", &Record::Decision(Box::new(declined.clone())));
        let synthetic = Decision {
            outcome: Outcome::Decline,
            reason: Some(Reason::IssuerUnavailable),
            causes: declined.causes,
            by_policy: Some(FailCause::Late),
            ..approved.clone()
        };
        check_record("decision_synthetic", &Record::Decision(Box::new(synthetic)));
        check_record("decision_approved", &Record::Decision(Box::new(approved)));
    });
}

/// A record of before the causes were listed: late, and without all its history.
#[test]
fn an_old_decision_still_says_the_same() {
    let bytes = unhex(&golden("decision_declined.hex", ""));
    let record = decode_record(&bytes).expect("a record");
    let mut text = Vec::new();
    record_as_json(&bytes, &mut text).expect("JSON");
    let found: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let expected: serde_json::Value =
        serde_json::from_str(&golden("decision_declined.json", "")).expect("JSON");
    assert_eq!(found, expected);
    let Some(proto::record::Answer::Decision(decision)) = record.answer else {
        panic!("{record:?}");
    };
    assert!(decision.late && decision.history_truncated && decision.fail_causes.is_empty());
    assert_eq!(decision.encode_to_vec(), unhex(&golden("decision_declined.hex", ""))[3..]);
}

#[test]
fn the_same_acknowledgement_and_error_still_make_the_same_bytes() {
    let noted = Acknowledgement {
        id: Some(text("reversal-1")),
        answer_indicator: 430,
        input: met().input,
        original_id: Some(text("auth-1")),
        noted: Noted::Applied,
        account: Some(messages::door(false).keys().account_key("par-1")),
        authorised_at: Some(at(1_770_000_060_000)),
        appended_at: at(1_770_000_060_040),
    };
    check_record("acknowledgement", &Record::Acknowledgement(Box::new(noted)));

    let error = InputError {
        input: met().input,
        id: Some(text("auth-1")),
        reason: ErrorReason::UnknownCurrency,
        field: "currency",
        detail: "currency is no currency of ISO 4217".into(),
    };
    check_record("error", &Record::Error(Box::new(error)));
}
