//! Loading the configuration, and saying what is wrong with it.

use crate::config::{Configuration, Problems};
use crate::domain::EventTime;
use crate::service::Clock;

use super::{ConfigArgs, Exit};

/// The settings and the rule set that `args` name.
///
/// # Errors
/// [`Exit::BadConfig`], after every problem was printed to standard error.
pub(super) fn config(args: &ConfigArgs) -> Result<Configuration, Exit> {
    configuration(args).map_err(|problems| {
        eprintln!("{problems}");
        Exit::BadConfig
    })
}

/// The same, silently.
///
/// # Errors
/// Every problem.
pub(super) fn configuration(args: &ConfigArgs) -> Result<Configuration, Problems> {
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    crate::config::load(&args.config, environment, &args.sets)
}

/// What is wrong with `configuration` by now, or soon will be.
pub(super) fn outlook(configuration: &Configuration) -> Problems {
    configuration.outlook(EventTime::nearest_to(Clock::system().unix_millis()))
}
