//! Files that settings name: each knows which setting, and where.

use std::path::PathBuf;

use super::problem::{Problem, Spot};

/// A file that a setting names.
#[derive(Clone, Debug)]
pub(super) struct NamedFile {
    /// `section.key`.
    pub(super) key: String,
    /// Where it is, relative to the working directory.
    pub(super) path: PathBuf,
    /// Where it is named.
    pub(super) spot: Spot,
}

impl NamedFile {
    /// A problem with it, shown where it is named.
    pub(super) fn problem(&self, what: &str) -> Problem {
        let Self { key, path, spot } = self;
        Problem::error(spot, format!("{} ({key}) {what}", path.display()))
    }

    /// The same, where it does not keep anything from going on.
    pub(super) fn warning(&self, what: &str) -> Problem {
        let Self { key, path, spot } = self;
        Problem::warning(spot, format!("{} ({key}) {what}", path.display()))
    }
}
