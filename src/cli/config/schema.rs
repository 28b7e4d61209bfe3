//! `stopline config schema`: the JSON Schema of a configuration file.

use clap::{Args, ValueEnum};

use crate::cli::{Exit, print};
use crate::config::{rules_schema, schema_text, settings_schema};

/// Writes the JSON Schema of a configuration file to standard output. `config/` has both, and the
/// first line of each file there names its own, so that editors complete and complain.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of which file.
    #[arg(value_enum)]
    of: SchemaOf,
}

/// The files that have a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchemaOf {
    /// The rule set, `rules.toml`.
    Rules,
    /// The settings, `stopline.toml`.
    Settings,
}

/// Runs the command.
pub(super) fn run(args: &SchemaArgs) -> Exit {
    let schema = match args.of {
        SchemaOf::Rules => rules_schema(),
        SchemaOf::Settings => settings_schema(),
    };
    print::say(&schema_text(&schema));
    Exit::Ok
}
