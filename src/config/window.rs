//! `window`: how far back a feature counts.

use std::sync::Arc;

use crate::domain::Span;
use crate::engine::velocity::{BUSINESS_DAYS_MAX, BusinessCalendar, BusinessDays, Lookback};

use super::document::Node;
use super::problem::{Code, Problem, Problems};
use super::units::{SPAN_FORM, parse_span, show_span};

const SPAN_MIN: Span = Span::from_seconds(10);

/// The longest span of time; business days have a limit of their own.
pub(super) const SPAN_MAX: Span = Span::from_seconds(30 * 86_400);

/// How far back a window may begin, its delay included.
const REACH_MAX: Span = Span::from_seconds(37 * 86_400);

/// The longest delay of a window in business days, which has no length of its own.
const BUSINESS_DELAY_MAX: Span = Span::from_seconds(7 * 86_400);

const DELAY_MIN: Span = Span::from_seconds(1);

const FORM: &str = "a number with a unit: ms, s, m, h or d, such as \"10m\"; or so many \
     business days, such as \"10 business days\"";

/// What is known of the calendar that a rule set names.
#[derive(Clone, Copy)]
pub(super) enum NamedCalendar<'c> {
    /// It names none.
    None,
    /// It names one that is not sound, which was reported.
    Unsound,
    /// It names this one.
    Sound(&'c Arc<BusinessCalendar>),
}

/// How far back `node` says.
pub(super) fn read_window(
    node: &Node,
    calendar: NamedCalendar<'_>,
    problems: &mut Problems,
) -> Option<Lookback> {
    let text = node.text(FORM, problems)?;
    if let Some(count) = business_days_in(&text) {
        return read_business_days(node, &text, count, calendar, problems);
    }
    let Some(span) = parse_span(&text) else {
        let problem = Problem::error(&node.spot, format!("`{text}` is no span of time"));
        problems.push(problem.code(Code::WrongUnit).expected(FORM));
        return None;
    };
    if !(SPAN_MIN..=SPAN_MAX).contains(&span) {
        let problem = Problem::error(&node.spot, format!("the window `{text}` is out of range"));
        problems.push(problem.code(Code::OutOfRange).expected("10s to 30d"));
        return None;
    }
    Some(span.into())
}

/// How long before now `window` ends, as `node` says.
pub(super) fn read_delay(
    node: &Node,
    window: Option<&Lookback>,
    problems: &mut Problems,
) -> Option<Span> {
    let text = node.text(SPAN_FORM, problems)?;
    let Some(delay) = parse_span(&text) else {
        let problem = Problem::error(&node.spot, format!("`{text}` is no span of time"));
        problems.push(problem.expected(SPAN_FORM));
        return None;
    };
    let longest = match window {
        Some(Lookback::Span(span)) => Span::from_millis(REACH_MAX.millis() - span.millis()),
        Some(Lookback::BusinessDays(_)) | None => BUSINESS_DELAY_MAX,
    };
    if !(DELAY_MIN..=longest).contains(&delay) {
        let problem = Problem::error(&node.spot, format!("the delay `{text}` is out of range"));
        let expected = match window {
            Some(Lookback::BusinessDays(_)) => "1s to 7d where business days are counted",
            Some(Lookback::Span(_)) | None => "from 1s; window and delay together at most 37d",
        };
        problems.push(problem.expected(expected).help("leave `delay` out where there is none"));
        return None;
    }
    Some(delay)
}

/// `window` as a file would say it.
pub fn show_window(window: &Lookback) -> String {
    match window {
        Lookback::Span(span) => show_span(*span),
        Lookback::BusinessDays(days) if days.count() == 1 => "1 business day".to_owned(),
        Lookback::BusinessDays(days) => format!("{} business days", days.count()),
    }
}

/// The digits before `business days`; `None` where `text` speaks of something else.
fn business_days_in(text: &str) -> Option<&str> {
    let (count, what) = text.split_once(' ')?;
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    (is_count && matches!(what, "business day" | "business days")).then_some(count)
}

fn read_business_days(
    node: &Node,
    text: &str,
    count: &str,
    calendar: NamedCalendar<'_>,
    problems: &mut Problems,
) -> Option<Lookback> {
    let count = count.parse().ok().filter(|count| (1..=BUSINESS_DAYS_MAX).contains(count));
    let Some(count) = count else {
        let problem = Problem::error(&node.spot, format!("the window `{text}` is out of range"));
        let expected = format!("1 to {BUSINESS_DAYS_MAX} business days");
        problems.push(problem.code(Code::OutOfRange).expected(expected));
        return None;
    };
    let calendar = match calendar {
        NamedCalendar::Sound(calendar) => calendar,
        NamedCalendar::Unsound => return None,
        NamedCalendar::None => {
            let what = "this rule set names no calendar: which days are business days?";
            let problem = Problem::error(&node.spot, what);
            problems
                .push(problem.expected("`calendar = \"calendar.toml\"` before the first [table]"));
            return None;
        }
    };
    let days = BusinessDays::new(count, Arc::clone(calendar));
    if days.is_none() {
        let known = calendar.starts().len();
        let what = format!("the calendar has {known} business days in all");
        problems.push(Problem::error(&node.spot, what).expected("at most so many"));
    }
    days.map(Lookback::BusinessDays)
}
