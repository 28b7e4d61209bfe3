//! `stopline config diff A B`: what tells two configurations apart, in words.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::{Exit, print};
use crate::config::{
    Difference, Problems, Settings, Shown, difference, is_rule_set, load_rules, settings_difference,
};
use crate::engine::rules::RuleSet;

/// Says what tells two rule sets, or two whole configurations, apart: which threshold moved and
/// by how much, which rules, features and bands changed, came or went. Layout and comments do
/// not count.
///
/// Exit: 0 they come to the same, 1 they differ, 78 one of them is not sound.
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// A rule set, or settings that name one. The environment and `--set` do not count here.
    #[arg(value_name = "A")]
    one: PathBuf,
    /// What to compare it with: of the same kind.
    #[arg(value_name = "B")]
    other: PathBuf,
}

/// One side.
struct Side {
    rule_set: RuleSet,
    /// Where it is more than a rule set.
    settings: Option<Vec<Shown>>,
}

/// Runs the command.
pub(super) fn run(args: &DiffArgs) -> Exit {
    let (one, other) = match (read(&args.one), read(&args.other)) {
        (Ok(one), Ok(other)) => (one, other),
        (one, other) => {
            for problems in [one.err(), other.err()].into_iter().flatten() {
                print::mind(&format!("{problems}\n"));
            }
            return Exit::BadConfig;
        }
    };
    let mut found = match (&one.settings, &other.settings) {
        (Some(own), Some(others)) => settings_difference(own, others),
        (None, None) => Vec::new(),
        (_, _) => {
            print::complain("config diff", "one is a rule set, the other settings: take two alike");
            return Exit::Usage;
        }
    };
    found.extend(difference(&one.rule_set, &other.rule_set));
    let (own, others) = (one.rule_set.hash().0, other.rule_set.hash().0);
    if found.is_empty() {
        print::say(&format!("They come to the same: rule set {own:016x}\n"));
        return Exit::Ok;
    }
    let mut text = told(&found);
    add(&mut text, &format!("\nrule set {own:016x} → {others:016x}"));
    print::say(&text);
    Exit::Failed
}

fn read(file: &Path) -> Result<Side, Problems> {
    if is_rule_set(file) {
        let (rule_set, _) = load_rules(file)?;
        return Ok(Side { rule_set, settings: None });
    }
    let loaded = Settings::load(file, std::iter::empty(), &[])?;
    let (rule_set, _) = load_rules(&loaded.settings.rules_file)?;
    let directory = file.parent().unwrap_or(Path::new(""));
    let settings = loaded.settings.shown().into_iter().map(|it| beside(directory, it));
    Ok(Side { rule_set, settings: Some(settings.collect()) })
}

/// A setting with the path of a file as it is written: two directories of the same files do not
/// differ.
fn beside(directory: &Path, shown: Shown) -> Shown {
    let begin = format!("\"{}/", directory.display());
    let value = shown.value.map(|value| match value.strip_prefix(&begin) {
        Some(rest) => format!("\"{rest}"),
        None => value,
    });
    Shown { value, ..shown }
}

/// Section by section, names in a column.
fn told(found: &[Difference]) -> String {
    let mut text = String::new();
    let mut last = "";
    for Difference { section, name, how } in found {
        if *section != last {
            let break_before = if text.is_empty() { "" } else { "\n" };
            add(&mut text, &format!("{break_before}{section}"));
            last = section;
        }
        match how.as_slice() {
            [only] if name.is_empty() => add(&mut text, &format!("  {only}")),
            [only] => add(&mut text, &format!("  {name}  {only}")),
            lines => {
                if !name.is_empty() {
                    add(&mut text, &format!("  {name}"));
                }
                for line in lines {
                    add(&mut text, &format!("    {line}"));
                }
            }
        }
    }
    text
}

fn add(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
