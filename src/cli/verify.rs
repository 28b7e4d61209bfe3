//! `stopline verify`: are all inputs answered, and is there one truth about each?

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::run::exit_of_log;
use super::{ConfigArgs, Exit, load};
use crate::lab::verify::{Progress, Range, Report, VerifyFault, VerifySettings, verify_cluster};
use crate::service::Clock;

/// Between two lines that say how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// Reads authorisations and decisions and says whether every input is answered and whether
/// there is one truth about each. Writes nothing to the cluster and joins no group.
///
/// Exits 0 where nothing is broken, 70 where something is, with the first places, and 78 where
/// the group has committed nothing: is kafka.group right? Each input takes up to 240 bytes of
/// memory.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Every input must have a record, not only those that the group has committed; for a log
    /// at rest: what is under way counts as missing
    #[arg(long)]
    all: bool,
    /// How much memory may be taken; a log that needs more is refused at once
    #[arg(long, value_name = "MIB", default_value_t = 4_096,
        value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    memory_max: u64,
    /// Write counts and first places to this file as JSON
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

/// Runs the command: the report goes to stdout, progress and complaints to stderr.
pub(super) fn run(args: &VerifyArgs) -> Exit {
    let settings = match load::config(&args.config) {
        Ok(loaded) => loaded.settings,
        Err(exit) => return exit,
    };
    let asked = VerifySettings {
        settings: &settings,
        range: if args.all { Range::All } else { Range::Committed },
        memory_bytes_max: args.memory_max << 20,
    };
    let clock = Clock::system();
    let mut told = clock.deadline(PROGRESS_INTERVAL);
    let mut tell = |progress: &Progress<'_>| {
        if told.has_passed() {
            told = clock.deadline(PROGRESS_INTERVAL);
            let Progress { topic, read_count, offsets_count } = progress;
            eprintln!("{topic}: {read_count} of {offsets_count} read");
        }
    };
    match verify_cluster(&asked, &clock, &mut tell) {
        Ok(report) => finish(args.summary.as_deref(), &report),
        Err(fault) => {
            eprintln!("error: {fault}");
            exit_of(&fault)
        }
    }
}

fn finish(summary: Option<&Path>, report: &Report) -> Exit {
    let mut out = io::stdout().lock();
    // A reader that went away does not change what was found.
    drop(write!(out, "{report}").and_then(|()| out.flush()));
    if let Some(path) = summary
        && let Err(error) = write_summary(path, report)
    {
        eprintln!("error: {}: {error}", path.display());
        return Exit::Disk;
    }
    match &report.group_without_commits {
        _ if !report.is_clean => Exit::Broken,
        Some(_) => Exit::BadConfig,
        None => Exit::Ok,
    }
}

fn write_summary(path: &Path, report: &Report) -> io::Result<()> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    fs::write(path, text)
}

fn exit_of(fault: &VerifyFault) -> Exit {
    match fault {
        VerifyFault::Log(fault) => exit_of_log(fault),
        VerifyFault::Key(_) => Exit::BadConfig,
        VerifyFault::Stalled { .. } => Exit::Unreachable,
        VerifyFault::TooLarge { .. } => Exit::Failed,
    }
}
