//! Two hundred ways to spoil the shipped policy, each of one kind: a key, a value, a unit, an
//! operator, a quote, the encoding. Each loads to a policy that says so, or is refused where it
//! is spoilt; none panics, none half-loads.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use stopline::config::{load_rules, parse_rules};

const MUTANTS_COUNT: u64 = 216;

/// What is spoilt, and what may come of it.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A letter of a key.
    Key,
    /// A value is another one of its type, or of another type.
    Value,
    /// A unit of time or a currency.
    Unit,
    /// An operator in a condition.
    Operator,
    /// A quote or a bracket is gone, or there twice.
    Quote,
    /// The same text in other bytes.
    Encoding,
}

const KINDS: [Kind; 6] =
    [Kind::Key, Kind::Value, Kind::Unit, Kind::Operator, Kind::Quote, Kind::Encoding];

/// The places of `wanted` in lines of `text` that are no comments.
fn places(text: &str, wanted: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split('#').next().unwrap_or_default();
        for wanted in wanted {
            let places = code.match_indices(wanted);
            found.extend(places.map(|(at, _)| (start + at, wanted.len())));
        }
        start += line.len();
    }
    found
}

fn replaced(text: &str, (at, length): (usize, usize), by: &str) -> String {
    format!("{}{by}{}", &text[..at], &text[at + length..])
}

fn mutant(text: &str, kind: Kind, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut swap = |pairs: &[(&str, &[&str])]| {
        let (wanted, others) = pairs.choose(random).expect("some");
        let place = *places(text, &[wanted]).choose(random).expect(wanted);
        replaced(text, place, others.choose(random).expect("some"))
    };
    let spoilt = match kind {
        Kind::Key => {
            let keys =
                ["name =", "when =", "then =", "mode =", "what =", "window =", "key =", "of ="];
            let (at, length) = *places(text, &keys).choose(random).expect("keys");
            let letter = at + random.random_range(0..length - 2);
            replaced(text, (letter, 1), ["x", "", "_"].choose(random).expect("some"))
        }
        Kind::Value => swap(&[
            ("= 6,", &["= 60000,", "= -1,", "= 6.5,", "= \"six\",", "= [6],", "= 5,"]),
            ("points = 400", &["points = 0", "points = 1000", "points = true", "points = 401"]),
            ("\"live\"", &["\"Live\"", "\"off\"", "true", "\"shadow\""]),
            ("\"count\"", &["\"counts\"", "7", "\"sum\"", "\"max\""]),
            ("\"suspected_fraud\"", &["\"fraud\"", "\"lost_card\"", "\"not_permitted\""]),
            ("[refund, credit]", &["[]", "[refund, 5]", "refund", "[refund]"]),
        ]),
        Kind::Unit => swap(&[
            ("\"10m\"", &["\"10\"", "\"10 m\"", "\"10min\"", "10", "\"10d\"", "\"400d\""]),
            ("\"30d\"", &["\"31d\"", "\"30\"", "\"1M\"", "\"4w\""]),
            (".00 CNY\"", &[".00\"", ".00 USD\"", ".0 CNY\"", " CNY\"", ".00CNY\"", ".00 cny\""]),
        ]),
        Kind::Operator => swap(&[
            (" >= ", &[" => ", " > ", " <= ", " == ", " = ", " >== ", " ≥ "]),
            (" && ", &[" & ", " and ", " || ", " ", " &&& "]),
            (" in [", &[" not in [", " [", " == ["]),
            ("!(", &["(", "not (", "!!(", "-("]),
        ]),
        Kind::Quote => swap(&[
            ("\"", &["", "\"\"", "'", "“"]),
            ("\"\"\"", &["\"\"", "'''", ""]),
            ("[[", &["[", "[[["]),
            ("{ ", &["", "{{ "]),
            (" }", &["", " }}"]),
        ]),
        Kind::Encoding => {
            let at = random.random_range(0..text.len());
            return match random.random_range(0..6) {
                0 => text.replace('\n', "\r\n").into_bytes(),
                1 => format!("\u{feff}{text}").into_bytes(),
                2 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                3 => [&text.as_bytes()[..at], &[0xE9], &text.as_bytes()[at..]].concat(),
                4 => [&text.as_bytes()[..at], &[0], &text.as_bytes()[at..]].concat(),
                _ => text.as_bytes()[..at].to_vec(),
            };
        }
    };
    spoilt.into_bytes()
}

