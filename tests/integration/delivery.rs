//! A log that misbehaves: full queues, failed deliveries, assignments that move. No
//! input is skipped, and what is sent again has the same bytes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use stopline::domain::{Input, Offset, PartitionId};
use stopline::service::log::memory::MemoryLog;
use stopline::service::log::{
    AppendRefused, Batch, Change, CommitWait, Delivery, Fault, Log, Outgoing, Report, Undelivered,
};
use stopline::service::{Worker, WorkerEnd, WorkerSettings};

use crate::support::{AUTHORISATIONS, DECISIONS, GROUP, Notes, Rig, header, pipeline, purchase};

/// What a misbehaving log is to do, and what it saw.
#[derive(Default)]
struct Script {
    /// How often each record is refused as too much before it is taken.
    full_times: usize,
    /// Inputs whose first delivery fails.
    fails: Vec<Offset>,
    /// Acknowledgements are held back while true.
    holds_back: bool,
    /// Changes to tell at the next polls.
    changes: VecDeque<Change>,
    /// Records taken, in order, the failed ones too.
    taken: Vec<(Input, Vec<u8>)>,
    committed: Vec<(PartitionId, Offset)>,
    released: Vec<PartitionId>,
}

/// The in-process log, misbehaving by script.
struct FaultyLog {
    inner: MemoryLog,
    script: Rc<RefCell<Script>>,
    refused: usize,
    failed: Vec<Report>,
}

impl Log for FaultyLog {
    fn poll(&mut self, wait: Duration, batch: &mut Batch) -> Result<Option<Change>, Fault> {
        if let Some(change) = self.script.borrow_mut().changes.pop_front() {
            batch.clear();
            return Ok(Some(change));
        }
        self.inner.poll(wait, batch)
    }

    fn start(&mut self, starts: &[(PartitionId, Offset)]) -> Result<(), Fault> {
        self.inner.start(starts)
    }

    fn resume(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.inner.resume(partitions)
    }

    fn pause(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.inner.pause(partitions)
    }

    fn release(&mut self, partitions: &[PartitionId]) -> Result<(), Fault> {
        self.script.borrow_mut().released.extend(partitions);
        self.inner.release(partitions)
    }

    fn append(&mut self, record: &Outgoing<'_>) -> Result<(), AppendRefused> {
        let mut script = self.script.borrow_mut();
        if self.refused < script.full_times {
            self.refused += 1;
            return Err(AppendRefused::Full);
        }
        self.refused = 0;
        script.taken.push((record.answers, record.value.to_vec()));
        let offset = record.answers.offset;
        if let Some(place) = script.fails.iter().position(|failing| *failing == offset) {
            script.fails.remove(place);
            let record_again = Box::new(Undelivered::of(record));
            let delivery = Delivery::Failed { cause: "by script".to_owned(), record: record_again };
            self.failed.push(Report { answers: record.answers, delivery });
            return Ok(());
        }
        drop(script);
        self.inner.append(record)
    }

    fn acknowledged(&mut self, reports: &mut Vec<Report>) -> Result<(), Fault> {
        if self.script.borrow().holds_back {
            return Ok(());
        }
        reports.append(&mut self.failed);
        self.inner.acknowledged(reports)
    }

    fn commit(
        &mut self,
        frontier: &[(PartitionId, Offset)],
        wait: CommitWait,
    ) -> Result<(), Fault> {
        self.script.borrow_mut().committed.extend(frontier);
        self.inner.commit(frontier, wait)
    }

    fn close(self) {
        self.inner.close();
    }
}

fn faulty_worker<'n>(
    rig: &Rig,
    script: &Rc<RefCell<Script>>,
    notes: &'n mut Notes,
) -> Worker<FaultyLog, &'n mut Notes> {
    let inner = rig.broker.worker_log(GROUP, AUTHORISATIONS, DECISIONS, &[PartitionId(0)]).unwrap();
    let log = FaultyLog { inner, script: Rc::clone(script), refused: 0, failed: Vec::new() };
    let settings = WorkerSettings {
        poll_wait: Duration::ZERO,
        commit_interval: Duration::ZERO,
        drain_timeout: Duration::from_secs(5),
        tally_interval: Duration::from_secs(1),
    };
    Worker::new(log, pipeline(&rig.shared, &rig.clock, 1), notes, rig.clock.clone(), settings)
}

fn rig_with(messages_count: usize) -> Rig {
    let rig = Rig::new(1);
    for number in 0..messages_count {
        rig.send(&purchase(&format!("id-{number}"), "account"));
    }
    rig
}

