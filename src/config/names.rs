//! Names, words and tables: what rules, features and thresholds share.

use std::sync::Arc;

use super::document::{Entry, Fields, Node, Table, Value, one_of};
use super::problem::{Code, Problem, Problems, Spot};

/// The one of `choices` that `node` names.
pub(super) fn read_choice<T: Copy>(
    node: &Node,
    choices: &[(&'static str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let names: Vec<_> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
    let expected = one_of(&names);
    let written = node.text(&expected, problems)?;
    let found = choices.iter().find(|(name, _)| *name == written);
    if found.is_none() {
        problems.push(
            Problem::error(&node.spot, format!("unknown value `{written}`"))
                .code(Code::UnknownValue)
                .expected(expected)
                .guess(&written, choices.iter().map(|(name, _)| *name)),
        );
    }
    found.map(|(_, choice)| *choice)
}

/// The entry of `key`; a problem where it is missing.
pub(super) fn require_entry<'t>(
    fields: &mut Fields<'t>,
    key: &'static str,
    purpose: &str,
) -> Option<&'t Entry> {
    fields.require(key, purpose)?;
    fields.entry(key)
}

/// The tables of `[[key]]`, each with the place of its head.
pub(super) fn tables_of<'t>(
    top: &mut Fields<'t>,
    key: &'static str,
    problems: &mut Problems,
) -> Vec<(&'t Table, Spot)> {
    let Some(node) = top.find(key) else {
        return Vec::new();
    };
    let expected = format!("tables, each headed [[{key}]]");
    let Value::List(nodes) = &node.value else {
        let problem = Problem::error(&node.spot, format!("[{key}] is not a list of tables"));
        problems.push(problem.code(Code::WrongType).expected(expected));
        return Vec::new();
    };
    let tables = nodes.iter().map(|node| {
        let table = node.table(&expected, problems)?;
        Some((table, node.spot.clone()))
    });
    tables.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// `[[rule]] name`, as far as it has one.
pub(super) fn title_of(table: &Table, kind: &str) -> String {
    let name = table.entries.iter().find(|entry| entry.key == "name");
    match name.map(|entry| &entry.node.value) {
        Some(Value::Text(name)) if name.len() <= 64 => format!("[[{kind}]] {name}"),
        Some(_) | None => format!("[[{kind}]]"),
    }
}

/// The name in `fields`, with its place.
pub(super) fn read_name(
    fields: &mut Fields<'_>,
    purpose: &str,
    problems: &mut Problems,
) -> Option<(Arc<str>, Spot)> {
    let node = fields.require("name", purpose)?;
    let name = node.text("a name in quotes", problems)?;
    check_name(&name, &node.spot, problems).then(|| (Arc::from(name), node.spot.clone()))
}

/// True where `name` has the form of one; a problem otherwise.
pub(super) fn check_name(name: &str, spot: &Spot, problems: &mut Problems) -> bool {
    let begins_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_name = begins_well && name.len() <= 64 && name.bytes().all(is_part);
    if !is_name {
        problems.push(
            Problem::error(spot, "this is not the form of a name")
                .expected("1 to 64 small letters, digits and `_`, a letter first"),
        );
    }
    is_name
}

/// Reports `name` where an earlier one is the same.
pub(super) fn check_double<'n, I: Iterator<Item = (&'n str, &'n Spot)>>(
    kind: &str,
    name: &str,
    spot: &Spot,
    problems: &mut Problems,
    earlier: impl Fn() -> I,
) {
    if let Some((_, first)) = earlier().find(|(other, _)| *other == name) {
        let what = format!("a second {kind} is named `{name}`");
        problems.push(
            Problem::error(spot, what)
                .code(Code::DuplicateName)
                .expected("a name of its own")
                .help(format!("the first one is at {}", first.origin())),
        );
    }
}
