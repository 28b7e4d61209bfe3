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
            error!(%fault, exit = exit.code(), "ended");
            exit
        }
    }
}

/// Starts the log on standard error. `RUST_LOG` picks levels; the default is `info`.
fn start_log(settings: &Settings) {
    let levels = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(levels).with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => lines.with_ansi(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

fn exit_of(fault: &RunFault) -> Exit {
    match fault {
        RunFault::Key(_)
        | RunFault::Topics(TopicsRefused::Faults(_))
        | RunFault::TopicsChanged(_)
        | RunFault::Worker { end: WorkerEnd::JournalWentBack { .. }, .. } => Exit::BadConfig,
        RunFault::Admin(_)
        | RunFault::SetUp(_)
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
