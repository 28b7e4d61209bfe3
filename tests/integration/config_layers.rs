//! Settings as layers: which one wins, and what paths and origins follow from it.

use std::fs;
use std::path::{Path, PathBuf};

use stopline::config::{FirstStart, Loaded, Problems, Settings, StartAt, WorkersMode};
use stopline::domain::EventTime;

/// A directory with `stopline.toml` and `conf.d/`.
struct Files(tempfile::TempDir);

impl Files {
    fn new(layers: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let base = "[kafka]\nbrokers = \"file:9092\"\ngroup = \"file\"\ninstance = \"file\"\n\
            [door]\nkey_seed_file = \"keys/seed.hex\"\n[rules]\nfile = \"rules.toml\"\n\
            [answers]\nage = \"10m\"\nbytes_max = 1000000\n[time]\nlateness = \"5m\"\n\
            [windows]\naccounts_count_max = 1000\n";
        fs::write(directory.path().join("stopline.toml"), base).expect("written");
        fs::create_dir(directory.path().join("conf.d")).expect("made");
        for (name, text) in layers {
            fs::write(directory.path().join("conf.d").join(name), text).expect("written");
        }
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn load(&self, variables: &[(&str, &str)], options: &[&str]) -> Result<Loaded, Problems> {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        Settings::load(&self.path("stopline.toml"), variables, &options)
    }
}

#[test]
fn later_layers_win_and_each_value_knows_its_origin() {
    let files = Files::new(&[
        ("10.toml", "[kafka]\nbrokers = \"ten:9092\"\ngroup = \"ten\"\ninstance = \"ten\"\n"),
        ("20.toml", "[kafka]\ngroup = \"twenty\"\ninstance = \"twenty\"\n"),
        ("30.toml.disabled", "[kafka]\nbrokers = \"thirty:9092\"\n"),
    ]);
    let variables = [("STOPLINE__KAFKA__INSTANCE", "env"), ("PATH", "/bin")];
    let loaded = files.load(&variables, &["workers.count=3"]).expect("sound");
    let kafka = &loaded.settings.kafka;
    assert_eq!(kafka.brokers, "ten:9092");
    assert_eq!(kafka.group, "twenty");
    assert_eq!(kafka.instance, "env");
    assert_eq!(loaded.settings.workers_count, 3);
    let origin = |key: &str| {
        let found = loaded.origins.iter().find(|origin| origin.key == key);
        found.expect("every key has one").place.clone()
    };
    let ends = |key: &str, end: &str| {
        let place = origin(key).expect("not a default");
        assert!(place.ends_with(end), "{key} is from {place}");
    };
    ends("kafka.brokers", "conf.d/10.toml:2:11");
    ends("kafka.group", "conf.d/20.toml:2:9");
    ends("kafka.instance", "environment:1:27");
    ends("workers.count", "--set:1:15");
    assert_eq!(origin("admin.address"), None);
}

#[test]
fn an_option_goes_over_a_variable() {
    let files = Files::new(&[]);
    let variables = [("STOPLINE__WORKERS__COUNT", "2")];
    let loaded = files.load(&variables, &["workers.count=3", "workers.count=4"]);
    assert_eq!(loaded.expect("sound").settings.workers_count, 4);
}

#[test]
fn variables_and_options_take_the_type_of_their_key() {
    let files = Files::new(&[]);
    let variables = [
        ("STOPLINE__KAFKA__GROUP", "42"),
        ("STOPLINE__KAFKA__INSTANCE", "\"quoted\""),
        ("STOPLINE__KAFKA__PROPERTIES__SECURITY__PROTOCOL", "sasl_plaintext"),
        ("STOPLINE__DOOR__NUMERIC_REFERENCES", "true"),
        ("STOPLINE__FORMATS__ECHO_HEADERS", "[\"reply-to\"]"),
        ("STOPLINE__ANSWERS__AGE", "90s"),
    ];
    let options = ["kafka.properties.ssl.ca.location=/etc/ca.crt"];
    let settings = files.load(&variables, &options).expect("sound").settings;
    assert_eq!(settings.kafka.group, "42");
    assert_eq!(settings.kafka.instance, "quoted");
    let properties = [("security.protocol", "sasl_plaintext"), ("ssl.ca.location", "/etc/ca.crt")];
    let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(settings.kafka.properties, properties);
    assert!(settings.door.numeric_references);
    assert_eq!(settings.echo_headers, ["reply-to"]);
    assert_eq!(settings.recent_answers_age.millis(), 90_000);
}

#[test]
fn paths_are_relative_to_the_file_that_names_them() {
    let files = Files::new(&[("10.toml", "[rules]\nfile = \"../strict.toml\"\n")]);
    let settings = files.load(&[], &[]).expect("sound").settings;
    assert_eq!(settings.door.key_seed_file, files.path("keys/seed.hex"));
    assert_eq!(settings.rules_file, files.path("conf.d/../strict.toml"));
    let options = ["rules.file=elsewhere.toml"];
    let settings = files.load(&[], &options).expect("sound").settings;
    assert_eq!(settings.rules_file, Path::new("elsewhere.toml"));
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = Settings::load(Path::new("/nowhere/stopline.toml"), std::iter::empty(), &[]);
    let problems = missing.expect_err("missing").to_string();
    assert!(problems.contains("/nowhere/stopline.toml cannot be read"), "{problems}");

    let files = Files::new(&[]);
    fs::write(files.path("conf.d/bad.toml"), b"[log]\nformat = \"\xFF\"\n").expect("written");
    let problems = files.load(&[], &[]).expect_err("no UTF-8").to_string();
    assert!(problems.contains("bad.toml:2:11"), "{problems}");

    let large = vec![b'#'; (4 << 20) + 1];
    fs::write(files.path("conf.d/bad.toml"), large).expect("written");
    let problems = files.load(&[], &[]).expect_err("too large").to_string();
    assert!(problems.contains("bad.toml is larger than 4194304 bytes"), "{problems}");
}

#[test]
fn problems_of_settings_and_rules_appear_in_one_run() {
    let files = Files::new(&[("10.toml", "[log]\nformat = \"xml\"\n")]);
    fs::write(files.path("rules.toml"), "currency = \"RMB\"\n").expect("written");
    let loaded = stopline::config::load(&files.path("stopline.toml"), std::iter::empty(), &[]);
    let problems = loaded.expect_err("both are bad").to_string();
    assert!(problems.contains("conf.d/10.toml:2:10"), "{problems}");
    assert!(problems.contains("rules.toml:1:12"), "{problems}");
}

#[test]
fn a_key_file_that_holds_no_key_is_reported_without_its_content() {
    let files = Files::new(&[]);
    fs::create_dir(files.path("keys")).expect("made");
    fs::write(files.path("keys/seed.hex"), "not-so-secret").expect("written");
    fs::create_dir(files.path("lists")).expect("made");
    for name in ["rules.toml", "lists/risky_mccs.txt"] {
        fs::copy(Path::new("config").join(name), files.path(name)).expect("copied");
    }
    let load = || stopline::config::load(&files.path("stopline.toml"), std::iter::empty(), &[]);
    let problems = load().expect_err("no key").to_string();
    assert!(problems.contains("(door.key_seed_file) does not hold a key"), "{problems}");
    assert!(!problems.contains("not-so-secret"), "{problems}");
    fs::write(files.path("keys/seed.hex"), format!("{:032x}\n", 7)).expect("written");
    assert!(!load().expect("sound").uses_development_seed);
}

#[test]
fn where_a_first_start_begins_is_said_in_a_file_as_text_or_time_or_by_an_option() {
    let files = |answer_from: &str| {
        let text =
            format!("[first_start]\nhistory_from = \"beginning\"\nanswer_from = {answer_from}\n");
        Files::new(&[("10.toml", &text)])
    };
    let at = StartAt::At(EventTime::from_unix_millis(1_795_478_400_000).expect("in range"));
    let cases = [
        ("\"beginning\"", StartAt::Beginning),
        ("\"end\"", StartAt::End),
        ("\"2026-11-24T08:00:00+08:00\"", at),
        ("2026-11-24T00:00:00Z", at),
    ];
    for (written, expected) in cases {
        let loaded = files(written).load(&[], &[]).expect("sound");
        let expected = FirstStart { history_from: StartAt::Beginning, answer_from: expected };
        assert_eq!(loaded.settings.first_start, Some(expected), "{written}");
    }
    let options = ["first_start.history_from=2026-11-24T00:00:00Z"];
    let loaded = files("\"end\"").load(&[], &options).expect("sound");
    let expected = FirstStart { history_from: at, answer_from: StartAt::End };
    assert_eq!(loaded.settings.first_start, Some(expected));
    assert_eq!(Files::new(&[]).load(&[], &[]).expect("sound").settings.first_start, None);
}

#[test]
fn an_observer_answers_elsewhere() {
    let files = Files::new(&[]);
    let settings = files.load(&[], &[]).expect("sound").settings;
    assert_eq!(settings.mode, WorkersMode::Answer);
    assert_eq!(settings.answers_topic(), "stopline.decisions");
    let settings = files.load(&[], &["workers.mode=observe"]).expect("sound").settings;
    assert_eq!(settings.answers_topic(), "stopline.observations");
}
