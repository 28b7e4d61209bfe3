//! What operations are told when settings are wrong: golden files as in `config_errors`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use stopline::config::{Problems, Settings, load};

use crate::config_errors::{RULES, check};

/// Settings without a mistake.
const SETTINGS: &str = r#"[kafka]
brokers = "127.0.0.1:9092"
group = "stopline"
instance = "stopline-1"

[door]
key_seed_file = "key_seed.hex"

[rules]
file = "rules.toml"

[answers]
age = "10m"
bytes_max = 67_108_864

[time]
lateness = "5m"

[windows]
accounts_count_max = 1_000
"#;

#[test]
fn the_settings_that_the_cases_spoil_are_sound() {
    assert_eq!(settings_problems(SETTINGS, &[], &[]), "loads");
}

/// What is said of the settings `text`, with variables and options over it.
fn settings_problems(text: &str, variables: &[(&str, &str)], options: &[&str]) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("stopline.toml");
    fs::write(&file, text).expect("written");
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
    let loaded: Result<_, Problems> = Settings::load(&file, variables, &options);
    let shown = loaded.map_or_else(|problems| problems.to_string(), |_| "loads".to_owned());
    shown.replace(&format!("{}/", directory.path().display()), "")
}

#[test]
fn mistakes_in_settings_are_explained() {
    let cases: [(&str, &str, &str); 26] = [
        ("settings_answer_within", "[time]", "[fail_causes]\nanswer_within = \"2\"\n\n[time]"),
        (
            "settings_deadline_header",
            "[time]",
            "[fail_causes]\ndeadline_header = \"a b\"\n\n[time]",
        ),
        ("settings_fail_cause", "[time]", "[fail_causes]\nlate_after = \"2s\"\n\n[time]"),
        ("settings_unknown_key", "brokers = ", "broker = "),
        ("settings_unknown_section", "[kafka]", "[kafak]"),
        ("settings_missing_rules", "[rules]\nfile = \"rules.toml\"\n", ""),
        ("settings_wrong_type", "age = \"10m\"", "age = 600"),
        ("settings_no_span", "age = \"10m\"", "age = \"10 minutes\""),
        ("settings_out_of_range", "bytes_max = 67_108_864", "bytes_max = 64"),
        ("settings_section_is_value", "[rules]\nfile = \"rules.toml\"", "[rules.file]"),
        ("settings_admin_open", "[time]", "[admin]\naddress = \"0.0.0.0:9464\"\n\n[time]"),
        ("settings_admin_no_address", "[time]", "[admin]\naddress = \"localhost\"\n\n[time]"),
        (
            "settings_own_property",
            "[door]",
            "[kafka.properties]\n\"enable.auto.commit\" = true\n\n[door]",
        ),
        ("settings_secret", "[door]", "[kafka.properties]\nsasl.password = \"hunter2\"\n\n[door]"),
        ("settings_pan_key_missing", "[door]", "[door]\naccept_pan = true"),
        (
            "settings_same_topics",
            "[time]",
            "[topics]\ndecisions = \"stopline.authorisations\"\n\n[time]",
        ),
        ("settings_topic_form", "[time]", "[topics]\ndecisions = \"stopline decisions\"\n\n[time]"),
        ("settings_broker_without_port", "127.0.0.1:9092", "kafka-1:9092, kafka-2"),
        ("settings_broker_port", "127.0.0.1:9092", "127.0.0.1:90920"),
        ("settings_instance_form", "stopline-1", "stopline 1/a"),
        ("settings_group_form", "group = \"stopline\"", "group = \"止付\""),
        (
            "settings_echo_headers",
            "[time]",
            "[formats]\necho_headers = [\"\", \"名\", \"reply-to\", \"reply-to\", \
             \"Content-Type\", \"stopline-age-millis\"]\n\n[time]",
        ),
        (
            "settings_own_property_in_a_file",
            "[door]",
            "[kafka.secret_property_files]\nacks = \"acks.txt\"\n\n[door]",
        ),
        ("settings_format", "[time]", "[formats]\ndefault = \"xml\"\n\n[time]"),
        (
            "settings_same_topics_by_default",
            "[time]",
            "[topics]\nauthorisations = \"stopline.observations\"\n\n[time]",
        ),
        ("settings_mode", "[time]", "[workers]\nmode = \"observed\"\n\n[time]"),
    ];
    for (name, right, wrong) in cases {
        assert!(SETTINGS.contains(right), "{name} spoils nothing");
        let text = SETTINGS.replacen(right, wrong, 1);
        check(name, &settings_problems(&text, &[], &[]));
    }
}

