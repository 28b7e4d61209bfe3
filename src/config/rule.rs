//! `[[rule]]`: when it fires and what it does.

use crate::domain::Reason;
use crate::engine::rules::{Action, Mode, POINTS_MAX, Rule};

use super::condition::read_condition;
use super::document::{Entry, Node, Table, one_of};
use super::names::{read_name, require_entry, title_of};
use super::problem::{Code, Problem, Spot};
use super::rules::{Placed, Reader};
use super::vocabulary::Vocabulary;

impl Reader<'_> {
    pub(super) fn rule(
        &mut self,
        table: &Table,
        head: &Spot,
        vocabulary: &Vocabulary,
    ) -> Option<Placed> {
        let title = title_of(table, "rule");
        let mut fields = self.fields(table, title, head);
        let name = read_name(&mut fields, "what the rule is called in decisions", self.problems);
        let condition =
            fields.require("when", "the condition under which the rule fires").and_then(|node| {
                let text = node.text("a condition in quotes", self.problems)?;
                read_condition(node, &text, vocabulary, self.problems)
            });
        let then = require_entry(
            &mut fields,
            "then",
            "what the rule does: { points = N, reason = \"…\" }, { decline = \"…\" }, \
             { step_up = true } or { tag = true }",
        );
        let action = then.and_then(|entry| self.action(entry));
        let purpose = "`live` or `shadow`: whether the rule counts";
        let mode = self.choice(&mut fields, "mode", purpose, &Mode::ALL.map(|it| (it.name(), it)));
        if let Some(node) = fields.find("description") {
            node.text("a text", self.problems);
        }
        fields.finish(self.problems);
        let condition = condition?;
        if let (Some(Action::StepUp), Some(entry)) = (action, then)
            && condition.asks_for_merchant_initiated()
        {
            let what = "this steps up merchant-initiated payments: nobody is there to authenticate";
            let problem = Problem::error(&entry.node.spot, what);
            let problem = problem.code(Code::ImpossibleOutcome);
            self.problems.push(problem.expected("points or decline, or another condition"));
        }
        let (name, place) = name?;
        Some(Placed { rule: Rule::new(name, condition, action?, mode?), name: place })
    }

    fn action(&mut self, entry: &Entry) -> Option<Action> {
        const EXPECTED: &str = "one of `points`, `decline`, `step_up` and `tag`";
        let table = entry.node.table("a table in braces", self.problems)?;
        let mut fields = self.fields(table, "`then`", &entry.node.spot);
        let points = fields.find("points");
        let reason = fields.find("reason");
        let decline = fields.find("decline");
        let step_up = fields.find("step_up");
        let tag = fields.find("tag");
        fields.finish(self.problems);
        match (points, decline, step_up, tag) {
            (Some(points), None, None, None) => self.points(points, reason),
            (None, Some(decline), None, None) => {
                self.no_reason(reason, "`decline` names the reason itself");
                let reason = self.reason(decline)?;
                Some(Action::Decline { reason })
            }
            (None, None, Some(flag), None) => {
                self.no_reason(reason, "a step-up is its own reason");
                self.flag(flag, Action::StepUp)
            }
            (None, None, None, Some(flag)) => {
                self.no_reason(reason, "a tag has no reason");
                self.flag(flag, Action::Tag)
            }
            (None, None, None, None) => {
                let problem = Problem::error(&entry.node.spot, "this rule does nothing");
                self.problems.push(problem.expected(EXPECTED));
                None
            }
            _ => {
                let problem = Problem::error(&entry.node.spot, "this rule does two things at once");
                self.problems.push(problem.expected(EXPECTED).help("write two rules"));
                None
            }
        }
    }

    fn points(&mut self, node: &Node, reason: Option<&Node>) -> Option<Action> {
        let expected =
            format!("1 to {POINTS_MAX}, or -{POINTS_MAX} to -1 to speak for the payment");
        let points = node.integer(&expected, self.problems);
        if points == Some(0) {
            let problem = Problem::error(&node.spot, "0 points do nothing");
            self.problems.push(
                problem.expected(expected).help("write `then = { tag = true }` to report only"),
            );
            return None;
        }
        let points = self.within(node, points?, -POINTS_MAX, POINTS_MAX, &expected);
        match (points?, reason) {
            (points @ 1.., Some(reason)) => {
                let reason = self.reason(reason)?;
                Some(Action::Points { points, reason })
            }
            (1.., None) => {
                let problem = Problem::error(&node.spot, "these points have no reason");
                let example = "`reason` beside them, such as reason = \"suspected_fraud\"";
                self.problems.push(problem.expected(example));
                None
            }
            (points, reason) => {
                self.no_reason(reason, "points below zero stand for no reason");
                Some(Action::Relief { points: -points })
            }
        }
    }

    fn reason(&mut self, node: &Node) -> Option<Reason> {
        let allowed = || Reason::ALL.into_iter().filter(|it| Action::may_stand_for(*it));
        let quoted: Vec<_> = allowed().map(|it| format!("`{}`", it.name())).collect();
        let expected = one_of(&quoted);
        let written = node.text(&expected, self.problems)?;
        let found = Reason::ALL.into_iter().find(|it| it.name() == written);
        let problem = match found {
            Some(reason) if Action::may_stand_for(reason) => return Some(reason),
            Some(Reason::AuthenticationRequired) => {
                let what = "asking the cardholder to authenticate is no reason to decline";
                Problem::error(&node.spot, what)
                    .code(Code::ImpossibleOutcome)
                    .expected(expected)
                    .help("write `then = { step_up = true }`")
            }
            Some(reason) => {
                let source =
                    if reason.is_for_fail_policy() { "the fail policy" } else { "a stop order" };
                let what = format!("`{written}` comes from {source}, never from a rule");
                Problem::error(&node.spot, what).code(Code::ImpossibleOutcome).expected(expected)
            }
            None => Problem::error(&node.spot, format!("unknown reason `{written}`"))
                .code(Code::UnknownValue)
                .expected(expected)
                .guess(&written, allowed().map(Reason::name)),
        };
        self.problems.push(problem);
        None
    }

    fn no_reason(&mut self, reason: Option<&Node>, why: &str) {
        if let Some(node) = reason {
            let problem = Problem::error(&node.spot, format!("no `reason` belongs here: {why}"));
            self.problems.push(problem.expected("no `reason`"));
        }
    }

    fn flag(&mut self, node: &Node, action: Action) -> Option<Action> {
        let is_set = node.boolean(self.problems)?;
        if !is_set {
            let problem = Problem::error(&node.spot, "this rule does nothing");
            self.problems.push(problem.expected("`true`"));
            return None;
        }
        Some(action)
    }
}
