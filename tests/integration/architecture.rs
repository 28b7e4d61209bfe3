//! The rooms only look downwards, and what is rationed stays where it is rationed.
//!
//! Each rule is a function over the text of one file; each has planted cases below that
//! it must find, so that it can be seen to fail.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source_text::{Named, code_of, functions_in, names_in};

/// Each room and the rooms that it may import, beside itself.
const ROOMS: [(&str, &[&str]); 7] = [
    ("domain", &[]),
    ("engine", &["domain"]),
    ("wire", &["domain"]),
    ("config", &["domain", "engine"]),
    ("service", &["domain", "engine", "wire", "config"]),
    ("lab", &["domain", "engine", "wire", "config", "service"]),
    ("cli", &["domain", "engine", "wire", "config", "service", "lab"]),
];

/// Rooms that compute and do nothing else.
const PURE_ROOMS: [&str; 3] = ["domain", "engine", "wire"];

/// What a pure room does not name, outside its tests.
const DOING: [&str; 15] = [
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "tokio",
    "rdkafka",
    "tracing",
    "rand",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "dbg!",
];

/// What is plain data all the same.
const PLAIN_DATA: [&str; 3] = ["std::net::IpAddr", "std::net::Ipv4Addr", "std::net::Ipv6Addr"];

/// The only files in `src/` that may lift the denial of `unsafe`.
const UNSAFE_FILES: [&str; 2] = ["src/engine/velocity/raw.rs", "src/service/log/raw_batch.rs"];

/// Where the maps that workers share live.
const SHARED_MAPS: &str = "src/engine/shared";

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;
const MAIN_LINES_MAX: usize = 30;

/// All that is wrong with the file at `path` (from the root of the repository).
fn findings(path: &str, text: &str) -> Vec<String> {
    let code = code_of(text);
    let mut found = size_findings(path, text, &code);
    let names = names_in(&code);
    if path.starts_with("tests/oracle/") {
        found.extend(oracle_findings(path, &names));
    }
    let Some(inside) = path.strip_prefix("src/") else {
        return found;
    };
    found.extend(rationed_findings(path, &names));
    let (room, below) = inside.split_once('/').unwrap_or(("", inside));
    if room.is_empty() {
        return found; // The map and the entry see every room.
    }
    if below == "mod.rs" && !text.starts_with("//!") {
        found.push(format!(
            "{path}:1: a room begins with its doorplate: a `//!` comment on what it is for"
        ));
    }
    found.extend(arrow_findings(path, room, below, &names));
    if PURE_ROOMS.contains(&room) && !is_test_file(below) {
        found.extend(doing_findings(path, room, &names));
    }
    found
}

/// What the oracle names besides the words: it must not share code with what it judges.
fn oracle_findings(path: &str, names: &[Named]) -> Vec<String> {
    let is_ours = |named: &&Named| {
        let leaves = named.words.iter().take_while(|word| *word == "super").count() > 1;
        let is_engine = named.begins_with("stopline") && !named.begins_with("stopline::domain");
        let is_crate = named.begins_with("crate") && named.words.len() > 1;
        is_engine || is_crate || leaves
    };
    let told = |named: &Named| {
        format!(
            "{path}:{}: the oracle names `stopline::domain` alone, not `{}`",
            named.line,
            named.words.join("::")
        )
    };
    names.iter().filter(is_ours).map(told).collect()
}

/// Upward imports, and imports that hide where they lead.
fn arrow_findings(path: &str, room: &str, below: &str, names: &[Named]) -> Vec<String> {
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{path}:1: there is no room `{room}`; see STYLE.md")];
    };
    let depth = module_depth(below);
    let mut found = Vec::new();
    // A word alone is `pub(crate)` or `pub(super)`.
    for named in names.iter().filter(|named| named.words.len() > 1) {
        let line = named.line;
        let supers = named.words.iter().take_while(|word| *word == "super");
        if supers.count() >= depth + named.inline_modules {
            found.push(format!(
                "{path}:{line}: `super` reaches out of the room; name it by `crate::…`"
            ));
        }
        if !named.begins_with("crate") {
            continue;
        }
        match named.words.get(1).map(String::as_str) {
            Some(other) if other == room || allowed.contains(&other) => {}
            Some(other) if ROOMS.iter().any(|(name, _)| *name == other) => found.push(format!(
                "{path}:{line}: `{room}` must not import `{other}`; it may see: {}",
                allowed.join(", ")
            )),
            _ => found
                .push(format!("{path}:{line}: `crate::` is followed by the room that is meant")),
        }
    }
    found
}

/// How many modules deep the file at `below` (from its room) is: a room's `mod.rs` is 1.
fn module_depth(below: &str) -> usize {
    1 + below.split('/').count() - usize::from(below.ends_with("mod.rs"))
}

fn is_test_file(below: &str) -> bool {
    below.split('/').any(|part| matches!(part, "tests" | "tests.rs") || part.ends_with("_tests.rs"))
}

