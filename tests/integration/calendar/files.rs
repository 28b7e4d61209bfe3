//! Calendar files as written: what they come to, and what is said of those that are wrong.

use super::{RULES, plain, read, rule_set, shipped, shipped_path, when};
use crate::config_errors::check;

const SHANGHAI: &str = "Asia/Shanghai";

#[test]
fn the_shipped_calendar_has_the_business_days_that_were_published() {
    let text = std::fs::read_to_string(shipped_path()).expect("readable");
    let rule_set = rule_set(&text);
    let calendar = rule_set.calendar().expect("one");
    assert_eq!(calendar.zone(), SHANGHAI);
    assert_eq!(calendar.ends_at(), when("2027-01-01T00:00:00", SHANGHAI));
    let is_business_day = |date: &str| {
        calendar.starts().binary_search(&when(&format!("{date}T00:00:00"), SHANGHAI)).is_ok()
    };
    for date in [
        "2024-02-04",
        "2024-02-09",
        "2024-10-12",
        "2025-01-26",
        "2025-02-08",
        "2025-10-11",
        "2026-01-04",
        "2026-02-14",
        "2026-02-28",
        "2026-05-09",
        "2026-09-20",
        "2026-10-10",
        "2026-11-24",
    ] {
        assert!(is_business_day(date), "{date}");
    }
    for date in [
        "2024-02-10",
        "2024-10-07",
        "2025-01-28",
        "2025-02-04",
        "2025-10-08",
        "2026-01-02",
        "2026-02-16",
        "2026-02-23",
        "2026-04-06",
        "2026-05-05",
        "2026-06-19",
        "2026-09-25",
        "2026-10-07",
        "2026-11-22",
    ] {
        assert!(!is_business_day(date), "{date}");
    }
    let in_year = |year: i32| {
        let (from, to) = (format!("{year}-01-01T00:00:00"), format!("{}-01-01T00:00:00", year + 1));
        let (from, to) = (when(&from, SHANGHAI), when(&to, SHANGHAI));
        calendar.starts().iter().filter(|start| (from..to).contains(*start)).count()
    };
    assert_eq!([2024, 2025, 2026].map(in_year), [251, 248, 248]);
}

#[test]
fn the_shipped_rules_take_the_shipped_calendar_as_their_comments_say() {
    let rules = std::fs::read_to_string("config/rules.toml").expect("readable");
    let line = "# calendar = \"calendar.toml\"";
    assert_eq!(rules.matches(line).count(), 1);
    let rules = rules.replace(line, &line[2..]);
    let feature = "# [[velocity]]";
    let (before, behind) = rules.split_once(feature).expect("an example");
    let (example, rest) = behind.split_once("\n\n").expect("its end");
    let example = example.replace("\n# ", "\n");
    let rules = format!("{before}[[velocity]]{example}\n\n{rest}");
    let (rule_set, warnings) = read(&rules, &shipped()).expect("sound");
    assert!(rule_set.calendar().is_some());
    // Nobody reads the example: that is all there is to say.
    assert_eq!((warnings.errors_count(), warnings.warnings_count()), (0, 1), "{warnings}");
}

#[test]
fn a_changed_holiday_is_another_rule_set_and_a_comment_is_not() {
    let hash = |calendar: &str| rule_set(calendar).hash();
    let calendar = shipped();
    assert_eq!(hash(&calendar), hash(&format!("# Seen by two.\n{calendar}")));
    assert_ne!(hash(&calendar), hash(&calendar.replacen("2026-10-07,", "", 1)));
    assert_ne!(hash(&calendar), hash(&calendar.replacen("Asia/Shanghai", "Asia/Tokyo", 1)));
    // The same days by another name are the same.
    assert_eq!(hash(&calendar), hash(&calendar.replacen("Asia/Shanghai", "PRC", 1)));
    let canonical = rule_set(&plain("UTC")).canonical();
    assert!(canonical.contains("calendar ends_at=1798761600000 starts=1767225600000,"));
    assert!(canonical.contains("what=count window_business_days=3 outcomes=any "));
}

#[test]
fn business_days_that_cannot_be_are_explained() {
    for (name, right, wrong) in [
        ("business_days_none", "\"1 business day\"", "\"0 business days\""),
        ("business_days_many", "\"10 business days\"", "\"31 business days\""),
        ("business_days_form", "\"3 business days\"", "\"3 bank days\""),
        ("calendar_not_named", "calendar = \"calendar.toml\"\n", ""),
        ("calendar_not_there", "\"calendar.toml\"", "\"calender.toml\""),
    ] {
        assert!(RULES.contains(right), "{right}");
        let problems = read(&RULES.replacen(right, wrong, 1), &plain(SHANGHAI));
        check(name, &problems.expect_err("unsound"));
    }
    let idle = "business days\"";
    let rules = RULES.replace(idle, "d\"").replace(" d\"", "d\"").replace("1 business day", "1d");
    let (_, warnings) = read(&rules, &plain(SHANGHAI)).expect("sound");
    assert!(warnings.to_string().contains("no window counts business days"), "{warnings}");
}

#[test]
fn calendars_that_cannot_be_are_explained() {
    for (name, right, wrong) in [
        ("calendar_zone", "Asia/Shanghai", "Asia/Shangai"),
        ("calendar_weekday", "\"sunday\"", "\"sonday\""),
        ("calendar_no_weekend", "weekend = [\"saturday\", \"sunday\"]\n", ""),
        ("calendar_year", "year = 2026", "year = 1999"),
        ("calendar_date_of_other_year", "[2026-06-19]", "[2025-06-19]"),
        ("calendar_date_with_time", "[2026-06-19]", "[2026-06-19T00:00:00Z]"),
        ("calendar_date_in_quotes", "[2026-06-19]", "[\"2026-06-19\"]"),
        ("calendar_date_twice", "[2026-06-19]", "[2026-06-19, 2026-06-19]"),
        ("calendar_no_such_date", "[2026-06-19]", "[2026-06-31]"),
        ("calendar_workday_anyway", "workdays = []", "workdays = [2026-06-18]"),
        ("calendar_workday_and_holiday", "workdays = []", "workdays = [2026-06-19]"),
        ("calendar_no_source", "source = \"made up\"\n", ""),
        ("calendar_no_holidays", "holidays = [2026-06-19]\n", ""),
        ("calendar_unknown_key", "workdays = []", "workdays = []\nworkday = []"),
        ("calendar_no_year", "[[year]]\nyear = 2026", "[[yaer]]\nyear = 2026"),
    ] {
        let calendar = plain(SHANGHAI);
        assert!(calendar.contains(right), "{right}");
        let problems = read(RULES, &calendar.replacen(right, wrong, 1));
        check(name, &problems.expect_err(name));
    }
    let gap = format!("{}[[year]]\nyear = 2028\n{REST}", plain(SHANGHAI));
    check("calendar_gap", &read(RULES, &gap).expect_err("a gap"));
    let never = "[\"saturday\", \"sunday\", \"monday\", \"tuesday\", \"wednesday\", \"thursday\", \
                 \"friday\"]";
    let never = plain(SHANGHAI).replacen("[\"saturday\", \"sunday\"]", never, 1);
    check("calendar_no_business_day", &read(RULES, &never).expect_err("no day"));
}

const REST: &str = "source = \"made up\"\nholidays = []\nworkdays = []\n";
