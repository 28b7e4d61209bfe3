//! A TOML text as a tree in which everything knows its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Code, Problem, Problems, Source, Spot, nearest};

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) spot: Spot,
}

/// What was written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
    /// A date, a time or both, as TOML writes them.
    Time(String),
    /// A kind of value that no key takes, by its name.
    Other(&'static str),
    /// From a variable or an option: what it is depends on its key.
    Bare,
}

/// Keys with their values, in the order of the text.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_spot: Spot,
    pub(super) node: Node,
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Bare => "text",
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Time(_) => "a date or time",
            Self::Other(kind) => kind,
        }
    }
}

/// A text that was read, whole or in part.
pub(super) struct Document {
    /// What could be read of it.
    pub(super) table: Table,
    /// Its beginning, for what is missing in it.
    pub(super) top: Spot,
    /// What could not be read.
    pub(super) syntax: Problems,
}

impl Document {
    /// Reads `text`, which came from `path`.
    pub(super) fn parse(path: &Path, text: &str) -> Self {
        let source = Arc::new(Source::new(
            path.display().to_string(),
            path.parent().map(Path::to_owned),
            text.to_owned(),
        ));
        let top = Spot { source, span: 0..0 };
        let mut syntax = Problems::default();
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let message = error.message();
            let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
            let is_at_end = text.get(span.clone()).is_some_and(|it| it.trim().is_empty());
            let (what, expected) = match what {
                "string values must be quoted" if is_at_end => ("this key has no value", "a value"),
                "duplicate key" => ("this key is there twice", "each key once"),
                "unexpected leading zero" => (what, "a number without leading zeros"),
                _ => (what, expected),
            };
            let is_double = message == "duplicate key";
            let code = if is_double { Code::DuplicateName } else { Code::TomlSyntax };
            let problem = Problem::error(&top.at(span), format!("TOML: {what}"));
            syntax.push(problem.code(code).expected(expected));
        }
        let table = table(root.get_ref(), &top, &mut syntax);
        Self { table, top, syntax }
    }

    /// True where all of the text was read.
    pub(super) fn is_whole(&self) -> bool {
        self.syntax.is_empty()
    }
}

fn table(written: &DeTable<'_>, top: &Spot, problems: &mut Problems) -> Table {
    let mut entries: Vec<_> = written
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_spot: top.at(key.span()),
            node: node(value, top, problems),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_spot.span.start);
    Table { entries }
}

fn node(written: &Spanned<DeValue<'_>>, top: &Spot, problems: &mut Problems) -> Node {
    let spot = top.at(written.span());
    let value = match written.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Float(_) => Value::Other("a number with decimals"),
        DeValue::Datetime(time) => Value::Time(time.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(
                |error| {
                    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
                    // Anything else was a slip in the text, and is reported as that.
                    if matches!(error.kind(), PosOverflow | NegOverflow) {
                        problems.push(
                            Problem::error(&spot, "this number is too large")
                                .code(Code::OutOfRange)
                                .expected("a whole number of at most 64 bits"),
                        );
                    }
                    Value::Integer(0)
                },
                Value::Integer,
            ),
        DeValue::Array(list) => {
            Value::List(list.iter().map(|it| node(it, top, problems)).collect())
        }
        DeValue::Table(inner) => Value::Table(table(inner, top, problems)),
    };
    Node { value, spot }
}

impl Table {
    /// Takes over what `over` says, keeping what it says nothing of.
    pub(super) fn merge(&mut self, over: Self) {
        for entry in over.entries {
            let own = self.entries.iter_mut().find(|own| own.key == entry.key);
            match (own, entry) {
                (
                    Some(Entry { node: Node { value: Value::Table(own), .. }, .. }),
                    Entry { node: Node { value: Value::Table(over), .. }, .. },
                ) => own.merge(over),
                (Some(own), entry) => *own = entry,
                (None, entry) => self.entries.push(entry),
            }
        }
    }
}

impl Node {
    /// The value of a bare text, where it can be read as TOML; else a copy of itself.
    fn typed(&self) -> Self {
        match (&self.value, DeValue::parse(self.spot.text())) {
            (Value::Bare, Ok(value)) => {
                let mut typed = node(&value, &self.spot, &mut Problems::default());
                typed.spot = self.spot.clone();
                if let Value::List(nodes) = &mut typed.value {
                    for node in nodes {
                        node.spot = self.spot.clone();
                    }
                }
                typed
            }
            (_, Ok(_) | Err(_)) => self.clone(),
        }
    }

    /// Its text.
    pub(super) fn text(&self, expected: &str, problems: &mut Problems) -> Option<String> {
        let typed = self.typed();
        match (&self.value, typed.value) {
            (_, Value::Text(text)) => Some(text),
            // What a variable or an option says is text wherever text is asked for.
            (Value::Bare, _) => Some(self.spot.text().to_owned()),
            (found, _) => self.refuse(found, expected, problems),
        }
    }

    /// Its text, also where that is written as a date or time.
    pub(super) fn text_or_time(&self, expected: &str, problems: &mut Problems) -> Option<String> {
        if let Value::Time(time) = &self.value {
            return Some(time.clone());
        }
        self.text(expected, problems)
    }

