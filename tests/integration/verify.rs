//! The verifier over logs that the real worker wrote: a clean one passes, and each kind of
//! damage done to one is found and named.

use prost::Message as _;
use stopline::domain::{Offset, PartitionId, Span};
use stopline::lab::verify::{Basis, Checker, Finding, FindingKind, Report, Stretch, read_to_ends};
use stopline::service::log::{TailRecord, partition_of_key};
use stopline::wire::{Format, proto};

use crate::support::{AUTHORISATIONS, DECISIONS, Rig, decision, door, header, purchase};

pub(crate) const PARTITIONS_COUNT: u32 = 2;
const ANSWERS_AGE: Span = Span::from_seconds(600);

/// Account number `number` of those that belong to `partition`.
pub(crate) fn account(partition: i32, number: usize) -> String {
    let home = |name: &String| partition_of_key(name.as_bytes(), PARTITIONS_COUNT).0 == partition;
    (0..).map(|index| format!("account-{index}")).filter(home).nth(number).unwrap()
}

pub(crate) fn of_type(
    mut message: proto::Authorisation,
    kind: proto::MessageType,
) -> proto::Authorisation {
    message.message_type = kind as i32;
    message
}

fn send_json(rig: &Rig, message: &proto::Authorisation) {
    let value = serde_json::to_vec(message).unwrap();
    let headers = [("content-type", &b"application/json"[..])];
    let key = message.account_reference.as_bytes();
    rig.broker.produce_keyed(AUTHORISATIONS, key, Some(&value), &headers).unwrap();
}

/// Everything that a switch may send, answered. Partition 0 begins with the requests a0 to
/// a3, a repeat of a0 as JSON, and poison.
pub(crate) fn written() -> Rig {
    use proto::MessageType;
    let rig = Rig::new(PARTITIONS_COUNT);
    let (here, there) = (account(0, 0), account(1, 0));
    for number in 0..4 {
        rig.send(&purchase(&format!("a{number}"), &here));
    }
    send_json(&rig, &of_type(purchase("a0", &here), MessageType::MessageType0101));
    rig.send_raw(Some(b"key"), Some(b"no message"), &[]);
    rig.send_raw(Some(b"key"), None, &[]);
    rig.send_raw(Some(b"key"), Some(b"a,b"), &[("content-type", b"text/csv")]);
    let misrouted = purchase("misrouted", &there);
    rig.send_raw(Some(there.as_bytes()), Some(&misrouted.encode_to_vec()), &[]);
    for number in 0..4 {
        send_json(&rig, &purchase(&format!("b{number}"), &there));
    }
    rig.send(&of_type(purchase("b1", &there), MessageType::MessageType0101));
    let code = Some("00".to_owned());
    let advice = proto::Authorisation { response_code: code, ..purchase("b1", &there) };
    rig.send(&of_type(advice.clone(), MessageType::MessageType0120));
    rig.send(&of_type(advice, MessageType::MessageType0121));
    let conflicting =
        proto::Authorisation { amount_minor_units: Some(1), ..purchase("b2", &there) };
    rig.send(&conflicting);
    let echo = proto::Authorisation::default();
    rig.send_raw(None, Some(&of_type(echo, MessageType::MessageType0800).encode_to_vec()), &[]);
    rig.answer_all(&[0, 1]);
    rig
}

pub(crate) fn stretches(rig: &Rig, topic: &str) -> Vec<Stretch> {
    let ends = rig.broker.end_offsets(topic).unwrap().into_iter();
    let stretch = |(partition, end)| Stretch { partition, beginning: Offset(0), end };
    ends.map(stretch).collect()
}

/// What the verifier says of the inputs and the records in topic `decisions`.
pub(crate) fn verify(rig: &Rig, decisions: &str) -> Report {
    verify_kept(rig, &stretches(rig, AUTHORISATIONS), &stretches(rig, decisions), decisions)
}

/// What it says where only these stretches are kept.
fn verify_kept(rig: &Rig, inputs: &[Stretch], records: &[Stretch], decisions: &str) -> Report {
    verify_by(rig, inputs, records, decisions, ANSWERS_AGE)
}

