//! One message of a story.

use std::sync::Arc;

use crate::domain::{Outcome, Reason, Span};

use super::super::document::{Fields, Node};
use super::super::names::read_choice;
use super::super::problem::{Code, Problem, Problems, Spot};
use super::super::units::{SPAN_FORM, parse_span, show_span};
use super::expected::{Answered, Expected, NOTED};
use super::payment::{Payment, Written};
use super::story::Reader;
use crate::engine::rules::RuleSet;

/// The most that one step is repeated.
const TIMES_MAX: i64 = 1_000;

/// What kind of message a step sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// 0100: to be judged.
    Request,
    /// 0101: the request again.
    Repeat,
    /// 0120: what somebody else decided.
    Advice,
    /// 0110: what the host decided of a request.
    Notice,
    /// 0420: takes back all of a request, or a part.
    Reversal,
    /// 0100 that adds to the amount of an earlier one.
    Incremental,
}

const MESSAGES: [(&str, Message); 6] = [
    ("request", Message::Request),
    ("repeat", Message::Repeat),
    ("advice", Message::Advice),
    ("notice", Message::Notice),
    ("reversal", Message::Reversal),
    ("incremental", Message::Incremental),
];

/// What the host, or somebody else, decided, with a code of DE39 that says so.
const OUTCOMES: [(&str, &str); 4] =
    [("approved", "00"), ("declined", "51"), ("stepped_up", "1A"), ("failed", "91")];

/// One message of a story, and what is to come of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// When it is sent, after the story's beginning.
    pub at: Span,
    /// What kind of message it is.
    pub message: Message,
    /// The authorisation that it is.
    pub id: Arc<str>,
    /// The authorisation that it refers to.
    pub original: Option<Arc<str>>,
    /// What it is like: fields of the contract.
    pub fields: Vec<(&'static str, Written)>,
    /// What is to come of it.
    pub expected: Expected,
    payment: Payment,
    spot: Spot,
}

impl Step {
    /// `"a story", after 5m`.
    fn told(&self, story: &str) -> String {
        match self.at {
            Span::ZERO => format!("\"{story}\", at first"),
            at => format!("\"{story}\", after {}", show_span(at)),
        }
    }

    pub(super) fn expects_nothing(&self) -> bool {
        self.expected.is_nothing()
    }

    /// Where what came of it differs from what was expected, in `story`.
    pub fn compare(&self, answered: Answered<'_>, story: &str, rule_set: &RuleSet) -> Problems {
        let told = self.told(story);
        self.expected.compare(answered, &told, rule_set)
    }

    /// The message is refused: it was never judged.
    pub fn refused(&self, story: &str, why: &str) -> Problem {
        let what = format!("{}: this message is refused: {why}", self.told(story));
        Problem::error(&self.spot, what)
            .code(Code::InvalidValue)
            .expected("a message that is taken")
    }
}

/// When a step is sent, how often and at which interval.
struct Times {
    at: Span,
    count: i64,
    every: Span,
}

