//! Lists: what is in them, for how long, and what is said of files that are wrong.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use stopline::config::load_rules;
use stopline::domain::{Amount, EventTime};
use stopline::engine::rules::{RuleSet, Verdict};
use stopline::service::Clock;
use stopline::wire::proto;

use crate::support::{BEGINNING, POLICY, purchase};
use crate::words::request;

/// A policy whose rule `listed` looks `field` up in a list of values of `of`.
struct Policy {
    directory: tempfile::TempDir,
}

impl Policy {
    fn new(field: &str, of: &str, list: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let lists = format!("[lists]\nwatched = {{ file = \"watched.txt\", of = \"{of}\" }}\n");
        let rule = format!(
            "[[rule]]\nname = \"listed\"\nwhen = \"{field} in lists.watched\"\n\
             then = {{ tag = true }}\nmode = \"live\"\n"
        );
        fs::write(directory.path().join("rules.toml"), format!("{POLICY}\n{lists}\n{rule}"))
            .expect("written");
        fs::write(directory.path().join("watched.txt"), list).expect("written");
        Self { directory }
    }

    fn list(&self) -> PathBuf {
        self.directory.path().join("watched.txt")
    }

    fn load(&self) -> RuleSet {
        match load_rules(&self.directory.path().join("rules.toml")) {
            Ok((rule_set, warnings)) => {
                assert!(warnings.is_empty(), "{warnings}");
                rule_set
            }
            Err(problems) => panic!("{problems}"),
        }
    }

    /// Errors and warnings.
    fn problems(&self) -> String {
        match load_rules(&self.directory.path().join("rules.toml")) {
            Ok((_, warnings)) => warnings.to_string(),
            Err(problems) => problems.to_string(),
        }
    }
}

fn is_listed(rule_set: &RuleSet, message: &proto::Authorisation) -> bool {
    let auth = request(message);
    let evidence = vec![None; rule_set.features().len()];
    let mut verdict = Verdict::default();
    let amount = auth.amount.map(Amount::minor_units);
    rule_set.judge(&auth, amount, &evidence, &mut verdict);
    verdict.fired.iter().any(|rule| &*rule.name == "listed")
}

fn plain() -> proto::Authorisation {
    purchase("a-1", "account")
}

#[test]
fn every_kind_of_list_holds_its_values_and_nothing_absent() {
    let category = |code| proto::Authorisation { merchant_category_code: Some(code), ..plain() };
    let bin = |digits: &str| proto::Authorisation { bin: Some(digits.to_owned()), ..plain() };
    let country = |code: &str| proto::Authorisation { ip_country: Some(code.into()), ..plain() };
    let merchant = |id: &str| proto::Authorisation { merchant_id: Some(id.into()), ..plain() };
    let acquirer = |id: &str| proto::Authorisation { acquirer_id: Some(id.into()), ..plain() };
    let portfolio = |id: &str| proto::Authorisation { portfolio: Some(id.into()), ..plain() };
    let categories = "# risky\n7995 # betting\n\n  4829\r\n0742\n";
    let bins = "622848\n62170000\n5588887\n";
    let cases: [(&str, &str, &str, proto::Authorisation, bool); 18] = [
        ("merchant_category", "merchant_category", categories, category(7995), true),
        ("merchant_category", "merchant_category", categories, category(4829), true),
        ("merchant_category", "merchant_category", categories, category(742), true),
        ("merchant_category", "merchant_category", categories, category(7996), false),
        ("merchant_category", "merchant_category", categories, plain(), false),
        ("bin", "bin", bins, bin("622848"), true),
        ("bin", "bin", bins, bin("62284812"), true),
        ("bin", "bin", bins, bin("622849"), false),
        ("bin", "bin", bins, bin("621700"), false),
        ("bin", "bin", bins, bin("55888871"), true),
        ("ip_country", "country", "KP\nIR\n", country("IR"), true),
        ("ip_country", "country", "KP\nIR\n", plain(), false),
        ("merchant_country", "country", "KP\nCN\n", plain(), true),
        ("merchant_id", "merchant_id", "M#1 x # of whom\nM-2\n", merchant("M#1 x"), true),
        ("merchant_id", "merchant_id", "M#1 x # of whom\nM-2\n", merchant("M#1"), false),
        ("acquirer_id", "acquirer_id", "A-1\n", acquirer("A-1"), true),
        ("portfolio", "portfolio", "gold\n", portfolio("gold"), true),
        ("portfolio", "portfolio", "gold\n", portfolio("silver"), false),
    ];
    for (field, of, list, message, expected) in cases {
        let rule_set = Policy::new(field, of, list).load();
        assert_eq!(is_listed(&rule_set, &message), expected, "{field} {list:?} {message:?}");
    }
}

