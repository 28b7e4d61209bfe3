//! What the README shows is what happens.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use stopline::config::parse_rules;
use stopline::domain::{EventTime, Offset};
use stopline::engine::shared::Shared;
use stopline::engine::{Engine, EngineSettings, History, RecentAnswersLimits};
use stopline::service::log::Batch;
use stopline::service::{Clock, Pipeline, PipelineSettings};
use stopline::wire::{Format, KafkaKey, encode_record};

use crate::support::door;

const README: &str = include_str!("../../README.md");

/// The code block that follows the comment `<!-- tested: NAME -->`.
pub(crate) fn block(name: &str) -> &'static str {
    let mark = format!("<!-- tested: {name} -->");
    let (_, behind) = README.split_once(&mark).expect(name);
    let (_, code) = behind.split_once("```").expect("a code block");
    let (_language, code) = code.split_once('\n').expect("its first line");
    code.split_once("```").expect("its end").0
}

/// Asserts that all that `shown` says is in `found`; lists and texts are the same.
pub(crate) fn assert_shows(shown: &Value, found: &Value, path: &str) {
    match (shown, found) {
        (Value::Object(shown), Value::Object(found)) => {
            for (name, value) in shown {
                let inner = format!("{path}.{name}");
                assert_shows(value, found.get(name).unwrap_or(&Value::Null), &inner);
            }
        }
        (shown, found) => assert_eq!(shown, found, "{path}"),
    }
}

#[test]
fn the_example_request_gets_the_example_decision() {
    let rules = Path::new("config/rules.toml");
    let (rule_set, _) = parse_rules(rules, include_str!("../../config/rules.toml")).unwrap();
    let settings = EngineSettings {
        engine_version: "test".into(),
        lateness: stopline::domain::Span::from_seconds(300),
        advice_lateness: stopline::domain::Span::from_seconds(3 * 86_400),
        answer_within: None,
        cards_count_max: 10,
        recent_answers: RecentAnswersLimits {
            age_max: stopline::domain::Span::from_seconds(60),
            bytes_max: 1 << 20,
        },
    };
    let shared = Shared::default().into();
    let mut engine = Engine::new(rule_set.into(), shared, settings, encode_record);
    let input =
        stopline::domain::Input { partition: stopline::domain::PartitionId(0), offset: Offset(0) };
    engine.open_partition(input.partition, History::Whole);
    let settings = PipelineSettings {
        default_format: Format::Json,
        echo_headers: Vec::new(),
        writer: "test".to_owned(),
        partitions_count: None,
    };
    let mut pipeline = Pipeline::new(door(), engine, Clock::manual(0), settings);
    let mut batch = Batch::default();
    batch.push(input, 1_795_503_600_000, None, Some(block("request").as_bytes()), []);
    let message = batch.iter().next().unwrap();
    let (_, answer) = pipeline.answer(&message, |record| record.value.to_vec());
    let found: Value = serde_json::from_slice(&answer).unwrap();
    let shown: Value = serde_json::from_str(block("decision")).unwrap();
    assert_shows(&shown, &found, "answer");
}

#[test]
fn the_example_stop_order_is_accepted() {
    let order = block("stop order").as_bytes();
    let moment = EventTime::from_unix_millis(1_795_503_600_000).unwrap();
    let key = KafkaKey::Record(Some(b"loss-2026-118"));
    let decoded = door().decode_stop_order(Format::Json, key, Some(order), Offset(0), moment);
    assert!(decoded.unwrap().is_in_force_at(moment));
}

#[test]
fn the_example_rules_load() {
    if let Err(problems) = parse_rules(Path::new("README.md"), block("rules")) {
        panic!("{problems}");
    }
}

/// All names of metrics in `text`.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let is_of_a_name = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
    let words = text.split(|it: char| !is_of_a_name(it));
    let names = words.filter(|word| word.starts_with("stopline_"));
    names.map(|name| name.strip_suffix("_bucket").unwrap_or(name)).collect()
}

