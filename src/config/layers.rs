//! Settings as layers: file, `conf.d/*.toml`, environment, `--set`; later ones win.

use std::ops::Range;
use std::sync::Arc;

use super::document::{Document, Entry, Node, Table, Value};
use super::problem::{Problem, Problems, Source, Spot};

/// What variables begin with.
const PREFIX: &str = "STOPLINE__";

/// What variables begin with that were meant to be one.
const NEARLY: &str = "STOPLINE_";

/// What a variable looks like, for messages.
const FORM: &str = "STOPLINE__SECTION__KEY";

/// All layers as one table, `[section]` by `[section]`.
pub(super) struct Layers {
    pub(super) table: Table,
    /// The beginning of the file, for what is missing.
    pub(super) top: Spot,
    /// False where some file could not be read whole.
    pub(super) is_whole: bool,
}

impl Layers {
    /// The settings of `file`, with the others over it.
    pub(super) fn new(file: Document, others: Vec<Document>, problems: &mut Problems) -> Self {
        let mut layers = Self { is_whole: file.is_whole(), table: file.table, top: file.top };
        problems.append(file.syntax);
        for other in others {
            layers.is_whole &= other.is_whole();
            layers.table.merge(other.table);
            problems.append(other.syntax);
        }
        layers
    }

    /// Puts the variables of `environment` over it: `STOPLINE__SECTION__KEY`.
    pub(super) fn add_environment(
        &mut self,
        environment: impl Iterator<Item = (String, String)>,
        problems: &mut Problems,
    ) {
        let ours = environment.filter(|(name, _)| name.starts_with(NEARLY));
        let (mut variables, mut others): (Vec<_>, Vec<_>) =
            ours.partition(|(name, _)| name.starts_with(PREFIX));
        variables.sort();
        others.sort();
        for (name, _) in others {
            // Its value is shown nowhere: it may be a password.
            let spot = source("environment", name.clone());
            let problem = Problem::warning(&spot.at(0..name.len()), "this variable sets nothing");
            let rest = name.strip_prefix(NEARLY).unwrap_or_default();
            let meant = rest.split_once('_').map_or_else(
                || FORM.to_owned(),
                |(section, key)| format!("{PREFIX}{section}__{}", key.trim_start_matches('_')),
            );
            problems.push(problem.expected(FORM).help(format!("did you mean `{meant}`?")));
        }
        for (name, value) in variables {
            let text = format!("{name}={value}");
            let spans = path_spans(&name, PREFIX.len(), "__");
            self.add(&source("environment", text), &spans, name.len() + 1, FORM, problems);
        }
    }

    /// Puts `section.key=value` over it.
    pub(super) fn add_option(&mut self, option: &str, problems: &mut Problems) {
        let form = "section.key=value";
        let source = source("--set", option.to_owned());
        let Some((path, _)) = option.split_once('=') else {
            let problem = Problem::error(&source.at(0..option.len()), "this sets nothing");
            problems.push(problem.expected(form));
            return;
        };
        let spans = path_spans(path, 0, ".");
        self.add(&source, &spans, path.len() + 1, form, problems);
    }

    /// Sets what the parts of a path name to the text from `value_start` on.
    fn add(
        &mut self,
        source: &Spot,
        spans: &[Range<usize>],
        value_start: usize,
        form: &str,
        problems: &mut Problems,
    ) {
        let length = source.source.text.len();
        let [section, key, rest @ ..] = spans else {
            let problem = Problem::error(&source.at(0..value_start - 1), "this names no setting");
            problems.push(problem.expected(form));
            return;
        };
        let value = Node { value: Value::Bare, spot: source.at(value_start..length) };
        let key_spot = source.at(key.clone());
        let entry = |spot: Spot, key: String, node: Node| Entry { key, key_spot: spot, node };
        let in_table = |spot: &Spot, entry: Entry| Node {
            value: Value::Table(Table { entries: vec![entry] }),
            spot: spot.clone(),
        };
        let name = |spot: &Spot| spot.text().to_ascii_lowercase();
        let value = match (rest.first(), rest.last()) {
            (Some(first), Some(last)) => {
                // A property of the client has dots in its name.
                let spot = source.at(first.start..last.end);
                let parts: Vec<_> =
                    rest.iter().map(|span| name(&source.at(span.clone()))).collect();
                in_table(&key_spot, entry(spot, parts.join("."), value))
            }
            (_, _) => value,
        };
        let section_spot = source.at(section.clone());
        let node = in_table(&section_spot, entry(key_spot.clone(), name(&key_spot), value));
        self.table
            .merge(Table { entries: vec![entry(section_spot.clone(), name(&section_spot), node)] });
    }
}

fn source(name: &str, text: String) -> Spot {
    Spot { source: Arc::new(Source::new(name.to_owned(), None, text)), span: 0..0 }
}

/// Where the parts of `path`, from `start` on, lie in it.
fn path_spans(path: &str, start: usize, separator: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut at = start;
    for part in path.get(start..).unwrap_or_default().split(separator) {
        spans.push(at..at + part.len());
        at += part.len() + separator.len();
    }
    spans
}
