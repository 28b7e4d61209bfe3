//! Logs that are not what they were: positions that are gone, a topic made anew, more
//! partitions than before, answers without a position. Each is named and ends the engine;
//! nothing is skipped in silence.

use std::time::Duration;

use rdkafka::admin::NewPartitions;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::form::{PATIENCE, seed};
use super::instances::finish;
use super::judge::Row;
use super::load::{Mix, Sent};
use crate::broker::Broker;
use crate::engine::{Engine, Installation};
use crate::topics::{
    PARTITIONS_COUNT, Reader, Topics, Writer, admin, admin_options, client, committed, complete,
    create,
};
use crate::waiting::{eventually, look_for};

/// The partition that is looked at.
const PARTITION: i32 = 2;

/// From the fault to the end of an engine that must notice it.
const ENDS_WITHIN: Duration = Duration::from_secs(45);

/// A group that has answered some inputs and has ended.
struct Scene {
    broker: &'static Broker,
    topics: Topics,
    installation: Installation,
    mix: Mix,
    writer: Writer,
}

impl Scene {
    fn new(row: &mut Row, name: &str) -> Self {
        let broker = Broker::shared();
        let topics = Topics::named_for(name);
        topics.create(broker);
        // Whoever has a name stays in the group a while when it has ended.
        let installation = Installation::new(name, broker.address(), &topics)
            .with("kafka.static_membership=false");
        let (mix, writer) = (Mix::new("offsets", seed()), Writer::new(broker));
        let mut scene = Self { broker, topics, installation, mix, writer };
        let engine = scene.answer_some();
        finish(row, [engine]);
        row.runs += 1;
        scene
    }

    /// Sends 400 inputs.
    fn send_some(&mut self) {
        Sent::default().send(&self.writer, &self.topics.authorisations, &mut self.mix, 400);
    }

    /// Sends some and has them answered by an engine that goes on running.
    fn answer_some(&mut self) -> Engine {
        let mut engine = self.installation.start();
        engine.await_ready();
        self.send_some();
        let mut decisions = Reader::new(self.broker, &self.topics.decisions);
        let end = Reader::new(self.broker, &self.topics.authorisations).end();
        decisions.read_until("all answered", PATIENCE, |records| records.len() as u64 >= end);
        engine
    }

    /// What is committed in the partition in question.
    fn committed(&self) -> i64 {
        let group = &self.installation.group;
        let all = committed(self.broker, group, &self.topics.authorisations);
        all[usize::try_from(PARTITION).unwrap()]
    }

    /// Takes the authorisations away and makes them anew, empty.
    fn recreate(&self) {
        let topic = self.topics.authorisations.as_str();
        let done = complete(admin(self.broker).delete_topics(&[topic], &admin_options()));
        assert!(done.iter().all(Result::is_ok), "{done:?}");
        eventually("the topic is gone", PATIENCE, || {
            let metadata = admin(self.broker).inner().fetch_metadata(Some(topic), PATIENCE);
            let metadata = metadata.expect("the broker answers");
            metadata.topics().iter().all(|found| found.partitions().is_empty()).then_some(())
        });
        create(self.broker, topic, PARTITIONS_COUNT, "delete");
    }

    /// Waits until the engine ends: by what code, having named these and written nothing to
    /// the partition in question.
    fn expect_end(
        &self,
        row: &mut Row,
        what: &str,
        mut engine: Engine,
        code: Option<i32>,
        named: &[String],
    ) {
        let decisions = Reader::new(self.broker, &self.topics.decisions);
        let end = decisions.end_of(PARTITION);
        let ended = look_for(ENDS_WITHIN, || engine.exit_status()).map(|status| status.code());
        let log = engine.log();
        let last = log.lines().rfind(|line| line.contains("ERROR")).unwrap_or_default();
        let is_right = match (ended, code) {
            (Some(found), Some(code)) => found == Some(code),
            (Some(found), None) => found.is_some_and(|found| found != 0),
            (None, _) => false,
        };
        eprintln!("{what}: {ended:?}: {last}");
        let wanted = code.map_or("one that is not 0".to_owned(), |code| code.to_string());
        let found = match ended {
            None => format!("it does not end within {ENDS_WITHIN:?}"),
            Some(code) => format!("exit {code:?}"),
        };
        row.expect(is_right, || format!("{what}: {found}, expected exit {wanted}: {last}"));
        let missing: Vec<_> = named.iter().filter(|word| !last.contains(*word)).collect();
        row.expect(missing.is_empty(), || format!("{what}: {missing:?} are not named: {last}"));
        let written = decisions.end_of(PARTITION) - end;
        row.expect(written == 0, || format!("{what}: {written} records were written"));
        let number = ended.flatten().map_or("none".to_owned(), |code| code.to_string());
        row.measured.push(format!("{what}={number}"));
    }
}

