//! The service's settings as run: every value is checked and remembers its origin.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::Span;

/// All that `stopline run` is told, besides the rule set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Brokers, group and the client's own properties.
    pub kafka: KafkaSettings,
    /// Names of the topics.
    pub topics: TopicSettings,
    /// Workers in this process, each with a thread and a consumer of its own.
    pub workers_count: usize,
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
    /// How long an answer is kept for repeats.
    pub recent_answers_age: Span,
    /// How much memory the answers of one partition may take, in bytes.
    pub recent_answers_bytes_max: usize,
    /// Where `/metrics` and the health pages are served: loopback.
    pub admin_address: std::net::SocketAddr,
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
}

/// Names of the topics.
#[derive(Clone, Debug)]
pub struct TopicSettings {
    /// In.
    pub authorisations: String,
    /// Out.
    pub decisions: String,
    /// In: the stop list.
    pub stop_orders: String,
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
