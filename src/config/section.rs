//! One `[section]` of the settings: typed values, each with its origin.

use std::path::PathBuf;

use crate::domain::Span;

use super::document::{Fields, Node, Table, Value};
use super::named_file::NamedFile;
use super::names::read_choice;
use super::problem::{Code, Problem, Problems};
use super::settings::Origin;
use super::units::{SPAN_FORM, parse_span, show_span};

/// One `[section]`, and where to note what came from where.
pub(super) struct Section<'s> {
    name: &'static str,
    fields: Fields<'s>,
    pub(super) problems: &'s mut Problems,
    origins: &'s mut Vec<Origin>,
    files: &'s mut Vec<NamedFile>,
}

impl<'s> Section<'s> {
    pub(super) fn new(
        name: &'static str,
        fields: Fields<'s>,
        problems: &'s mut Problems,
        origins: &'s mut Vec<Origin>,
        files: &'s mut Vec<NamedFile>,
    ) -> Self {
        Self { name, fields, problems, origins, files }
    }

    /// The node of `key`, or `None` for its default; its origin is noted.
    pub(super) fn find(&mut self, key: &'static str) -> Option<&'s Node> {
        let found = self.fields.find(key);
        self.origins.push(Origin {
            key: format!("{}.{key}", self.name),
            place: found.map(|node| node.spot.origin()),
        });
        found
    }

    /// The node of `key`, which must be given; its origin is noted.
    pub(super) fn require(&mut self, key: &'static str, purpose: &str) -> Option<&'s Node> {
        self.find(key);
        self.fields.require(key, purpose)
    }

    /// A text that must be given, with its place.
    pub(super) fn required_text(
        &mut self,
        key: &'static str,
        purpose: &str,
    ) -> Option<(String, &'s Node)> {
        let node = self.require(key, purpose)?;
        let text = node.text("a text", self.problems)?;
        if text.is_empty() {
            self.problems.push(Problem::error(&node.spot, "this is empty").expected(purpose));
            return None;
        }
        Some((text, node))
    }

    /// The name of a topic.
    pub(super) fn topic(&mut self, key: &'static str, default: &str) -> Option<String> {
        let Some(node) = self.find(key) else {
            return Some(default.to_owned());
        };
        let name = node.text("the name of a topic", self.problems)?;
        self.kafka_name(name, "a topic", node)
    }

    /// A name that Kafka takes and that no log, metric or file name needs to quote.
    pub(super) fn required_kafka_name(
        &mut self,
        key: &'static str,
        purpose: &str,
        of: &str,
    ) -> Option<String> {
        let node = self.require(key, purpose)?;
        let name = node.text(purpose, self.problems)?;
        self.kafka_name(name, of, node)
    }

    fn kafka_name(&mut self, name: String, of: &str, node: &Node) -> Option<String> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_dots = name == "." || name == "..";
        if name.is_empty() || name.len() > 249 || is_dots || !name.bytes().all(is_part) {
            let problem = Problem::error(&node.spot, format!("`{name}` is no name of {of}"));
            self.problems.push(problem.expected("1 to 249 letters, digits, `.`, `_` and `-`"));
            return None;
        }
        Some(name)
    }

    /// A file that must be named.
    pub(super) fn required_path(&mut self, key: &'static str, purpose: &str) -> Option<PathBuf> {
        let node = self.require(key, purpose)?;
        self.path(key, node)
    }

    /// The file that `node`, the value of `key`, names.
    pub(super) fn path(&mut self, key: &str, node: &Node) -> Option<PathBuf> {
        let path = node.path(self.problems)?;
        let key = format!("{}.{key}", self.name);
        self.files.push(NamedFile { key, path: path.clone(), spot: node.spot.clone() });
        Some(path)
    }

    /// True or false.
    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> Option<bool> {
        match self.find(key) {
            None => Some(default),
            Some(node) => node.boolean(self.problems),
        }
    }

    /// One of several words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
        default: T,
    ) -> Option<T> {
        match self.find(key) {
            None => Some(default),
            Some(node) => read_choice(node, choices, self.problems),
        }
    }

    /// A whole number from `min` to `max`.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        min: usize,
        max: usize,
        default: usize,
    ) -> Option<usize> {
        match self.find(key) {
            None => Some(default),
            Some(node) => self.read_number(node, min, max),
        }
    }

    /// A whole number from `min` to `max` that must be given.
    pub(super) fn required_number(
        &mut self,
        key: &'static str,
        purpose: &str,
        min: usize,
        max: usize,
    ) -> Option<usize> {
        let node = self.require(key, purpose)?;
        self.read_number(node, min, max)
    }

    fn read_number(&mut self, node: &Node, min: usize, max: usize) -> Option<usize> {
        let expected = format!("a whole number from {min} to {max}");
        let written = node.integer(&expected, self.problems)?;
        let found = usize::try_from(written).ok().filter(|it| (min..=max).contains(it));
        if found.is_none() {
            let problem = Problem::error(&node.spot, format!("{written} is out of range"));
            self.problems.push(problem.code(Code::OutOfRange).expected(expected));
        }
        found
    }

    /// A span of time from `min` to `max`.
    pub(super) fn span(
        &mut self,
        key: &'static str,
        min: Span,
        max: Span,
        default: Span,
    ) -> Option<Span> {
        match self.find(key) {
            None => Some(default),
            Some(node) => self.read_span(node, min, max),
        }
    }

    /// A span of time from `min` to `max`, or none; none too where it is unsound, which is
    /// reported.
    pub(super) fn optional_span(
        &mut self,
        key: &'static str,
        min: Span,
        max: Span,
    ) -> Option<Span> {
        let node = self.find(key)?;
        self.read_span(node, min, max)
    }

    /// A span of time from `min` to `max` that must be given.
    pub(super) fn required_span(
        &mut self,
        key: &'static str,
        purpose: &str,
        min: Span,
        max: Span,
    ) -> Option<Span> {
        let node = self.require(key, purpose)?;
        self.read_span(node, min, max)
    }

    fn read_span(&mut self, node: &Node, min: Span, max: Span) -> Option<Span> {
        let text = node.text(SPAN_FORM, self.problems)?;
        let problem = match parse_span(&text) {
            Some(span) if (min..=max).contains(&span) => return Some(span),
            Some(_) => Problem::error(&node.spot, format!("`{text}` is out of range"))
                .code(Code::OutOfRange)
                .expected(format!("{} to {}", show_span(min), show_span(max))),
            None => Problem::error(&node.spot, format!("`{text}` is no span of time"))
                .code(Code::WrongUnit)
                .expected(SPAN_FORM),
        };
        self.problems.push(problem);
        None
    }

    /// A table of names, as flat pairs: tables in tables are joined by dots.
    pub(super) fn pairs(&mut self, key: &'static str) -> Vec<(String, &'s Node)> {
        let mut pairs = Vec::new();
        if let Some(node) = self.find(key)
            && let Some(table) = node.table("a table of names and values", self.problems)
        {
            flatten(table, "", &mut pairs);
        }
        pairs
    }

    /// Reports what nobody asked for.
    pub(super) fn finish(self) {
        self.fields.finish(self.problems);
    }
}

fn flatten<'t>(table: &'t Table, prefix: &str, pairs: &mut Vec<(String, &'t Node)>) {
    for entry in &table.entries {
        let name = format!("{prefix}{}", entry.key);
        if let Value::Table(inner) = &entry.node.value {
            flatten(inner, &format!("{name}."), pairs);
        } else {
            pairs.push((name, &entry.node));
        }
    }
}