/// The committed position lies before what the log still holds.
fn check_deleted(row: &mut Row) {
    let mut scene = Scene::new(row, "deleted");
    scene.send_some();
    let committed = scene.committed();
    let beginning = committed + 10;
    let mut deleted = TopicPartitionList::new();
    let topic = &scene.topics.authorisations;
    deleted.add_partition_offset(topic, PARTITION, Offset::Offset(beginning)).expect("a place");
    complete(admin(scene.broker).delete_records(&deleted, &admin_options()));
    let engine = scene.installation.start();
    let named = [format!("partition {PARTITION}"), committed.to_string(), beginning.to_string()];
    scene.expect_end(row, "deleted", engine, None, &named);
}

/// The topic was made anew: its positions went with it, its answers did not.
fn check_recreated(row: &mut Row) {
    let scene = Scene::new(row, "recreated");
    scene.recreate();
    let engine = scene.installation.start();
    let named = ["no committed position".to_owned()];
    scene.expect_end(row, "recreated", engine, Some(78), &named);
}

/// The committed position lies behind the end: somebody kept it over the topic's end.
fn check_beyond(row: &mut Row) {
    let scene = Scene::new(row, "beyond");
    let position = scene.committed();
    scene.recreate();
    let mut kept = TopicPartitionList::new();
    for partition in 0..PARTITIONS_COUNT {
        let topic = &scene.topics.authorisations;
        kept.add_partition_offset(topic, partition, Offset::Offset(position)).expect("a place");
    }
    let group = &scene.installation.group;
    let consumer: BaseConsumer =
        client(scene.broker).set("group.id", group).create().expect("a consumer");
    consumer.commit(&kept, CommitMode::Sync).expect("committed");
    let engine = scene.installation.start();
    let named = ["partition ".to_owned(), position.to_string()];
    scene.expect_end(row, "beyond", engine, None, &named);
}

/// The topic is made anew while the engine runs, and stays emptier or becomes fuller than
/// it was: a position that is there again is no less wrong.
fn check_recreated_meanwhile(row: &mut Row, what: &'static str, sendings: usize) {
    let mut scene = Scene::new(row, what);
    let engine = scene.answer_some();
    scene.recreate();
    for _ in 0..sendings {
        scene.send_some();
    }
    scene.expect_end(row, what, engine, None, &[]);
}

/// Partitions are added while the engine runs: keys belong elsewhere from then on.
fn check_count_raised(row: &mut Row) {
    let mut scene = Scene::new(row, "raised");
    let engine = scene.answer_some();
    let topic = &scene.topics.authorisations;
    let wanted = NewPartitions::new(topic, 6);
    let done = complete(admin(scene.broker).create_partitions([&wanted], &admin_options()));
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    scene.expect_end(row, "raised", engine, Some(78), &[topic.clone(), "6".to_owned()]);
}

/// Answers are there, but no position: another group's, or one that was forgotten.
fn check_no_position(row: &mut Row) {
    let scene = Scene::new(row, "positionless");
    let another = scene.installation.twin().with("kafka.group=positionless-another");
    let engine = another.start();
    let named = ["no committed position".to_owned()];
    scene.expect_end(row, "positionless", engine, Some(78), &named);
}

#[test]
fn a_log_that_is_not_what_it_was_is_named_and_nothing_is_skipped() {
    let mut row = Row::begin("offsets");
    check_deleted(&mut row);
    check_recreated(&mut row);
    check_beyond(&mut row);
    check_recreated_meanwhile(&mut row, "recreated-emptier", 1);
    check_recreated_meanwhile(&mut row, "recreated-fuller", 8);
    check_count_raised(&mut row);
    check_no_position(&mut row);
    row.end();
}