#[test]
fn a_value_lapses_by_the_time_of_the_request() {
    // The tests begin at 22:13:20Z.
    let list = "M-1 until 2023-11-14T22:13:20Z\nM-2 until 2023-11-15T06:13:21+08:00\n";
    let rule_set = Policy::new("merchant_id", "merchant_id", list).load();
    let at = |id: &str, millis| {
        let message = proto::Authorisation {
            merchant_id: Some(id.to_owned()),
            authorised_at_millis: BEGINNING + millis,
            ..plain()
        };
        is_listed(&rule_set, &message)
    };
    assert!(at("M-1", -1) && !at("M-1", 0), "the moment itself is outside");
    assert!(at("M-2", 999) && !at("M-2", 1_000));
    let lapsed =
        |millis| rule_set.lists()[0].lapsed_count(EventTime::nearest_to(BEGINNING + millis));
    assert_eq!([-1, 0, 1_000].map(lapsed), [0, 1, 2]);
}

#[test]
fn a_date_ends_with_its_day_in_the_zone_of_the_calendar() {
    let policy = Policy::new("merchant_id", "merchant_id", "M-1 until 2023-11-15\n");
    let rules = policy.directory.path().join("rules.toml");
    let text = fs::read_to_string(&rules).expect("readable");
    assert!(policy.problems().contains("names no calendar"), "{}", policy.problems());
    fs::write(&rules, format!("calendar = \"calendar.toml\"\n{text}")).expect("written");
    fs::copy("config/calendar.toml", policy.directory.path().join("calendar.toml"))
        .expect("copied");
    let (rule_set, _) = load_rules(&rules).expect("sound");
    // 2023-11-16 begins in Shanghai at 16:00Z the day before.
    let end = 1_700_064_000_000;
    let at = |millis| {
        let message = proto::Authorisation {
            merchant_id: Some("M-1".to_owned()),
            authorised_at_millis: millis,
            ..plain()
        };
        is_listed(&rule_set, &message)
    };
    assert!(at(end - 1) && !at(end));
}

#[test]
fn the_hash_goes_by_what_is_in_a_list_not_by_how_it_is_written() {
    let hash = |list: &str| Policy::new("merchant_id", "merchant_id", list).load().hash();
    let one = hash("M-1\nM-2\n");
    assert_eq!(one, hash("# two of them\nM-2\r\n  M-1   # the first"));
    assert_ne!(one, hash("M-1\n"));
    assert_ne!(one, hash("M-1\nM-2 until 2030-01-01T00:00:00Z\n"));
}

#[test]
fn wrong_lines_are_told_with_their_places_and_no_card_number() {
    let cases = [
        ("merchant_category", "4829\n79955\n", "watched.txt:2:1", "this is no category code"),
        ("merchant_category", "4829\nbet\n", "watched.txt:2:1", "1 to 9999, such as 7995"),
        ("bin", "6228\n", "watched.txt:1:1", "this is no BIN"),
        ("country", "CN\ncn\n", "watched.txt:2:1", "two capital letters"),
        ("country", "XX\n", "watched.txt:1:1", "`XX` is no country of ISO 3166-1"),
        ("merchant_id", "\"M-1\"\n", "watched.txt:1:1", "values stand without quotes"),
        ("merchant_id", "M\u{e9}\n", "watched.txt:1:1", "printable ASCII"),
        ("merchant_id", "M-1 until soon\n", "watched.txt:1:11", "this is no end"),
        ("merchant_id", "M-1\n\nM-1\n", "watched.txt:3:1", "this value is here twice"),
        (
            "merchant_id",
            "M-1\nM-1 until 2030-01-01T00:00:00Z\n",
            "watched.txt:2:1",
            "with another end",
        ),
        ("merchant_id", "# none\n", "watched.txt:1:1", "this list is empty"),
    ];
    for (of, list, place, what) in cases {
        let field = if of == "country" { "merchant_country" } else { of };
        let problems = Policy::new(field, of, list).problems();
        assert!(problems.contains(place) && problems.contains(what), "{list:?}\n{problems}");
    }
    let problems = Policy::new("bin", "bin", "622848\n4111111111111111\n").problems();
    assert!(problems.contains("watched.txt:2") && !problems.contains("4111"), "{problems}");

    let many = Policy::new("bin", "bin", &"x\n".repeat(1_000)).problems();
    assert!(many.contains("980 more lines of this list are wrong"), "{many}");
    assert!(many.contains("21 errors"), "{many}");
}

