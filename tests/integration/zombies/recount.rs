//! What the journal says, counted from the definitions in words.

use std::collections::{BTreeMap, HashMap};

use prost::Message as _;
use stopline::domain::{Offset, PartitionId};
use stopline::service::log::TailRecord;
use stopline::wire::proto::{self, record::Answer};

use super::traffic::{Asked, Sent};
use crate::support::header;

const HOUR_MILLIS: i64 = 3_600_000;
const TEN_MINUTES_MILLIS: i64 = 600_000;

/// The records of one partition, by what they say.
#[derive(Debug, Default)]
pub(super) struct Journal {
    /// Of each decided input the decision that lies first: its bytes.
    pub(super) binding: BTreeMap<Offset, Vec<u8>>,
    /// Of each answered input the last answer: its bytes.
    answers: BTreeMap<Offset, Vec<u8>>,
}

impl Journal {
    /// What `records` say of `partition`.
    pub(super) fn read(records: &[TailRecord], partition: PartitionId) -> Self {
        let mut journal = Self::default();
        for record in records.iter().filter(|record| record.partition == partition) {
            let value = record.value.clone().unwrap();
            let input = header(record, "stopline-input").unwrap();
            let (_, offset) = input.split_once(':').unwrap();
            journal.answers.insert(Offset(offset.parse().unwrap()), value.clone());
            if let Some(decision) = decision(&value) {
                let decided = Offset(decision.decided_input.unwrap().offset);
                journal.binding.entry(decided).or_insert(value);
            }
        }
        journal
    }
}

/// What a record decided.
pub(super) fn decision(value: &[u8]) -> Option<proto::Decision> {
    match proto::Record::decode(value).unwrap().answer {
        Some(Answer::Decision(decision)) => Some(decision),
        _ => None,
    }
}

/// An authorisation that counts.
struct Counted {
    id: String,
    at: i64,
    minor_units: i64,
    is_approved: bool,
}

#[derive(Default)]
struct Account {
    newest: i64,
    counted: Vec<Counted>,
}

/// A decision of the last ten minutes: when it was made, on which input, for which amount.
struct Recent {
    given_at: i64,
    input: Offset,
    minor_units: i64,
}

/// Counts one partition again.
pub(super) struct Recount<'j> {
    journal: &'j Journal,
    accounts: HashMap<String, Account>,
    recent: HashMap<String, Recent>,
    /// How many answers were held against the count.
    pub(super) judged: usize,
}

impl<'j> Recount<'j> {
    pub(super) fn new(journal: &'j Journal) -> Self {
        Self { journal, accounts: HashMap::new(), recent: HashMap::new(), judged: 0 }
    }

    /// Counts `sent`; `is_probe` holds its answer against the count.
    pub(super) fn next(&mut self, sent: &Sent, is_probe: bool) {
        let Some(asked) = &sent.request else { return };
        let now = sent.appended_at;
        let recent =
            self.recent.get(&asked.id).filter(|recent| recent.given_at >= now - TEN_MINUTES_MILLIS);
        if let Some(recent) = recent {
            assert!(
                !self.journal.binding.contains_key(&sent.offset),
                "{sent:?} was decided, and is a repeat of {:?}",
                recent.input
            );
            if is_probe && recent.minor_units == asked.minor_units {
                let (first, again) = (recent.input, &self.journal.answers[&sent.offset]);
                let binding = &self.journal.binding[&first];
                assert_eq!(
                    decision(again),
                    decision(binding),
                    "the repeat {:?} of {first:?} got another answer than the one that binds",
                    sent.offset
                );
                assert_eq!(again, binding);
                self.judged += 1;
            }
            return;
        }
        self.decided(sent, asked, is_probe);
        let minor_units = asked.minor_units;
        let recent = Recent { given_at: now, input: sent.offset, minor_units };
        self.recent.insert(asked.id.clone(), recent);
    }

    fn decided(&mut self, sent: &Sent, asked: &Asked, is_probe: bool) {
        let binding = self.journal.binding.get(&sent.offset);
        let decision = decision(binding.unwrap_or_else(|| panic!("{sent:?} was not decided")));
        let decision = decision.unwrap();
        let account = self.accounts.entry(asked.account.clone()).or_default();
        let event_at = asked.event_at(sent.appended_at);
        assert_eq!(decision.event_at_millis, event_at);
        let now = event_at.max(account.newest);
        account.newest = now;
        account.counted.retain(|counted| counted.at > now - HOUR_MILLIS);
        let itself = account.counted.iter().position(|counted| counted.id == asked.id);
        if is_probe {
            let others = || {
                let before = account.counted.iter().enumerate();
                before.filter(|(place, _)| Some(*place) != itself).map(|(_, counted)| counted)
            };
            let count = 1 + others()
                .filter(|counted| counted.at > now - TEN_MINUTES_MILLIS && counted.at <= now)
                .count();
            let sum: i64 = others()
                .filter(|counted| counted.is_approved && counted.at <= now)
                .map(|counted| counted.minor_units)
                .sum();
            let expected = [i64::try_from(count).unwrap(), sum];
            let found: Vec<i64> = decision.evidence.iter().map(|value| unpacked(*value)).collect();
            assert_eq!(found, expected, "count_10m and sum_1h of {sent:?}");
            self.judged += 1;
        }
        if itself.is_none() {
            account.counted.push(Counted {
                id: asked.id.clone(),
                at: event_at,
                minor_units: asked.minor_units,
                is_approved: decision.outcome() == proto::Outcome::Approve,
            });
        }
    }
}

/// 0 is absent, otherwise 1 + zigzag.
fn unpacked(value: u64) -> i64 {
    let zigzag = value.checked_sub(1).expect("it is there");
    (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()
}
