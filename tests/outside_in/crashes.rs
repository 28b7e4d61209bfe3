//! What dies without a word: the engine, its name in the group, the broker. Every input is
//! answered all the same, and the first record on it is the one that binds.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

use crate::broker::{Broker, OwnBroker};
use crate::engine::Installation;
use crate::inputs::{Input, Traffic};
use crate::ledger::{Ledger, answered_place};
use crate::topics::{Inbound, Place, Reader, Topics, Writer};

/// For answers, and for a member that must notice that it is fenced.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the configuration allows a drain, and the broker's answers.
const DRAINED_WITHIN: Duration = Duration::from_secs(30);

/// Inputs that go out at once.
const GROUP_COUNT: usize = 20;

fn inputs(traffic: &mut Traffic, count: usize) -> Vec<Input> {
    (0..count).map(|_| traffic.next_input()).collect()
}

/// The first record on each input, the one that binds.
fn binding(records: &[Inbound]) -> Vec<Inbound> {
    let mut seen = HashSet::new();
    let mut sorted: Vec<_> = records.to_vec();
    sorted.sort_by_key(|record| record.place);
    sorted.retain(|record| seen.insert(answered_place(record)));
    sorted
}

/// Asserts that no process wrote two records on one input; returns how many were copies.
fn check_copies(records: &[Inbound]) -> usize {
    let mut writers: HashMap<Place, Vec<&str>> = HashMap::new();
    for record in records {
        let writer = record.header("stopline-writer").expect("`stopline-writer`");
        let wrote = writers.entry(answered_place(record)).or_default();
        assert!(!wrote.contains(&writer), "{writer} wrote twice on {:?}", answered_place(record));
        wrote.push(writer);
    }
    records.len() - writers.len()
}

#[test]
fn after_sigkill_and_a_restart_every_input_is_answered_and_the_first_record_binds() {
    let broker = Broker::shared();
    let topics = Topics::named_for("sigkill");
    topics.create(broker);
    let installation = Installation::new("sigkill", broker.address(), &topics);
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("sigkill", 4));
    let mut decisions = Reader::new(broker, &topics.decisions);
    let mut ledger = Ledger::default();
    let mut engine = installation.start();
    engine.await_ready();

    // The engine dies while inputs are still coming.
    let mut all = inputs(&mut traffic, 1_000);
    let topic = &topics.authorisations;
    thread::scope(|scope| {
        scope.spawn(|| {
            while !all.is_empty() {
                let group = all.drain(..GROUP_COUNT.min(all.len())).collect();
                ledger.send(&writer, topic, group);
            }
        });
        decisions.read_until("some answers", PATIENCE, |records| records.len() >= 300);
        engine.kill();
    });
    let before: Vec<_> = decisions.read_to_end().to_vec();
    assert!(before.len() < 1_000, "killed only after {} answers", before.len());
    assert_eq!(check_copies(&before), 0);

    let mut engine = installation.start();
    engine.await_ready();
    ledger.await_answer_to_each(&mut decisions, PATIENCE);
    engine.terminate();
    assert_eq!(engine.await_exit(DRAINED_WITHIN), Some(0));

    let records = decisions.read_to_end();
    let copies_count = check_copies(records);
    eprintln!("sigkill: after {} answers, {copies_count} copies", before.len());
    let bound = binding(records);
    ledger.answers(&bound);
    // What was said before the crash stands.
    for record in &before {
        assert!(bound.contains(record), "{record:?} binds no longer");
    }
}

#[test]
fn of_two_processes_with_one_name_the_older_is_fenced_and_75_is_its_exit_code() {
    let broker = Broker::shared();
    let topics = Topics::named_for("fenced");
    topics.create(broker);
    let installation = Installation::new("fenced", broker.address(), &topics);
    let twin = installation.twin();
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("fenced", 5));
    let mut decisions = Reader::new(broker, &topics.decisions);
    let mut ledger = Ledger::default();
    let mut older = installation.start();
    older.await_ready();
    ledger.send(&writer, &topics.authorisations, inputs(&mut traffic, 200));
    ledger.await_answer_to_each(&mut decisions, PATIENCE);

    let mut younger = twin.start();
    assert_eq!(older.await_exit(PATIENCE), Some(75));
    let log = older.log();
    let ended = log.lines().rfind(|line| line.contains("ERROR")).unwrap_or_default();
    assert!(ended.contains("fenced: another process runs as"), "{log}");
    assert!(log.contains(&installation.group), "its name is missing from:\n{log}");

    younger.await_ready();
    ledger.send(&writer, &topics.authorisations, inputs(&mut traffic, 200));
    ledger.await_answer_to_each(&mut decisions, PATIENCE);
    younger.terminate();
    assert_eq!(younger.await_exit(DRAINED_WITHIN), Some(0));
    let records = decisions.read_to_end();
    check_copies(records);
    ledger.answers(&binding(records));
}

#[test]
fn a_broker_that_dies_and_comes_back_costs_no_answer_and_no_restart() {
    let mut own = OwnBroker::start();
    let topics = Topics::named_for("outage");
    topics.create(own.as_broker());
    let installation = Installation::new("outage", own.as_broker().address(), &topics);
    let (writer, mut traffic) = (Writer::new(own.as_broker()), Traffic::new("outage", 6));
    let mut decisions = Reader::new(own.as_broker(), &topics.decisions);
    let mut ledger = Ledger::default();
    let mut engine = installation.start();
    engine.await_ready();

    // It dies while answers are under way.
    ledger.send(&writer, &topics.authorisations, inputs(&mut traffic, 10_000));
    decisions.read_until("some answers", PATIENCE, |records| records.len() >= 100);
    own.kill();
    assert!(engine.outlives(Duration::from_secs(5)), "ended while no broker was there");
    own.start_again();

    ledger.await_answer_to_each(&mut decisions, PATIENCE);
    ledger.send(&writer, &topics.authorisations, inputs(&mut traffic, 1_000));
    ledger.await_answer_to_each(&mut decisions, PATIENCE);
    assert_eq!(engine.exit_status(), None, "it goes on");
    engine.terminate();
    assert_eq!(engine.await_exit(DRAINED_WITHIN), Some(0));
    ledger.answers(&binding(decisions.read_to_end()));
}