/// Clocks, I/O, threads and the like in a pure room.
fn doing_findings(path: &str, room: &str, names: &[Named]) -> Vec<String> {
    let is_doing = |named: &&Named| {
        let is_path = named.words.len() > 1 || named.words.iter().any(|word| word.ends_with('!'));
        let hides_a_clock =
            named.words.iter().any(|word| word == "Instant" || word == "SystemTime");
        let is_plain = PLAIN_DATA.iter().any(|name| named.begins_with(name));
        !named.is_in_tests
            && !is_plain
            && (hides_a_clock || is_path && DOING.iter().any(|name| named.begins_with(name)))
    };
    names
        .iter()
        .filter(is_doing)
        .map(|named| {
            format!(
                "{path}:{}: `{room}` only computes: `{}` belongs to service",
                named.line,
                named.words.join("::")
            )
        })
        .collect()
}

/// Shared maps, `unsafe` and floating point outside the places that have them.
fn rationed_findings(path: &str, names: &[Named]) -> Vec<String> {
    let has = |named: &Named, words: &[&str]| {
        named.words.iter().any(|word| words.contains(&word.as_str()))
    };
    let keeps_no_floats = (path.starts_with("src/domain/") || path.starts_with("src/engine/"))
        && !path.starts_with("src/engine/model");
    let mut found = Vec::new();
    for named in names {
        let line = named.line;
        if has(named, &["dashmap", "DashMap"]) && !path.starts_with(SHARED_MAPS) {
            found.push(format!(
                "{path}:{line}: DashMap is named in {SHARED_MAPS} only, behind small functions"
            ));
        }
        if has(named, &["unsafe", "unsafe_code"]) && !UNSAFE_FILES.contains(&path) {
            found.push(format!(
                "{path}:{line}: unsafe is lifted only in {}",
                UNSAFE_FILES.join(" and ")
            ));
        }
        if has(named, &["f32", "f64"]) && keeps_no_floats && !named.is_in_tests {
            found.push(format!(
                "{path}:{line}: floats live in engine/model and lab; compare by cross-multiplying"
            ));
        }
    }
    found
}

/// Files, functions and lines that do not fit.
fn size_findings(path: &str, text: &str, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let limit = if path == "src/main.rs" { MAIN_LINES_MAX } else { FILE_LINES_MAX };
    let lines = text.lines().count();
    if lines > limit {
        found.push(format!("{path}: {lines} lines, at most {limit}: one file, one idea; split it"));
    }
    for (index, line) in text.lines().enumerate() {
        let columns = line.chars().count();
        if columns > LINE_COLUMNS_MAX {
            found.push(format!(
                "{path}:{}: {columns} columns, at most {LINE_COLUMNS_MAX}",
                index + 1
            ));
        }
    }
    for (name, line, lines) in functions_in(code) {
        if lines > FUNCTION_LINES_MAX {
            found.push(format!(
                "{path}:{line}: `{name}` has {lines} lines, at most {FUNCTION_LINES_MAX}: \
                 a function fits a screen"
            ));
        }
    }
    found
}

