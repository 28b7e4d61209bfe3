//! A log with Kafka's guarantees and no more: order within a partition, append times that
//! may step back, offsets that may be missing, and a beginning that moves.

use std::collections::BTreeMap;
use std::rc::Rc;

use prost::Message as _;
use stopline::domain::{Offset, PartitionId};
use stopline::service::log::{Bounds, Fault, Side, TailRecord};
use stopline::wire::proto::{self, record::Answer};

/// One record, as it lies in a partition.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) offset: Offset,
    pub(crate) appended_at: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Stored {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name)?;
        std::str::from_utf8(value).ok()
    }

    pub(crate) fn to_tail(&self, partition: PartitionId) -> TailRecord {
        TailRecord {
            partition,
            offset: self.offset,
            appended_at_unix_millis: self.appended_at,
            key: self.key.clone(),
            value: self.value.clone(),
            headers: self.headers.clone(),
        }
    }
}

/// One partition of one topic. All that was ever appended is there for the judges; readers
/// see it from `beginning` on.
#[derive(Debug, Default)]
pub(crate) struct Partition {
    pub(crate) records: Vec<Rc<Stored>>,
    pub(crate) beginning: i64,
    pub(crate) end: i64,
}

impl Partition {
    pub(crate) fn append(
        &mut self,
        appended_at: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Vec<(String, Vec<u8>)>,
    ) -> Offset {
        let offset = Offset(self.end);
        self.end += 1;
        let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
        self.records.push(Rc::new(Stored { offset, appended_at, key, value, headers }));
        offset
    }

    /// Uses an offset up for something that readers are not shown.
    pub(crate) fn leave_hole(&mut self) {
        self.end += 1;
    }

    /// The first record at `offset` or behind it.
    pub(crate) fn from(&self, offset: i64) -> Option<&Rc<Stored>> {
        let place = self.records.partition_point(|record| record.offset.0 < offset);
        self.records.get(place)
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds { beginning: Offset(self.beginning), end: Offset(self.end) }
    }

    pub(crate) fn offset_at(&self, unix_millis: i64) -> Option<Offset> {
        let held = self.records.iter().filter(|record| record.offset.0 >= self.beginning);
        held.filter(|record| record.appended_at >= unix_millis).map(|record| record.offset).next()
    }

    pub(crate) fn check_start(&self, offset: Offset) -> Result<(), Fault> {
        if (self.beginning..=self.end).contains(&offset.0) {
            return Ok(());
        }
        let Self { beginning, end, .. } = self;
        let what = format!("offset {} where {beginning} to {end} is held", offset.0);
        Err(Fault::OffsetOutOfRange { what })
    }

    /// Deletes what was appended before `unix_millis` and lies before `kept_from`, but the
    /// last record of that time.
    pub(crate) fn retain(&mut self, unix_millis: i64, kept_from: i64) -> bool {
        let place = self.records.iter().position(|record| record.appended_at >= unix_millis);
        let last_old = place.unwrap_or(self.records.len()).checked_sub(1);
        let Some(last_old) = last_old.and_then(|place| self.records.get(place)) else {
            return false;
        };
        let beginning = last_old.offset.0.min(kept_from);
        let moves = beginning > self.beginning;
        self.beginning = self.beginning.max(beginning);
        moves
    }
}

/// What a record of the journal says, as far as the judges ask.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub(crate) offset: i64,
    pub(crate) answers: i64,
    pub(crate) writer: String,
    pub(crate) answer: Answer,
    /// The canonical bytes.
    pub(crate) value: Rc<[u8]>,
}

impl Landed {
    pub(crate) fn read(record: &Stored) -> Self {
        let (_, answers) = record.header("stopline-input").unwrap().split_once(':').unwrap();
        let bytes = record.value.as_deref().unwrap();
        let (content, value) = content(record.header("content-type"), bytes);
        Self {
            offset: record.offset.0,
            answers: answers.parse().unwrap(),
            writer: record.header("stopline-writer").unwrap().to_owned(),
            answer: content.answer.unwrap(),
            value,
        }
    }

    pub(crate) fn decision(&self) -> Option<&proto::Decision> {
        match &self.answer {
            Answer::Decision(decision) => Some(decision),
            Answer::Acknowledgement(_) | Answer::Error(_) => None,
        }
    }

