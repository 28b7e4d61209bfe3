//! One record of the journal, as far as it matters to a state that follows it.

use prost::Message as _;
use tracing::warn;

use crate::domain::{AccountKey, EventTime, Input, Offset, Outcome, PartitionId};
use crate::service::log::TailRecord;
use crate::wire::proto::record::Answer;
use crate::wire::{Format, decode_record, proto};

/// One record of the journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalRecord {
    /// Where it lies.
    pub offset: Offset,
    /// Offset of the input that it answers, in the partition of the same number.
    pub answers: Offset,
    /// Who wrote it: instance and incarnation.
    pub writer: String,
    /// What it says.
    pub said: Said,
    /// Its canonical bytes, in whichever format it was written.
    pub value: Vec<u8>,
}

/// What a record says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// A request was decided.
    Decision(DecisionSaid),
    /// A message was noted.
    Noted,
    /// It is an earlier message's note, sent again to its repeat, which left nothing.
    NotedBefore,
    /// An input was refused. It binds nothing.
    Error,
    /// What it says is not understood here, as that of a newer version may not be. It answers
    /// its input all the same, and binds nothing that could be followed.
    NotUnderstood,
}

/// What a decision says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecisionSaid {
    /// Offset of the input decided; a repeat's record names an earlier one than it answers.
    pub decided: Offset,
    /// The authorisation's id.
    pub id: String,
    /// Whose windows it is in.
    pub account: AccountKey,
    /// What it came to.
    pub outcome: Outcome,
    /// The time that the windows used.
    pub event_at: EventTime,
    /// It left no event: an earlier input of the same authorisation did.
    pub is_counted_before: bool,
    /// The fail policy took it.
    pub is_by_policy: bool,
}

/// A record that says nothing: it was not written by this engine or a relative of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record at {}:{} of the answers cannot be read: {why}", partition.0, offset.0)]
pub struct Unreadable {
    /// Its partition.
    pub partition: PartitionId,
    /// Its offset.
    pub offset: Offset,
    /// Why.
    pub why: &'static str,
}

impl JournalRecord {
    /// What `record` says; `default_format` is that of a record that names none.
    ///
    /// # Errors
    /// It is none of ours.
    pub fn read(record: &TailRecord, default_format: Format) -> Result<Self, Unreadable> {
        let (partition, offset) = (record.partition, record.offset);
        let unreadable = |why| Unreadable { partition, offset, why };
        let answers =
            answered_input(record).filter(|input| input.partition == partition).ok_or_else(
                || unreadable("its header stopline-input names no input of its partition"),
            )?;
        let (said, value) = match content(record, default_format) {
            None => (Said::NotUnderstood, Vec::new()),
            Some(Content { answer, canonical }) => {
                let said = match answer {
                    Answer::Decision(decision) => decision_said(decision, partition)
                        .map_or(Said::NotUnderstood, Said::Decision),
                    Answer::Acknowledgement(noted) => noted_said(noted.noted_input, answers),
                    Answer::Error(_) => Said::Error,
                };
                (said, canonical)
            }
        };
        if said == Said::NotUnderstood {
            let (partition, offset) = (partition.0, offset.0);
            warn!(partition, offset, "an answer is not understood; its input counts as answered");
        }
        let writer = header(record, "stopline-writer").unwrap_or_default();
        Ok(Self {
            offset,
            answers: answers.offset,
            writer: String::from_utf8_lossy(writer).into_owned(),
            said,
            value,
        })
    }
}

/// What a record of the answers holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Content {
    /// What it answers.
    pub answer: Answer,
    /// The canonical bytes: one content has one sequence of bytes.
    pub canonical: Vec<u8>,
}

/// What `record` holds; `None` where its value is no answer in its format.
pub fn content(record: &TailRecord, default_format: Format) -> Option<Content> {
    let named = header(record, "content-type");
    let format = Format::from_content_type(named, default_format).ok()?;
    let value = record.value.as_deref()?;
    let (content, canonical) = match format {
        // The bytes as they are, whatever wrote them.
        Format::Protobuf => (decode_record(value).ok()?, value.to_vec()),
        Format::Json => {
            let content: proto::Record = serde_json::from_slice(value).ok()?;
            let canonical = content.encode_to_vec();
            (content, canonical)
        }
    };
    Some(Content { answer: content.answer?, canonical })
}

/// The input that `record` says it answers: the header `stopline-input`.
pub fn answered_input(record: &TailRecord) -> Option<Input> {
    let text = std::str::from_utf8(header(record, "stopline-input")?).ok()?;
    let (partition, offset) = text.split_once(':')?;
    let (partition, offset) = (partition.parse().ok()?, offset.parse().ok()?);
    Some(Input { partition: PartitionId(partition), offset: Offset(offset) })
}

/// The value of the last header called `name`, as Kafka's clients take it.
pub fn header<'r>(record: &'r TailRecord, name: &str) -> Option<&'r [u8]> {
    record.headers.iter().rfind(|(found, _)| found == name).map(|(_, value)| value.as_slice())
}

fn noted_said(noted: Option<proto::InputPosition>, answers: Input) -> Said {
    match noted {
        Some(noted) if noted.offset != answers.offset.0 => Said::NotedBefore,
        Some(_) | None => Said::Noted,
    }
}