pub(crate) fn verify_by(
    rig: &Rig,
    inputs: &[Stretch],
    records: &[Stretch],
    decisions: &str,
    answers_age: Span,
) -> Report {
    let starts = |stretches: &[Stretch]| -> Vec<_> {
        stretches.iter().map(|stretch| (stretch.partition, stretch.beginning)).collect()
    };
    let basis = Basis {
        door: door(),
        default_format: Format::Protobuf,
        partitions_count: rig.partitions_count,
        answers_age,
        answers_bytes_max: 16 << 20,
    };
    let mut checker = Checker::new(basis, inputs, records);
    let mut tail = rig.broker.tail(AUTHORISATIONS, &starts(inputs)).unwrap();
    let note = |record: &TailRecord| checker.note_input(record);
    read_to_ends(&mut tail, inputs, &rig.clock, note, |_| {}).unwrap();
    let mut tail = rig.broker.tail(decisions, &starts(records)).unwrap();
    let note = |record: &TailRecord| checker.note_record(record);
    read_to_ends(&mut tail, records, &rig.clock, note, |_| {}).unwrap();
    let ends: Vec<_> = inputs.iter().map(|stretch| (stretch.partition, stretch.end)).collect();
    checker.finish(&ends)
}

/// What the verifier says of a clean log after `damage` was done to its records, which are
/// in partition order.
pub(crate) fn verify_damaged(damage: impl FnOnce(&mut Vec<TailRecord>)) -> Report {
    let rig = written();
    let mut records = rig.decisions();
    records.sort_by_key(|record| (record.partition, record.offset));
    damage(&mut records);
    rig.broker.create_topic("damaged", PARTITIONS_COUNT);
    for TailRecord { partition, key, value, headers, .. } in &records {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let (key, value) = (key.as_deref(), value.as_deref());
        rig.broker.produce("damaged", *partition, key, value, &headers).unwrap();
    }
    verify(&rig, "damaged")
}

/// Where the record that answers `input` is.
pub(crate) fn index_of(records: &[TailRecord], input: &str) -> usize {
    let answers = |record: &TailRecord| header(record, "stopline-input") == Some(input);
    records.iter().position(answers).unwrap()
}

fn set_header(record: &mut TailRecord, name: &str, value: Option<&str>) {
    record.headers.retain(|(found, _)| found != name);
    record.headers.extend(value.map(|value| (name.to_owned(), value.as_bytes().to_vec())));
}

/// Changes what a record in protobuf decided.
fn decide_otherwise(record: &mut TailRecord) {
    let mut value = proto::Record::decode(record.value.as_deref().unwrap()).unwrap();
    let mut decided = decision(&value).clone();
    decided.score = 999 - decided.score;
    value.answer = Some(proto::record::Answer::Decision(decided));
    record.value = Some(value.encode_to_vec());
}

/// Makes a record in protobuf answer and decide the input at `offset` of its partition.
fn decide_input(record: &mut TailRecord, offset: i64) {
    let mut value = proto::Record::decode(record.value.as_deref().unwrap()).unwrap();
    let mut decided = decision(&value).clone();
    decided.decided_input.as_mut().unwrap().offset = offset;
    value.answer = Some(proto::record::Answer::Decision(decided));
    record.value = Some(value.encode_to_vec());
    let input = format!("{}:{offset}", record.partition.0);
    set_header(record, "stopline-input", Some(&input));
}

/// Asserts that exactly these kinds are found, once each, and where the first lies.
fn check(report: &Report, kinds: &[FindingKind], first: &str) {
    let found: Vec<_> = report.violations.iter().map(|(kind, count)| (*kind, *count)).collect();
    let expected: Vec<_> = kinds.iter().map(|kind| (*kind, 1)).collect();
    assert_eq!(found, expected, "{report}");
    assert!(!report.is_clean);
    assert_eq!(report.first_violations.len(), kinds.len());
    let Finding { at, kind, .. } = report.first_violations[0];
    assert_eq!((at.to_string().as_str(), kind), (first, kinds[0]), "{report}");
    let shown = report.to_string();
    assert!(shown.contains(kind.name()) && shown.contains(first), "{shown}");
    for hidden in ["account-", "token-of-", "a0", "CNY", "test/1"] {
        assert!(!shown.contains(hidden), "{hidden} is shown: {shown}");
    }
}

