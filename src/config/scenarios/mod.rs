//! `scenarios.toml`: short stories of authorisations, and what is to come of them.
//!
//! ```text
//! [payment] ──► each story's `payment` ──► each step ──► the fields of a message
//!                                          expect, reason, fired, not_fired ──► Expected
//! ```
//!
//! Here they are read and their answers compared; `lab` sends them through the engine.

mod expected;
mod payment;
mod sight;
mod step;
mod story;

use std::path::Path;

pub use expected::{Answered, Expected};
pub use payment::Written;
pub use step::{Message, Step};
pub use story::Story;

use self::payment::Payment;
use super::document::{Document, Fields};
use super::load::read_text;
use super::names::{check_double, tables_of};
use super::problem::{Code, Problem, Problems};
use crate::engine::rules::RuleSet;

/// The most stories in a file.
const STORIES_COUNT_MAX: usize = 10_000;

/// The stories in the file `path`, about `rule_set`.
///
/// # Errors
/// All [`Problems`] of the file.
pub fn load_stories(path: &Path, rule_set: &RuleSet) -> Result<Vec<Story>, Problems> {
    let mut problems = Problems::default();
    let Some(text) = read_text(path, None, &mut problems) else {
        return Err(problems);
    };
    let document = Document::parse(path, &text);
    let stories = read_stories(&document, rule_set, &mut problems);
    problems.append_syntax(document.syntax);
    if problems.errors_count() == 0 { Ok(stories) } else { Err(problems.sorted()) }
}

fn read_stories(document: &Document, rule_set: &RuleSet, problems: &mut Problems) -> Vec<Story> {
    let is_whole = document.is_whole();
    let mut top = Fields::new(&document.table, "the scenarios", &document.top, is_whole);
    let begins_at = story::begins_at(&mut top, problems);
    let payment = Payment::default().with_table(&mut top, "[payment]", is_whole, problems);
    let mut stories: Vec<Story> = Vec::new();
    let tables = tables_of(&mut top, "story", problems);
    if let Some((_, head)) = tables.get(STORIES_COUNT_MAX) {
        let problem = Problem::error(head, format!("there are {} stories", tables.len()));
        let problem = problem.code(Code::OutOfRange);
        problems.push(problem.expected(format!("at most {STORIES_COUNT_MAX}")));
    }
    if tables.is_empty() && is_whole {
        let problem = Problem::error(&document.top, "there is no story").code(Code::MissingKey);
        problems.push(problem.expected("at least one [[story]]"));
    }
    for (table, head) in tables.into_iter().take(STORIES_COUNT_MAX) {
        let mut reader = story::Reader { rule_set, is_whole, payment: &payment, problems };
        let Some(story) = reader.story(table, &head, begins_at) else {
            continue;
        };
        check_double("story", &story.name, &story.spot, problems, || {
            stories.iter().map(|earlier| (earlier.name.as_ref(), &earlier.spot))
        });
        stories.push(story);
    }
    top.finish(problems);
    stories
}