fn turns(count: usize) -> impl FnMut() -> bool {
    let mut left = count;
    move || {
        left = left.saturating_sub(1);
        left == 0
    }
}

#[test]
fn a_failed_delivery_is_sent_again_with_the_same_bytes_and_nothing_behind_it_is_committed() {
    let rig = rig_with(20);
    let script = Rc::new(RefCell::new(Script {
        fails: vec![Offset(3), Offset(3), Offset(7)],
        ..Script::default()
    }));
    let mut notes = Notes::default();
    faulty_worker(&rig, &script, &mut notes).run(turns(20)).unwrap();
    let script = script.borrow();
    for failing in [3, 7] {
        let copies: Vec<_> =
            script.taken.iter().filter(|(input, _)| input.offset.0 == failing).collect();
        assert!(copies.len() >= 2, "{failing} was sent {} times", copies.len());
        assert!(copies.iter().all(|copy| *copy == copies[0]), "copies of {failing} differ");
    }
    assert_eq!(rig.ends(DECISIONS), [Offset(20)]);
    assert_eq!(script.committed.last(), Some(&(PartitionId(0), Offset(20))));
    assert!(script.committed.is_sorted_by_key(|(_, offset)| *offset));
    assert_eq!(notes.tally.sent_again, 3);
}

#[test]
fn a_full_log_delays_records_and_loses_none() {
    let rig = rig_with(40);
    let script = Rc::new(RefCell::new(Script { full_times: 3, ..Script::default() }));
    faulty_worker(&rig, &script, &mut Notes::default()).run(turns(30)).unwrap();
    let mut answered: Vec<_> = rig
        .decisions()
        .iter()
        .map(|record| header(record, "stopline-input").unwrap().to_owned())
        .collect();
    assert_eq!(answered.len(), 40);
    answered.dedup();
    assert_eq!(answered.len(), 40);
}

#[test]
fn a_log_that_stays_full_makes_the_worker_step_down() {
    let rig = rig_with(1);
    let script = Rc::new(RefCell::new(Script { full_times: usize::MAX, ..Script::default() }));
    let ended = faulty_worker(&rig, &script, &mut Notes::default()).run(turns(100));
    assert!(matches!(ended, Err(WorkerEnd::Unwritable { .. })), "{ended:?}");
    assert_eq!(script.borrow().committed, [(PartitionId(0), Offset(0))]);
}

#[test]
fn nothing_is_committed_that_was_only_sent() {
    let rig = rig_with(10);
    let script = Rc::new(RefCell::new(Script { holds_back: true, ..Script::default() }));
    let ended = faulty_worker(&rig, &script, &mut Notes::default()).run(turns(10));
    assert!(matches!(ended, Err(WorkerEnd::NotDrained { outstanding_count: 10, .. })), "{ended:?}");
    assert_eq!(rig.ends(DECISIONS), [Offset(10)]);
    assert!(script.borrow().committed.iter().all(|(_, offset)| *offset == Offset(0)));
}

#[test]
fn a_revoked_partition_leaves_once_its_records_are_acknowledged_and_committed() {
    let rig = rig_with(10);
    let script = Rc::new(RefCell::new(Script { holds_back: true, ..Script::default() }));
    let mut notes = Notes::default();
    let mut worker = faulty_worker(&rig, &script, &mut notes);
    for _ in 0..3 {
        worker.turn().unwrap();
    }
    script.borrow_mut().changes.push_back(Change::Revoked(vec![PartitionId(0)]));
    for _ in 0..5 {
        worker.turn().unwrap();
    }
    assert_eq!(script.borrow().released, [], "released before it was settled");
    script.borrow_mut().holds_back = false;
    for _ in 0..2 {
        worker.turn().unwrap();
    }
    let script = script.borrow();
    assert_eq!(script.released, [PartitionId(0)]);
    assert_eq!(script.committed.last(), Some(&(PartitionId(0), Offset(10))));
}

#[test]
fn a_lost_partition_is_let_go_at_once_and_not_committed() {
    let rig = rig_with(10);
    let script = Rc::new(RefCell::new(Script { holds_back: true, ..Script::default() }));
    let mut notes = Notes::default();
    let mut worker = faulty_worker(&rig, &script, &mut notes);
    for _ in 0..3 {
        worker.turn().unwrap();
    }
    script.borrow_mut().changes.push_back(Change::Lost(vec![PartitionId(0)]));
    worker.turn().unwrap();
    script.borrow_mut().holds_back = false;
    worker.turn().unwrap();
    let script = script.borrow();
    assert_eq!(script.released, [PartitionId(0)]);
    assert!(script.committed.iter().all(|(_, offset)| *offset == Offset(0)));
}
