//! Files of lists: one value a line, with what it is worth for how long.
//!
//! ```text
//! # Where stolen cards become money.
//! 7995                                        # betting
//! 6051 until 2026-12-31                       in the calendar's zone, the day included
//! 4829 until 2026-12-31T00:00:00+08:00        a moment says its zone itself
//! ```

use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;
use iso_currency::Country;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::domain::{EventTime, Identifier};
use crate::engine::rules::{Kind, List, ListOf, ListValues};

use super::calendar::start_of;
use super::moment::parse_moment;
use super::problem::{Problem, Problems, Source, Spot};

/// The most wrong lines of one file that are shown.
const WRONG_LINES_COUNT_MAX: usize = 20;

/// The longest text that a field of a request can have.
const TEXT_LENGTH_MAX: usize = 64;

/// More digits than this may be a card number, and are not shown.
const SHOWN_DIGITS_MAX: usize = 8;

/// Reads the list `name` of values of `of` in `text`, which came from `path`; a date without
/// a time ends in `zone`.
pub(super) fn read_list(
    path: &Path,
    text: String,
    (name, of): (&Arc<str>, ListOf),
    zone: Option<&TimeZone>,
    problems: &mut Problems,
) -> Option<List> {
    let source = Arc::new(Source::new(path.display().to_string(), None, text));
    let mut found = Problems::default();
    let mut lines = Lines { source: &source, of, zone, problems: &mut found, wrong_count: 0 };
    let list = match of {
        ListOf::Text(_) => {
            let texts = lines.read(Lines::text);
            List::new(Arc::clone(name), of, ListValues::Texts(texts))
        }
        ListOf::MerchantCategory | ListOf::Bin | ListOf::Country => {
            let numbers = lines.read(Lines::number);
            List::new(Arc::clone(name), of, ListValues::Numbers(numbers))
        }
    };
    lines.told();
    let is_sound = found.errors_count() == 0;
    problems.append(found.sorted());
    is_sound.then_some(list)
}

struct Lines<'l> {
    source: &'l Arc<Source>,
    of: ListOf,
    zone: Option<&'l TimeZone>,
    problems: &'l mut Problems,
    wrong_count: usize,
}

impl<'l> Lines<'l> {
    /// The values of all lines, read by `read`, each once.
    fn read<T: Copy + Eq + std::hash::Hash>(
        &mut self,
        read: impl Fn(&mut Self, &'l str, usize) -> Option<T>,
    ) -> Vec<(T, Option<EventTime>)> {
        let text = &self.source.text;
        let mut values: Vec<(T, Option<EventTime>)> = Vec::new();
        let mut known: HashMap<T, (usize, usize)> = HashMap::new();
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let written = without_comment(line).trim_end();
            let at = start + (written.len() - written.trim_start().len());
            start += line.len();
            let written = written.trim_start();
            if written.is_empty() {
                continue;
            }
            let (value, end) = match written.split_once(" until ") {
                Some((value, end)) => (value.trim_end(), Some(end)),
                None => (written, None),
            };
            let value_read = read(self, value, at);
            let lapses_at = end.map(|end| self.end(end, at + written.len() - end.len()));
            let (Some(value_read), None | Some(Some(_))) = (value_read, lapses_at) else {
                continue;
            };
            let lapses_at = lapses_at.flatten();
            match known.get(&value_read) {
                None => {
                    known.insert(value_read, (at, values.len()));
                    values.push((value_read, lapses_at));
                }
                Some((first, index)) => {
                    let is_same = values.get(*index).is_some_and(|(_, it)| *it == lapses_at);
                    self.twice(at..at + written.len(), *first, is_same);
                }
            }
        }
        if values.is_empty() && self.wrong_count == 0 {
            let problem = Problem::warning(&self.spot(0..0), "this list is empty");
            self.problems.push(problem.help("nothing is ever in it; one value a line"));
        }
        values
    }

