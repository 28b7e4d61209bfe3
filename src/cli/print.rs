//! How commands speak: results to standard output, complaints to standard error.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::Exit;

/// Writes `text` to standard output; a reader that has gone does not end the command.
pub(super) fn say(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Writes `text` to standard error.
pub(super) fn mind(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Writes a line to standard error, with the name of the command.
pub(super) fn complain(command: &str, text: &str) {
    drop(writeln!(io::stderr().lock(), "stopline {command}: {text}"));
}

/// Where the figures of a command go, as JSON. It is made first: a minute that cannot be
/// written down would be lost.
pub(super) struct SummaryFile<'p> {
    command: &'static str,
    path: &'p Path,
    file: File,
}

impl<'p> SummaryFile<'p> {
    /// The file at `path`, empty; none where none is asked for.
    ///
    /// # Errors
    /// It cannot be made; that is said.
    pub(super) fn create(
        command: &'static str,
        path: Option<&'p Path>,
    ) -> Result<Option<Self>, Exit> {
        let Some(path) = path else {
            return Ok(None);
        };
        match File::create(path) {
            Ok(file) => Ok(Some(Self { command, path, file })),
            Err(error) => Err(refused(command, path, &error)),
        }
    }

    /// Writes `summary` into it.
    ///
    /// # Errors
    /// It cannot be written; that is said.
    pub(super) fn write(mut self, summary: &impl Serialize) -> Result<(), Exit> {
        serde_json::to_string_pretty(summary)
            .map_err(io::Error::from)
            .and_then(|text| writeln!(self.file, "{text}"))
            .map_err(|error| refused(self.command, self.path, &error))
    }
}

fn refused(command: &str, path: &Path, error: &io::Error) -> Exit {
    complain(command, &format!("{}: {error}", path.display()));
    Exit::Disk
}
