//! What a calendar does not know, and how long what it knows is remembered.

use std::sync::Arc;

use stopline::config::{Configuration, load};
use stopline::domain::{EventTime, PartitionId, Span};
use stopline::engine::History;
use stopline::engine::shared::Shared;
use stopline::engine::velocity::Lookback;
use stopline::service::Clock;
use stopline::service::log::Batch;
use stopline::wire::proto::{self, Outcome};

use super::{RULES, rule_set, shipped, when};
use crate::support::FAIL_POLICY;
use crate::support::{decision, engine_by, pipeline_of, purchase};

const SHANGHAI: &str = "Asia/Shanghai";

/// The evidence at each of `moments`, one purchase each, and how many were counted as
/// outside the calendar.
fn evidence_at(moments: &[&str]) -> (Vec<Vec<Option<i64>>>, u64) {
    let shared = Arc::new(Shared::default());
    let mut engine = engine_by(rule_set(&shipped()), &shared);
    engine.open_partition(PartitionId(0), History::Whole);
    let mut pipeline = pipeline_of("test", engine, &Clock::manual(0), 1);
    let mut found = Vec::new();
    for (number, moment) in moments.iter().enumerate() {
        let at = when(moment, SHANGHAI).unix_millis();
        let message = proto::Authorisation {
            authorised_at_millis: at,
            ..purchase(&format!("id-{number}"), "account")
        };
        let value = prost::Message::encode_to_vec(&message);
        let input = stopline::domain::Input {
            partition: PartitionId(0),
            offset: stopline::domain::Offset(i64::try_from(number).expect("few")),
        };
        let mut batch = Batch::default();
        batch.push(input, at, Some(b"account"), Some(&value), []);
        let message = batch.iter().next().expect("one");
        let (_, answer) = pipeline.answer(&message, |record| record.value.to_vec());
        let answer: proto::Record = prost::Message::decode(answer.as_slice()).expect("a record");
        assert_eq!(decision(&answer).outcome(), Outcome::Approve);
        let evidence = &decision(&answer).evidence;
        found.push(evidence.iter().map(|it| stopline::wire::evidence_from_wire(*it)).collect());
    }
    let count = pipeline.engine().sizes().next().expect("one").1.out_of_calendar_count;
    (found, count)
}

#[test]
fn beyond_its_calendar_a_feature_is_absent_and_the_request_is_counted() {
    let (evidence, count) = evidence_at(&[
        "2023-12-31T23:59:59.999",
        "2024-01-01T12:00:00",
        "2024-01-02T00:00:00",
        "2024-01-04T00:00:00",
        "2026-12-31T23:59:59.999",
        "2027-01-01T00:00:00",
    ]);
    let absent = vec![None; 3];
    // Before it, and on its first day, which is a holiday: even absent_as says nothing.
    assert_eq!(evidence[..2], [absent.clone(), absent.clone()]);
    assert_eq!(evidence[2], [Some(1), None, None]);
    assert_eq!(evidence[3], [Some(1), Some(2), None]);
    assert_eq!(evidence[4], [Some(1), Some(1), Some(5_000)]);
    assert_eq!(evidence[5], absent);
    assert_eq!(count, 5, "all but one lacked a feature");
}

#[test]
fn an_authorisation_is_remembered_over_the_longest_holiday() {
    let rule_set = rule_set(&shipped());
    // Ten business days: 21 to 24, 26, 27 January, and 5 to 8 February 2025, whose 9th is a
    // Sunday. The eight days of the Spring Festival are between them.
    let first = when("2025-01-21T00:00:00", SHANGHAI);
    let ends = when("2025-02-10T00:00:00", SHANGHAI);
    let ten = &rule_set.features()[2].window;
    assert_eq!(ten.opens_after(ends.minus(Span::from_millis(1))), {
        Some(first.minus(Span::from_millis(1)))
    });
    assert!(ten.longest() >= ends.since(first));
    assert_eq!(rule_set.longest_window(), ten.longest());

    let (evidence, _) = evidence_at(&["2025-01-21T00:00:00", "2025-02-09T23:59:59.999"]);
    assert_eq!(evidence[1][2], Some(5_000), "its mean has both");
    let shared = Arc::new(Shared::default());
    let horizon = engine_by(Arc::clone(&rule_set), &shared).horizon();
    assert_eq!(horizon, ten.longest().plus(Span::from_seconds(3 * 86_400)));
}

