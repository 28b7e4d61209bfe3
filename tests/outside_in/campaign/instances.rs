//! Instances that join and leave under load, and a rolling restart: no input is skipped or
//! decided twice, and who does not move does not notice.

use std::thread;
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::answers::Answers;
use super::form::{DRAINED_WITHIN, PATIENCE, by_form, seed};
use super::judge::Row;
use super::load::{Load, Sent};
use crate::broker::Broker;
use crate::engine::{Engine, Installation};
use crate::topics::{PARTITIONS_COUNT, Topics};
use crate::waiting::eventually;

/// From one join or leave to the next: 30 in a minute.
const CHANGE_INTERVAL: Duration = Duration::from_secs(2);

/// What the log says where partitions come or go.
const MOVES: [&str; 3] = ["partition taken on", "are to be given back", "were lost"];

/// How many partitions these have, by their own figures.
pub(super) fn partitions_of(engines: &[&Engine]) -> u64 {
    engines.iter().map(|engine| engine.metric("stopline_partitions")).sum()
}

/// Waits until the group's partitions are all with these, each of which has some.
pub(super) fn await_settled(engines: &[&Engine]) {
    eventually("each instance has its share of the partitions", PATIENCE, || {
        let has_some = |engine: &&Engine| engine.metric("stopline_partitions") > 0;
        let all = u64::from(PARTITIONS_COUNT.unsigned_abs());
        let is_settled = engines.iter().all(has_some) && partitions_of(engines) == all;
        (is_settled && engines.iter().all(|engine| engine.is_ready())).then_some(())
    });
}

/// Ends these as an operator does, also where their group is between two generations.
pub(super) fn finish(row: &mut Row, engines: impl IntoIterator<Item = Engine>) {
    for mut engine in engines {
        engine.terminate();
        let code = engine.await_exit(DRAINED_WITHIN);
        let log = engine.log();
        let last = log.lines().rfind(|line| line.contains("ERROR")).unwrap_or_default();
        row.expect(code == Some(0), || format!("SIGTERM: exit {code:?}: {last}"));
    }
}

/// Waits until all that was sent is answered, ends the instances and has the rest judged.
/// Each probe has one answer, but for what a zombie wrote.
pub(super) fn judge(
    row: &mut Row,
    topics: &Topics,
    sent: &Sent,
    engines: Vec<Engine>,
    installation: &Installation,
) {
    let mut answers = Answers::of(Broker::shared(), &topics.decisions);
    answers.await_each(&sent.places, PATIENCE);
    finish(row, engines);
    answers.read_rest();
    row.verify(installation);
    let again = answers.answered_again(&sent.probes);
    row.expect(again as u64 <= row.foreign, || format!("{again} probes are answered again"));
}

/// An installation per name, in one group.
fn members(installation: &Installation, names: &[&str]) -> Vec<Installation> {
    names.iter().map(|name| installation.member(name)).collect()
}

/// Two that stay and two that come and go, without a name in the group: each change moves
/// partitions.
fn join_and_leave(row: &mut Row, seed: u64, changes: u64) {
    let broker = Broker::shared();
    let topics = Topics::named_for("joins");
    topics.create(broker);
    let installation =
        Installation::new("joins", broker.address(), &topics).with("kafka.static_membership=false");
    let installations = members(&installation, &["a", "b", "c", "d"]);
    let mut staying: Vec<Engine> = installations[..2].iter().map(Installation::start).collect();
    staying.iter_mut().for_each(Engine::await_ready);
    let load = Load::start(broker, &topics.authorisations, "joins", seed);

    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut coming: [Option<Engine>; 2] = [None, None];
    let mut due = Instant::now();
    for _ in 0..changes {
        let number = rng.random_range(0..coming.len());
        match coming[number].take() {
            None => coming[number] = Some(installations[2 + number].start()),
            Some(mut engine) => {
                engine.await_ready(); // SIGTERM before it listens is no leave.
                finish(row, [engine]);
            }
        }
        due += CHANGE_INTERVAL;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    row.rebalances += changes;
    let sent = load.stop();
    staying.extend(coming.into_iter().flatten());
    staying.iter_mut().for_each(Engine::await_ready); // Fails where one has ended.
    judge(row, &topics, &sent, staying, &installation);
}

#[test]
fn instances_join_and_leave_and_nothing_is_skipped_or_decided_twice() {
    let mut row = Row::begin("joins");
    row.runs = 1;
    join_and_leave(&mut row, seed(), by_form(8, 30));
    row.end();
}

/// How often partitions moved, by what this one has logged.
fn moves_count(engine: &Engine) -> usize {
    let log = engine.log();
    log.lines().filter(|line| MOVES.iter().any(|said| line.contains(said))).count()
}

/// Restarts each of three in turn, `rounds` times, and looks whether the others noticed.
fn roll(row: &mut Row, seed: u64, rounds: u64) {
    let broker = Broker::shared();
    let topics = Topics::named_for("rolling");
    topics.create(broker);
    let installation = Installation::new("rolling", broker.address(), &topics);
    let installations = members(&installation, &["a", "b", "c"]);
    let mut engines: Vec<Engine> = installations.iter().map(Installation::start).collect();
    await_settled(&engines.iter().collect::<Vec<_>>());
    let load = Load::start(broker, &topics.authorisations, "rolling", seed);

    for _ in 0..rounds {
        for number in 0..engines.len() {
            let before: Vec<_> = engines.iter().map(moves_count).collect();
            let engine = engines.remove(number);
            finish(row, [engine]);
            engines.insert(number, installations[number].start());
            engines[number].await_ready();
            for (other, former) in before.iter().enumerate().filter(|(other, _)| *other != number) {
                let moves = moves_count(&engines[other]) - former;
                row.expect(moves == 0, || format!("{moves} moves seen beside a restart"));
            }
            row.runs += 1;
        }
    }
    let sent = load.stop();
    judge(row, &topics, &sent, engines, &installation);
}

#[test]
fn a_rolling_restart_under_names_moves_no_partition() {
    let mut row = Row::begin("rolling");
    roll(&mut row, seed(), by_form(1, 10));
    row.end();
}
