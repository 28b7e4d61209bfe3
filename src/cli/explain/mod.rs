//! `stopline explain`: decision records from standard input, in words.

mod reading;
mod story;

use std::io::{self, Read as _};
use std::path::PathBuf;

use clap::Args;

use super::print::{complain, say};
use super::{ConfigArgs, Exit, load};
use crate::config::load_rules;
use crate::engine::rules::RuleSet;

/// The most that is read.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Prints decision records in words.
///
/// They come from standard input: JSON as `stopline score` and a JSON topic have it, one or
/// more; or protobuf, one record, or several that each have their length in front.
///
/// What a rule saw is in its record. Names and units of the evidence are in the rule set: it
/// must be the one that decided, which its hash tells.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The rule set to explain by, in the place of the one that the settings name: an earlier
    /// one for earlier decisions
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
}

/// Runs the command: the words go to stdout, complaints to stderr.
pub(super) fn run(args: &ExplainArgs) -> Exit {
    let rule_set = match rule_set_of(args) {
        Ok(rule_set) => rule_set,
        Err(exit) => return exit,
    };
    let mut bytes = Vec::new();
    if let Err(fault) = io::stdin().lock().take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes) {
        complain("explain", &format!("reading standard input failed: {fault}"));
        return Exit::Disk;
    }
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        complain("explain", &format!("more than {INPUT_BYTES_MAX} bytes; give fewer records"));
        return Exit::BadInput;
    }
    let (records, fault) = reading::records_in(&bytes);
    for record in &records {
        say(&story::of(record, &rule_set));
    }
    match fault {
        None => Exit::Ok,
        Some(fault) => {
            complain("explain", &format!("record {}: {fault}", records.len() + 1));
            Exit::BadInput
        }
    }
}

fn rule_set_of(args: &ExplainArgs) -> Result<RuleSet, Exit> {
    let Some(path) = &args.rules else {
        return load::config(&args.config).map(|loaded| loaded.rule_set);
    };
    load_rules(path).map(|(rule_set, _)| rule_set).map_err(|problems| {
        eprintln!("{problems}");
        Exit::BadConfig
    })
}