#[test]
fn mistakes_in_where_a_first_start_begins_are_explained() {
    const ZONED: &str = "2026-11-24T08:00:00+08:00";
    let zoned = format!("\"{ZONED}\"");
    let cases = [
        ("first_start_half", "first_start", [None, Some("\"end\"")]),
        ("first_start_misspelt", "first_strat", [None, Some("\"end\"")]),
        ("first_start_history_at_the_end", "first_start", [Some("\"end\""), Some("\"end\"")]),
        (
            "first_start_no_time",
            "first_start",
            [Some("\"yesterday\""), Some("2026-11-24T08:00:00")],
        ),
        (
            "first_start_history_behind_answers",
            "first_start",
            [Some(ZONED), Some("\"2026-11-23T23:59:59Z\"")],
        ),
        (
            "first_start_answers_before_history",
            "first_start",
            [Some(&*zoned), Some("\"beginning\"")],
        ),
    ];
    for (name, section, values) in cases {
        let mut text = format!("{SETTINGS}\n[{section}]\n");
        for (key, value) in ["history_from", "answer_from"].into_iter().zip(values) {
            text += &value.map_or_else(String::new, |value| format!("{key} = {value}\n"));
        }
        check(name, &settings_problems(&text, &[], &[]));
    }
}

#[test]
fn mistakes_in_the_overload_ladder_are_explained() {
    const OVERLOAD: &str = r#"
[overload]
wait_above = ["250ms", "1s", "5s"]
wait_below = ["50ms", "250ms", "1s"]
queue_above_percent = [40, 60, 80]
queue_below_percent = [20, 30, 40]
rise_after = "1s"
fall_after = "10s"
"#;
    let cases: [(&str, &str, &str); 11] = [
        ("overload_half", "fall_after = \"10s\"\n", ""),
        ("overload_unknown_key", "rise_after", "raise_after"),
        ("overload_misspelt", "[overload]", "[overlaod]"),
        ("overload_not_increasing", "\"1s\", \"5s\"", "\"250ms\", \"5s\""),
        ("overload_lower_not_increasing", "[20, 30, 40]", "[20, 30, 15]"),
        ("overload_flaps", "\"250ms\", \"1s\"]", "\"1s\", \"5s\"]"),
        ("overload_falls_too_soon", "\"10s\"", "\"1s\""),
        ("overload_two_bounds", "[40, 60, 80]", "[40, 60]"),
        ("overload_no_list", "[40, 60, 80]", "40"),
        ("overload_no_span", "\"50ms\"", "50"),
        ("overload_no_percent", "[40, 60, 80]", "[40, 60, 100]"),
    ];
    assert_eq!(settings_problems(&format!("{SETTINGS}{OVERLOAD}"), &[], &[]), "loads");
    for (name, right, wrong) in cases {
        assert!(OVERLOAD.contains(right), "{name} spoils nothing");
        let text = format!("{SETTINGS}{}", OVERLOAD.replacen(right, wrong, 1));
        check(name, &settings_problems(&text, &[], &[]));
    }
    let text = format!("{SETTINGS}{OVERLOAD}");
    let variable = [("STOPLINE__OVERLOAD__WAIT_BELOW", "[\"50ms\", \"2s\", \"3s\"]")];
    check("overload_flaps_by_a_variable", &settings_problems(&text, &variable, &[]));
    let option = ["overload.queue_above_percent=[30, 50, 70]"];
    assert_eq!(settings_problems(&text, &[], &option), "loads");
}

/// Name, variables, options.
type Layered = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn mistakes_in_variables_and_options_name_where_they_came_from() {
    let cases: [Layered; 6] = [
        ("environment_unknown_key", &[("STOPLINE__KAFKA__BROKER", "kafka-1:9092")], &[]),
        ("environment_wrong_type", &[("STOPLINE__WORKERS__COUNT", "many")], &[]),
        ("environment_no_key", &[("STOPLINE__KAFKA", "kafka-1:9092")], &[]),
        ("option_out_of_range", &[], &["workers.count=1000"]),
        ("option_unknown_section", &[], &["worker.count=2"]),
        ("option_sets_nothing", &[], &["workers.count"]),
    ];
    for (name, variables, options) in cases {
        check(name, &settings_problems(SETTINGS, variables, options));
    }
}

#[test]
fn tls_needs_a_build_that_has_it() {
    for protocol in ["ssl", "SASL_SSL"] {
        let properties = format!("[kafka.properties]\n\"security.protocol\" = \"{protocol}\"");
        let text = SETTINGS.replacen("[door]", &format!("{properties}\n\n[door]"), 1);
        let problems = settings_problems(&text, &[], &[]);
        if cfg!(feature = "tls") {
            assert_eq!(problems, "loads");
        } else {
            check(&format!("settings_without_tls_{}", protocol.to_lowercase()), &problems);
        }
    }
}