#[test]
fn a_policy_spoilt_in_one_place_is_refused_there_or_is_a_policy() {
    const SEED: u64 = 1;
    let text = fs::read_to_string("config/rules.toml").unwrap();
    let sound = parse_rules(Path::new("rules.toml"), &text).unwrap().0;
    let directory = tempfile::tempdir().unwrap();
    copy_lists(directory.path());
    let file = directory.path().join("rules.toml");
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (mut refused, mut same, mut other) = (0, 0, 0);
    for number in 0..MUTANTS_COUNT {
        let kind = KINDS[usize::try_from(number).unwrap() % KINDS.len()];
        let spoilt = mutant(&text, kind, &mut random);
        fs::write(&file, &spoilt).unwrap();
        let told = format!("seed {SEED}, mutant {number}, {kind:?}");
        match load_rules(&file) {
            Ok((rule_set, _)) => {
                let is_same = rule_set.canonical() == sound.canonical();
                assert_eq!(is_same, rule_set.hash() == sound.hash(), "{told}");
                assert!(!matches!(kind, Kind::Key), "{told}: a misspelt key loads");
                if matches!(kind, Kind::Encoding) && is_whole(&spoilt, &text) {
                    assert!(is_same, "{told}: the same text is another policy");
                }
                if is_same { same += 1 } else { other += 1 }
            }
            Err(problems) => {
                refused += 1;
                let errors = problems.iter().filter(|it| it.place.is_some()).count();
                assert!(errors > 0, "{told}: no place: {problems}");
                let lines_count = spoilt.split(|byte| *byte == b'\n').count();
                for place in problems.iter().filter_map(|it| it.place.as_ref()) {
                    assert!((1..=lines_count).contains(&place.line), "{told}: {problems}");
                }
            }
        }
    }
    let counts = format!("{refused} refused, {same} the same, {other} other policies");
    assert!(refused > 120 && same > 5 && other > 10, "{counts}");
}

/// The lists that the shipped rules name, in `directory`.
fn copy_lists(directory: &Path) {
    fs::create_dir(directory.join("lists")).unwrap();
    for entry in fs::read_dir("config/lists").unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), directory.join("lists").join(file.file_name())).unwrap();
    }
}

/// True where `spoilt` says what `text` says, in other bytes.
fn is_whole(spoilt: &[u8], text: &str) -> bool {
    let spoilt = String::from_utf8_lossy(spoilt).replace("\r\n", "\n");
    spoilt.trim_start_matches('\u{feff}') == text
}

#[test]
fn a_file_that_changes_while_it_is_read_is_whole_or_refused() {
    let text = fs::read_to_string("config/rules.toml").unwrap();
    let (one, other) = (
        format!("{text}{}", "# one\n".repeat(200_000)),
        format!("{}{}", text.replace("step_up_at = 300", "step_up_at = 299"), "# two\n".repeat(9)),
    );
    let hash = |text: &str| parse_rules(Path::new("rules.toml"), text).unwrap().0.hash();
    let hashes = [hash(&one), hash(&other)];
    let directory = tempfile::tempdir().unwrap();
    copy_lists(directory.path());
    let file = directory.path().join("rules.toml");
    fs::write(&file, &one).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for at in 0.. {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                fs::write(&file, if at % 2 == 0 { &other } else { &one }).unwrap();
            }
        });
        for _ in 0..40 {
            match load_rules(&file) {
                Ok((rule_set, _)) => assert!(hashes.contains(&rule_set.hash())),
                // Half a file that stood still for two readings is a file with mistakes.
                Err(problems) => assert!(problems.errors_count() > 0),
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_is_no_file_of_settings_is_refused_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("directory")).unwrap();
    let large = fs::File::create(path("large")).unwrap();
    large.set_len(100 << 20).unwrap();
    fs::write(path("empty"), "").unwrap();
    let deep = format!("when = \"{}eci == 5{}\"", "(".repeat(1_000), ")".repeat(1_000));
    let text = fs::read_to_string("config/rules.toml").unwrap();
    let (before, behind) = text.split_once("when = \"velocity.attempts_10m").unwrap();
    let rest = behind.split_once('\n').unwrap().1;
    fs::write(path("deep"), format!("{before}{deep}\n{rest}")).unwrap();
    for (name, says) in [
        ("absent", "cannot be read: No such file"),
        ("directory", "cannot be read: Is a directory"),
        ("large", "is larger than 4194304 bytes"),
        ("empty", "has no `currency`"),
        ("deep", "nested too deep here"),
    ] {
        let problems = load_rules(&path(name)).expect_err(name).to_string();
        assert!(problems.contains(says), "{name}: {problems}");
    }
}
