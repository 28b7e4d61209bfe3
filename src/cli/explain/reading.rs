//! Records as they come: JSON or protobuf, one or more.

use prost::Message as _;

use crate::wire::proto;

const EXPECTED: &str = "expected records of the decisions topic, as JSON or protobuf";

/// The records in `bytes`, up to the first that is none, and what is wrong with that.
pub(super) fn records_in(bytes: &[u8]) -> (Vec<proto::Record>, Option<String>) {
    let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match begins {
        None => (Vec::new(), Some(format!("standard input is empty; {EXPECTED}"))),
        Some(b'{') => json_in(bytes),
        Some(_) => protobuf_in(bytes),
    }
}

fn json_in(bytes: &[u8]) -> (Vec<proto::Record>, Option<String>) {
    let mut records = Vec::new();
    for found in serde_json::Deserializer::from_slice(bytes).into_iter::<proto::Record>() {
        match found {
            Ok(record) if record.answer.is_some() => records.push(record),
            Ok(_) => return (records, Some(format!("it holds no answer; {EXPECTED}"))),
            Err(fault) => return (records, Some(format!("{fault}; {EXPECTED}"))),
        }
    }
    (records, None)
}

fn protobuf_in(bytes: &[u8]) -> (Vec<proto::Record>, Option<String>) {
    let whole = |bytes: &[u8]| proto::Record::decode(bytes).ok().filter(|it| it.answer.is_some());
    if let Some(record) = whole(bytes) {
        return (vec![record], None);
    }
    let (mut records, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let length = prost::decode_length_delimiter(&mut rest).ok();
        let parts = length.and_then(|length| rest.split_at_checked(length));
        let Some((record, behind)) = parts.and_then(|(one, rest)| Some((whole(one)?, rest))) else {
            return (records, Some(format!("this is no record; {EXPECTED}")));
        };
        records.push(record);
        rest = behind;
    }
    (records, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str) -> proto::Record {
        let decision =
            proto::Decision { authorisation_id: id.to_owned(), ..proto::Decision::default() };
        proto::Record { answer: Some(proto::record::Answer::Decision(decision)) }
    }

    #[test]
    fn records_are_read_in_every_form_and_up_to_the_first_that_is_none() {
        let both = [record("one"), record("two")];
        let json = both.each_ref().map(|it| serde_json::to_vec(it).expect("JSON"));
        let delimited = both.each_ref().map(prost::Message::encode_length_delimited_to_vec);
        let cases = [
            (json.concat(), 2, None),
            ([json.concat(), b"\n{}".to_vec()].concat(), 2, Some("it holds no answer")),
            ([json[0].clone(), b"\n{\"decision\": 1}".to_vec()].concat(), 1, Some("expected")),
            (record("one").encode_to_vec(), 1, None),
            (delimited.concat(), 2, None),
            ([delimited.concat(), vec![200, 1]].concat(), 2, Some("this is no record")),
            (b"rubbish".to_vec(), 0, Some("this is no record")),
            (b" \n".to_vec(), 0, Some("standard input is empty")),
        ];
        for (bytes, count, wrong) in cases {
            let (records, fault) = records_in(&bytes);
            assert_eq!(records.len(), count, "{bytes:?} {fault:?}");
            let is_told = match (&fault, wrong) {
                (Some(fault), Some(wrong)) => fault.contains(wrong),
                (fault, wrong) => fault.is_none() && wrong.is_none(),
            };
            assert!(is_told, "{bytes:?} {fault:?}");
        }
    }
}
