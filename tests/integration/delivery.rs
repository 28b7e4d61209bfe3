//! A log that misbehaves: full queues, failed deliveries, assignments that move. No
//! input is skipped, and what is sent again has the same bytes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use stopline::domain::{Offset, PartitionId};
use stopline::service::log::Change;
use stopline::service::{Worker, WorkerEnd};

use crate::support::faulty_log::{FaultyLog, Script, given};
use crate::support::{DECISIONS, Notes, Rig, header, pipeline, purchase, worker_settings};

fn faulty_worker<'n>(
    rig: &Rig,
    script: &Rc<RefCell<Script>>,
    notes: &'n mut Notes,
) -> Worker<FaultyLog, &'n mut Notes> {
    script.borrow_mut().changes.push_back(given(&[0]));
    let log = FaultyLog::new(&rig.broker, script);
    let pipeline = pipeline(&rig.shared, &rig.clock, 1);
    let settings = worker_settings(Duration::ZERO);
    Worker::new(log, rig.recall(), pipeline, notes, rig.clock.clone(), settings)
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
    let mut notes = Notes::default();
    faulty_worker(&rig, &script, &mut notes).run(turns(300)).unwrap();
    assert!(notes.stalls.len() > 2, "it was not paused: {:?}", notes.stalls);
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
    let mut notes = Notes::default();
    let mut left = 1_000;
    let ended = faulty_worker(&rig, &script, &mut notes).run(|| {
        rig.clock.advance(Duration::from_secs(1));
        left -= 1;
        left == 0
    });
    assert!(matches!(ended, Err(WorkerEnd::Unwritable { .. })), "{ended:?}");
    assert_eq!(notes.stalls, [true]);
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
