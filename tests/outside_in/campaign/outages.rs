//! Brokers that die, and a decisions topic that takes nothing for a while: the engine waits,
//! says so, and goes on where it was.

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::admin::{AlterConfig, ResourceSpecifier};

use super::answers::Answers;
use super::form::{PATIENCE, by_form, seed};
use super::instances::finish;
use super::judge::Row;
use super::load::{Load, Sent};
use crate::broker::{Broker, OwnBroker};
use crate::engine::{Engine, Installation};
use crate::topics::{Reader, Topics, admin, admin_options, committed, complete};
use crate::waiting::{eventually, look_for};

/// At one broker in this many that ends decisions cannot be written for a while.
const UNWRITABLE_EVERY: usize = 4;

/// From the last acknowledgement to the page that says so.
const UNREADY_WITHIN: Duration = Duration::from_secs(10);

/// Waits until all is answered, ends the engine and has the rest judged.
fn judge(row: &mut Row, broker: &Broker, scene: Scene, sent: &Sent) {
    let Scene { topics, installation, mut engine } = scene;
    let mut answers = Answers::of(broker, &topics.decisions);
    answers.await_each(&sent.places, PATIENCE);
    let status = engine.exit_status();
    row.expect(status.is_none(), || format!("the engine ended by itself: {status:?}"));
    if status.is_none() {
        finish(row, [engine]);
    }
    answers.read_rest();
    row.verify(&installation);
    // Whether a record was taken is not known where its broker dies: it is sent again.
    row.measured.push(format!("probes_again={}", answers.answered_again(&sent.probes)));
}

/// An engine that is ready, on topics of its own.
struct Scene {
    topics: Topics,
    engine: Engine,
    installation: Installation,
}

impl Scene {
    fn new(name: &str, broker: &Broker, replicas: i32) -> Self {
        let topics = Topics::named_for(name);
        topics.create_on(broker, replicas);
        let installation = Installation::new(name, broker.address(), &topics);
        let mut engine = installation.start();
        engine.await_ready();
        Self { topics, engine, installation }
    }

    /// Waits until a thousand more inputs have come in and been answered.
    fn await_going_on(&self, broker: &Broker, load: &Load) {
        let enough = load.sent_count() as u64 + 1_000;
        let reader = Reader::new(broker, &self.topics.decisions);
        let goes_on = || load.sent_count() as u64 >= enough && reader.end() >= enough;
        eventually("answers go on", PATIENCE, || goes_on().then_some(()));
    }
}

#[test]
fn a_broker_that_is_killed_under_load_costs_no_answer_and_no_restart() {
    let mut row = Row::begin("broker");
    let mut own = OwnBroker::start();
    let scene = Scene::new("broker", own.as_broker(), 1);
    let load = Load::start(own.as_broker(), &scene.topics.authorisations, "broker", seed());
    for _ in 0..by_form(1, 10) {
        scene.await_going_on(own.as_broker(), &load);
        own.kill();
        own.start_again();
        row.kills += 1;
    }
    scene.await_going_on(own.as_broker(), &load);
    let sent = load.stop();
    row.runs = 1;
    judge(&mut row, own.as_broker(), scene, &sent);
    row.end();
}

/// How many brokers must have a decision before it counts.
fn require_in_sync(broker: &Broker, topic: &str, count: &str) {
    let wanted = AlterConfig::new(ResourceSpecifier::Topic(topic))
        .set("message.timestamp.type", "LogAppendTime")
        .set("cleanup.policy", "delete")
        .set("retention.ms", "-1")
        .set("min.insync.replicas", count);
    let done = complete(admin(broker).alter_configs([&wanted], &admin_options()));
    assert!(done.iter().all(Result::is_ok), "{done:?}");
}

/// What the engine says while decisions cannot be written, and that it commits nothing.
fn check_unwritable(row: &mut Row, broker: &Broker, scene: &mut Scene, lasts: Duration) {
    let began = Instant::now();
    let group = &scene.installation.group;
    let engine = &mut scene.engine;
    let why = look_for(UNREADY_WITHIN, || {
        engine.page("/-/ready").filter(|(status, _)| *status == 503).map(|(_, why)| why)
    });
    row.measured.push(format!("unready_after_ms={}", began.elapsed().as_millis()));
    let says_why = |why: &String| why.contains("acknowledg") || why.contains("written");
    row.expect(why.as_ref().is_some_and(says_why), || {
        format!("/-/ready does not say that decisions are not acknowledged: {why:?}")
    });
    // What was acknowledged before may be committed for one interval yet.
    thread::sleep(Duration::from_secs(1));
    let reader = Reader::new(broker, &scene.topics.decisions);
    let end = reader.end();
    let before = committed(broker, group, &scene.topics.authorisations);
    thread::sleep(lasts.saturating_sub(began.elapsed()));
    let after = committed(broker, group, &scene.topics.authorisations);
    row.expect(before == after, || format!("committed from {before:?} to {after:?} meanwhile"));
    assert_eq!(reader.end(), end, "it cannot be written");
    let status = engine.exit_status();
    row.expect(status.is_none(), || format!("ended while unwritable: {status:?}"));
    let unready = engine.page("/-/ready").map(|(status, _)| status);
    row.expect(unready == Some(503), || format!("/-/ready says {unready:?} while unwritable"));
}

/// Takes writability for a while from a topic one of whose brokers is away.
fn make_unwritable(row: &mut Row, broker: &Broker, scene: &mut Scene, lasts: Duration) {
    require_in_sync(broker, &scene.topics.decisions, "3");
    check_unwritable(row, broker, scene, lasts);
    require_in_sync(broker, &scene.topics.decisions, "2");
    let lifted = Instant::now();
    scene.engine.await_ready();
    row.measured.push(format!("ready_again_ms={}", lifted.elapsed().as_millis()));
}

#[test]
fn leaders_move_and_decisions_are_unwritable_for_a_while() {
    let mut row = Row::begin("cluster");
    let mut own = OwnBroker::start_cluster(3);
    let mut scene = Scene::new("cluster", own.as_broker(), 3);
    let load = Load::start(own.as_broker(), &scene.topics.authorisations, "cluster", seed());
    // Whoever ends hands over what it leads; each had some.
    let nodes_count = by_form(1, 12);
    for number in 0..nodes_count {
        let node = number % 3 + 1;
        scene.await_going_on(own.as_broker(), &load);
        own.end_node(node);
        scene.await_going_on(own.as_broker(), &load);
        row.kills += 1;
        if number % UNWRITABLE_EVERY == 0 {
            let lasts = by_form(Duration::from_secs(12), Duration::from_secs(30));
            make_unwritable(&mut row, own.as_broker(), &mut scene, lasts);
            scene.await_going_on(own.as_broker(), &load);
        }
        if number + 1 < nodes_count {
            own.start_node_again(node);
        }
    }
    let sent = load.stop();
    row.runs = 1;
    judge(&mut row, own.as_broker(), scene, &sent);
    row.end();
}
