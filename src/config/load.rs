//! The only place of this room that reads files.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::rules::RuleSet;

use super::document::Document;
use super::key_file::{KeyFile, check_key_file, read_secret};
use super::layers::Layers;
use super::named_file::NamedFile;
use super::problem::{Code, Problem, Problems, Source, Spot};
use super::rules::{RulesRead, read_rules};
use super::settings::{Loaded, Origin, Settings};
use super::settings_reader::read_settings;

/// The largest file that is read, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;

/// All that was read, sound.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The service's settings.
    pub settings: Settings,
    /// Where each setting came from.
    pub origins: Vec<Origin>,
    /// The rule set.
    pub rule_set: RuleSet,
    /// The calendar of business days that the rules name.
    pub calendar_file: Option<PathBuf>,
    /// The files read, in order.
    pub files: Vec<PathBuf>,
    /// True where keys are made with the seed that the source ships.
    pub uses_development_seed: bool,
    /// What is probably not what was meant.
    pub warnings: Problems,
}

/// Loads the settings of `file` as [`Settings::load`] does, then the rule set that they
/// name, and looks at the key files.
///
/// # Errors
/// All [`Problems`] of all files, in one list.
pub fn load(
    file: &Path,
    environment: impl Iterator<Item = (String, String)>,
    options: &[String],
) -> Result<Configuration, Problems> {
    let mut problems = Problems::default();
    let (loaded, named) = load_settings(file, environment, options, &mut problems);
    // What the settings name is looked at whatever else is wrong with them.
    let looked_at = look_at(&named, &mut problems);
    if !named.iter().any(|file| file.key == RULES_KEY) {
        load_rules_beside(file, &mut problems);
    }
    let mut files = vec![file.to_owned()];
    files.extend(list_layers(file, &mut Problems::default()));
    match (loaded, looked_at.rules) {
        (Some(Loaded { settings, origins }), Some(rules)) if problems.errors_count() == 0 => {
            let RulesRead { rule_set, calendar_file, list_files } = rules;
            files.push(settings.rules_file.clone());
            files.extend(calendar_file.clone());
            files.extend(list_files);
            Ok(Configuration {
                settings,
                origins,
                rule_set,
                calendar_file,
                files,
                uses_development_seed: looked_at.uses_development_seed,
                warnings: problems.sorted(),
            })
        }
        (_, _) => Err(problems.sorted()),
    }
}

/// The setting that names the rules.
const RULES_KEY: &str = "rules.file";

/// What the named files hold.
#[derive(Default)]
struct LookedAt {
    rules: Option<RulesRead>,
    uses_development_seed: bool,
}

/// Reads every one of the files `named`; problems are added to `problems`.
fn look_at(named: &[NamedFile], problems: &mut Problems) -> LookedAt {
    let mut found = LookedAt::default();
    for file in named {
        match file.key.as_str() {
            RULES_KEY => {
                found.rules = read_text(&file.path, Some(file), problems)
                    .and_then(|text| read_rules(&file.path, &text, &read_named, problems));
            }
            "door.key_seed_file" => {
                let seed = check_key_file(file, 32, problems);
                found.uses_development_seed = seed == Some(KeyFile::Development);
            }
            "door.pan_key_file" => drop(check_key_file(file, 64, problems)),
            _ => drop(read_secret(file, problems)),
        }
    }
    found
}

/// The rule set in the file `path`, with warnings.
///
/// # Errors
/// All [`Problems`] of the file.
pub fn load_rules(path: &Path) -> Result<(RuleSet, Problems), Problems> {
    let mut problems = Problems::default();
    match load_rules_into(path, &mut problems) {
        Some(RulesRead { rule_set, .. }) => Ok((rule_set, problems)),
        None => Err(problems),
    }
}

/// True where the file `path` looks like a rule set, not like settings: it has a currency, bands
/// or rules. False where it cannot be read.
pub fn is_rule_set(path: &Path) -> bool {
    let keys = ["currency", "bands", "rule", "velocity", "thresholds", "fail_policy"];
    read_file(path).is_ok_and(|text| {
        let entries = Document::parse(path, &text).table.entries;
        entries.iter().any(|entry| keys.contains(&entry.key.as_str()))
    })
}

/// The rule set in `text`, which came from `path`, with warnings. Reads no file: of those
/// that a text may name it knows the lists that the source ships.
///
/// # Errors
/// All [`Problems`] of the text.
pub fn parse_rules(path: &Path, text: &str) -> Result<(RuleSet, Problems), Problems> {
    let mut problems = Problems::default();
    match read_rules(path, text, &read_nothing, &mut problems) {
        Some(RulesRead { rule_set, .. }) => Ok((rule_set, problems)),
        None => Err(problems),
    }
}