fn rust_files_under(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("the directory can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            rust_files_under(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn the_source_keeps_to_its_architecture() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for directory in ["src", "tests"] {
        rust_files_under(&root.join(directory), &mut files);
    }
    files.sort();
    assert!(files.len() > 10, "found only {} files", files.len());
    for (room, _) in ROOMS {
        let doorplate = root.join("src").join(room).join("mod.rs");
        assert!(files.contains(&doorplate), "the room `{room}` is gone");
    }
    let mut found = Vec::new();
    for file in files {
        let path = file.strip_prefix(root).expect("under the root");
        let text = fs::read_to_string(&file).expect("a source file can be read");
        found.extend(findings(&path.display().to_string(), &text));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Asserts what is found in each case, `path | snippet | finding`: the only finding has
/// these words in it; no words, no finding.
fn check(cases: &[&str]) {
    for case in cases {
        let mut parts = case.split(" | ").map(str::trim);
        let [path, snippet, expected] = [(); 3].map(|()| parts.next().expect("three parts"));
        let found = findings(path, snippet);
        let is_expected = match found.as_slice() {
            [] => expected.is_empty(),
            [only] => !expected.is_empty() && only.contains(expected),
            _ => false,
        };
        assert!(is_expected, "{case}\n{found:?}");
    }
}

#[test]
fn an_upward_or_hidden_import_is_found() {
    check(&[
        "src/domain/a.rs | use crate::engine::Engine; | `domain` must not import `engine`",
        "src/engine/a.rs | use crate::domain::Amount; | ",
        "src/engine/a.rs | use crate::engine::rules::RuleSet; | ",
        "src/engine/a.rs | pub(crate) fn f(x: crate::wire::Door) {} | must not import `wire`",
        "src/engine/a.rs | mod tests { use crate::wire::Door; } | must not import `wire`",
        "src/wire/a.rs | use crate::config::Settings; | must not import `config`",
        "src/config/a.rs | use crate::wire::Door; | must not import `wire`",
        "src/service/a.rs | use crate::lab::traffic; | must not import `lab`",
        "src/service/a.rs | use crate::{wire::Door}; | followed by the room",
        "src/lab/a.rs | use crate::cli::Demo; | must not import `cli`",
        "src/cli/a.rs | use crate::lab::traffic; | ",
        "src/lib.rs | use crate::cli::Demo; | ",
        "src/other/a.rs | struct A; | there is no room `other`",
        "src/engine/a.rs | use crate::Answer; | followed by the room",
        "src/engine/a.rs | // use crate::wire::Door; | ",
        "src/engine/a.rs | const A: &str = \"crate::wire\"; | ",
    ]);
}

#[test]
fn a_super_that_leaves_its_room_is_found() {
    check(&[
        "src/engine/a.rs | use super::wire::Door; | ",
        "src/engine/a.rs | use super::super::wire::Door; | reaches out of the room",
        "src/engine/a.rs | mod tests { use super::super::Engine; } | ",
        "src/engine/a.rs | mod tests { use super::super::super::wire::Door; } | reaches out",
        "src/engine/a/b.rs | use super::super::Engine; | ",
        "src/engine/a/mod.rs | pub(super) use super::Engine; | ",
        "src/engine/a/mod.rs | use super::super::wire::Door; | reaches out of the room",
    ]);
}

#[test]
fn doing_in_a_pure_room_is_found() {
    check(&[
        "src/engine/a.rs | use std::time::Duration; | ",
        "src/engine/a.rs | use std::time::{Duration, Instant}; | std::time::Instant",
        "src/engine/a.rs | use std::time; fn f() { time::SystemTime::now(); } | SystemTime",
        "src/domain/a.rs | use std::{fmt, fs}; | `std::fs` belongs to service",
        "src/domain/a.rs | use std::net::{IpAddr, TcpStream}; | std::net::TcpStream",
        "src/engine/a.rs | fn f() { std::thread::yield_now(); } | std::thread",
        "src/wire/a.rs | use std::io::Write; | std::io",
        "src/wire/a.rs | use tokio::sync::Mutex; | tokio",
        "src/wire/a.rs | use rdkafka::Message; | rdkafka",
        "src/engine/a.rs | fn f() { tracing::info!(); } | tracing::info!",
        "src/engine/a.rs | fn f() { rand::random(); } | rand::random",
        "src/engine/a.rs | fn f(rand: u8) { println!(); } | println!",
        "src/engine/a.rs | #[cfg(test)] mod tests { use std::thread; } | ",
        "src/service/a.rs | use std::{fs, thread, time::Instant}; | ",
    ]);
}

#[test]
fn an_oracle_that_looks_at_what_it_judges_is_found() {
    check(&[
        "tests/oracle/a.rs | use stopline::domain::{Amount, Span}; | ",
        "tests/oracle/a.rs | use stopline::engine::velocity::Event; | not `stopline::engine",
        "tests/oracle/a.rs | use stopline::{domain::Span, wire::Door}; | not `stopline::wire",
        "tests/oracle/a.rs | use crate::support::BEGINNING; | names `stopline::domain` alone",
        "tests/oracle/a.rs | use super::super::support::door; | names `stopline::domain` alone",
        "tests/oracle/a.rs | pub(crate) struct A; use super::net::Net; | ",
        "tests/integration/a.rs | use stopline::engine::velocity::Event; | ",
    ]);
}

#[test]
fn what_is_rationed_is_found_elsewhere() {
    check(&[
        "src/engine/shared/stop_list.rs | use dashmap::DashMap; | ",
        "src/engine/a.rs | use dashmap::DashSet; | DashMap is named in src/engine/shared only",
        "src/service/a.rs | fn f(x: DashMap<u8, u8>) {} | DashMap is named in",
        "src/engine/velocity/raw.rs | fn f() { unsafe { g() } } | ",
        "src/engine/a.rs | fn f() { unsafe { g() } } | unsafe is lifted only in",
        "src/service/a.rs | #![expect(unsafe_code)] | unsafe is lifted only in",
        "src/engine/a.rs | fn f(x: f64) {} | floats live in engine/model",
        "src/engine/model/a.rs | fn f(x: f64) {} | ",
        "src/service/a.rs | fn f(x: f64) {} | ",
    ]);
}

#[test]
fn what_does_not_fit_or_has_no_doorplate_is_found() {
    let lines = |count: usize| "\n".repeat(count);
    let function = |count: usize| format!("fn f() {{{}}}", lines(count - 1));
    let comment = |columns: usize| format!("//{}", "é".repeat(columns - 2));
    check(&[
        "src/engine/mod.rs | //! The thinking. | ",
        "src/engine/mod.rs | mod a; | begins with its doorplate",
        &format!("tests/a.rs | fn f() {{}}{}mod a; | ", lines(399)),
        &format!("tests/a.rs | fn f() {{}}{}mod a; | 401 lines", lines(400)),
        &format!("src/main.rs | fn f() {{}}{}mod a; | 31 lines", lines(30)),
        &format!("src/engine/a.rs | {} | ", function(70)),
        &format!("src/engine/a.rs | {} | `f` has 71 lines", function(71)),
        &format!("src/engine/a.rs | {} | ", comment(100)),
        &format!("src/engine/a.rs | {} | 101 columns", comment(101)),
    ]);
}