    /// Its whole number.
    pub(super) fn integer(&self, expected: &str, problems: &mut Problems) -> Option<i64> {
        let value = self.typed().value;
        if let Value::Integer(integer) = value {
            return Some(integer);
        }
        self.refuse(&value, expected, problems)
    }

    /// Its true or false.
    pub(super) fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        let value = self.typed().value;
        if let Value::Boolean(boolean) = value {
            return Some(boolean);
        }
        self.refuse(&value, "`true` or `false`", problems)
    }

    /// Its texts, each with its place.
    pub(super) fn texts(
        &self,
        expected: &str,
        problems: &mut Problems,
    ) -> Option<Vec<(String, Spot)>> {
        let nodes = self.list(expected, problems)?;
        let texts = nodes
            .iter()
            .map(|node| node.text("text", problems).map(|text| (text, node.spot.clone())));
        texts.collect::<Vec<_>>().into_iter().collect()
    }

    /// Its values, in order.
    pub(super) fn list(&self, expected: &str, problems: &mut Problems) -> Option<Vec<Self>> {
        let value = self.typed().value;
        if let Value::List(nodes) = value {
            return Some(nodes);
        }
        self.refuse(&value, expected, problems)
    }

    /// Its path: relative ones start where the file is that names them.
    pub(super) fn path(&self, problems: &mut Problems) -> Option<PathBuf> {
        let written = self.text("the path of a file", problems)?;
        if written.is_empty() {
            problems.push(
                Problem::error(&self.spot, "this path is empty").expected("the path of a file"),
            );
            return None;
        }
        Some(match &self.spot.source.directory {
            Some(directory) => directory.join(written),
            None => written.into(),
        })
    }

    /// Its keys and values.
    pub(super) fn table(&self, expected: &str, problems: &mut Problems) -> Option<&Table> {
        if let Value::Table(table) = &self.value {
            return Some(table);
        }
        self.refuse(&self.value, expected, problems)
    }

    fn refuse<T>(&self, found: &Value, expected: &str, problems: &mut Problems) -> Option<T> {
        let what = format!("this is {}", found.kind());
        problems.push(Problem::error(&self.spot, what).code(Code::WrongType).expected(expected));
        None
    }
}

/// The keys of one table as they are asked for: what nobody asked for is unknown.
pub(super) struct Fields<'t> {
    table: &'t Table,
    /// As shown: `[bands]`, `[[rule]] burst`.
    title: String,
    /// Where to point when something is missing.
    head: Spot,
    asked: Vec<&'static str>,
    /// What is required and not there, with what it is for.
    missing: Vec<(&'static str, String)>,
    /// False where the text was not read whole, and anything may be missing.
    is_whole: bool,
}

impl<'t> Fields<'t> {
    pub(super) fn new(
        table: &'t Table,
        title: impl Into<String>,
        head: &Spot,
        is_whole: bool,
    ) -> Self {
        Self {
            table,
            title: title.into(),
            head: head.clone(),
            asked: Vec::new(),
            missing: Vec::new(),
            is_whole,
        }
    }

    /// The entry of `key`, where it is there.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<&'t Entry> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of `key`, where it is there.
    pub(super) fn find(&mut self, key: &'static str) -> Option<&'t Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The value of `key`; where it is missing, [`Self::finish`] says so, with what it
    /// is for.
    pub(super) fn require(&mut self, key: &'static str, purpose: &str) -> Option<&'t Node> {
        let found = self.find(key);
        if found.is_none() && self.is_whole {
            self.missing.push((key, purpose.to_owned()));
        }
        found
    }

    /// True where some other key looks like `key` misspelt.
    pub(super) fn is_misspelt(&self, key: &str) -> bool {
        let mut keys = self.table.entries.iter().map(|entry| entry.key.as_str());
        keys.any(|other| other != key && nearest(other, [key]).is_some())
    }

    /// Reports what nobody asked for, and what is missing. What is misspelt is not
    /// called missing too.
    pub(super) fn finish(self, problems: &mut Problems) {
        let Self { table, asked, missing, .. } = &self;
        let unknown = |entry: &&Entry| !asked.contains(&entry.key.as_str());
        let unknown: Vec<_> = table.entries.iter().filter(unknown).collect();
        let meant: Vec<_> =
            unknown.iter().filter_map(|entry| nearest(&entry.key, asked.iter().copied())).collect();
        for (key, purpose) in missing.iter().filter(|(key, _)| !meant.contains(key)) {
            let what = format!("{} has no `{key}`", self.title);
            problems
                .push(Problem::error(&self.head, what).code(Code::MissingKey).expected(purpose));
        }
        for entry in unknown {
            let what = format!("unknown key `{}` in {}", entry.key, self.title);
            let known: Vec<_> = asked.iter().map(|key| format!("`{key}`")).collect();
            problems.push(
                Problem::error(&entry.key_spot, what)
                    .code(Code::UnknownKey)
                    .expected(one_of(&known))
                    .guess(&entry.key, asked.iter().copied()),
            );
        }
    }
}

/// `a`, `a or b`, `one of a, b, c`.
pub(super) fn one_of(choices: &[String]) -> String {
    match choices {
        [only] => only.clone(),
        [one, other] => format!("{one} or {other}"),
        _ => format!("one of {}", choices.join(", ")),
    }
}
