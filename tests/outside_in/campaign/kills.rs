//! kill -9 at any time, also while what was killed before is being restored: every input is
//! answered once, ids are decided once, and the answers are, byte for byte, those of an
//! engine that was never killed.

use std::thread;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::answers::Answers;
use super::form::{PATIENCE, by_form, seed};
use super::instances::finish;
use super::judge::{Row, some_of};
use super::load::Load;
use crate::broker::Broker;
use crate::engine::{Engine, Installation};
use crate::topics::{PARTITIONS_COUNT, Topics, create};

/// After one kill in this many the next two come while the engine recovers.
const TRIPLE_EVERY: usize = 5;

/// Waits for a while, then kills and starts again; returns the new one.
fn kill_after(mut engine: Engine, wait: Duration, installation: &Installation) -> Engine {
    thread::sleep(wait);
    engine.kill();
    installation.start()
}

/// Kills `count` times at random, in a row during recovery among them; returns the last.
fn kill_at_random(
    installation: &Installation,
    mut engine: Engine,
    seed: u64,
    count: usize,
) -> Engine {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut millis = |range: std::ops::Range<u64>| Duration::from_millis(rng.random_range(range));
    let mut done = 0;
    while done < count {
        engine.await_ready();
        engine = kill_after(engine, millis(0..1_200), installation);
        done += 1;
        if done % TRIPLE_EVERY == 1 {
            for _ in 0..2.min(count - done) {
                engine = kill_after(engine, millis(20..700), installation);
                done += 1;
            }
        }
    }
    engine.await_ready();
    engine
}

/// Kills under load, beside an engine that is not killed, and compares.
fn run(row: &mut Row, name: &str, seed: u64, kills: usize) {
    let broker = Broker::shared();
    let topics = Topics::named_for(name);
    topics.create(broker);
    let undisturbed_topics =
        Topics { decisions: format!("{}-undisturbed", topics.decisions), ..topics.clone() };
    create(broker, &undisturbed_topics.decisions, PARTITIONS_COUNT, "delete");
    let installation = Installation::new(name, broker.address(), &topics);
    let undisturbed =
        Installation::new(&format!("{name}-undisturbed"), broker.address(), &undisturbed_topics);
    let (mut reference, engine) = (undisturbed.start(), installation.start());
    reference.await_ready();

    let load = Load::start(broker, &topics.authorisations, "kills", seed);
    let engine = kill_at_random(&installation, engine, seed, kills);
    let sent = load.stop();
    let mut answers = Answers::of(broker, &topics.decisions);
    answers.await_each(&sent.places, PATIENCE);
    let mut expected = Answers::of(broker, &undisturbed_topics.decisions);
    expected.await_each(&sent.places, PATIENCE);
    finish(row, [engine, reference]);
    row.kills += kills as u64;
    row.runs += 1;

    answers.read_rest();
    row.verify(&installation);
    let again = answers.answered_again(&sent.probes);
    row.expect(again == 0, || format!("{again} probes are answered more than once"));
    let unlike = answers.unlike(&expected, &sent.places);
    row.expect(unlike.is_empty(), || {
        format!("answers unlike those of an engine that was not killed: {}", some_of(&unlike))
    });
}

#[test]
fn killed_at_any_time_it_answers_as_if_it_had_not_been() {
    let mut row = Row::begin("kills");
    let seed = seed();
    let (runs, kills) = by_form((1, 20), (4, 50));
    for number in 0..runs {
        run(&mut row, &format!("kills-{number}"), seed + number, kills);
    }
    row.end();
}
