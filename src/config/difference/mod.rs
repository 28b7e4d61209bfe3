//! What tells two rule sets apart, in words of what they mean.
//!
//! Both are compared by their canonical text, so that whatever is part of the hash is compared,
//! and layout, comments and the order of alternatives in a list are not.

mod infix;
mod line;

use crate::engine::rules::{RuleSet, Unit};

use self::infix::infix;
use self::line::{Line, lines_of};
use super::shown::Shown;
use super::units::{currency_code, show_money, show_span};
use crate::domain::Span;

/// One thing that differs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// `thresholds`, `rules` and so on.
    pub section: &'static str,
    /// What it is called.
    pub name: String,
    /// How it differs, line by line.
    pub how: Vec<String>,
}

/// The kinds of lines of a canonical text, with what the sections are called here.
const SECTIONS: [(&str, &str); 9] = [
    ("currency", "currency"),
    ("bands", "bands"),
    ("fail", "fail policy"),
    ("threshold", "thresholds"),
    ("list", "lists"),
    ("segment", "segments"),
    ("calendar", "calendar"),
    ("feature", "features"),
    ("rule", "rules"),
];

/// All that differs from `one` to `other`, in the order of the sections.
pub fn difference(one: &RuleSet, other: &RuleSet) -> Vec<Difference> {
    let (text, other_text) = (one.canonical(), other.canonical());
    let (lines, other_lines) = (lines_of(&text), lines_of(&other_text));
    let mut found = Vec::new();
    for (kind, section) in SECTIONS {
        let (own, others) = (of_kind(kind, &lines), of_kind(kind, &other_lines));
        let mut push = |name: &str, how: Vec<String>| {
            found.push(Difference { section, name: name.to_owned(), how });
        };
        for line in &own {
            match named(line.name, &others) {
                None => push(line.name, vec![format!("gone; it was {}", whole(line, one))]),
                Some(new) if new.rest != line.rest => {
                    push(line.name, changes(line, one, new, other));
                }
                Some(_) => {}
            }
        }
        for line in others.iter().filter(|line| named(line.name, &own).is_none()) {
            push(line.name, vec![format!("new: {}", whole(line, other))]);
        }
        if let Some((was, is)) = first_moved(&own, &others) {
            push("", vec![format!("another order: `{is}` stands where `{was}` stood")]);
        }
    }
    found
}

fn of_kind<'t>(kind: &str, lines: &[Line<'t>]) -> Vec<Line<'t>> {
    lines.iter().filter(|line| line.kind == kind).cloned().collect()
}

fn named<'l, 't>(name: &str, lines: &'l [Line<'t>]) -> Option<&'l Line<'t>> {
    lines.iter().find(|line| line.name == name)
}

/// The first of the names in both that stands elsewhere now, and what stands in its place.
fn first_moved<'t>(own: &[Line<'t>], others: &[Line<'t>]) -> Option<(&'t str, &'t str)> {
    let before = own.iter().filter(|line| named(line.name, others).is_some());
    let after = others.iter().filter(|line| named(line.name, own).is_some());
    let mut pairs = before.zip(after).map(|(was, is)| (was.name, is.name));
    pairs.find(|(was, is)| was != is)
}

/// All that differs between settings as they are shown.
pub fn settings_difference(one: &[Shown], other: &[Shown]) -> Vec<Difference> {
    let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
    let pairs = one.iter().filter_map(|own| {
        let new = other.iter().find(|new| new.key == own.key && new.value != own.value)?;
        let how = format!("{} → {}", show(&own.value), show(&new.value));
        Some(Difference { section: "settings", name: own.key.clone(), how: vec![how] })
    });
    pairs.collect()
}

/// All of `line`, in words.
fn whole(line: &Line<'_>, rule_set: &RuleSet) -> String {
    if line.kind == "threshold" {
        return shown(line, line.rest, line.rest, rule_set);
    }
    let words = line.words().map(|(key, value)| shown(line, key, value, rule_set));
    let words: Vec<_> = words.collect();
    let condition = line.condition().map(|it| format!("when {}", infix(it, rule_set)));
    let filter = line.filter().map(|filter| format!("where {filter}"));
    words.into_iter().chain(filter).chain(condition).collect::<Vec<_>>().join(", ")
}

/// What changed from `old` to `new`, word by word.
fn changes(old: &Line<'_>, one: &RuleSet, new: &Line<'_>, other: &RuleSet) -> Vec<String> {
    if old.kind == "threshold" {
        return vec![moved(old, one, new, other)];
    }
    if old.kind == "calendar" {
        return vec!["other business days".to_owned()];
    }
    let mut how = Vec::new();
    if old.kind == "fail" {
        let all = |line: &Line<'_>, rule_set: &RuleSet| -> Vec<String> {
            line.words().map(|(key, value)| shown(line, key, value, rule_set)).collect()
        };
        return came_and_went(&all(old, one), &all(new, other));
    }
    for (key, value) in old.words() {
        match new.word(key) {
            Some(now) if now == value => {}
            Some(_) if key == "sha256" => how.push("other values".to_owned()),
            Some(now) => {
                let (was, is) = (shown(old, key, value, one), shown(new, key, now, other));
                how.push(format!("{was} → {}", without_key(key, &is)));
            }
            None => how.push(format!("no longer {}", shown(old, key, value, one))),
        }
    }
    for (key, value) in new.words().filter(|(key, _)| old.word(key).is_none()) {
        how.push(format!("now {}", shown(new, key, value, other)));
    }
    if old.filter() != new.filter() {
        let filter = |line: &Line<'_>| line.filter().unwrap_or("anything").to_owned();
        how.push(format!("where {} → {}", filter(old), filter(new)));
    }
    if let (Some(was), Some(is)) = (old.condition(), new.condition())
        && was != is
    {
        how.extend(condition_changes(was, one, is, other));
    }
    how
}