impl Reader<'_> {
    /// The messages that `node` stands for, the first of them not before `now`.
    pub(super) fn step(
        &mut self,
        node: &Node,
        payment: &Payment,
        now: Span,
        earlier: &[Step],
    ) -> Option<Vec<Step>> {
        let table = node.table("a message in braces, such as { at = \"5m\" }", self.problems)?;
        let mut fields = Fields::new(table, "a message", &node.spot, self.is_whole);
        let message = match fields.find("message") {
            None => Message::Request,
            Some(node) => read_choice(node, &MESSAGES, self.problems)?,
        };
        let times = self.times(&mut fields, now);
        let id = fields.find("id");
        let id = id.and_then(|node| node.text("a name of the message", self.problems));
        let original = self.original(&mut fields, message, earlier);
        let mut payment = match (message, &original) {
            (Message::Request | Message::Advice | Message::Incremental, _) | (_, None) => {
                payment.clone()
            }
            (_, Some(original)) => original.payment.clone(),
        };
        if message == Message::Reversal {
            // All of it is taken back, unless an amount is named.
            payment.leave_out("amount");
            payment.leave_out("billing_amount");
        }
        payment.read_over(&mut fields, self.problems);
        let outcome = self.outcome(&mut fields, message);
        let expected = self.expected(&mut fields, message);
        fields.finish(self.problems);
        let Times { at, count, every } = times?;
        let mut sent = payment.clone().into_fields();
        sent.extend(outcome.map(|code| ("response_code", Written::Text(code.to_owned()))));
        let original = original.map(|step| Arc::clone(&step.id));
        let steps = (0..count).map(|time| {
            let number = earlier.len() + usize::try_from(time).unwrap_or(0) + 1;
            let own = id.clone().unwrap_or_else(|| format!("message-{number}"));
            let is_the_same = matches!(message, Message::Repeat | Message::Notice);
            Step {
                at: Span::from_millis(at.millis() + every.millis() * time),
                message,
                id: original.clone().filter(|_| is_the_same).unwrap_or_else(|| own.into()),
                original: original.clone().filter(|_| !is_the_same),
                fields: sent.clone(),
                expected: expected.clone(),
                payment: payment.clone(),
                spot: node.spot.clone(),
            }
        });
        Some(steps.collect())
    }

    fn times(&mut self, fields: &mut Fields<'_>, now: Span) -> Option<Times> {
        let at = fields.find("at");
        let after = fields.find("after");
        let at = match (at, after) {
            (None, None) => Some(now),
            (Some(node), None) => {
                let at = self.span(node)?;
                if at < now {
                    let what = "this is sent before the message before it";
                    let problem = Problem::error(&node.spot, what).code(Code::OutOfRange);
                    let expected = format!("{} or more after the beginning", show_span(now));
                    self.problems.push(problem.expected(expected));
                }
                Some(at)
            }
            (None, Some(node)) => self.span(node).map(|after| now.plus(after)),
            (Some(_), Some(node)) => {
                let what = "`at` says already when this is sent";
                let problem = Problem::error(&node.spot, what);
                self.problems.push(problem.expected("`at` or `after`, not both"));
                None
            }
        };
        let count = match fields.find("times") {
            None => 1,
            Some(node) => {
                let expected = format!("a whole number from 1 to {TIMES_MAX}");
                let count = node.integer(&expected, self.problems)?;
                if !(1..=TIMES_MAX).contains(&count) {
                    let problem = Problem::error(&node.spot, format!("{count} is out of range"));
                    self.problems.push(problem.code(Code::OutOfRange).expected(expected));
                    return None;
                }
                count
            }
        };
        let every = match fields.find("every") {
            None => Span::ZERO,
            Some(node) => self.span(node)?,
        };
        Some(Times { at: at?, count, every })
    }

    fn span(&mut self, node: &Node) -> Option<Span> {
        let text = node.text(SPAN_FORM, self.problems)?;
        // No story is longer than the windows of ten years.
        let longest = Span::from_seconds(10 * 366 * 86_400);
        let span = parse_span(&text).filter(|span| *span <= longest);
        if span.is_none() {
            let problem = Problem::error(&node.spot, format!("`{text}` is no span of time"));
            self.problems.push(problem.code(Code::WrongUnit).expected(SPAN_FORM));
        }
        span
    }

    /// The earlier message that a message is about.
    fn original<'e>(
        &mut self,
        fields: &mut Fields<'_>,
        message: Message,
        earlier: &'e [Step],
    ) -> Option<&'e Step> {
        let node = match message {
            Message::Request => return None,
            Message::Advice => fields.find("of")?,
            Message::Repeat | Message::Notice | Message::Reversal | Message::Incremental => {
                fields.require("of", "the `id` of the message that this one is about")?
            }
        };
        let name = node.text("the `id` of an earlier message", self.problems)?;
        let found = earlier.iter().rev().find(|step| *step.id == *name);
        if found.is_none() {
            let what = format!("no earlier message has the id `{name}`");
            let ids = earlier.iter().map(|step| step.id.as_ref());
            let problem = Problem::error(&node.spot, what).code(Code::UnknownName);
            let problem = problem.expected("the `id` of an earlier message of this story");
            self.problems.push(problem.guess(&name, ids));
        }
        found
    }

    /// The code of DE39 that an advice or a notice tells.
    fn outcome(&mut self, fields: &mut Fields<'_>, message: Message) -> Option<&'static str> {
        let purpose = "`approved`, `declined`, `stepped_up` or `failed`: what was decided";
        match message {
            Message::Advice | Message::Notice => {
                let node = fields.require("outcome", purpose)?;
                read_choice(node, &OUTCOMES, self.problems)
            }
            Message::Request | Message::Repeat | Message::Reversal | Message::Incremental => None,
        }
    }

    fn expected(&mut self, fields: &mut Fields<'_>, message: Message) -> Expected {
        let mut expected = Expected::default();
        let is_judged =
            matches!(message, Message::Request | Message::Repeat | Message::Incremental);
        let expect = fields.find("expect");
        if !is_judged {
            let noted = expect.and_then(|node| {
                read_choice(node, &NOTED, self.problems).map(|it| (it, node.spot.clone()))
            });
            return Expected { noted, ..expected };
        }
        let outcomes = Outcome::ALL.map(|it| (it.name(), it));
        let reasons = Reason::ALL.map(|it| (it.name(), it));
        expected.outcome = expect.and_then(|node| {
            read_choice(node, &outcomes, self.problems).map(|it| (it, node.spot.clone()))
        });
        expected.reason = fields.find("reason").and_then(|node| {
            read_choice(node, &reasons, self.problems).map(|it| (it, node.spot.clone()))
        });
        expected.score = fields.find("score").and_then(|node| {
            let score = node.integer("a score from 0 to 999", self.problems)?;
            u16::try_from(score).ok().map(|score| (score, node.spot.clone()))
        });
        let fired = fields.find("fired");
        expected.fired = fired.map_or_else(Vec::new, |node| self.rules_named(node));
        let not_fired = fields.find("not_fired");
        expected.not_fired = not_fired.map_or_else(Vec::new, |node| self.rules_named(node));
        expected
    }

    /// The rules that `node` lists.
    fn rules_named(&mut self, node: &Node) -> Vec<(Arc<str>, Spot)> {
        let rules = self.rule_set.rules();
        let named = node.texts("names of rules, in brackets", self.problems).unwrap_or_default();
        let mut found = Vec::new();
        for (name, spot) in named {
            if let Some(rule) = rules.iter().find(|rule| **rule.name() == *name) {
                found.push((Arc::clone(rule.name()), spot));
                continue;
            }
            let known = rules.iter().map(|rule| rule.name().as_ref());
            let problem = Problem::error(&spot, format!("there is no rule `{name}`"))
                .code(Code::UnknownName)
                .expected("a rule of the rule set")
                .guess(&name, known);
            self.problems.push(problem);
        }
        found
    }
}
