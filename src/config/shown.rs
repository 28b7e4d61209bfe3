//! Settings as run, key by key, as a file would write them.

use std::path::Path;
use std::time::Duration;

use super::first_start::{FirstStart, StartAt};
use super::overload_section::{OverloadSettings, StepBounds};
use super::settings::{LogFormat, MessageFormat, Settings};
use super::units::show_span;
use crate::domain::Span;

/// A setting as run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// `section.key`.
    pub key: String,
    /// Its value, as TOML; `None` where it is not set and has no default.
    pub value: Option<String>,
}

impl Settings {
    /// Every setting, in the order of the sections. Secrets are in files, and their files are
    /// named here; what they hold is nowhere.
    pub fn shown(&self) -> Vec<Shown> {
        let mut shown = Vec::new();
        let mut some = |key: &str, value: String| {
            shown.push(Shown { key: key.to_owned(), value: Some(value) });
        };
        some("kafka.brokers", quoted(&self.kafka.brokers));
        some("kafka.group", quoted(&self.kafka.group));
        some("kafka.instance", quoted(&self.kafka.instance));
        some("kafka.static_membership", self.kafka.is_static_member.to_string());
        some("kafka.properties", pairs(&self.kafka.properties, |value| quoted(value)));
        let files = &self.kafka.secret_property_files;
        some("kafka.secret_property_files", pairs(files, |file| path(file)));
        some("topics.authorisations", quoted(&self.topics.authorisations));
        some("topics.decisions", quoted(&self.topics.decisions));
        some("topics.observations", quoted(&self.topics.observations));
        some("topics.stop_orders", quoted(&self.topics.stop_orders));
        some("workers.count", self.workers_count.to_string());
        some("workers.mode", quoted(self.mode.name()));
        some("workers.drain_timeout", span(self.drain_timeout));
        some("workers.commit_interval", span(self.commit_interval));
        shown.extend(overload(self.overload.as_ref()));
        shown.extend(first_start(self.first_start));
        let mut set = |key: &str, value: Option<String>| {
            shown.push(Shown { key: key.to_owned(), value });
        };
        set("door.accept_pan", Some(self.door.accept_pan.to_string()));
        set("door.numeric_references", Some(self.door.numeric_references.to_string()));
        set("door.message_bytes_max", Some(self.door.message_bytes_max.to_string()));
        set("door.key_seed_file", Some(path(&self.door.key_seed_file)));
        set("door.pan_key_file", self.door.pan_key_file.as_deref().map(path));
        let format = match self.default_format {
            MessageFormat::Protobuf => "protobuf",
            MessageFormat::Json => "json",
        };
        set("formats.default", Some(quoted(format)));
        set("formats.echo_headers", Some(list(self.echo_headers.iter().map(|it| quoted(it)))));
        set("rules.file", Some(path(&self.rules_file)));
        set("admin.address", Some(quoted(&self.admin_address.to_string())));
        set("answers.age", Some(quoted(&show_span(self.recent_answers_age))));
        set("answers.bytes_max", Some(self.recent_answers_bytes_max.to_string()));
        set("windows.accounts_count_max", Some(self.cards_count_max.to_string()));
        set("time.lateness", Some(quoted(&show_span(self.lateness))));
        set("time.advice_lateness", Some(quoted(&show_span(self.advice_lateness))));
        let causes = &self.fail_causes;
        set("fail_causes.answer_within", causes.answer_within.map(|it| quoted(&show_span(it))));
        set("fail_causes.deadline_header", causes.deadline_header.as_deref().map(quoted));
        let stale_after = causes.stop_list_stale_after;
        set("fail_causes.stop_list_stale_after", stale_after.map(|it| quoted(&show_span(it))));
        let recovering_after = causes.recovering_after;
        set("fail_causes.recovering_after", recovering_after.map(|it| quoted(&show_span(it))));
        let format = match self.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        set("log.format", Some(quoted(format)));
        shown
    }
}

fn overload(settings: Option<&OverloadSettings>) -> Vec<Shown> {
    let of_steps = |of_step: fn(&StepBounds) -> String| {
        settings.map(|settings| list(settings.steps.iter().map(of_step)))
    };
    let wait = |at: fn(&StepBounds) -> Span| {
        settings.map(|it| list(it.steps.iter().map(|step| quoted(&show_span(at(step))))))
    };
    let rows = [
        ("wait_above", wait(|step| step.wait_above)),
        ("wait_below", wait(|step| step.wait_below)),
        ("queue_above_percent", of_steps(|step| step.queue_above_percent.to_string())),
        ("queue_below_percent", of_steps(|step| step.queue_below_percent.to_string())),
        ("rise_after", settings.map(|it| span(it.rise_after))),
        ("fall_after", settings.map(|it| span(it.fall_after))),
    ];
    let rows = rows.into_iter();
    rows.map(|(key, value)| Shown { key: format!("overload.{key}"), value }).collect()
}

fn first_start(settings: Option<FirstStart>) -> Vec<Shown> {
    let at = |at: fn(FirstStart) -> StartAt| settings.map(|it| quoted(&at(it).to_string()));
    let rows =
        [("history_from", at(|it| it.history_from)), ("answer_from", at(|it| it.answer_from))];
    let rows = rows.into_iter();
    rows.map(|(key, value)| Shown { key: format!("first_start.{key}"), value }).collect()
}

/// `text` as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn path(file: &Path) -> String {
    quoted(&file.display().to_string())
}

fn span(duration: Duration) -> String {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    quoted(&show_span(Span::from_millis(millis)))
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

fn pairs<T>(pairs: &[(String, T)], show: impl Fn(&T) -> String) -> String {
    let pairs = pairs.iter().map(|(name, value)| format!("{} = {}", quoted(name), show(value)));
    let pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", pairs.join(", ")) }
}
