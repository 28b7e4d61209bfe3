//! Windows in business days: which days those are, where such a window opens and closes,
//! and what becomes of it where the calendar ends.

mod edges;
mod files;
mod range;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use stopline::config::{Problems, load_rules};
use stopline::domain::EventTime;
use stopline::engine::rules::RuleSet;

use crate::support::FAIL_POLICY;

/// A rule set that counts, over 1, 3 and 10 business days.
pub(crate) const RULES: &str = r#"currency = "CNY"
calendar = "calendar.toml"

[bands]
step_up_at = 300
decline_at = 700
merchant_initiated_step_up = "decline"

[[velocity]]
name = "count_1bd"
key = "account"
what = "count"
window = "1 business day"

[[velocity]]
name = "count_3bd"
key = "account"
what = "count"
window = "3 business days"

[[velocity]]
name = "mean_10bd"
key = "account"
what = "mean"
window = "10 business days"
absent_as = -1

[[rule]]
name = "many"
when = "velocity.count_1bd > 9 || velocity.count_3bd > 9 || velocity.mean_10bd > '9000.00 CNY'"
then = { decline = "velocity_count_exceeded" }
mode = "live"
"#;

/// A month of Mondays to Fridays, without a holiday but one, in `zone`.
fn plain(zone: &str) -> String {
    format!(
        "time_zone = \"{zone}\"\nweekend = [\"saturday\", \"sunday\"]\n\
         [[year]]\nyear = 2026\nsource = \"made up\"\nholidays = [2026-06-19]\nworkdays = []\n"
    )
}

fn shipped() -> String {
    fs::read_to_string("config/calendar.toml").expect("readable")
}

/// What `rules` beside the calendar `calendar` come to.
fn read(rules: &str, calendar: &str) -> Result<(RuleSet, Problems), String> {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("rules.toml");
    let policy = if rules.contains("late.bands") || rules.contains("fail_policy") {
        ""
    } else {
        FAIL_POLICY
    };
    fs::write(&file, format!("{rules}{policy}")).expect("written");
    fs::write(directory.path().join("calendar.toml"), calendar).expect("written");
    fs::create_dir(directory.path().join("lists")).expect("made");
    let list = "lists/risky_mccs.txt";
    fs::copy(Path::new("config").join(list), directory.path().join(list)).expect("copied");
    let without_directory = |problems: Problems| {
        problems.to_string().replace(&format!("{}/", directory.path().display()), "")
    };
    load_rules(&file).map_err(without_directory)
}

fn rule_set(calendar: &str) -> Arc<RuleSet> {
    match read(RULES, calendar) {
        Ok((rule_set, _)) => Arc::new(rule_set),
        Err(problems) => panic!("{problems}"),
    }
}

/// The moment when clocks in `zone` say `civil`; of two the first.
fn when(civil: &str, zone: &str) -> EventTime {
    let civil: DateTime = civil.parse().expect("a date and time");
    let zone = TimeZone::get(zone).expect("a zone");
    let millis = civil.to_zoned_datetime(zone).expect("in range").timestamp().as_millisecond();
    EventTime::from_unix_millis(millis).expect("in range")
}

/// The calendar file that the repository ships.
fn shipped_path() -> &'static Path {
    Path::new("config/calendar.toml")
}
