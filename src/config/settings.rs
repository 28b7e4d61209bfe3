//! The service's settings as run: every value is checked and remembers its origin.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::Span;

use super::fail_causes::FailCauseSettings;
use super::first_start::FirstStart;
use super::load;
use super::overload_section::OverloadSettings;
use super::problem::Problems;

/// All that `stopline run` is told, besides the rule set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Brokers, group and the client's own properties.
    pub kafka: KafkaSettings,
    /// Names of the topics.
    pub topics: TopicSettings,
    /// Workers in this process, each with a thread and a consumer of its own.
    pub workers_count: usize,
    /// Who hears the answers.
    pub mode: WorkersMode,
    /// Where the partitions begin whose answers were never written.
    pub first_start: Option<FirstStart>,
    /// When work is shed, step by step; `None` sheds nothing.
    pub overload: Option<OverloadSettings>,
    /// What is let in.
    pub door: DoorSettings,
    /// Format of a request that names none.
    pub default_format: MessageFormat,
    /// Headers of a request that its answer carries unchanged.
    pub echo_headers: Vec<String>,
    /// The rule set's file.
    pub rules_file: PathBuf,
    /// How far back `authorised_at` may lie behind the broker's time.
    pub lateness: Span,
    /// The same of an advice; what comes before its authorisation waits so long.
    pub advice_lateness: Span,
    /// From when on the causes of the fail policy hold.
    pub fail_causes: FailCauseSettings,
    /// The most accounts that one partition remembers; beyond, the one asleep longest goes.
    pub cards_count_max: usize,
    /// How long an answer is kept for repeats.
    pub recent_answers_age: Span,
    /// How much memory the answers of one partition may take, in bytes.
    pub recent_answers_bytes_max: usize,
    /// Where `/metrics` and the health pages are served: loopback.
    pub admin_address: SocketAddr,
    /// How long a drain may take after SIGTERM, a revoke too.
    pub drain_timeout: Duration,
    /// How often the acknowledged frontier is committed.
    pub commit_interval: Duration,
    /// The look of the log.
    pub log_format: LogFormat,
}

/// Brokers, group and the client's own properties.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// `host:port`, several by comma.
    pub brokers: String,
    /// Consumer group.
    pub group: String,
    /// Name of this process in the group: unique, stable over restarts.
    pub instance: String,
    /// Keep the place in the group over a restart.
    pub is_static_member: bool,
    /// Properties handed to the client as they are (TLS, SASL).
    pub properties: Vec<(String, String)>,
    /// Properties whose value is the trimmed content of a file: passwords and keys.
    pub secret_property_files: Vec<(String, PathBuf)>,
}

/// Names of the topics.
#[derive(Clone, Debug)]
pub struct TopicSettings {
    /// In.
    pub authorisations: String,
    /// Out.
    pub decisions: String,
    /// Out in the place of the decisions, where answers are only observed.
    pub observations: String,
    /// In: the stop list.
    pub stop_orders: String,
}

/// Who hears the answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WorkersMode {
    /// The switches: answers go to the decisions.
    Answer,
    /// Nobody who acts on them: answers go to the observations.
    Observe,
}

impl WorkersMode {
    /// As the settings name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Observe => "observe",
        }
    }
}

/// What is let in.
#[derive(Clone, Debug)]
pub struct DoorSettings {
    /// Accept card numbers, not only tokens.
    pub accept_pan: bool,
    /// Account references may be 13 to 19 digits.
    pub numeric_references: bool,
    /// The largest message taken, in bytes.
    pub message_bytes_max: usize,
    /// File with the 32 hexadecimal digits of the key seed that all instances share.
    pub key_seed_file: PathBuf,
    /// File with the 64 hexadecimal digits of the card-number key.
    pub pan_key_file: Option<PathBuf>,
}

/// Protobuf or JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageFormat {
    /// `application/x-protobuf`.
    Protobuf,
    /// `application/json`.
    Json,
}

/// The look of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For a person.
    Text,
    /// For a machine: one JSON object a line.
    Json,
}

/// Settings with where each came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Where each came from.
    pub origins: Vec<Origin>,
}

/// Where a setting came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// `section.key`.
    pub key: String,
    /// `file:line:column`, `environment:1:N` or `--set:1:N`; `None` is the default.
    pub place: Option<String>,
}

impl Settings {
    /// The topic that answers are written to, and that is read as their journal.
    pub fn answers_topic(&self) -> &str {
        match self.mode {
            WorkersMode::Answer => &self.topics.decisions,
            WorkersMode::Observe => &self.topics.observations,
        }
    }

    /// The settings of `file`, of `conf.d/*.toml` beside it, of the variables
    /// `STOPLINE__SECTION__KEY` in `environment` and of `options`
    /// (`section.key=value`); later ones win.
    ///
    /// # Errors
    /// All [`Problems`] found.
    pub fn load(
        file: &Path,
        environment: impl Iterator<Item = (String, String)>,
        options: &[String],
    ) -> Result<Loaded, Problems> {
        let mut problems = Problems::default();
        let (loaded, _) = load::load_settings(file, environment, options, &mut problems);
        match loaded {
            Some(loaded) if problems.errors_count() == 0 => Ok(loaded),
            Some(_) | None => Err(problems.sorted()),
        }
    }
}
