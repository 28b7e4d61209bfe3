//! `stopline config show`: every setting as it is run.

use std::collections::BTreeMap;

use clap::Args;

use crate::cli::{ConfigArgs, Exit, load, print};
use crate::config::{Configuration, Shown};

/// Shows every setting as it is run, as TOML that loads again. Secrets are not shown: settings
/// hold none, only the files that they are in.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Say of each value where it comes from: a file with line and column, the environment,
    /// `--set`, or the default.
    #[arg(long)]
    origin: bool,
}

/// Runs the command.
pub(super) fn run(args: &ShowArgs) -> Exit {
    match load::config(&args.config) {
        Ok(configuration) => {
            print::say(&text(&configuration, args.origin));
            Exit::Ok
        }
        Err(exit) => exit,
    }
}

/// Section by section.
fn text(configuration: &Configuration, with_origin: bool) -> String {
    let origins: BTreeMap<_, _> = configuration
        .origins
        .iter()
        .map(|origin| (origin.key.as_str(), origin.place.as_deref()))
        .collect();
    let shown = configuration.settings.shown();
    let mut text = String::new();
    let mut last = "";
    for Shown { key, value } in &shown {
        let (section, name) = key.split_once('.').unwrap_or(("", key));
        let is_new = section != last;
        last = section;
        let of_section = shown.iter().filter(|it| it.key.split('.').next() == Some(section));
        let is_there = of_section.clone().any(|it| it.value.is_some());
        if is_new {
            let break_before = if text.is_empty() { "" } else { "\n" };
            let head = if is_there { format!("[{section}]") } else { format!("# [{section}]") };
            add(&mut text, &format!("{break_before}{head}"));
        }
        let line = match value {
            Some(value) => format!("{name} = {value}"),
            None => format!("# {name}: not set"),
        };
        let origin = match (with_origin, origins.get(key.as_str())) {
            (true, Some(Some(place))) => format!("   # {place}"),
            (true, Some(None) | None) if value.is_some() => "   # default".to_owned(),
            (_, _) => String::new(),
        };
        add(&mut text, &format!("{line}{origin}"));
    }
    let hash = configuration.rule_set.hash().0;
    let rules = configuration.settings.rules_file.display();
    add(&mut text, &format!("\n# The rule set in {rules} has the hash {hash:016x}."));
    text
}

fn add(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
