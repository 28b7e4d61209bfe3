//! Workers are killed, deposed without knowing it, given partitions and robbed of them,
//! over a log that loses, delays and repeats: by seeds. When all is quiet, what a worker
//! remembers is what the journal says.
//!
//! `STOPLINE_SEED=… cargo test --test integration zombies` runs one seed;
//! `STOPLINE_SEEDS=…` so many from 0 on.

mod judgement;
mod member;
mod recount;
mod storm;
mod traffic;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::storm::{Kind, Storm};

const SEEDS_COUNT: u64 = 1_200;

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs `judge` over storms of one kind; a seed that fails is named.
fn over_seeds(kind: Kind, judge: impl Fn(&mut Storm)) {
    let run = |seed: u64| {
        let mut storm = Storm::new(seed, kind);
        judge(&mut storm);
        storm.seen
    };
    if let Some(seed) = from_environment("STOPLINE_SEED") {
        eprintln!("{:?}", run(seed));
        return;
    }
    let count = from_environment("STOPLINE_SEEDS").unwrap_or(SEEDS_COUNT);
    let mut seen = storm::Seen::default();
    let mut failed = Vec::new();
    for seed in 0..count {
        if let Ok(found) = catch_unwind(AssertUnwindSafe(|| run(seed))) {
            seen.add(&found);
        } else {
            eprintln!("seed {seed} fails");
            failed.push(seed);
        }
    }
    assert!(
        failed.is_empty(),
        "{kind:?}: {} of {count} seeds fail; one: STOPLINE_SEED={} cargo test --test integration \
         zombies",
        failed.len(),
        failed[0]
    );
    eprintln!("{kind:?}, {count} seeds: {seen:?}");
    storm::check_coverage(kind, &seen);
}

#[test]
fn whatever_zombies_do_the_state_is_what_the_journal_says() {
    over_seeds(Kind::Wild, |storm| {
        storm.rage();
        storm.calm_down();
        // The survivors lived through it; a fresh worker reads it back.
        storm.probe_and_judge();
        storm.replace_all();
        storm.probe_and_judge();
        storm.verify();
    });
}

#[test]
fn without_zombies_what_binds_is_what_an_undisturbed_worker_decides() {
    over_seeds(Kind::Mild, |storm| {
        storm.rage();
        storm.calm_down();
        storm.probe_and_judge();
        storm.verify();
        storm.compare_with_undisturbed();
    });
}
