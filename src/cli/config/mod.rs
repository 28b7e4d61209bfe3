//! `stopline config`: what is in force, what tells two configurations apart, what can be written.

mod diff;
mod schema;
mod show;

use clap::{Args, Subcommand};

use super::Exit;

/// Shows and compares configurations, and says what can be written in them.
#[derive(Debug, Args)]
pub(super) struct ConfigCommand {
    #[command(subcommand)]
    action: ConfigAction,
}

#[derive(Debug, Subcommand)]
enum ConfigAction {
    /// Show every setting as it is run, with all layers over each other.
    Show(show::ShowArgs),
    /// Say what tells two rule sets, or two whole configurations, apart.
    Diff(diff::DiffArgs),
    /// Write the JSON Schema of a configuration file, for editors.
    Schema(schema::SchemaArgs),
}

/// Runs the command.
pub(super) fn run(command: &ConfigCommand) -> Exit {
    match &command.action {
        ConfigAction::Show(args) => show::run(args),
        ConfigAction::Diff(args) => diff::run(args),
        ConfigAction::Schema(args) => schema::run(args),
    }
}