#[test]
fn a_log_that_the_worker_wrote_is_clean() {
    let rig = written();
    let report = verify(&rig, DECISIONS);
    assert!(report.is_clean, "{report}");
    let counts = report.counts;
    assert_eq!((counts.inputs, counts.inputs_decided, counts.records), (18, 18, 18));
    assert_eq!((counts.requests, counts.noted, counts.poison), (11, 3, 4));
    assert_eq!((counts.decisions, counts.acknowledgements, counts.errors), (10, 3, 5));
    assert_eq!((counts.binding, counts.repeats, counts.repeats_identical), (8, 2, 2));
    assert!(report.to_string().contains("OK "), "{report}");
}

#[test]
fn a_missing_record_is_found() {
    let report = verify_damaged(|records| {
        records.remove(index_of(records, "0:2"));
    });
    check(&report, &[FindingKind::MissingRecord], "0:2");
}

#[test]
fn a_record_on_another_partition_answers_nothing() {
    let report = verify_damaged(|records| {
        let index = index_of(records, "0:2");
        records[index].partition = PartitionId(1);
    });
    check(&report, &[FindingKind::MissingRecord, FindingKind::WrongPartition], "0:2");
}

#[test]
fn a_record_that_names_no_input_is_found() {
    let cases = [
        (Some("0:99"), FindingKind::OrphanRecord),
        (Some("0:-1"), FindingKind::OrphanRecord),
        (Some("2:0"), FindingKind::WrongPartition),
        (Some("zero"), FindingKind::UnnamedRecord),
        (None, FindingKind::UnnamedRecord),
    ];
    for (named, kind) in cases {
        let report = verify_damaged(|records| {
            let mut copy = records[index_of(records, "0:0")].clone();
            set_header(&mut copy, "stopline-input", named);
            records.push(copy);
        });
        check(&report, &[kind], "0:10");
    }
}

#[test]
fn a_value_that_is_no_answer_is_found() {
    let cases: [(&str, Option<&[u8]>); 4] = [
        ("application/x-protobuf", Some(b"no answer")),
        ("application/x-protobuf", Some(b"")),
        ("application/x-protobuf", None),
        ("application/json", Some(b"{}")),
    ];
    for (format, value) in cases {
        let report = verify_damaged(|records| {
            let index = index_of(records, "0:1");
            set_header(&mut records[index], "content-type", Some(format));
            records[index].value = value.map(<[u8]>::to_vec);
        });
        check(&report, &[FindingKind::UnreadableRecord], "0:1");
    }
}

#[test]
fn a_later_copy_that_differs_is_a_violation_by_its_own_writer_and_void_by_another() {
    let damage = |writer: Option<&'static str>| {
        move |records: &mut Vec<TailRecord>| {
            let mut copy = records[index_of(records, "0:1")].clone();
            decide_otherwise(&mut copy);
            if writer.is_some() {
                set_header(&mut copy, "stopline-writer", writer);
            }
            records.push(copy);
        }
    };
    check(&verify_damaged(damage(None)), &[FindingKind::DifferingCopy], "0:10");
    let report = verify_damaged(damage(Some("test/2")));
    assert!(report.is_clean, "{report}");
    assert_eq!((report.counts.copies_void, report.counts.copies_identical), (1, 0));
    assert_eq!(report.first_void_copies.len(), 1);
    assert_eq!(report.first_void_copies[0].to_string(), "0:10");
}

#[test]
fn a_later_copy_with_the_same_bytes_is_counted_whoever_wrote_it() {
    let report = verify_damaged(|records| {
        let mut copy = records[index_of(records, "0:1")].clone();
        records.push(copy.clone());
        set_header(&mut copy, "stopline-writer", Some("test/2"));
        records.push(copy);
        records.push(records[index_of(records, "0:5")].clone());
    });
    assert!(report.is_clean, "{report}");
    assert_eq!(report.counts.copies_identical, 2);
    assert_eq!(report.counts.copies_that_bind_nothing, 1);
}

#[test]
fn a_repeat_with_other_bytes_is_a_violation_unless_it_repeats_its_writers_void_copy() {
    let repeat_otherwise = |records: &[TailRecord], writer| {
        // The stored answer of 0:0, sent again for 0:4 by a writer that kept another one.
        let mut repeat = records[index_of(records, "0:0")].clone();
        decide_otherwise(&mut repeat);
        set_header(&mut repeat, "stopline-writer", Some(writer));
        let void = repeat.clone();
        set_header(&mut repeat, "stopline-input", Some("0:4"));
        set_header(&mut repeat, "stopline-repeat", Some("1"));
        (void, repeat)
    };
    for writer in ["test/1", "test/2"] {
        let report = verify_damaged(|records| {
            let (_, repeat) = repeat_otherwise(records, writer);
            records.push(repeat);
        });
        check(&report, &[FindingKind::DifferingRepeat], "0:10");
    }
    let report = verify_damaged(|records| {
        let (void, repeat) = repeat_otherwise(records, "test/2");
        records.extend([void, repeat]);
    });
    assert!(report.is_clean, "{report}");
    assert_eq!((report.counts.copies_void, report.counts.repeats_void), (1, 1));
}