#[test]
fn a_list_is_looked_into_by_the_fields_that_it_has_values_of() {
    let cases = [
        ("merchant_category", "bin", "`bin` before `in lists.watched`"),
        ("amount", "bin", "has values of `bin`"),
        ("bin", "country", "`merchant_country` or `ip_country` before"),
        ("portfolio", "merchant_id", "has values of `merchant_id`"),
        ("velocity.count_10m", "bin", "has values of `bin`"),
        ("bin", "bins", "did you mean `bin`?"),
    ];
    for (field, of, what) in cases {
        let problems = Policy::new(field, of, "").problems();
        assert!(problems.contains(what), "{field} {of}\n{problems}");
    }
    let policy = Policy::new("bin", "bin", "622848\n");
    let rules = policy.directory.path().join("rules.toml");
    let text = fs::read_to_string(&rules).expect("readable");
    for (condition, what) in [
        ("bin in lists.watch", "did you mean `watched`?"),
        ("bin == lists.watched", "a list stands only behind `in`"),
        ("bin in watched", "this is no list"),
        ("amount > '1.00 CNY'", "no rule looks into `lists.watched`"),
    ] {
        fs::write(&rules, text.replace("bin in lists.watched", condition)).expect("written");
        let problems = policy.problems();
        assert!(problems.contains(what), "{condition}\n{problems}");
    }
}

#[test]
fn a_million_lines_load_and_are_found() {
    let mut list = String::new();
    for number in 0..1_000_000 {
        writeln!(list, "M-{:09}", number * 7_919_u64 % 1_000_000_007).expect("a string");
    }
    let policy = Policy::new("merchant_id", "merchant_id", &list);
    let (clock, started) = (Clock::system(), Clock::system().unix_millis());
    let rule_set = policy.load();
    let (took, held) = (clock.unix_millis() - started, &rule_set.lists()[0]);
    println!("1,000,000 lines in {took} ms, {} bytes held", held.bytes());
    assert_eq!(held.values_count(), 1_000_000);
    assert!(held.bytes() < 64 << 20, "{} bytes", held.bytes());
    let find = |id: String| {
        is_listed(&rule_set, &proto::Authorisation { merchant_id: Some(id), ..plain() })
    };
    assert!(find("M-000007919".to_owned()) && !find("M-000007918".to_owned()));
}

#[test]
fn a_file_that_cannot_be_read_whole_is_told_where_it_is_named() {
    let policy = Policy::new("bin", "bin", "");
    fs::remove_file(policy.list()).expect("removed");
    let missing = policy.problems();
    assert!(missing.contains("(lists.watched) cannot be read: No such file"), "{missing}");
    assert!(missing.contains("rules.toml:"), "{missing}");
    fs::create_dir(policy.list()).expect("made");
    let directory = policy.problems();
    assert!(directory.contains("cannot be read: Is a directory"), "{directory}");
    fs::remove_dir(policy.list()).expect("removed");
    let large = fs::File::create(policy.list()).expect("made");
    large.set_len((100 << 20) + 1).expect("sparse");
    let large = policy.problems();
    assert!(large.contains("is larger than 104857600 bytes"), "{large}");
}

#[test]
fn a_file_that_changes_while_it_is_read_is_not_half_taken() {
    let policy = Policy::new("bin", "bin", &"# nothing but comments\n".repeat(1 << 20));
    let (is_over, clock) = (AtomicBool::new(false), Clock::system());
    let deadline = clock.unix_millis() + 60_000;
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = OpenOptions::new().append(true).open(policy.list()).expect("open");
            while !is_over.load(Ordering::Relaxed) {
                file.write_all(b"#\n").expect("appended");
            }
        });
        let changed = || policy.problems().contains("changed while it was read");
        let is_told = std::iter::repeat_with(changed)
            .take_while(|_| clock.unix_millis() < deadline)
            .any(|is_told| is_told);
        is_over.store(true, Ordering::Relaxed);
        assert!(is_told, "a minute of changes went unseen");
    });
}
