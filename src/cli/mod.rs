//! THE FRONT DOOR: a file per subcommand.
//!
//! Each reads its arguments, puts the rooms above together, prints, and turns what
//! happened into an exit code. Results go to stdout, logs and complaints to stderr.
//! Nothing here decides or counts.

#![expect(clippy::print_stderr, reason = "this room talks to a person")]

mod arguments;
pub mod check;
mod check_report;
mod config;
mod demo;
mod exit;
mod explain;
mod load;
mod loadgen;
mod print;
mod run;
mod score;
mod signals;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use exit::Exit;

/// Scores card-not-present authorisations while the cardholder waits.
#[derive(Debug, Parser)]
#[command(name = "stopline", version, about, long_about = None, arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show traffic, decisions and latencies on this machine, without any set-up.
    Demo(demo::DemoArgs),
    /// Answer authorisations from Kafka until told to stop.
    Run(run::RunArgs),
    /// Put load on an engine that answers from Kafka, and measure it.
    Loadgen(loadgen::LoadgenArgs),
    /// Decide requests from standard input, one JSON object a line, without Kafka.
    Score(score::ScoreArgs),
    /// Say whether a configuration is good, or everything that is wrong with it.
    Check(check::CheckArgs),
    /// Show, compare and describe configurations.
    Config(config::ConfigCommand),
    /// Print decision records from standard input in words.
    Explain(explain::ExplainArgs),
    /// Say whether every input is answered, and whether there is one truth about each.
    Verify(verify::VerifyArgs),
}

/// Where the settings come from: the same for every command that reads them.
#[derive(Clone, Debug, Args)]
struct ConfigArgs {
    /// The settings; `conf.d/*.toml` beside them and `STOPLINE__SECTION__KEY` go over them.
    #[arg(long, value_name = "FILE", default_value = "config/stopline.toml")]
    config: PathBuf,
    /// Goes over everything else; may be given several times.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    sets: Vec<String>,
}

/// Reads the arguments and does what they ask.
pub fn main() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(asked) => {
            let exit = if asked.use_stderr() { Exit::Usage } else { Exit::Ok };
            if asked.print().is_err() {
                // Nobody reads what was asked for: there is nobody to tell.
            }
            return exit.into();
        }
    };
    let exit = match command.action {
        Action::Demo(args) => demo::run(&args),
        Action::Run(args) => run::run(&args),
        Action::Loadgen(args) => loadgen::run(&args),
        Action::Score(args) => score::run(&args),
        Action::Check(args) => check::run(&args),
        Action::Config(command) => config::run(&command),
        Action::Explain(args) => explain::run(&args),
        Action::Verify(args) => verify::run(&args),
    };
    exit.into()
}
