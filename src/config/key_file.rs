//! The files with keys and passwords: checked for their form, never shown.

use std::os::unix::fs::PermissionsExt as _;

use super::load::{ReadFault, read_file};
use super::named_file::NamedFile;
use super::problem::Problems;

/// The seed in `config/dev/`: the bytes of `DEVELOPMENT SEED`. Everybody knows it.
const DEVELOPMENT_SEED: &str = "444556454c4f504d454e542053454544";

/// What is known of a key without keeping it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KeyFile {
    /// A key.
    Own,
    /// The seed that the source ships.
    Development,
}

/// Looks whether `file` holds `digits_count` hexadecimal digits. What it holds is in no
/// problem.
pub(super) fn check_key_file(
    file: &NamedFile,
    digits_count: usize,
    problems: &mut Problems,
) -> Option<KeyFile> {
    let text = read_secret(file, problems)?;
    let digits = text.trim();
    let is_key = digits.len() == digits_count && digits.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_key {
        let expected = format!("{digits_count} hexadecimal digits and nothing else");
        problems.push(file.problem("does not hold a key").expected(expected));
        return None;
    }
    if digits.eq_ignore_ascii_case(DEVELOPMENT_SEED) {
        return Some(KeyFile::Development);
    }
    warn_where_open(file, problems);
    Some(KeyFile::Own)
}

/// Warns where anybody on the machine can read the key, or its group can change it.
fn warn_where_open(file: &NamedFile, problems: &mut Problems) {
    const OPEN: u32 = 0o027;
    let Ok(metadata) = std::fs::metadata(&file.path) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OPEN != 0 {
        let what = format!("can be read or changed by others: its mode is {mode:04o}");
        let remedy = format!("chmod 600 {}", file.path.display());
        problems.push(file.warning(&what).help(remedy));
    }
}

/// The text of a `file` whose content is shown nowhere.
pub(super) fn read_secret(file: &NamedFile, problems: &mut Problems) -> Option<String> {
    match read_file(&file.path) {
        Ok(text) => Some(text),
        Err(ReadFault::NoText(_)) => {
            problems.push(file.problem("is not UTF-8").expected("a text in UTF-8"));
            None
        }
        Err(ReadFault::Unreadable(why)) => {
            problems.push(file.problem(&why).expected("a file that can be read"));
            None
        }
    }
}
