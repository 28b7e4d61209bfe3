//! Take-over and the gap rule: each test plays the history that a rule of the journal
//! protocol mends. Successors judge strictly: where one decides anew, it shows.

mod equality;
mod journal;
mod positions;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use stopline::domain::{Offset, PartitionId};
use stopline::service::WorkerSettings;
use stopline::service::log::{Change, TailRecord};
use stopline::wire::proto::{self, record::Answer};

use crate::support::faulty_log::{Fate, Script, given};
use crate::support::owner::{GatedRecall, Owner, Watch, WatchedArchive, patient_settings};
use crate::support::{
    AUTHORISATIONS, GROUP, POLICY, Rig, engine_by, header, pipeline_of, purchase, rule_set,
};

/// Approves three in ten minutes.
const USUAL: &str = "usual";
/// Declines everything.
const STRICT: &str = "strict";

/// A worker that writes as `writer` and judges by `rules`, has no partition yet, and whose
/// archive is watched and gated.
struct Made {
    owner: Owner,
    watch: Rc<RefCell<Watch>>,
    is_open: Rc<Cell<bool>>,
}

fn make(rig: &Rig, writer: &str, rules: &str, settings: WorkerSettings) -> Made {
    let policy = if rules == STRICT {
        POLICY.replace("few = 3", "few = 0").replace("many = 5", "many = 0")
    } else {
        POLICY.to_owned()
    };
    let watch = Rc::new(RefCell::new(Watch::default()));
    let is_open = Rc::new(Cell::new(true));
    let recall = Box::new(GatedRecall::new(WatchedArchive::new(rig, &watch), &is_open));
    let engine = engine_by(rule_set(&policy), &Arc::clone(&rig.shared));
    let pipeline = pipeline_of(writer, engine, &rig.clock, rig.partitions_count);
    Made { owner: Owner::new(rig, pipeline, recall, settings), watch, is_open }
}

/// The same, and partition 0 is given to it.
fn owner(rig: &Rig, writer: &str, rules: &str) -> Owner {
    let made = make(rig, writer, rules, patient_settings());
    give(&made.owner);
    made.owner
}

fn give(owner: &Owner) {
    owner.script.borrow_mut().changes.push_back(given(&[0]));
}

/// The group takes partition 0 back; it is settled or given up.
fn revoke(rig: &Rig, owner: &mut Owner) {
    let before = owner.script.borrow().released.len();
    owner.script.borrow_mut().changes.push_back(Change::Revoked(vec![PartitionId(0)]));
    while owner.script.borrow().released.len() == before {
        owner.turn(1);
        rig.clock.advance(Duration::from_secs(1));
    }
}

/// What becomes of the records of these inputs; the others land.
fn fate_of(owner: &Owner, fate: Fate, inputs: std::ops::Range<i64>) {
    let script: &mut Script = &mut owner.script.borrow_mut();
    script.fates =
        Some(Box::new(
            move |input| {
                if inputs.contains(&input.offset.0) { fate } else { Fate::Lands }
            },
        ));
}

fn send(rig: &Rig, ids: std::ops::Range<usize>) {
    for number in ids {
        rig.send(&purchase(&format!("id-{number}"), "account"));
    }
}

fn send_repeat(rig: &Rig, number: usize) {
    rig.send(&proto::Authorisation {
        message_type: proto::MessageType::MessageType0101 as i32,
        ..purchase(&format!("id-{number}"), "account")
    });
}

/// One record, as far as these tests look.
#[derive(Clone, PartialEq, Debug)]
struct Written {
    answers: i64,
    writer: String,
    value: Vec<u8>,
    /// The decision, where it is one.
    decision: Option<proto::Decision>,
}

impl Written {
    fn of(record: &TailRecord) -> Self {
        let (_, answers) = header(record, "stopline-input").unwrap().split_once(':').unwrap();
        let value = record.value.clone().unwrap();
        let decision = match proto::Record::decode(value.as_slice()).unwrap().answer {
            Some(Answer::Decision(decision)) => Some(decision),
            _ => None,
        };
        let writer = header(record, "stopline-writer").unwrap().to_owned();
        Self { answers: answers.parse().unwrap(), writer, value, decision }
    }

    fn decided(&self) -> Option<i64> {
        Some(self.decision.as_ref()?.decided_input.as_ref()?.offset)
    }
}

fn written(rig: &Rig) -> Vec<Written> {
    rig.decisions().iter().map(Written::of).collect()
}

/// The inputs that `writer` answered, in the journal's order.
fn answered_by(rig: &Rig, writer: &str) -> Vec<i64> {
    let ours = |written: &Written| written.writer == writer;
    written(rig).into_iter().filter(ours).map(|written| written.answers).collect()
}

/// The first record that answers `input`.
fn answer_to(rig: &Rig, input: i64) -> Written {
    written(rig).into_iter().find(|written| written.answers == input).expect("an answer")
}

/// Has `owner` answer one more request, and returns what it saw: `count_10m`, `sum_1h`.
fn probe(rig: &Rig, owner: &mut Owner) -> (i64, i64) {
    let input = rig.ends(AUTHORISATIONS)[0].0;
    rig.send(&purchase(&format!("probe-{input}"), "account"));
    settle(rig, owner);
    seen(&answer_to(rig, input))
}

fn seen(written: &Written) -> (i64, i64) {
    let evidence = &written.decision.as_ref().expect("a decision").evidence;
    // 0 is absent, otherwise 1 + zigzag; nothing here is negative.
    let value = |index: usize| ((evidence[index] - 1) / 2).cast_signed();
    (value(0), value(1))
}

/// Turns `owner` until all is answered and committed.
fn settle(rig: &Rig, owner: &mut Owner) {
    for _ in 0..1_000 {
        owner.turn(1);
        rig.clock.advance(Duration::from_millis(100));
        if committed(rig) == Some(rig.ends(AUTHORISATIONS)[0]) {
            return;
        }
    }
    panic!("something is never answered, acknowledged or committed");
}

fn committed(rig: &Rig) -> Option<Offset> {
    rig.broker.committed(GROUP, AUTHORISATIONS, PartitionId(0)).unwrap()
}

/// What `owner` counted so far.
fn tally(rig: &Rig, owner: &mut Owner) -> (u64, u64, u64, u64) {
    rig.clock.advance(Duration::from_secs(1));
    owner.turn(1);
    let tally = &owner.notes.borrow().tally;
    (tally.adopted, tally.foreign_records, tally.amended, tally.gaps)
}

fn verify(rig: &Rig) {
    let report = crate::verify::verify(rig, crate::support::DECISIONS);
    assert!(report.is_clean, "{report}");
}
