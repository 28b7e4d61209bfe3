//! What `config diff` and `config show` say.

use std::fs;
use std::path::Path;

use stopline::config::{Difference, Settings, difference, load, parse_rules, settings_difference};
use stopline::engine::rules::RuleSet;

use crate::config_errors::{RULES, check};

fn rules(text: &str) -> RuleSet {
    match parse_rules(Path::new("rules.toml"), text) {
        Ok((rule_set, _)) => rule_set,
        Err(problems) => panic!("{problems}"),
    }
}

fn told(found: &[Difference]) -> String {
    let lines = found.iter().flat_map(|it| {
        it.how.iter().map(move |how| format!("{} | {} | {how}", it.section, it.name))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What is said of `RULES` with each `right` replaced by its `wrong`.
fn said(changes: &[(&str, &str)]) -> String {
    let mut text = RULES.to_owned();
    for (right, wrong) in changes {
        assert!(text.contains(right), "{right}");
        text = text.replacen(right, wrong, 1);
    }
    told(&difference(&rules(RULES), &rules(&text)))
}

#[test]
fn layout_comments_and_guard_rails_are_no_difference() {
    let other = RULES.replace("\n[", "\n# A note.\n\n[").replace("max = 50", "max = 60");
    assert_eq!(difference(&rules(RULES), &rules(&other)), []);
}

#[test]
fn whatever_has_a_meaning_is_told_by_how_much_it_moved() {
    check(
        "diff_values",
        &said(&[
            ("value = 5", "value = 6"),
            ("large_amount = \"1500.00 CNY\"", "large_amount = \"1000.00 CNY\""),
            ("step_up_at = 300", "step_up_at = 250"),
            ("window = \"10m\"", "window = \"1h\""),
            (
                "what = \"max\"\nwindow = \"1h\"",
                "what = \"mean\"\nwindow = \"1h\"\noptional = true",
            ),
            ("below = \"500.00 CNY\"", "below = \"600.00 CNY\""),
            ("without_amount = { then = \"approve\" }", "without_amount = { then = \"judge\" }"),
            ("points = 700, reason = \"velocity_count_exceeded\"", "decline = \"suspected_fraud\""),
        ]),
    );
}

#[test]
fn conditions_are_told_part_by_part_as_they_are_written() {
    let condition = "amount >= thresholds.large_amount && amount >= 3 * velocity.largest_1h";
    check(
        "diff_conditions",
        &said(&[(
            condition,
            "amount >= 4 * velocity.largest_1h && amount > '5.00 CNY' \
             && !(processing_code in [refund, credit]) && (merchant_country == CN || !has(eci)) \
             && amount >= thresholds.large_amount && portfolio != 'gold' && incremental",
        )]),
    );
}

#[test]
fn what_comes_and_goes_is_told_whole() {
    let (one, other) = (rules(RULES), {
        let text = RULES.replace("burst", "rush").replace("attempts_10m", "tries_10m");
        rules(&text)
    });
    check("diff_names", &told(&difference(&one, &other)));
    assert_eq!(told(&difference(&one, &one)), "");
}

#[test]
fn rules_in_another_order_are_told() {
    let (before, rest) = RULES.split_once("[[rule]]\nname = \"burst\"").unwrap();
    let (burst, rest) = rest.split_once("[[rule]]\n").unwrap();
    let (large, rest) = rest.split_once("[fail_policy.late]").unwrap();
    let turned = format!(
        "{before}[[rule]]\n{large}[[rule]]\nname = \"burst\"{burst}[fail_policy.late]{rest}"
    );
    let found = told(&difference(&rules(RULES), &rules(&turned)));
    assert_eq!(found, "rules |  | another order: `large` stands where `burst` stood");
}

#[test]
fn every_setting_is_shown_and_its_origin_is_known() {
    let configuration = load(Path::new("config/stopline.toml"), std::iter::empty(), &[]).unwrap();
    let shown = configuration.settings.shown();
    for origin in &configuration.origins {
        let is_shown = shown.iter().any(|it| it.key == origin.key);
        assert!(is_shown, "{} is not shown", origin.key);
    }
    // All but the sections that are off have an origin.
    for it in shown.iter().filter(|it| !it.key.starts_with("overload.")) {
        let has_origin = configuration.origins.iter().any(|origin| origin.key == it.key);
        assert!(has_origin, "{} is no setting", it.key);
    }
}

#[test]
fn what_is_shown_loads_again_and_comes_to_the_same() {
    let options = [
        "workers.count=3",
        "kafka.properties.socket.send.buffer.bytes=65536",
        "formats.echo_headers=[\"one\", \"two\"]",
        "overload.wait_above=[\"250ms\", \"1s\", \"5s\"]",
        "overload.wait_below=[\"50ms\", \"250ms\", \"1s\"]",
        "overload.queue_above_percent=[40, 60, 80]",
        "overload.queue_below_percent=[20, 30, 40]",
        "overload.rise_after=1s",
        "overload.fall_after=10s",
        "fail_causes.deadline_header=deadline",
    ]
    .map(str::to_owned);
    let file = Path::new("config/stopline.toml");
    let one = Settings::load(file, std::iter::empty(), &options).unwrap().settings.shown();
    let lines = one.iter().filter_map(|it| Some(format!("{} = {}\n", it.key, it.value.as_ref()?)));
    let text: String = lines.collect();
    let directory = tempfile::tempdir().unwrap();
    let again = directory.path().join("stopline.toml");
    fs::write(&again, &text).unwrap();
    let other = Settings::load(&again, std::iter::empty(), &[]);
    let other = other.unwrap_or_else(|problems| panic!("{problems}\n{text}")).settings.shown();
    // Paths are relative to the file that names them.
    let found = settings_difference(&one, &other);
    let keys: Vec<_> = found.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(keys, ["door.key_seed_file", "rules.file"]);
    let changed = Settings::load(file, std::iter::empty(), &["workers.count=4".to_owned()]);
    let found = settings_difference(&one, &changed.unwrap().settings.shown());
    assert!(told(&found).contains("settings | workers.count | 3 → 4"), "{}", told(&found));
}
