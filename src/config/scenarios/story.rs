//! `[[story]]`: one account's day, or as much of it as a rule needs.

use std::sync::Arc;

use crate::domain::{EventTime, Span};
use crate::engine::rules::RuleSet;

use super::super::document::{Fields, Node, Table};
use super::super::moment::parse_moment;
use super::super::problem::{Code, Problem, Problems, Spot};
use super::payment::Payment;
use super::step::Step;

/// The most messages of a story.
const MESSAGES_COUNT_MAX: usize = 10_000;

/// When stories begin that do not say: a Wednesday morning in Shanghai.
const BEGINS_AT_MILLIS: i64 = 1_772_589_600_000;

/// One story: messages to an engine that knows nothing yet, and what is to come of them.
#[derive(Clone, Debug)]
pub struct Story {
    /// What it is called.
    pub name: Arc<str>,
    /// When it begins.
    pub begins_at: EventTime,
    /// The messages, in the order in which they are sent.
    pub steps: Vec<Step>,
    pub(super) spot: Spot,
}

pub(super) struct Reader<'r> {
    pub(super) rule_set: &'r RuleSet,
    pub(super) is_whole: bool,
    /// What every payment is like, unless it is said otherwise.
    pub(super) payment: &'r Payment,
    pub(super) problems: &'r mut Problems,
}

impl Reader<'_> {
    pub(super) fn story(
        &mut self,
        table: &Table,
        head: &Spot,
        begins_at: EventTime,
    ) -> Option<Story> {
        let mut fields = Fields::new(table, "[[story]]", head, self.is_whole);
        let name = fields.require("name", "what the story tells, in a few words");
        let name = name.and_then(|node| {
            let name = node.text("a text in quotes", self.problems)?;
            if name.trim().is_empty() {
                let problem = Problem::error(&node.spot, "this name is empty");
                self.problems.push(problem.expected("what the story tells, in a few words"));
                return None;
            }
            Some((Arc::<str>::from(name), node.spot.clone()))
        });
        let begins_at = if fields.find("begins_at").is_some() {
            self::begins_at(&mut fields, self.problems)
        } else {
            begins_at
        };
        let payment = self.payment.clone();
        let payment = payment.with_table(&mut fields, "`payment`", self.is_whole, self.problems);
        let steps = fields.require("steps", "the messages, such as [{ expect = \"approve\" }]");
        let steps = steps.and_then(|node| {
            let nodes = node.list("messages in brackets, each a table in braces", self.problems)?;
            if nodes.is_empty() {
                let problem = Problem::error(&node.spot, "nothing happens in this story");
                self.problems.push(problem.expected("at least one message"));
            }
            Some((self.steps(&nodes, &payment), node.spot.clone()))
        });
        fields.finish(self.problems);
        let ((name, spot), (steps, steps_spot)) = (name?, steps?);
        if self.problems.errors_count() == 0 && steps.iter().all(Step::expects_nothing) {
            let problem = Problem::error(&steps_spot, "this story expects nothing");
            let problem = problem.code(Code::MissingKey);
            self.problems
                .push(problem.expected("`expect`, `fired` or `not_fired` at some message"));
        }
        Some(Story { name, begins_at, steps, spot })
    }

    fn steps(&mut self, nodes: &[Node], payment: &Payment) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        let mut now = Span::ZERO;
        for node in nodes {
            let Some(found) = self.step(node, payment, now, &steps) else {
                continue;
            };
            if steps.len() + found.len() > MESSAGES_COUNT_MAX {
                let problem = Problem::error(&node.spot, "this story has too many messages");
                let problem = problem.code(Code::OutOfRange);
                self.problems.push(problem.expected(format!("at most {MESSAGES_COUNT_MAX}")));
                break;
            }
            now = found.last().map_or(now, |step| step.at);
            steps.extend(found);
        }
        steps
    }
}

/// When stories begin, as `fields` say.
pub(super) fn begins_at(fields: &mut Fields<'_>, problems: &mut Problems) -> EventTime {
    const EXPECTED: &str = "a time with its zone, such as 2026-03-04T10:00:00+08:00";
    let usual = EventTime::nearest_to(BEGINS_AT_MILLIS);
    let Some(node) = fields.find("begins_at") else {
        return usual;
    };
    let Some(text) = node.text_or_time(EXPECTED, problems) else {
        return usual;
    };
    parse_moment(&text).unwrap_or_else(|| {
        let what = format!("`{text}` is no time of the years 2000 to 2099 with a zone");
        problems.push(Problem::error(&node.spot, what).expected(EXPECTED));
        usual
    })
}