/// Which parts of a condition came and went.
fn condition_changes(was: &str, one: &RuleSet, is: &str, other: &RuleSet) -> Vec<String> {
    let (old, new) = (infix::parts(was, one), infix::parts(is, other));
    let mut how = came_and_went(&old, &new);
    if how.is_empty() {
        how.push("its parts stand in another order".to_owned());
    }
    how
}

/// What of `old` is gone, and what of `new` came.
fn came_and_went(old: &[String], new: &[String]) -> Vec<String> {
    let gone = old.iter().filter(|part| !new.contains(part));
    let came = new.iter().filter(|part| !old.contains(part));
    let gone = gone.map(|part| format!("- {part}"));
    gone.chain(came.map(|part| format!("+ {part}"))).collect()
}

/// `6 → 7, +1, +16.7 %`.
fn moved(old: &Line<'_>, one: &RuleSet, new: &Line<'_>, other: &RuleSet) -> String {
    let (Ok(was), Ok(is)) = (old.rest.parse::<i64>(), new.rest.parse::<i64>()) else {
        return format!("{} → {}", old.rest, new.rest);
    };
    let shows = |line: &Line<'_>, rule_set: &RuleSet, value: i64| {
        let unit = rule_set.thresholds().iter().find(|it| *it.name == *line.name);
        match unit.map(|threshold| threshold.unit) {
            Some(Unit::Money) => show_money(value, rule_set.currency()),
            Some(Unit::Number) | None => value.to_string(),
        }
    };
    let by = is.saturating_sub(was);
    let sign = if by < 0 { "-" } else { "+" };
    let size = i64::try_from(by.unsigned_abs()).unwrap_or(i64::MAX);
    let step = format!("{sign}{}", shows(new, other, size));
    format!("{} → {}, {step}{}", shows(old, one, was), shows(new, other, is), percent(was, by))
}

/// `, +16.7 %`; nothing where it was 0.
fn percent(was: i64, by: i64) -> String {
    let (size, of) = (u128::from(by.unsigned_abs()), u128::from(was.unsigned_abs()));
    // In tenths, rounded.
    let Some(size) = (size * 1_000 + of / 2).checked_div(of) else {
        return String::new();
    };
    let sign = if by < 0 { "-" } else { "+" };
    if size % 10 == 0 {
        return format!(", {sign}{} %", size / 10);
    }
    format!(", {sign}{}.{} %", size / 10, size % 10)
}

/// The word `key=value` of `line` as a person says it.
fn shown(line: &Line<'_>, key: &str, value: &str, rule_set: &RuleSet) -> String {
    let money = |digits: &str| match digits.parse() {
        Ok(value) => show_money(value, rule_set.currency()),
        Err(_) => digits.to_owned(),
    };
    match (line.kind, key) {
        ("currency", _) => currency_code(rule_set.currency()).to_owned(),
        ("threshold", _) => {
            let threshold = rule_set.thresholds().iter().find(|it| *it.name == *line.name);
            let is_money = threshold.is_some_and(|threshold| threshold.unit == Unit::Money);
            if is_money { money(value) } else { value.to_owned() }
        }
        ("calendar", _) => "a calendar".to_owned(),
        ("fail", "rest") => format!("{value} for the rest"),
        ("fail", "without_amount") => format!("{value} without an amount"),
        ("fail", "below") => match value.split_once(':') {
            Some((amount, answer)) => format!("{answer} below {}", money(amount)),
            None => value.to_owned(),
        },
        (_, "window_millis" | "delay_millis") => {
            let millis = value.parse().ok().map(Span::from_millis);
            let name = key.trim_end_matches("_millis");
            format!("{name} {}", millis.map_or_else(|| value.to_owned(), show_span))
        }
        ("feature", "absent_as") => {
            let spec = rule_set.features().iter().find(|it| *it.name == *line.name);
            let is_money = spec.is_some_and(|spec| spec.what.is_money());
            let is_amount = is_money && value.parse::<u64>().is_ok();
            format!("absent_as {}", if is_amount { money(value) } else { value.to_owned() })
        }
        (_, _) if value.is_empty() => key.to_owned(),
        (_, _) => format!("{key} {value}"),
    }
}

/// `text` without the key that the text before the arrow shows already.
fn without_key<'t>(key: &str, text: &'t str) -> &'t str {
    let key = key.trim_end_matches("_millis");
    text.strip_prefix(key).map_or(text, str::trim_start)
}