fn decision_said(decision: proto::Decision, partition: PartitionId) -> Option<DecisionSaid> {
    let outcome = match decision.outcome() {
        proto::Outcome::Approve => Outcome::Approve,
        proto::Outcome::StepUp => Outcome::StepUp,
        proto::Outcome::Decline => Outcome::Decline,
        proto::Outcome::Unspecified => return None,
    };
    let decided = decision.decided_input.filter(|input| input.partition == partition.0)?;
    Some(DecisionSaid {
        decided: Offset(decided.offset),
        id: decision.authorisation_id,
        account: AccountKey::from_bits(u128::from_str_radix(&decision.account_key, 16).ok()?),
        outcome,
        event_at: EventTime::from_unix_millis(decision.event_at_millis)?,
        is_counted_before: decision.counted_before,
        is_by_policy: decision.synthetic,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(headers: &[(&str, &str)], value: Option<Vec<u8>>) -> TailRecord {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        TailRecord {
            partition: PartitionId(3),
            offset: Offset(70),
            appended_at_unix_millis: 0,
            key: None,
            value,
            headers: headers.iter().map(owned).collect(),
        }
    }

    fn decision() -> proto::Record {
        proto::Record {
            answer: Some(Answer::Decision(proto::Decision {
                authorisation_id: "a-1".to_owned(),
                decided_input: Some(proto::InputPosition { partition: 3, offset: 10 }),
                outcome: proto::Outcome::Decline as i32,
                account_key: "000000000000000000000000000000ff".to_owned(),
                event_at_millis: 1_700_000_000_000,
                ..proto::Decision::default()
            })),
        }
    }

    const HEADERS: [(&str, &str); 2] =
        [("stopline-input", "3:17"), ("stopline-writer", "engine-0/5")];

    #[test]
    fn a_decision_is_read_alike_from_both_formats() {
        let value = decision().encode_to_vec();
        let found = JournalRecord::read(&record(&HEADERS, Some(value.clone())), Format::Protobuf);
        let found = found.expect("it is a record");
        assert_eq!((found.answers, found.offset), (Offset(17), Offset(70)));
        assert_eq!(found.writer, "engine-0/5");
        assert_eq!(
            found.said,
            Said::Decision(DecisionSaid {
                decided: Offset(10),
                id: "a-1".to_owned(),
                account: AccountKey::from_bits(0xff),
                outcome: Outcome::Decline,
                event_at: EventTime::nearest_to(1_700_000_000_000),
                is_counted_before: false,
                is_by_policy: false,
            })
        );
        assert_eq!(found.value, value);
        let mut json = HEADERS.to_vec();
        json.push(("content-type", "application/json"));
        let text = serde_json::to_vec(&decision()).expect("it has a JSON form");
        let from_json = JournalRecord::read(&record(&json, Some(text)), Format::Protobuf);
        assert_eq!(from_json, Ok(found));
    }

    #[test]
    fn a_note_counts_for_the_input_that_was_noted_and_not_for_its_repeat() {
        for (noted, said) in [(Some(17), Said::Noted), (Some(16), Said::NotedBefore)] {
            let noted_input = noted.map(|offset| proto::InputPosition { partition: 3, offset });
            let answer = proto::Acknowledgement { noted_input, ..Default::default() };
            let content = proto::Record { answer: Some(Answer::Acknowledgement(answer)) };
            let record = record(&HEADERS, Some(content.encode_to_vec()));
            let read = JournalRecord::read(&record, Format::Protobuf).expect("it is a record");
            assert_eq!(read.said, said, "{noted:?}");
        }
    }

    #[test]
    fn a_record_of_somebody_else_is_refused_by_what_is_wrong_with_it() {
        let value = || Some(decision().encode_to_vec());
        let mut without_outcome = decision();
        if let Some(Answer::Decision(decision)) = &mut without_outcome.answer {
            decision.outcome = 0;
        }
        let other_partition = [("stopline-input", "4:17")];
        let cases = [
            (record(&[], value()), "stopline-input"),
            (record(&other_partition, value()), "stopline-input"),
        ];
        for (record, why) in cases {
            let refused = JournalRecord::read(&record, Format::Protobuf).expect_err(why);
            assert!(refused.to_string().contains(why), "{refused}");
            assert!(refused.to_string().contains("3:70"), "{refused}");
        }
        for value in [None, Some(b"\xff\xff".to_vec()), Some(without_outcome.encode_to_vec())] {
            let read = JournalRecord::read(&record(&HEADERS, value), Format::Protobuf);
            let read = read.expect("it names the input that it answers");
            assert_eq!((read.answers, read.said), (Offset(17), Said::NotUnderstood));
        }
    }

    #[test]
    fn an_answer_names_its_input_as_partition_and_offset() {
        let cases = [
            ("3:17", Some((3, 17))),
            ("3", None),
            ("", None),
            ("3:", None),
            ("a:1", None),
            ("1:2:3", None),
            ("1: 2", None),
        ];
        for (text, expected) in cases {
            let found = answered_input(&record(&[("stopline-input", text)], None));
            assert_eq!(found.map(|input| (input.partition.0, input.offset.0)), expected, "{text}");
        }
        assert_eq!(answered_input(&record(&[], None)), None);
    }
}
