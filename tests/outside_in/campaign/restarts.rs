//! How long a restart takes on a backlog, and how long the other partitions of an instance
//! wait while one is restored. Measured; asserted is that nothing is skipped.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::answers::Answers;
use super::form::{PATIENCE, by_form, seed};
use super::instances::{await_settled, finish, partitions_of};
use super::judge::Row;
use super::load::{Load, Mix, Sent};
use crate::broker::Broker;
use crate::engine::Installation;
use crate::inputs::now_millis;
use crate::topics::{PARTITIONS_COUNT, Reader, Topics, Writer};
use crate::waiting::eventually;

#[test]
fn a_restart_on_a_backlog_answers_all_of_it() {
    let mut row = Row::begin("backlog");
    let broker = Broker::shared();
    let topics = Topics::named_for("backlog");
    topics.create(broker);
    let installation = Installation::new("backlog", broker.address(), &topics);
    let (writer, mut mix) = (Writer::new(broker), Mix::new("backlog", seed()));
    let mut sent = Sent::default();
    let mut engine = installation.start();
    engine.await_ready();
    let mut answers = Answers::of(broker, &topics.decisions);
    sent.send(&writer, &topics.authorisations, &mut mix, 10_000);
    answers.await_each(&sent.places, PATIENCE);
    finish(&mut row, [engine]);
    let decisions = Reader::new(broker, &topics.decisions);
    let before = decisions.end();
    let unanswered = by_form(20_000, 100_000);
    sent.send(&writer, &topics.authorisations, &mut mix, unanswered);

    let began = Instant::now();
    let mut engine = installation.start();
    let (mut ready, mut first) = (None, None);
    eventually("ready, and a first answer", PATIENCE, || {
        assert_eq!(engine.exit_status(), None, "ended while starting");
        let elapsed = began.elapsed().as_millis();
        if ready.is_none() && engine.is_ready() {
            ready = Some(elapsed);
        }
        if first.is_none() && decisions.end() > before {
            first = Some(elapsed);
        }
        ready.zip(first)
    });
    answers.await_each(&sent.places, PATIENCE);
    let all = began.elapsed().as_millis();
    row.measured.push(format!("unanswered={unanswered}"));
    row.measured.push(format!("ready_ms={}", ready.unwrap_or_default()));
    row.measured.push(format!("first_answer_ms={}", first.unwrap_or_default()));
    row.measured.push(format!("all_answered_ms={all}"));
    finish(&mut row, [engine]);
    row.runs = 1;
    row.verify(&installation);
    row.end();
}

/// The longest time between two answers in a partition that had one writer since `from`.
fn longest_gap(reader: &mut Reader, from: i64) -> i64 {
    let mut times: HashMap<i32, Vec<i64>> = HashMap::new();
    let mut writers: HashMap<i32, HashSet<String>> = HashMap::new();
    for record in reader.read_to_end() {
        if record.appended_at_millis >= from {
            let writer = record.header("stopline-writer").expect("a writer").to_owned();
            writers.entry(record.place.0).or_default().insert(writer);
            times.entry(record.place.0).or_default().push(record.appended_at_millis);
        }
    }
    let stayed = times.iter().filter(|(partition, _)| writers[*partition].len() == 1);
    let gaps = stayed.flat_map(|(_, times)| times.windows(2).map(|pair| pair[1] - pair[0]));
    gaps.max().expect("answers in a partition that stayed")
}

#[test]
fn partitions_that_stay_go_on_while_others_are_restored() {
    let mut row = Row::begin("stalls");
    let broker = Broker::shared();
    let topics = Topics::named_for("stalls");
    topics.create(broker);
    let installation = Installation::new("stalls", broker.address(), &topics)
        .with("kafka.static_membership=false");
    let (one, other) = (installation.member("a"), installation.member("b"));
    let mut sent = Sent::default();
    let seed = seed();
    let mut staying = one.start();
    staying.await_ready();
    // Something to restore.
    let mut mix = Mix::new("stalls-before", seed);
    let history = by_form(50_000, 500_000);
    sent.send(&Writer::new(broker), &topics.authorisations, &mut mix, history);
    let mut answers = Answers::of(broker, &topics.decisions);
    answers.await_each(&sent.places, PATIENCE);
    let mut leaving = other.start();
    await_settled(&[&staying, &leaving]);

    let load = Load::start(broker, &topics.authorisations, "stalls", seed);
    let mut reader = Reader::new(broker, &topics.decisions);
    std::thread::sleep(Duration::from_secs(3));
    let usual = longest_gap(&mut reader, now_millis() - 2_000);
    row.measured.push(format!("usual_gap_ms={usual}"));
    for _ in 0..by_form(1, 5) {
        let leaves_at = now_millis();
        finish(&mut row, [leaving]);
        let all = u64::from(PARTITIONS_COUNT.unsigned_abs());
        eventually("its partitions are taken", PATIENCE, || {
            (partitions_of(&[&staying]) == all && staying.is_ready()).then_some(())
        });
        let longest = longest_gap(&mut reader, leaves_at);
        row.measured.push(format!("gap_ms={longest}"));
        leaving = other.start();
        await_settled(&[&staying, &leaving]);
        row.rebalances += 2;
    }
    let rest = load.stop();
    sent.places.extend(rest.places);
    answers.await_each(&sent.places, PATIENCE);
    finish(&mut row, [staying, leaving]);
    row.runs = 1;
    row.verify(&installation);
    row.end();
}
