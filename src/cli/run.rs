//! `stopline run`: answer authorisations from Kafka until told to stop.

use std::sync::Arc;

use clap::Args;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use super::{ConfigArgs, Exit, load};
use crate::config::{LogFormat, Settings};
use crate::service::journal::RestoreFault;
use crate::service::log::Fault;
use crate::service::{RunFault, TopicFault, TopicsRefused, WorkerEnd, run as run_process};

/// Answers authorisations from Kafka until told to stop.
///
/// SIGTERM or SIGINT drains, commits, closes and exits 0; a second one does not wait.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Pass over a fault of the topics, by the name that its message begins with.
    #[arg(long, value_name = "FAULT", value_parser = TopicFault::ALLOWABLE)]
    allow: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: &RunArgs) -> Exit {
    let loaded = match load::config(&args.config) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    start_log(&loaded.settings);
    info!(
        version = env!("CARGO_PKG_VERSION"),
        config = %args.config.config.display(),
        rule_set = format!("{:016x}", loaded.rule_set.hash().0),
        brokers = loaded.settings.kafka.brokers,
        group = loaded.settings.kafka.group,
        instance = loaded.settings.kafka.instance,
        workers = loaded.settings.workers_count,
        mode = loaded.settings.mode.name(),
        "starting"
    );
    for warning in loaded.warnings.iter() {
        warn!(what = warning.what, "the configuration may not say what was meant");
    }
    // Payments are to be answered all the same: what is not known is absent, and counted.
    for problem in load::outlook(&loaded).iter() {
        warn!(what = problem.what, "the calendar of business days wants care");
    }
    if loaded.uses_development_seed {
        warn!(
            "keys are made with the seed that the source ships: good for a try, never for real \
             cards; see door.key_seed_file"
        );
    }
    match run_process(loaded.settings, Arc::new(loaded.rule_set), &args.allow) {
        Ok(()) => {
            info!("stopped: all is drained and committed");
            Exit::Ok
        }
        Err(RunFault::Forced) => {
            warn!("{}", RunFault::Forced);
            Exit::Failed
        }
        Err(fault) => {
            let exit = exit_of(&fault);
            for line in faults_of(&fault) {
                error!(exit = exit.code(), fault = line.as_str(), "ended");
            }
            exit
        }
    }
}

/// What ended the process, a text for each fault: a log has one line an event.
fn faults_of(fault: &RunFault) -> Vec<String> {
    if let RunFault::Topics(TopicsRefused::Faults(faults)) = fault {
        return faults.iter().map(ToString::to_string).collect();
    }
    vec![fault.to_string()]
}

/// Starts the log on standard error. `RUST_LOG` picks levels; the default is `info`.
fn start_log(settings: &Settings) {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|levels| !levels.is_empty());
    let (levels, refused) = match asked.as_deref().map(read_levels) {
        None => (EnvFilter::new("info"), None),
        Some(Ok(levels)) => (levels, None),
        Some(Err(refused)) => (EnvFilter::new("info"), Some(refused)),
    };
    let lines = tracing_subscriber::fmt().with_env_filter(levels).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => lines.with_ansi(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    if let Some(cause) = refused {
        warn!(cause, "RUST_LOG is not understood; the levels are those of `info`");
    }
}

/// The levels that `RUST_LOG` picks. A word that is neither a level nor a part of the program
/// would be taken for a part and leave the log empty: it is refused.
fn read_levels(asked: &str) -> Result<EnvFilter, String> {
    const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "off"];
    const PARTS: [&str; 2] = ["stopline", "librdkafka"];
    let is_known = |word: &str| {
        word.contains(['=', '['])
            || LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
            || PARTS.iter().any(|part| word.starts_with(part))
    };
    let mut words = asked.split(',').map(str::trim).filter(|word| !word.is_empty());
    if let Some(word) = words.find(|word| !is_known(word)) {
        return Err(format!("`{word}` is no level and no part of this program"));
    }
    EnvFilter::try_new(asked).map_err(|refused| refused.to_string())
}

fn exit_of(fault: &RunFault) -> Exit {
    match fault {
        RunFault::Key(_)
        | RunFault::Admin(_)
        | RunFault::Topics(TopicsRefused::Faults(_))
        | RunFault::TopicsChanged(_)
        | RunFault::Worker { end: WorkerEnd::JournalWentBack { .. }, .. } => Exit::BadConfig,
        RunFault::SetUp(_)
        | RunFault::Forced
        | RunFault::Worker {
            end: WorkerEnd::NotDrained { .. } | WorkerEnd::NotCommitted { .. },
            ..
        } => Exit::Failed,
        RunFault::Broken { .. } => Exit::Broken,
        RunFault::Topics(TopicsRefused::Log(fault))
        | RunFault::StopList(fault)
        | RunFault::Worker { end: WorkerEnd::Log(fault), .. } => exit_of_log(fault),
        RunFault::Worker {
            end: WorkerEnd::Unwritable { .. } | WorkerEnd::LeasePassed { .. },
            ..
        } => Exit::SteppedDown,
        RunFault::Worker { end: WorkerEnd::NotRestored(fault), .. } => match fault {
            RestoreFault::NoPosition { .. } | RestoreFault::NoFirstStart { .. } => Exit::BadConfig,
            RestoreFault::Log(fault) => exit_of_log(fault),
            RestoreFault::Broken => Exit::Broken,
            RestoreFault::PositionGone { .. } | RestoreFault::Abandoned => Exit::Failed,
        },
    }
}

/// How a command ends that the log ends.
pub(super) fn exit_of_log(fault: &Fault) -> Exit {
    match fault {
        Fault::StepDown { .. } => Exit::SteppedDown,
        Fault::Unreachable { .. } => Exit::Unreachable,
        Fault::Settings { .. } | Fault::TopicMissing { .. } | Fault::AnothersGroup { .. } => {
            Exit::BadConfig
        }
        Fault::OffsetOutOfRange { .. } | Fault::Refused { .. } | Fault::Passing { .. } => {
            Exit::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_that_would_leave_the_log_empty_are_refused() {
        for asked in ["info", "WARN", "stopline::service=debug,warn", "librdkafka", ""] {
            assert!(read_levels(asked).is_ok(), "{asked}");
        }
        for asked in ["loud", "info,inof", "stopline=loud"] {
            assert!(read_levels(asked).is_err(), "{asked}");
        }
    }
}
