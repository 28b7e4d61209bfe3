//! What is to come of a message, and what is said where something else came.

use std::sync::Arc;

use crate::domain::{Authorisation, Decision, Noted, Outcome, Reason};
use crate::engine::rules::{Mode, Rule, RuleSet};

use super::super::problem::{Code, Problem, Problems, Spot};
use super::sight::Sight;

/// What is to come of a message, each with its place in the file. What is not said may be
/// anything.
#[derive(Clone, Default, Debug)]
pub struct Expected {
    pub(super) outcome: Option<(Outcome, Spot)>,
    pub(super) reason: Option<(Reason, Spot)>,
    pub(super) score: Option<(u16, Spot)>,
    pub(super) noted: Option<(Noted, Spot)>,
    pub(super) fired: Vec<(Arc<str>, Spot)>,
    pub(super) not_fired: Vec<(Arc<str>, Spot)>,
}

/// What came.
#[derive(Clone, Copy, Debug)]
pub enum Answered<'a> {
    /// The message was judged.
    Decision(&'a Decision, &'a Authorisation<'a>),
    /// It was noted.
    Noted(Noted),
}

impl Expected {
    /// The rules that are to fire.
    pub fn fired(&self) -> impl Iterator<Item = &Arc<str>> {
        self.fired.iter().map(|(name, _)| name)
    }

    /// The rules that are not to fire.
    pub fn not_fired(&self) -> impl Iterator<Item = &Arc<str>> {
        self.not_fired.iter().map(|(name, _)| name)
    }

    pub(super) fn is_nothing(&self) -> bool {
        let Self { outcome, reason, score, noted, fired, not_fired } = self;
        let is_none = outcome.is_none() && reason.is_none() && score.is_none() && noted.is_none();
        is_none && fired.is_empty() && not_fired.is_empty()
    }

    /// Where it differs from what `answered` says, in the story's step `told`.
    pub(super) fn compare(
        &self,
        answered: Answered<'_>,
        told: &str,
        rule_set: &RuleSet,
    ) -> Problems {
        let mut problems = Problems::default();
        match answered {
            Answered::Noted(came) => {
                if let Some((noted, spot)) = &self.noted
                    && *noted != came
                {
                    let what = format!("{told}: it came to `{}`", noted_name(came));
                    let problem = Problem::error(spot, what).code(Code::Scenario);
                    problems.push(problem.expected(format!("`{}`", noted_name(*noted))));
                }
            }
            Answered::Decision(decision, auth) => {
                let sight = Sight { rule_set, decision, auth };
                self.compare_outcome(&sight, told, &mut problems);
                self.compare_rules(&sight, told, &mut problems);
            }
        }
        problems
    }

    fn compare_outcome(&self, sight: &Sight<'_>, told: &str, problems: &mut Problems) {
        let Decision { outcome: came, reason, score, .. } = sight.decision;
        let why = reason.map_or_else(String::new, |reason| format!(" for {}", reason.name()));
        let mut differs = |spot: &Spot, what: String, expected: String| {
            let problem = Problem::error(spot, format!("{told}: {what}")).code(Code::Scenario);
            problems.push(problem.expected(expected).help(sight.fired()));
        };
        match &self.outcome {
            Some((expected, spot)) if expected != came => {
                let what = format!("{} came{why}, score {score}", came.name());
                differs(spot, what, format!("`{}`", expected.name()));
            }
            Some(_) | None => {}
        }
        match &self.reason {
            // Of another outcome the reason was told already.
            Some((expected, spot))
                if Some(*expected) != *reason
                    && self.outcome.as_ref().is_none_or(|(outcome, _)| outcome == came) =>
            {
                let what = format!("{} came{why}", came.name());
                differs(spot, what, format!("`{}`", expected.name()));
            }
            Some(_) | None => {}
        }
        if let Some((expected, spot)) = &self.score
            && expected != score
        {
            differs(spot, format!("the score is {score}"), expected.to_string());
        }
    }

    fn compare_rules(&self, sight: &Sight<'_>, told: &str, problems: &mut Problems) {
        let rules = sight.rule_set.rules();
        let named = |name: &Arc<str>| rules.iter().find(|rule| rule.name() == name);
        for (name, spot) in &self.fired {
            if let Some(rule) = named(name).filter(|rule| !sight.has_fired(rule)) {
                let what = format!("{told}: `{name}` did not fire");
                let problem = Problem::error(spot, what).code(Code::Scenario);
                let saw = format!("it saw {}", sight.values(rule));
                problems.push(problem.expected("it to fire").help(saw));
            }
        }
        for (name, spot) in &self.not_fired {
            if let Some(rule) = named(name).filter(|rule| sight.has_fired(rule)) {
                let what = format!("{told}: `{name}` fired{}", mode_of(rule));
                let problem = Problem::error(spot, what).code(Code::Scenario);
                let saw = format!("it saw {}", sight.values(rule));
                problems.push(problem.expected("it not to fire").help(saw));
            }
        }
    }
}

fn mode_of(rule: &Rule) -> &'static str {
    match rule.mode() {
        Mode::Live => "",
        Mode::Shadow => ", in shadow",
    }
}

/// What a story calls what became of a message that is noted.
pub(super) const NOTED: [(&str, Noted); 5] = [
    ("applied", Noted::Applied),
    ("pending", Noted::Pending),
    ("nothing_to_do", Noted::NothingToDo),
    ("outside_windows", Noted::OutsideWindows),
    ("over_reversed", Noted::OverReversed),
];

fn noted_name(noted: Noted) -> &'static str {
    NOTED.iter().find(|(_, other)| *other == noted).map_or("echo", |(name, _)| name)
}