    /// The input that it notes.
    pub(crate) fn noted(&self) -> Option<i64> {
        noted_in(&self.answer)
    }

    /// The input that it decides.
    pub(crate) fn decided(&self) -> Option<i64> {
        self.decision().map(|decision| decision.decided_input.unwrap().offset)
    }
}

/// The input that `answer` notes.
pub(crate) fn noted_in(answer: &Answer) -> Option<i64> {
    match answer {
        Answer::Acknowledgement(noted) => noted.noted_input.map(|input| input.offset),
        Answer::Decision(_) | Answer::Error(_) => None,
    }
}

/// What the bytes of a record say, and its canonical bytes.
pub(crate) fn content(content_type: Option<&str>, bytes: &[u8]) -> (proto::Record, Rc<[u8]>) {
    if content_type == Some("application/json") {
        let record: proto::Record = serde_json::from_slice(bytes).unwrap();
        let canonical = record.encode_to_vec().into();
        return (record, canonical);
    }
    (proto::Record::decode(bytes).unwrap(), bytes.into())
}

/// One partition of the journal, by what it says.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) records: Vec<Rc<Landed>>,
    /// Of each answered input the first record.
    pub(crate) answers: BTreeMap<i64, Rc<Landed>>,
    /// Of each decided input the decision at the lowest offset.
    pub(crate) binding: BTreeMap<i64, Rc<Landed>>,
}

impl Journal {
    fn add(&mut self, record: &Stored) {
        let landed = Rc::new(Landed::read(record));
        self.answers.entry(landed.answers).or_insert_with(|| Rc::clone(&landed));
        if let Some(decided) = landed.decided() {
            self.binding.entry(decided).or_insert_with(|| Rc::clone(&landed));
        }
        self.records.push(landed);
    }
}

/// The two topics of the workers, and that of the stop orders.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) inputs: Vec<Partition>,
    pub(crate) outputs: Vec<Partition>,
    pub(crate) journal: Vec<Journal>,
    pub(crate) stop_orders: Partition,
    pub(crate) committed: Vec<Option<i64>>,
    /// How far the clock of each partition's leader is off, of inputs and of outputs.
    pub(crate) skew_millis: Vec<[i64; 2]>,
    /// Inputs before this are known to have a record.
    answered_to: Vec<i64>,
}

impl Broker {
    pub(crate) fn new(partitions_count: usize) -> Self {
        let some = || (0..partitions_count).map(|_| Partition::default()).collect();
        Self {
            inputs: some(),
            outputs: some(),
            journal: (0..partitions_count).map(|_| Journal::default()).collect(),
            stop_orders: Partition::default(),
            committed: vec![None; partitions_count],
            skew_millis: vec![[0, 0]; partitions_count],
            answered_to: vec![0; partitions_count],
        }
    }

    pub(crate) fn side(&self, side: Side, partition: usize) -> &Partition {
        match side {
            Side::Inputs => &self.inputs[partition],
            Side::Journal => &self.outputs[partition],
        }
    }

    pub(crate) fn append_input(
        &mut self,
        now: i64,
        partition: usize,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Vec<(String, Vec<u8>)>,
    ) -> Offset {
        let now = now + self.skew_millis[partition][0];
        self.inputs[partition].append(now, key, value, headers)
    }

    pub(crate) fn append_output(
        &mut self,
        now: i64,
        partition: usize,
        key: Option<&[u8]>,
        value: &[u8],
        headers: Vec<(String, Vec<u8>)>,
    ) -> Offset {
        let now = now + self.skew_millis[partition][1];
        let offset = self.outputs[partition].append(now, key, Some(value), headers);
        let stored = Rc::clone(self.outputs[partition].records.last().unwrap());
        self.journal[partition].add(&stored);
        offset
    }

    /// The first input of `partition` that no record answers; its end where there is none.
    pub(crate) fn first_unanswered(&mut self, partition: usize) -> i64 {
        let inputs = &self.inputs[partition];
        let answers = &self.journal[partition].answers;
        let from = &mut self.answered_to[partition];
        while let Some(record) = inputs.from(*from) {
            if !answers.contains_key(&record.offset.0) {
                return record.offset.0;
            }
            *from = record.offset.0 + 1;
        }
        inputs.end
    }
}
