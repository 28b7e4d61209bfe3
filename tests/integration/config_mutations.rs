//! The shipped files, spoilt at random: each mutant loads, or gets located problems.

use std::fs;
use std::path::Path;

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use stopline::config::{Problems, Settings, Severity, parse_rules};

const MUTANTS_COUNT: u64 = 600;

/// Pieces that people and editors put in the wrong place.
const PIECES: [&str; 24] = [
    "\"",
    "'",
    "=",
    "==",
    "[",
    "]]",
    "{",
    "}",
    "(",
    ")",
    "&&",
    "||",
    "!",
    ".",
    ",",
    "#",
    "\n",
    "\\",
    "-1",
    "99999999999999999999",
    "velocity.",
    "in [",
    "\u{7f}",
    "额",
];

/// `text` with one to three changes drawn by `seed`.
fn mutant(text: &str, seed: u64) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut text = text.to_owned();
    for _ in 0..random.random_range(1..=3) {
        let mut at = random.random_range(0..text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let word = word_at(&text, at);
        match random.random_range(0..7) {
            0 => drop(text.remove(at)),
            1 => text.insert_str(at, PIECES.choose(&mut random).expect("some")),
            2 => text.replace_range(word, PIECES.choose(&mut random).expect("some")),
            3 => text.replace_range(word, ""),
            4 => {
                let copy = text.get(word).expect("a word").to_owned();
                text.insert_str(at, &copy);
            }
            5 => {
                let line = text.get(at..).and_then(|rest| rest.split('\n').next());
                let copy = format!("\n{}", line.unwrap_or_default());
                text.insert_str(at, &copy);
            }
            _ => {
                let letter = char::from(random.random_range(b' '..=b'~'));
                text.insert(at, letter);
            }
        }
    }
    text
}

/// The word around `at`, or the one character there.
fn word_at(text: &str, at: usize) -> std::ops::Range<usize> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let before = text.get(..at).expect("a boundary");
    let start = before.trim_end_matches(is_part).len();
    let behind = text.get(at..).expect("a boundary");
    let end = text.len() - behind.trim_start_matches(is_part).len();
    if start < end {
        return start..end;
    }
    at..at + behind.chars().next().map_or(0, char::len_utf8)
}

fn assert_located(problems: &Problems, text: &str, seed: u64) {
    assert!(problems.errors_count() > 0, "seed {seed}: refused without an error");
    let lines_count = text.split('\n').count();
    for problem in problems.iter().filter(|it| it.severity == Severity::Error) {
        let place = problem.place.as_ref();
        let place = place.unwrap_or_else(|| panic!("seed {seed}: no place: {problem}"));
        assert!((1..=lines_count).contains(&place.line), "seed {seed}: {problem}");
        let length = place.text.chars().count();
        let is_inside = place.column <= length + 1 || place.text.ends_with("(hidden)");
        assert!(is_inside, "seed {seed}: {problem}");
    }
    assert!(!problems.to_string().is_empty());
}

#[test]
fn a_mutant_of_the_rules_loads_or_is_refused_with_places() {
    let text = fs::read_to_string("config/rules.toml").expect("readable");
    let mut refused = 0;
    for seed in 0..MUTANTS_COUNT {
        let mutant = mutant(&text, seed);
        if let Err(problems) = parse_rules(Path::new("rules.toml"), &mutant) {
            assert_located(&problems, &mutant, seed);
            refused += 1;
        }
    }
    // Many mutations hit comments.
    assert!(refused > MUTANTS_COUNT / 4, "only {refused} refused");
}

#[test]
fn a_mutant_of_the_settings_loads_or_is_refused_with_places() {
    let text = fs::read_to_string("config/stopline.toml").expect("readable");
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("stopline.toml");
    let mut refused = 0;
    for seed in 0..MUTANTS_COUNT {
        let mutant = mutant(&text, seed);
        fs::write(&file, &mutant).expect("written");
        if let Err(problems) = Settings::load(&file, std::iter::empty(), &[]) {
            assert_located(&problems, &mutant, seed);
            refused += 1;
        }
    }
    assert!(refused > MUTANTS_COUNT / 10, "only {refused} refused");
}

#[test]
fn a_mutant_of_a_condition_never_exhausts_the_parser() {
    let base = fs::read_to_string("config/rules.toml").expect("readable");
    let condition = "velocity.attempts_10m >= thresholds.burst_count";
    assert!(base.contains(condition));
    let deep = |open: &str, close: &str, depth: usize| {
        format!("{}amount >= 5{}", open.repeat(depth), close.repeat(depth))
    };
    let texts = [
        deep("(", ")", 1_000),
        deep("(", ")", 63),
        deep("!(", ")", 1_000),
        deep("[", "]", 500),
        deep("has(", ")", 40),
        format!("amount >= {}5", "-".repeat(2_000)),
        format!("amount >= 5{}", " + 1".repeat(1_000)),
        format!("amount >= 5{}", " && amount >= 5".repeat(250)),
        format!("amount >= 5{}", " < 5".repeat(1_000)),
        format!("amount{} >= 5", ".a".repeat(2_000)),
        format!("amount >= 5 ? {}", "true ? ".repeat(500)),
        "&& ".repeat(1_300),
        "in ".repeat(1_300),
        "[".repeat(4_000),
        "a ".repeat(2_000),
    ];
    for text in texts {
        let spoilt = base.replacen(condition, &text, 1);
        if let Err(problems) = parse_rules(Path::new("rules.toml"), &spoilt) {
            assert_located(&problems, &spoilt, 0);
        }
    }
}

#[test]
fn a_large_file_of_nothing_but_mistakes_is_refused_quickly() {
    let text = "x = y\n".repeat(200_000);
    let problems = parse_rules(Path::new("rules.toml"), &text).expect_err("all wrong");
    assert_eq!(problems.errors_count(), 3, "only the first are kept");
}
