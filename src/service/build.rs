//! From settings as read to parts as run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::{Circumstances, FollowerStatus};
use crate::config::{DoorSettings, MessageFormat, Settings};
use crate::engine::{EngineSettings, RecentAnswersLimits};
use crate::wire::{Door, Format, KeySeed, PanKey, SecretFault};

/// Why a key file is of no use. Never shows what is in it.
#[derive(Debug, Error)]
pub enum KeyFault {
    /// It cannot be read.
    #[error("{setting} = {file}: cannot be read: {cause}")]
    Unreadable {
        /// The setting that names it.
        setting: &'static str,
        /// Where it was looked for.
        file: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// It does not hold a key.
    #[error("{setting} = {file}: {cause}")]
    Malformed {
        /// The setting that names it.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: SecretFault,
    },
    /// Card numbers are to be let in, and there is no key to hash them with.
    #[error("door.accept_pan = true needs door.pan_key_file: 64 hexadecimal digits in a file")]
    NoPanKey,
}

/// The door that `settings` describe, with the keys in the files that they name.
///
/// # Errors
/// A key file is missing, unreadable or holds no key.
pub fn door(settings: &DoorSettings) -> Result<Door, KeyFault> {
    let seed = read_key("door.key_seed_file", &settings.key_seed_file, KeySeed::from_hex)?;
    let pan_key = match &settings.pan_key_file {
        Some(file) => Some(read_key("door.pan_key_file", file, PanKey::from_hex)?),
        None if settings.accept_pan => return Err(KeyFault::NoPanKey),
        None => None,
    };
    let let_in = crate::wire::DoorSettings {
        accept_pan: settings.accept_pan,
        numeric_references: settings.numeric_references,
        message_bytes_max: settings.message_bytes_max,
    };
    Ok(Door::new(let_in, &seed, pan_key))
}

fn read_key<K>(
    setting: &'static str,
    file: &Path,
    parse: impl FnOnce(&str) -> Result<K, SecretFault>,
) -> Result<K, KeyFault> {
    let text = std::fs::read_to_string(file).map_err(|cause| KeyFault::Unreadable {
        setting,
        file: file.to_owned(),
        cause,
    })?;
    let text = zeroize::Zeroizing::new(text);
    parse(text.trim()).map_err(|cause| KeyFault::Malformed {
        setting,
        file: file.to_owned(),
        cause,
    })
}

/// What the engine is told.
pub fn engine_settings(settings: &Settings) -> EngineSettings {
    EngineSettings {
        engine_version: Arc::from(env!("CARGO_PKG_VERSION")),
        lateness: settings.lateness,
        advice_lateness: settings.advice_lateness,
        answer_within: settings.fail_causes.answer_within,
        cards_count_max: settings.cards_count_max,
        recent_answers: RecentAnswersLimits {
            age_max: settings.recent_answers_age,
            bytes_max: settings.recent_answers_bytes_max,
        },
    }
}

/// What a worker of this process asks to know how a message is met.
pub fn circumstances(settings: &Settings, follower: &Arc<FollowerStatus>) -> Circumstances {
    let causes = &settings.fail_causes;
    let watched = |after| (Arc::clone(follower), after);
    Circumstances {
        deadline_header: causes.deadline_header.clone(),
        stop_list: causes.stop_list_stale_after.map(watched),
        recovering_after: causes.recovering_after,
    }
}

/// The format that `format` names.
pub fn format(format: MessageFormat) -> Format {
    match format {
        MessageFormat::Protobuf => Format::Protobuf,
        MessageFormat::Json => Format::Json,
    }
}
