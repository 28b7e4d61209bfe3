//! An observer judges what passes, and no switch hears of it.

use std::time::Duration;

use crate::broker::Broker;
use crate::engine::Installation;
use crate::inputs::Traffic;
use crate::ledger::Ledger;
use crate::topics::{PARTITIONS_COUNT, Reader, Topics, Writer, create};

#[test]
fn an_observer_answers_to_the_observations_and_to_nobody_else() {
    let broker = Broker::shared();
    let topics = Topics::named_for("observe");
    topics.create(broker);
    let observations = format!("observe-{}-observations", std::process::id());
    create(broker, &observations, PARTITIONS_COUNT, "delete");
    let installation = Installation::new("observe", broker.address(), &topics)
        .with("workers.mode=observe")
        .with(&format!("topics.observations={observations}"));
    let mut engine = installation.start();
    engine.await_ready();
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("observe", 3));
    let mut ledger = Ledger::default();
    let inputs: Vec<_> = (0..100).map(|_| traffic.next_input()).collect();
    ledger.send(&writer, &topics.authorisations, inputs);
    let mut observed = Reader::new(broker, &observations);
    ledger.await_answers(&mut observed, Duration::from_mins(1));
    assert_eq!(ledger.answers(observed.records()).len(), 100);
    engine.terminate();
    assert_eq!(engine.await_exit(Duration::from_mins(1)), Some(0));
    assert_eq!(Reader::new(broker, &topics.decisions).read_to_end(), []);
    assert!(installation.verify(&["--all"]).status.success(), "the observations are verified");
}

#[test]
fn an_observer_in_the_engines_group_is_refused_and_takes_nothing_from_it() {
    let broker = Broker::shared();
    let topics = Topics::named_for("observe-intruder");
    topics.create(broker);
    let observations = format!("observe-intruder-{}-observations", std::process::id());
    create(broker, &observations, PARTITIONS_COUNT, "delete");
    let installation = Installation::new("observe-intruder", broker.address(), &topics);
    let mut engine = installation.start();
    engine.await_ready();
    let (writer, mut traffic) = (Writer::new(broker), Traffic::new("intruder", 3));
    let mut ledger = Ledger::default();
    let mut decisions = Reader::new(broker, &topics.decisions);
    let intruder = installation
        .member("observer")
        .with("workers.mode=observe")
        .with(&format!("topics.observations={observations}"));
    for round in 0..2 {
        let inputs: Vec<_> = (0..100).map(|_| traffic.next_input()).collect();
        ledger.send(&writer, &topics.authorisations, inputs);
        ledger.await_answers(&mut decisions, Duration::from_mins(1));
        if round == 0 {
            let mut observer = intruder.start();
            assert_eq!(observer.await_exit(Duration::from_mins(1)), Some(78), "{}", observer.log());
            let says = format!("answers to {}, and this one", topics.decisions);
            assert!(observer.log().contains(&says), "{}", observer.log());
            assert!(!engine.log().contains("to be given back"), "{}", engine.log());
        }
    }
    assert_eq!(ledger.answers(decisions.records()).len(), 200);
    assert_eq!(Reader::new(broker, &observations).read_to_end(), []);
    engine.terminate();
    assert_eq!(engine.await_exit(Duration::from_mins(1)), Some(0));
}