#[test]
fn the_longest_span_is_that_of_the_longest_window_of_any_day() {
    let rule_set = rule_set(&shipped());
    let calendar = rule_set.calendar().expect("one");
    for feature in rule_set.features() {
        let Lookback::BusinessDays(days) = &feature.window else { panic!("business days") };
        let count = usize::from(days.count());
        let starts = calendar.starts();
        let mut longest = Span::ZERO;
        for first in 0..=starts.len() - count {
            let end = starts.get(first + count).copied().unwrap_or(calendar.ends_at());
            longest = longest.max(end.since(starts[first]));
        }
        assert_eq!(feature.window.longest(), longest, "{count}");
    }
}

fn configuration(calendar: &str) -> Configuration {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("rules.toml"), format!("{RULES}{FAIL_POLICY}")).expect("written");
    std::fs::write(path("calendar.toml"), calendar).expect("written");
    std::fs::copy("config/stopline.toml", path("stopline.toml")).expect("copied");
    let options = ["door.key_seed_file=config/dev/key_seed.hex".to_owned()];
    match load(&path("stopline.toml"), std::iter::empty(), &options) {
        Ok(configuration) => configuration,
        Err(problems) => panic!("{problems}"),
    }
}

#[test]
fn a_calendar_that_ends_soon_is_warned_of_and_one_that_has_ended_is_refused() {
    let configuration = configuration(&shipped());
    let calendar_file = configuration.calendar_file.as_ref().expect("named");
    assert_eq!(configuration.files.last(), Some(calendar_file));
    for (now, errors, warnings, says) in [
        ("2026-11-16T00:00:00", 0, 0, ""),
        ("2026-11-17T00:00:01", 0, 1, "ends in 44 days"),
        ("2026-12-31T23:59:59.999", 0, 1, "ends in 0 days"),
        ("2027-01-01T00:00:00", 1, 0, "has ended"),
        ("2024-01-12T23:59:59", 1, 0, "does not reach back 10 business days"),
        ("2024-01-15T00:00:00", 0, 0, ""),
    ] {
        let outlook = configuration.outlook(when(now, SHANGHAI));
        let found = (outlook.errors_count(), outlook.warnings_count());
        assert_eq!(found, (errors, warnings), "{now}: {outlook}");
        assert!(outlook.to_string().contains(says), "{now}: {outlook}");
    }
}

#[test]
fn a_rule_set_without_business_days_has_no_outlook_to_fear() {
    let shipped = load("config/stopline.toml".as_ref(), std::iter::empty(), &[]);
    let outlook = shipped.expect("sound").outlook(EventTime::LATEST);
    assert!(outlook.is_empty(), "{outlook}");
}

#[test]
fn check_refuses_a_calendar_that_has_ended_and_says_what_is_missing() {
    // Of 2024 only: it has ended, whenever this runs.
    let shipped = shipped();
    let (first, rest) = shipped.split_once("\n[[year]]").expect("a year");
    let (of_2024, _) = rest.split_once("\n[[year]]").expect("another");
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    std::fs::write(path("rules.toml"), format!("{RULES}{FAIL_POLICY}")).expect("written");
    let calendar = format!("{first}\n[[year]]{of_2024}");
    std::fs::write(path("calendar.toml"), calendar).expect("written");
    std::fs::copy("config/stopline.toml", path("stopline.toml")).expect("copied");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_stopline"))
        .arg("check")
        .arg("--config")
        .arg(path("stopline.toml"))
        .args(["--set", "door.key_seed_file=config/dev/key_seed.hex"])
        .output()
        .expect("the binary starts");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("has ended"), "{said}");
    assert!(said.contains("add the [[year]] that is missing"), "{said}");
}
