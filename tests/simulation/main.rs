//! THE SIMULATOR: the real worker, engine and journal over a log that does what Kafka may do.
//!
//! One process, one thread, no real time: everything is drawn from a seed. Instances are
//! killed and frozen at named points, deposed without knowing it, given partitions and robbed
//! of them; acknowledgements come late, twice, without an offset or never; clocks jump;
//! retention moves. When all is quiet, what binds and what is remembered is judged.
//!
//! - [`sim`] is the world of one seed, [`points`] names what is done to it and counts;
//! - [`seam`], [`client`], [`archive`] fill the seam for a worker, over [`broker`];
//! - [`member`] is an instance, [`group`] who has which partition, [`storm`] what happens;
//! - [`traffic`] is what is sent; [`judgement`] holds what came of it against [`reference`];
//! - [`disk`] is a world of its own, for files that are replaced as a whole.
//!
//! `STOPLINE_SEED=17 cargo test --test simulation` repeats a seed and tells its story;
//! `STOPLINE_SEEDS=20000` runs so many. See the README, "The simulator".

#![allow(
    missing_docs,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::enum_variant_names,
    clippy::indexing_slicing,
    clippy::match_same_arms,
    clippy::panic,
    clippy::print_stderr,
    clippy::similar_names,
    clippy::struct_excessive_bools,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::unused_self,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test names itself, and fails loudly when it meets the unexpected"
)]

mod answers;
mod archive;
mod broker;
mod client;
mod disk;
mod group;
mod judgement;
mod member;
#[path = "../oracle/mod.rs"]
#[expect(dead_code, reason = "it serves another test, too")]
mod oracle;
mod points;
mod policy;
mod reference;
mod seam;
mod sim;
mod storm;
#[path = "../integration/support/mod.rs"]
#[expect(dead_code, reason = "it serves the other tests, too")]
mod support;
mod traffic;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use self::points::Coverage;
use self::sim::{Counts, Sim};

/// So many seeds where nobody says how many.
const SEEDS_COUNT: u64 = 1_500;
/// From so many on every fault must have happened in every phase.
const SEEDS_COVERING: u64 = 1_500;
/// A story has so many lines, unless `STOPLINE_STORY` says how many.
const STORY_LINES: usize = 40;

thread_local! {
    static LAST_WORDS: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What came of a seed.
struct Run {
    trace_hash: u64,
    coverage: Coverage,
    counts: Counts,
}

/// Why a seed failed, and its story.
struct Failure {
    why: String,
    story: String,
}

fn run_seed(seed: u64, tells_story: bool) -> Result<Run, Failure> {
    let sim = Sim::new(seed, tells_story);
    let lived = catch_unwind(AssertUnwindSafe(|| live(&sim)));
    let run = Run {
        trace_hash: sim.trace_hash(),
        coverage: sim.coverage.borrow().clone(),
        counts: *sim.counts.borrow(),
    };
    let ended = catch_unwind(AssertUnwindSafe(|| sim.end()));
    if lived.and(ended).is_ok() {
        return Ok(run);
    }
    let why = LAST_WORDS.take();
    let lines = from_environment("STOPLINE_STORY").map_or(STORY_LINES, |lines| lines as usize);
    let story = sim.story(input_in(&why), lines);
    Err(Failure { why, story })
}

/// The input that `why` is about: partition and offset.
fn input_in(why: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    why.split([' ', ',']).find(|word| {
        let halves = word.trim_end_matches(':').split_once(':');
        halves.is_some_and(|(one, other)| is_number(one) && is_number(other))
    })
}

/// The life of one seed.
fn live(sim: &Rc<Sim>) {
    sim.rage();
    sim.calm_down();
    // The survivors lived through it; fresh ones read it back.
    let survivors = sim.probe();
    sim.replace_all();
    let fresh = sim.probe();
    sim.judge(&[survivors, fresh]);
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Keeps what a panic says instead of printing it: the seed's one line tells it.
fn keep_last_words() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let words = panic.payload_as_str().unwrap_or("something without words").to_owned();
        LAST_WORDS.set(format!("{words} ({place})"));
    }));
}

fn tell_failure(seed: u64) {
    let Err(Failure { why, story }) = run_seed(seed, true) else {
        panic!("seed {seed} fails once and not again: it is not repeatable");
    };
    eprintln!("{story}\nseed {seed} fails: {why}");
    eprintln!("again: STOPLINE_SEED={seed} cargo test --test simulation whatever -- --nocapture");
}

#[test]
fn whatever_happens_by_seed_the_promises_hold() {
    keep_last_words();
    if let Some(seed) = from_environment("STOPLINE_SEED") {
        let Ok(run) = run_seed(seed, true) else {
            tell_failure(seed);
            std::process::exit(101);
        };
        eprintln!("seed {seed} is clean: {:?}", run.counts);
        return;
    }
    let first = from_environment("STOPLINE_SEED_FROM").unwrap_or(0);
    let count = from_environment("STOPLINE_SEEDS").unwrap_or(SEEDS_COUNT);
    let (mut coverage, mut counts) = (Coverage::default(), Counts::default());
    for seed in first..first + count {
        let Ok(run) = run_seed(seed, false) else {
            tell_failure(seed);
            eprintln!("after {} clean seeds", seed - first);
            std::process::exit(101);
        };
        coverage.add(&run.coverage);
        counts.add(&run.counts);
    }
    eprintln!("{}\n\n{count} seeds are clean: {counts:?}", coverage.table());
    let holes = coverage.holes();
    if count >= SEEDS_COVERING && !holes.is_empty() {
        eprintln!("what never happens is not tested:\n{}", holes.join("\n"));
        std::process::exit(101);
    }
}

#[test]
fn the_same_seed_has_the_same_trace() {
    keep_last_words();
    for seed in 0..12 {
        let hashes = [false, true]
            .map(|tells_story| run_seed(seed, tells_story).map_or(0, |run| run.trace_hash));
        assert_eq!(hashes[0], hashes[1], "seed {seed}");
    }
}