/// What `check` says of the settings `text` beside the files `others`.
fn load_problems(text: &str, others: &[(&str, &str)], variables: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("stopline.toml");
    fs::write(&file, text).expect("written");
    for (name, text) in others {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner's");
    }
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let shown = match load(&file, variables, &[]) {
        Ok(configuration) => format!("loads: {}", configuration.warnings),
        Err(problems) => problems.to_string(),
    };
    shown.replace(&format!("{}/", directory.path().display()), "")
}

const SEED: (&str, &str) = ("key_seed.hex", "000102030405060708090a0b0c0d0e0f\n");

#[test]
fn all_files_are_looked_at_whatever_is_wrong_with_the_settings() {
    let no_workers = SETTINGS.replace("[rules]", "[workers]\ncount = 0\n\n[rules]");
    check("files_missing", &load_problems(&no_workers, &[], &[]));

    let elsewhere = no_workers.replace("rules.toml", "strict.toml");
    let broken = RULES.replace("step_up_at = 300", "step_up_at = 3000");
    check("files_broken", &load_problems(&elsewhere, &[("strict.toml", &broken)], &[]));

    let with_secrets = SETTINGS
        .replace(
            "[door]",
            "[kafka.secret_property_files]\n\"sasl.password\" = \"sasl.txt\"\n\n[door]",
        )
        .replace("[rules]", "accept_pan = true\npan_key_file = \"pan.hex\"\n\n[rules]");
    let others = [("rules.toml", RULES), ("pan.hex", "hunter2"), SEED];
    check("files_secret", &load_problems(&with_secrets, &others, &[]));
}

#[test]
fn a_key_that_others_can_read_is_warned_of() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    fs::write(path("stopline.toml"), SETTINGS).expect("written");
    fs::write(path("rules.toml"), RULES).expect("written");
    for (seed, mode, is_warned) in [
        ("f00102030405060708090a0b0c0d0e0f", 0o644, true),
        ("f00102030405060708090a0b0c0d0e0f", 0o660, true),
        ("f00102030405060708090a0b0c0d0e0f", 0o640, false),
        ("f00102030405060708090a0b0c0d0e0f", 0o400, false),
    ] {
        fs::write(path("key_seed.hex"), seed).expect("written");
        fs::set_permissions(path("key_seed.hex"), fs::Permissions::from_mode(mode)).expect("set");
        let loaded = load(&path("stopline.toml"), std::iter::empty(), &[]).expect("it loads");
        let warnings = loaded.warnings.to_string();
        assert_eq!(warnings.contains("can be read or changed by others"), is_warned, "{warnings}");
        fs::remove_file(path("key_seed.hex")).expect("removed");
    }
}

#[test]
fn a_secret_that_is_no_text_is_not_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("stopline.toml");
    fs::write(&file, SETTINGS).expect("written");
    fs::write(directory.path().join("rules.toml"), RULES).expect("written");
    fs::write(directory.path().join("key_seed.hex"), b"hunter2\xFF").expect("written");
    let problems = load(&file, std::iter::empty(), &[]).expect_err("no key").to_string();
    assert!(problems.contains("key_seed.hex (door.key_seed_file) is not UTF-8"), "{problems}");
    assert!(!problems.contains("hunter2"), "{problems}");
}

#[test]
fn a_variable_that_nearly_sets_something_is_warned_of() {
    let variables = [("STOPLINE_KAFKA_GROUP", "hunter2"), ("STOPLINE_HOME", "x"), ("HOME", "y")];
    let problems = load_problems(SETTINGS, &[("rules.toml", RULES), SEED], &variables);
    check("environment_nearly", &problems);
    assert!(!problems.contains("hunter2"), "{problems}");
}

#[test]
fn brokers_are_hosts_with_ports() {
    let cases = [
        ("localhost:9092", true),
        ("kafka-1.example:9092,kafka-2.example:9093", true),
        ("[::1]:9092", true),
        ("10.0.0.1:65535", true),
        ("10.0.0.1:0", false),
        ("10.0.0.1:65536", false),
        ("10.0.0.1:+1", false),
        ("::1:9092", false),
        ("kafka:9092,", false),
        (":9092", false),
        ("ssl://kafka:9092", false),
    ];
    for (brokers, is_sound) in cases {
        let found = settings_problems(SETTINGS, &[("STOPLINE__KAFKA__BROKERS", brokers)], &[]);
        assert_eq!(found == "loads", is_sound, "{brokers}: {found}");
    }
}
