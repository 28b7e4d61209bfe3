//! `[first_start]`: where a partition begins that nothing was ever answered of.

use std::fmt;

use super::document::Node;
use super::moment::{parse_moment, show_moment};
use super::problem::{Problem, Problems};
use super::section::Section;
use crate::domain::EventTime;

/// Where the partitions begin whose answers were never written: read for these alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FirstStart {
    /// From where on inputs are read; never [`StartAt::End`].
    pub history_from: StartAt,
    /// From where on they are answered. What lies before it is history: it fills windows
    /// and gets no answer.
    pub answer_from: StartAt,
}

/// A place in a partition of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartAt {
    /// Its first record that is still there.
    Beginning,
    /// Behind its last record at the start.
    End,
    /// The first record that the broker appended then or later.
    At(EventTime),
}

impl fmt::Display for StartAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning => f.write_str("beginning"),
            Self::End => f.write_str("end"),
            Self::At(moment) => f.write_str(&show_moment(*moment)),
        }
    }
}

const HISTORY_FORM: &str =
    "\"beginning\", or a time with its zone, such as \"2026-11-24T08:00:00+08:00\"";
const ANSWER_FORM: &str =
    "\"beginning\", \"end\", or a time with its zone, such as \"2026-11-24T08:00:00+08:00\"";

pub(super) fn first_start(section: &mut Section<'_>) -> Option<FirstStart> {
    let purpose = "from where on inputs fill the windows at the first start";
    let history = section.require("history_from", purpose);
    let purpose = "from where on inputs are answered at the first start";
    let answer = section.require("answer_from", purpose);
    let history_from = history.and_then(|node| read(node, HISTORY_FORM, section.problems));
    let answer_from = answer.and_then(|node| read(node, ANSWER_FORM, section.problems));
    if history_from == Some(StartAt::End) {
        let problem = Problem::error(&history?.spot, "history cannot begin at the end");
        section.problems.push(problem.expected(HISTORY_FORM));
        return None;
    }
    let (history_from, answer_from) = (history_from?, answer_from?);
    if lies_behind(history_from, answer_from) {
        let what =
            format!("history would begin behind the answers: `answer_from` is {answer_from}");
        let problem = Problem::error(&history?.spot, what);
        section.problems.push(problem.expected("a time that is not behind `answer_from`"));
        return None;
    }
    Some(FirstStart { history_from, answer_from })
}

fn lies_behind(history_from: StartAt, answer_from: StartAt) -> bool {
    match (history_from, answer_from) {
        (StartAt::At(history), StartAt::At(answer)) => history > answer,
        (StartAt::At(_), StartAt::Beginning) => true,
        (StartAt::Beginning | StartAt::End | StartAt::At(_), _) => false,
    }
}

fn read(node: &Node, expected: &str, problems: &mut Problems) -> Option<StartAt> {
    let text = node.text_or_time(expected, problems)?;
    match text.as_str() {
        "beginning" => return Some(StartAt::Beginning),
        "end" => return Some(StartAt::End),
        _ => {}
    }
    let moment = parse_moment(&text).map(StartAt::At);
    if moment.is_none() {
        let what = format!("`{text}` is no time of the years 2000 to 2099 with a zone");
        problems.push(Problem::error(&node.spot, what).expected(expected));
    }
    moment
}