#[test]
fn the_lowest_offset_binds_also_where_it_is_a_repeats() {
    // The record of 0:0 was lost, and sent again behind the record of its repeat.
    let report = verify_damaged(|records| {
        let first = records.remove(index_of(records, "0:0"));
        records.push(first);
    });
    assert!(report.is_clean, "{report}");
    assert_eq!((report.counts.binding, report.counts.copies_identical), (8, 1));
}

#[test]
fn an_answer_of_another_kind_than_its_input_asks_for_is_found() {
    let decision_for_poison = verify_damaged(|records| {
        let value = records[index_of(records, "0:1")].value.clone();
        let index = index_of(records, "0:5");
        records[index].value = value;
    });
    check(&decision_for_poison, &[FindingKind::WrongKind], "0:5");
    let error_for_request = verify_damaged(|records| {
        let value = records[index_of(records, "0:5")].value.clone();
        let index = index_of(records, "0:1");
        records[index].value = value;
    });
    check(&error_for_request, &[FindingKind::WrongKind], "0:1");
}

#[test]
fn a_decision_on_another_authorisation_than_its_input_is_found() {
    let report = verify_damaged(|records| {
        let value = records[index_of(records, "0:1")].value.clone();
        let index = index_of(records, "0:2");
        records[index].value = value;
    });
    check(&report, &[FindingKind::OtherAuthorisation], "0:2");
}

#[test]
fn a_writer_that_forgets_its_answers_too_early_is_found_and_one_that_may_is_not() {
    let account = account(0, 0);
    let repeat = of_type(purchase("a", &account), proto::MessageType::MessageType0101);
    let rig = Rig::new(PARTITIONS_COUNT);
    rig.send(&purchase("a", &account));
    rig.answer_all(&[0]);
    // A record of the same writer that decides the repeat anew.
    let mut again = rig.decisions().remove(0);
    rig.send(&repeat);
    decide_input(&mut again, 1);
    rig.write(&again);
    check(&verify(&rig, DECISIONS), &[FindingKind::DecidedTwice], "0:1");

    let rig = Rig::new(PARTITIONS_COUNT);
    rig.send(&purchase("a", &account));
    rig.clock.advance(std::time::Duration::from_secs(601));
    rig.send(&purchase("b", &account));
    rig.send(&repeat);
    rig.answer_all(&[0]);
    let report = verify(&rig, DECISIONS);
    assert!(report.is_clean, "{report}");
    assert_eq!((report.counts.ids_decided_again, report.counts.repeats), (1, 0));
}

#[test]
fn no_more_than_twenty_places_are_shown() {
    let rig = Rig::new(PARTITIONS_COUNT);
    for number in 0..50 {
        rig.send(&purchase(&format!("a{number}"), &account(0, 0)));
    }
    let report = verify(&rig, DECISIONS);
    assert_eq!(report.violations[&FindingKind::MissingRecord], 50);
    assert_eq!(report.first_violations.len(), 20);
    assert_eq!(report.first_violations[19].at.to_string(), "0:19");
}

#[test]
fn what_retention_has_taken_is_counted_as_unchecked_and_is_no_violation() {
    let rig = written();
    let (mut inputs, mut records) = (stretches(&rig, AUTHORISATIONS), stretches(&rig, DECISIONS));
    records[0].beginning = Offset(2);
    let report = verify_kept(&rig, &inputs, &records, DECISIONS);
    assert!(report.is_clean, "{report}");
    assert_eq!(report.counts.inputs_older_than_records, 2);

    inputs[0].beginning = Offset(3);
    let report = verify_kept(&rig, &inputs, &records, DECISIONS);
    assert!(report.is_clean, "{report}");
    // The record of 0:2, and the repeat at 0:4, which decides 0:0.
    assert_eq!(report.counts.of_older_inputs, 2);
    assert_eq!(report.counts.inputs_older_than_records, 0);
}
