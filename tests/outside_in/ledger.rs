//! What was sent, where it lies, and the one answer to each.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use prost::Message;
use stopline::wire::proto::{Decision, Record, record::Answer};

use crate::inputs::{Expected, Format, Input};
use crate::topics::{Inbound, Outbound, Place, Reader, Writer};

/// Inputs in the order they were sent.
#[derive(Default)]
pub(crate) struct Ledger {
    inputs: Vec<Input>,
    places: Vec<Place>,
}

/// An answer to an input.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// As it reads.
    pub(crate) answer: Answer,
}

impl Answered {
    /// The decision in it, where it is one.
    pub(crate) fn decision(&self) -> Option<&Decision> {
        match &self.answer {
            Answer::Decision(decision) => Some(decision),
            Answer::Acknowledgement(_) | Answer::Error(_) => None,
        }
    }
}

impl Ledger {
    /// Sends these too, and returns where they lie.
    pub(crate) fn send(&mut self, writer: &Writer, topic: &str, inputs: Vec<Input>) -> Vec<Place> {
        let records: Vec<Outbound> = inputs.iter().map(|input| input.record.clone()).collect();
        let places = writer.send(topic, &records);
        self.inputs.extend(inputs);
        self.places.extend(&places);
        places
    }

    /// All inputs so far.
    pub(crate) fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Where each of them lies.
    pub(crate) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Waits until there are as many answers as inputs.
    pub(crate) fn await_answers(&self, reader: &mut Reader, within: Duration) {
        reader.read_until("an answer to each input", within, |records| {
            records.len() >= self.inputs.len()
        });
    }

    /// Waits until each input has an answer; some may have several.
    pub(crate) fn await_answer_to_each(&self, reader: &mut Reader, within: Duration) {
        let mut missing: HashSet<Place> = self.places.iter().copied().collect();
        let mut seen = 0;
        reader.read_until("an answer to each input at least", within, |records| {
            for record in &records[seen..] {
                missing.remove(&answered_place(record));
            }
            seen = records.len();
            missing.is_empty()
        });
    }

    /// The answer to each input, in the inputs' order. Fails where an input has none or
    /// several, where one lies in another partition than its input, carries another key,
    /// or is written in another format.
    pub(crate) fn answers(&self, records: &[Inbound]) -> Vec<Answered> {
        let mut by_place = HashMap::new();
        for record in records {
            let place = answered_place(record);
            assert_eq!(place.0, record.place.0, "partition of {record:?}");
            let earlier = by_place.insert(place, record);
            assert_eq!(earlier, None, "two answers to {place:?}");
        }
        let answers: Vec<_> = self
            .inputs
            .iter()
            .zip(&self.places)
            .map(|(input, place)| {
                let record = by_place.remove(place);
                answered(
                    input,
                    record.unwrap_or_else(|| panic!("no answer to {place:?}: {input:?}")),
                )
            })
            .collect();
        assert!(by_place.is_empty(), "answers to nothing: {by_place:?}");
        answers
    }
}

/// The input that a record says it answers: header `stopline-input`, `PARTITION:OFFSET`.
pub(crate) fn answered_place(record: &Inbound) -> Place {
    let text = record.header("stopline-input").expect("`stopline-input`");
    let (partition, offset) = text.split_once(':').expect("PARTITION:OFFSET");
    (partition.parse().unwrap(), offset.parse().unwrap())
}

fn answered(input: &Input, record: &Inbound) -> Answered {
    assert_eq!(record.key, key_of_answer(input), "key of {input:?}");
    let content_type = record.header("content-type");
    if let Some(format) = input.format {
        assert_eq!(content_type, Some(format.content_type()), "{input:?}");
    }
    let is_json = content_type == Some(Format::Json.content_type());
    let value = if is_json {
        serde_json::from_slice::<Record>(&record.value).expect("a record as JSON")
    } else {
        Record::decode(record.value.as_slice()).expect("a record as protobuf")
    };
    let answer = value.answer.expect("an answer");
    check_kind(input, &answer);
    Answered { answer }
}

/// The input's own key; none where that looks like a card number, which is not repeated.
fn key_of_answer(input: &Input) -> Option<Vec<u8>> {
    let looks_like_pan =
        |key: &[u8]| (13..=19).contains(&key.len()) && key.iter().all(u8::is_ascii_digit);
    let key = input.record.key.as_deref();
    key.filter(|key| !looks_like_pan(key)).map(<[u8]>::to_vec)
}

/// Asserts that an answer is of the kind that its input must get.
fn check_kind(input: &Input, answer: &Answer) {
    match (input.expected, answer) {
        (Expected::Decision, Answer::Decision(decision)) => {
            assert_eq!(decision.authorisation_id, input.message.authorisation_id);
        }
        (Expected::Acknowledgement(message_type), Answer::Acknowledgement(noted)) => {
            assert_eq!(noted.message_type, message_type);
        }
        (Expected::Error(reason), Answer::Error(error)) => {
            assert_eq!(error.reason(), reason, "{input:?} {error:?}");
        }
        _ => panic!("{input:?} was answered by {answer:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stopline::wire::proto::{Acknowledgement, Authorisation};

    fn echo_test_at(place: Place) -> Ledger {
        let message = Authorisation::default();
        Ledger {
            inputs: vec![Input::new(message, Format::Protobuf, Expected::Acknowledgement(810))],
            places: vec![place],
        }
    }

    fn answer_to(place: &str, partition: i32, message_type: u32) -> Inbound {
        let noted = Acknowledgement { message_type, ..Acknowledgement::default() };
        let answer = Some(Answer::Acknowledgement(noted));
        Inbound {
            place: (partition, 0),
            appended_at_millis: 0,
            key: None,
            value: Record { answer }.encode_to_vec(),
            headers: vec![
                ("content-type".into(), b"application/x-protobuf".to_vec()),
                ("stopline-input".into(), place.into()),
            ],
        }
    }

    #[test]
    fn one_answer_in_its_place_is_accepted() {
        let answers = echo_test_at((2, 7)).answers(&[answer_to("2:7", 2, 810)]);
        assert_eq!(answers.len(), 1);
    }

    #[test]
    fn anything_else_is_refused() {
        let good = answer_to("2:7", 2, 810);
        let mut in_json = good.clone();
        in_json.headers[0].1 = b"application/json".to_vec();
        let mut with_key = good.clone();
        with_key.key = Some(b"key".to_vec());
        let cases = [
            ("none", vec![]),
            ("two", vec![good.clone(), good.clone()]),
            ("one to nothing", vec![good, answer_to("2:8", 2, 810)]),
            ("in another partition", vec![answer_to("2:7", 1, 810)]),
            ("of another kind", vec![answer_to("2:7", 2, 130)]),
            ("in another format", vec![in_json]),
            ("under another key", vec![with_key]),
        ];
        for (name, records) in cases {
            let refused = std::panic::catch_unwind(|| echo_test_at((2, 7)).answers(&records));
            assert!(refused.is_err(), "{name}");
        }
    }
}