#[test]
fn the_readme_lists_the_metrics_that_are_exported() {
    let exported = concat!(
        include_str!("../../src/service/metrics/mod.rs"),
        include_str!("../../src/service/metrics/partitions.rs"),
        include_str!("../../src/service/overload/export.rs"),
        include_str!("../../src/service/readiness.rs"),
    );
    let (_, behind) = README.split_once("| metric |").unwrap();
    let (table, _) = behind.split_once("| exit |").unwrap();
    let (listed, exported) = (metrics_in(table), metrics_in(exported));
    let unknown: Vec<_> = listed.difference(&exported).collect();
    assert!(unknown.is_empty(), "not exported: {unknown:?}");
    let unlisted: Vec<_> = exported.difference(&listed).collect();
    assert!(unlisted.is_empty(), "not in the README: {unlisted:?}");
}

#[test]
fn every_chapter_that_a_message_sends_to_is_there() {
    // A message may go on in the next line of the source.
    let faults = include_str!("../../src/service/log/mod.rs").replace("\\\n         ", "");
    let chapters: Vec<_> = faults
        .split("see README \\\"")
        .skip(1)
        .map(|behind| behind.split_once("\\\"").expect("its end").0)
        .collect();
    assert!(!chapters.is_empty());
    for chapter in chapters {
        assert!(README.contains(&format!("\n## {chapter}\n")), "{chapter}");
    }
}

/// What `stopline COMMAND --help` says.
fn help(command: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_stopline")).args([command, "--help"]).output();
    String::from_utf8(output.expect("the binary starts").stdout).expect("text")
}

/// Whether `text` names the option `option`, and not only one that begins with it.
fn names(text: &str, option: &str) -> bool {
    text.match_indices(option).any(|(place, _)| {
        let behind = text[place + option.len()..].chars().next();
        !behind.is_some_and(|next| next.is_ascii_alphanumeric() || next == '-')
    })
}

/// The options in what is to be typed: up to its comment, or to the end of its code.
fn options(typed: &str) -> impl Iterator<Item = &str> {
    let typed = typed.split(['\n', '`', '#', '|', ';']).next().unwrap_or_default();
    typed.split_whitespace().filter(|word| word.starts_with("--") && word.len() > 2)
}

#[test]
fn every_option_that_is_shown_is_one_that_the_command_takes() {
    let mut seen = 0;
    for command in ["demo", "run", "loadgen", "score", "check", "verify"] {
        let help = help(command);
        for call in [format!("stopline {command} "), format!("-- {command} ")] {
            for (place, _) in README.match_indices(&call) {
                for option in options(&README[place + call.len()..]) {
                    assert!(names(&help, option), "stopline {command} takes no {option}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 20, "{seen}");
    // The chapter on load speaks of its options on their own too.
    let (_, chapter) = README.split_once("\n## Load and latency\n").expect("the chapter");
    let (chapter, _) = chapter.split_once("\n## ").expect("its end");
    let load = help("loadgen");
    for code in chapter.split('`').filter(|code| code.starts_with("--")) {
        for option in options(code) {
            assert!(names(&load, option), "stopline loadgen takes no {option}");
        }
    }
}

#[test]
fn every_option_of_a_script_is_one_that_its_head_explains() {
    for (call, script) in [
        ("benches/compare_echo ", include_str!("../../benches/compare_echo")),
        ("benches/catch_up ", include_str!("../../benches/catch_up")),
    ] {
        let (head, _) = script.split_once("set -euo pipefail").expect("its head");
        let shown: Vec<_> = README.match_indices(call).collect();
        assert!(!shown.is_empty(), "{call}");
        for (place, _) in shown {
            for option in options(&README[place + call.len()..]) {
                assert!(names(head, option), "{call} takes no {option}");
            }
        }
    }
}

#[test]
fn nothing_is_left_to_be_filled_in() {
    assert!(!README.contains("@@"));
}
