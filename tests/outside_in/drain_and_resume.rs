//! SIGTERM drains; a restart goes on where the group had committed; nothing is left
//! unanswered, nothing is committed unanswered.

use std::time::Duration;

use crate::broker::{Broker, OwnBroker};
use crate::engine::Installation;
use crate::inputs::{Input, Traffic};
use crate::ledger::{Ledger, answered_place};
use crate::topics::{Inbound, PARTITIONS_COUNT, Reader, Topics, Writer, committed};

/// A drain may take what the configuration allows it, and the broker's answers.
const DRAINED_WITHIN: Duration = Duration::from_secs(30);

/// One that is forced may not.
const FORCED_WITHIN: Duration = Duration::from_secs(5);

fn inputs(traffic: &mut Traffic, count: usize) -> Vec<Input> {
    (0..count).map(|_| traffic.next_input()).collect()
}

/// Per partition, the offsets of the inputs that are answered, in order.
fn answered_offsets(records: &[Inbound]) -> Vec<Vec<i64>> {
    (0..PARTITIONS_COUNT)
        .map(|partition| {
            let places = records.iter().map(answered_place);
            let mut offsets: Vec<_> =
                places.filter(|place| place.0 == partition).map(|place| place.1).collect();
            offsets.sort_unstable();
            offsets
        })
        .collect()
}

/// Asserts that the group has committed exactly what is answered, from offset 0 on.
fn check_committed(broker: &Broker, group: &str, topics: &Topics, records: &[Inbound]) {
    let committed = committed(broker, group, &topics.authorisations);
    for (offsets, committed) in answered_offsets(records).into_iter().zip(committed) {
        let expected: Vec<i64> = (0..committed).collect();
        assert_eq!(offsets, expected, "answered, and committed to {committed}");
    }
}

#[test]
fn a_drained_engine_has_committed_what_it_answered_and_a_restart_answers_the_rest() {
    let broker = Broker::shared();
    let topics = Topics::named_for("drain");
    topics.create(broker);
    let installation = Installation::new("drain", broker.address(), &topics);
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("drain", 2));
    let mut decisions = Reader::new(broker, &topics.decisions);
    let mut ledger = Ledger::default();

    let mut engine = installation.start();
    engine.await_ready();
    let some = inputs(&mut traffic, 1_000);
    ledger.send(&writer, &topics.authorisations, some);
    ledger.await_answers(&mut decisions, Duration::from_mins(1));
    let many = inputs(&mut traffic, 20_000);
    ledger.send(&writer, &topics.authorisations, many);
    engine.terminate();
    assert_eq!(engine.await_exit(DRAINED_WITHIN), Some(0));
    let records = decisions.read_to_end();
    check_committed(broker, &installation.group, &topics, records);

    // What comes while nobody is there is answered too.
    let more = inputs(&mut traffic, 1_000);
    ledger.send(&writer, &topics.authorisations, more);
    let mut engine = installation.start();
    engine.await_ready();
    ledger.await_answers(&mut decisions, Duration::from_mins(2));
    engine.terminate();
    assert_eq!(engine.await_exit(DRAINED_WITHIN), Some(0));

    let records = decisions.read_to_end();
    ledger.answers(records);
    check_committed(broker, &installation.group, &topics, records);
}

#[test]
fn a_second_sigterm_ends_a_drain_that_cannot_end() {
    let own = OwnBroker::start();
    let broker = own.as_broker();
    let topics = Topics::named_for("forced");
    topics.create(broker);
    let installation = Installation::new("forced", broker.address(), &topics);
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("forced", 3));
    let mut decisions = Reader::new(broker, &topics.decisions);
    let mut ledger = Ledger::default();
    let mut engine = installation.start();
    engine.await_ready();
    let many = inputs(&mut traffic, 20_000);
    ledger.send(&writer, &topics.authorisations, many);
    decisions.read_until("a first answer", Duration::from_mins(1), |records| !records.is_empty());

    own.stall();
    engine.terminate();
    let is_draining = engine.outlives(Duration::from_secs(1));
    engine.terminate();
    let code = engine.await_exit(FORCED_WITHIN);

    assert!(is_draining, "ended by the first SIGTERM, code {code:?}");
    assert_ne!(code, Some(0), "what is not drained is not a success");
}
