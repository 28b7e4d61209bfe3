//! What is wrong with a file, where, and what to do about it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

pub use super::problem_code::Code;

/// Where settings come from: a file, a variable or an option, with its text.
#[derive(Debug)]
pub(super) struct Source {
    /// As shown: a path, or what kind of thing it is.
    pub(super) name: String,
    /// What paths in it are relative to; `None` is the working directory.
    pub(super) directory: Option<PathBuf>,
    /// As read.
    pub(super) text: String,
    /// Where its lines begin, in bytes.
    line_starts: Vec<usize>,
}

impl Source {
    pub(super) fn new(name: String, directory: Option<PathBuf>, text: String) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { name, directory, text, line_starts }
    }

    /// The line that holds `at`, counted from 1, and where it begins.
    fn line_at(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|start| *start <= at);
        let start = self.line_starts.get(line.saturating_sub(1));
        (line.max(1), start.copied().unwrap_or(0))
    }
}

/// A stretch of a source, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

impl Spot {
    /// The stretch `span` of the same source.
    pub(super) fn at(&self, span: Range<usize>) -> Self {
        Self { source: Arc::clone(&self.source), span }
    }

    /// The text that it covers.
    pub(super) fn text(&self) -> &str {
        self.source.text.get(self.span.clone()).unwrap_or_default()
    }

    /// `file:line:column`, as editors understand it.
    pub(super) fn origin(&self) -> String {
        let place = Place::of(self);
        format!("{}:{}:{}", place.file, place.line, place.column)
    }
}

/// Whether a problem stops the load.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Nothing is loaded.
    Error,
    /// It loads, and is probably not what was meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What kind of problem it is.
    pub code: Code,
    /// Whether it stops the load.
    pub severity: Severity,
    /// Where it is; `None` where it is not in a text.
    pub place: Option<Place>,
    /// What was seen.
    pub what: String,
    /// What was expected there instead; may be empty.
    pub expected: String,
    /// What to do.
    pub remedy: Option<String>,
}

/// Where a problem is.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file, or `environment`, or `--set`.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// How many characters are meant; 0 where it is the file as a whole.
    pub length: usize,
    /// The whole line; values that look secret are hidden.
    pub text: String,
}

impl Place {
    fn of(spot: &Spot) -> Self {
        let text = &spot.source.text;
        let start = floor_boundary(text, spot.span.start);
        let end = floor_boundary(text, spot.span.end).max(start);
        let (line, line_start) = spot.source.line_at(start);
        let rest = text.get(line_start..).unwrap_or_default();
        let shown = rest.split('\n').next().unwrap_or_default();
        let shown = shown.strip_suffix('\r').unwrap_or(shown);
        let end = end.min(line_start + shown.len());
        let marked = text.get(start..end).unwrap_or_default();
        Self {
            file: spot.source.name.clone(),
            line,
            column: text.get(line_start..start).unwrap_or_default().chars().count() + 1,
            length: if spot.span == (0..0) { 0 } else { marked.chars().count().max(1) },
            text: without_secrets(shown),
        }
    }
}

/// The character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// `line`, or only its key where its value looks secret.
fn without_secrets(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let is_secret =
        ["password", "secret", ".pem", "private"].iter().any(|word| lower.contains(word));
    match line.split_once('=') {
        Some((key, _)) if is_secret && !lower.contains("_file") => format!("{key}= (hidden)"),
        _ => line.to_owned(),
    }
}

impl Problem {
    /// An error at `spot`.
    pub(super) fn error(spot: &Spot, what: impl Into<String>) -> Self {
        Self::new(Severity::Error, Some(Place::of(spot)), what.into())
    }

    /// A warning at `spot`.
    pub(super) fn warning(spot: &Spot, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, Some(Place::of(spot)), what.into())
    }

    /// The error that the Kafka client does not take a property.
    pub fn client_property(what: impl Into<String>) -> Self {
        Self::nowhere(what).code(Code::ClientProperty)
    }

    /// An error that is in no text.
    pub(super) fn nowhere(what: impl Into<String>) -> Self {
        Self::new(Severity::Error, None, what.into())
    }

    fn new(severity: Severity, place: Option<Place>, what: String) -> Self {
        let code = Code::InvalidValue;
        Self { code, severity, place, what, expected: String::new(), remedy: None }
    }

    /// The same, of another kind.
    pub(super) fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// The same, saying what was expected.
    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// The same, saying what to do.
    pub(super) fn help(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same, guessing which of `known` was meant by `written`.
    pub(super) fn guess<'k>(self, written: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        match nearest(written, known) {
            Some(meant) => self.help(format!("did you mean `{meant}`?")),
            None => self,
        }
    }
}

/// The one of `known` that `written` was most likely meant to be.
pub(super) fn nearest<'k>(
    written: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let written = written.to_ascii_lowercase();
    let distance_max = 1 + written.chars().count() / 4;
    known
        .into_iter()
        .filter_map(|name| {
            let begins_alike =
                written.len() >= 3 && (name.starts_with(&written) || written.starts_with(name));
            let distance = strsim::damerau_levenshtein(&written, name);
            (distance <= distance_max || begins_alike).then_some((distance, name))
        })
        .min()
        .map(|(_, name)| name)
}

/// How many slips in the syntax of one file are shown.
const SYNTAX_COUNT_MAX: usize = 3;

const MORE_MAY_FOLLOW: &str = "mend this first: what comes behind was not read whole, \
     more may follow";

/// All that is wrong, in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one that was found elsewhere.
    pub fn add(&mut self, problem: Problem) {
        self.push(problem);
    }

    /// Adds `problem`.
    pub(super) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds all of `others`.
    pub fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Forgets problems in `file` on the lines of `syntax`: what follows from a line
    /// that could not be read says nothing new. Then adds the first of `syntax` of each
    /// file: one slip makes many.
    pub(super) fn append_syntax(&mut self, syntax: Self) {
        let place_of = |problem: &Problem| {
            let place = problem.place.as_ref()?;
            Some((place.file.clone(), place.line))
        };
        let broken: BTreeSet<_> = syntax.0.iter().filter_map(place_of).collect();
        self.0.retain(|problem| !place_of(problem).is_some_and(|it| broken.contains(&it)));
        let file_of = |problem: &Problem| problem.place.as_ref().map(|place| place.file.clone());
        let mut rest = syntax.sorted().0;
        while let Some(file) = rest.first().map(file_of) {
            let (mut of_file, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|problem| file_of(problem) == file);
            of_file.truncate(SYNTAX_COUNT_MAX);
            if let Some(last) = of_file.pop() {
                self.0.extend(of_file);
                self.0.push(last.help(MORE_MAY_FOLLOW));
            }
            rest = others;
        }
    }

    /// True where there is none, not even a warning.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many stop the load.
    pub fn errors_count(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many do not.
    pub fn warnings_count(&self) -> usize {
        self.count(Severity::Warning)
    }

    /// Each of them, in the order of the files.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// The same, sorted by file and position.
    pub(super) fn sorted(mut self) -> Self {
        self.0.sort_by_cached_key(|problem| {
            let place = problem.place.as_ref();
            place.map(|it| (it.file.clone(), it.line, it.column, problem.severity))
        });
        self
    }

    fn count(&self, severity: Severity) -> usize {
        self.iter().filter(|it| it.severity == severity).count()
    }
}

impl std::error::Error for Problems {}