    fn text(&mut self, value: &'l str, at: usize) -> Option<&'l str> {
        if value.starts_with('"') || value.starts_with('\'') {
            return self.wrong(value, at, "values stand without quotes", "the value itself");
        }
        match Identifier::new(value, TEXT_LENGTH_MAX) {
            Ok(_) => Some(value),
            Err(fault) => {
                let expected = "printable ASCII of at most 64 characters, as the switch sends it";
                self.wrong(value, at, &format!("this value {fault}"), expected)
            }
        }
    }

    fn number(&mut self, value: &str, at: usize) -> Option<i64> {
        let is_of_digits = value.bytes().all(|byte| byte.is_ascii_digit());
        let digits = is_of_digits.then(|| value.parse::<i64>().ok()).flatten();
        let (what, expected) = match self.of {
            ListOf::MerchantCategory => match digits {
                Some(code @ 1..=9_999) => return Some(code),
                _ => ("this is no category code", "1 to 9999, such as 7995"),
            },
            ListOf::Bin => match digits {
                Some(bin @ 100_000..=99_999_999) => return Some(bin),
                _ => ("this is no BIN", "the first 6 to 8 digits of a card number"),
            },
            ListOf::Country | ListOf::Text(_) => {
                if let &[first, second] = value.as_bytes()
                    && first.is_ascii_uppercase()
                    && second.is_ascii_uppercase()
                {
                    if value.parse::<Country>().is_err() {
                        let what = format!("`{value}` is no country of ISO 3166-1");
                        let spot = self.spot(at..at + value.len());
                        self.problems.push(Problem::warning(&spot, what));
                    }
                    return Some(Kind::country_code([first, second]));
                }
                ("this is no country code", "two capital letters of ISO 3166-1, such as CN")
            }
        };
        self.wrong(value, at, what, expected)
    }

    /// The moment written as `text`, or the end of the day.
    fn end(&mut self, text: &str, at: usize) -> Option<EventTime> {
        if let Some(moment) = parse_moment(text) {
            return Some(moment);
        }
        let expected = "a date such as 2026-12-31, or a moment with its zone such as \
                        2026-12-31T00:00:00+08:00";
        let Ok(date) = text.trim().parse::<Date>() else {
            return self.wrong(text, at, "this is no end", expected);
        };
        let Some(zone) = self.zone else {
            let what = "a date alone says no zone, and the rule set names no calendar";
            return self.wrong(text, at, what, "a moment such as 2026-12-31T00:00:00+08:00");
        };
        let next = date.tomorrow().map_err(|fault| fault.to_string());
        match next.and_then(|next| start_of(next, zone)) {
            Ok(Some(end)) => Some(end),
            Ok(None) | Err(_) => self.wrong(text, at, "this day has no end", expected),
        }
    }

    fn twice(&mut self, span: std::ops::Range<usize>, first: usize, is_same: bool) {
        let spot = self.spot(span);
        let first = self.spot(first..first).origin();
        let first = format!("the first one is at {first}");
        if is_same {
            self.problems.push(Problem::warning(&spot, "this value is here twice").help(first));
        } else if self.counts() {
            let problem = Problem::error(&spot, "this value is here twice, with another end");
            self.problems.push(problem.expected("each value once").help(first));
        }
    }

    fn wrong<T>(&mut self, text: &str, at: usize, what: &str, expected: &str) -> Option<T> {
        if self.counts() {
            let mut problem = Problem::error(&self.spot(at..at + text.len()), what);
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            if let Some(place) = problem.place.as_mut().filter(|_| digits > SHOWN_DIGITS_MAX) {
                "(not shown: it may hold a card number)".clone_into(&mut place.text);
                (place.column, place.length) = (1, 0);
            }
            self.problems.push(problem.expected(expected));
        }
        None
    }

    /// Counts a wrong line; true where it is shown.
    fn counts(&mut self) -> bool {
        self.wrong_count += 1;
        self.wrong_count <= WRONG_LINES_COUNT_MAX
    }

    /// Says how many wrong lines were not shown.
    fn told(&mut self) {
        let hidden = self.wrong_count.saturating_sub(WRONG_LINES_COUNT_MAX);
        if hidden > 0 {
            let end = self.source.text.len();
            let what = format!("{hidden} more lines of this list are wrong");
            self.problems.push(Problem::error(&self.spot(end..end), what));
        }
    }

    fn spot(&self, span: std::ops::Range<usize>) -> Spot {
        Spot { source: Arc::clone(self.source), span }
    }
}

/// `line` up to a `#` that begins it or follows a blank.
fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| {
        line.get(..*at).is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
    };
    match line.match_indices('#').map(|(at, _)| at).find(begins) {
        Some(at) => line.get(..at).unwrap_or(line),
        None => line,
    }
}