/// The settings of `file` and the layers over it, and the files that they name;
/// problems are added to `problems`.
pub(super) fn load_settings(
    file: &Path,
    environment: impl Iterator<Item = (String, String)>,
    options: &[String],
    problems: &mut Problems,
) -> (Option<Loaded>, Vec<NamedFile>) {
    let Some(text) = read_text(file, None, problems) else {
        return (None, Vec::new());
    };
    let document = Document::parse(file, &text);
    let mut others = Vec::new();
    for path in list_layers(file, problems) {
        if let Some(text) = read_text(&path, None, problems) {
            others.push(Document::parse(&path, &text));
        }
    }
    let mut found = Problems::default();
    let mut syntax = Problems::default();
    let mut layers = Layers::new(document, others, &mut syntax);
    layers.add_environment(environment, &mut found);
    for option in options {
        layers.add_option(option, &mut found);
    }
    let (loaded, named) = read_settings(&layers, &mut found);
    found.append_syntax(syntax);
    let is_sound = found.errors_count() == 0;
    problems.append(found);
    (loaded.filter(|_| is_sound), named)
}

fn load_rules_into(path: &Path, problems: &mut Problems) -> Option<RulesRead> {
    let text = read_text(path, None, problems)?;
    read_rules(path, &text, &read_named, problems)
}

fn read_named(file: &NamedFile, bytes_max: u64, problems: &mut Problems) -> Option<String> {
    read_text_within(&file.path, bytes_max, Some(file), problems)
}

/// The files beside the shipped rule set that it names: they need not be read.
const SHIPPED: [(&str, &str); 1] =
    [("lists/risky_mccs.txt", include_str!("../../config/lists/risky_mccs.txt"))];

fn read_nothing(file: &NamedFile, _bytes_max: u64, problems: &mut Problems) -> Option<String> {
    let shipped = SHIPPED.iter().find(|(path, _)| file.path.ends_with(path));
    if let Some((_, text)) = shipped {
        return Some((*text).to_owned());
    }
    problems.push(file.problem("is a file of its own, and no file is read here"));
    None
}

/// Looks at `rules.toml` beside `file`, where the settings do not say which it is.
fn load_rules_beside(file: &Path, problems: &mut Problems) {
    let path = file.with_file_name("rules.toml");
    if path.is_file() {
        load_rules_into(&path, problems);
    }
}

/// The files `conf.d/*.toml` beside `file`, by name.
fn list_layers(file: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let directory = file.with_file_name("conf.d");
    if !directory.is_dir() {
        return Vec::new();
    }
    let listed = fs::read_dir(&directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match listed {
        Ok(entries) => {
            let mut paths: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
            paths.retain(|path| path.extension().is_some_and(|it| it == "toml"));
            paths.sort();
            paths
        }
        Err(error) => {
            let what = format!("{} cannot be listed: {error}", directory.display());
            problems.push(Problem::nowhere(what).code(Code::Unreadable));
            Vec::new()
        }
    }
}

/// Why a file has no text.
pub(super) enum ReadFault {
    /// It is not there, may not be read or is too large; what is said of it.
    Unreadable(String),
    /// Its bytes are not UTF-8, the first of them here.
    NoText(Box<(Vec<u8>, usize)>),
}

/// The text of `path`.
pub(super) fn read_file(path: &Path) -> Result<String, ReadFault> {
    read_file_within(path, FILE_BYTES_MAX)
}

/// The text of `path`, which has at most `bytes_max` bytes.
fn read_file_within(path: &Path, bytes_max: u64) -> Result<String, ReadFault> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| {
        let before = file.metadata()?;
        (&file).take(bytes_max + 1).read_to_end(&mut bytes)?;
        // A pipe has no length and no changes.
        let after = file.metadata()?;
        let is_same = before.len() == after.len() && before.modified()? == after.modified()?;
        Ok(!before.is_file() || is_same)
    });
    match read {
        Err(error) => return Err(ReadFault::Unreadable(format!("cannot be read: {error}"))),
        Ok(_) if bytes.len() as u64 > bytes_max => {
            return Err(ReadFault::Unreadable(format!("is larger than {bytes_max} bytes")));
        }
        Ok(false) => {
            let why = "changed while it was read: write a new file, then rename it";
            return Err(ReadFault::Unreadable(why.to_owned()));
        }
        Ok(true) => {}
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        ReadFault::NoText(Box::new((error.into_bytes(), at)))
    })
}

/// The text of `path`, which `named` names; a problem where it cannot be read, is too
/// large or is no UTF-8.
pub(super) fn read_text(
    path: &Path,
    named: Option<&NamedFile>,
    problems: &mut Problems,
) -> Option<String> {
    read_text_within(path, FILE_BYTES_MAX, named, problems)
}

fn read_text_within(
    path: &Path,
    bytes_max: u64,
    named: Option<&NamedFile>,
    problems: &mut Problems,
) -> Option<String> {
    match read_file_within(path, bytes_max) {
        Ok(text) => return Some(text),
        Err(ReadFault::Unreadable(why)) => {
            let problem = match named {
                Some(named) => named.problem(&why).expected("a file that can be read"),
                None => Problem::nowhere(format!("{} {why}", path.display())),
            };
            problems.push(problem.code(Code::Unreadable));
        }
        Err(ReadFault::NoText(found)) => {
            let (bytes, at) = *found;
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let source = Arc::new(Source::new(path.display().to_string(), None, text));
            let problem = Problem::error(&Spot { source, span: at..at + 1 }, "this is not UTF-8");
            problems.push(problem.code(Code::NotUtf8).expected("a text in UTF-8"));
        }
    }
    None
}
