//! THE READERS: text as written becomes values as run, all problems at once.
//!
//! What operations write is TOML (`stopline.toml`, `conf.d/*.toml`, `rules.toml`),
//! variables and options; what runs is [`Settings`] and
//! [`RuleSet`](crate::engine::rules::RuleSet), whose values are known to be sound.
//! Between the two lies one pass that collects every problem with its place, so that
//! nobody mends a file one error at a time.
//!
//! ```text
//! files ─► document (TOML with places) ─► settings ──────────────────────► Settings
//! env, --set ─┘                        └► rules ─► features, conditions ─► RuleSet
//!                                           └───► calendar, lists ────────┘
//! ```
//!
//! Reading files happens in `load`, and nowhere else here. This room must not know
//! Kafka, bytes of messages or who asks.
//!
//! Start at [`load()`].

mod calendar;
mod cel;
mod client_property;
mod condition;
mod difference;
mod document;
mod event_condition;
mod event_filter;
mod fail_causes;
mod fail_policy;
mod features;
mod first_start;
mod foresight;
#[cfg(test)]
mod foresight_tests;
mod kafka_section;
mod key_file;
mod layers;
mod list_file;
mod lists;
mod load;
mod measures;
mod membership;
mod moment;
mod named_file;
mod names;
mod outlook;
mod overload_section;
mod possible;
mod possible_text;
mod problem;
mod problem_code;
mod ranges;
mod reach;
mod refusal;
mod render;
mod rule;
mod rules;
mod scan;
pub mod scenarios;
mod schema;
mod section;
mod settings;
mod settings_reader;
mod shown;
mod term;
mod thresholds;
mod topics_section;
mod units;
mod vocabulary;
mod window;

pub use client_property::refused_client_property;
pub use difference::{Difference, difference, settings_difference};
pub use fail_causes::FailCauseSettings;
pub use first_start::{FirstStart, StartAt};
pub use load::{Configuration, is_rule_set, load, load_rules, parse_rules};
pub use moment::show_moment;
pub use overload_section::{OverloadSettings, StepBounds};
pub use problem::{Code, Place, Problem, Problems, Severity};
pub use schema::{rules_schema, schema_text, settings_schema};
pub use settings::{
    DoorSettings, KafkaSettings, Loaded, LogFormat, MessageFormat, Origin, Settings, TopicSettings,
    WorkersMode,
};
pub use shown::Shown;
pub use units::{currency_code, show_money, show_span};
pub use window::show_window;
