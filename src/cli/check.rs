//! `stopline check`: is the configuration sound, and what does it come to?

use std::fmt::{self, Write as _};
use std::io;

use clap::Args;

use super::{ConfigArgs, Exit, load};
use crate::config::{
    Configuration, FailCauseSettings, FirstStart, OverloadSettings, currency_code, show_moment,
    show_money, show_span, show_window,
};
use crate::domain::Span;
use crate::engine::rules::{CausePolicy, FailAnswer, Mode, RuleSet, Threshold, Unit};
use crate::service::log::Fault;
use crate::service::log::kafka::refused_properties;

/// How wide a line of the summary may be.
const LINE_LENGTH_MAX: usize = 100;

/// Reads the whole configuration and says OK with a summary, or lists every problem.
#[derive(Args, Clone, Debug)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
}

/// Runs the command: the summary goes to stdout, problems to stderr.
pub(super) fn run(args: &CheckArgs) -> Exit {
    match load::config(&args.config) {
        Ok(configuration) => {
            if !configuration.warnings.is_empty() {
                say(io::stderr(), &format!("{}\n", configuration.warnings));
            }
            let outlook = load::outlook(&configuration);
            if !outlook.is_empty() {
                say(io::stderr(), &format!("{outlook}\n"));
            }
            let refused = refused_properties(&configuration.settings.kafka);
            let lines = |fault: &Fault| format!("error: [kafka.properties]: {fault}\n");
            say(io::stderr(), &refused.iter().map(lines).collect::<String>());
            if outlook.errors_count() > 0 || !refused.is_empty() {
                return Exit::BadConfig;
            }
            say(io::stdout(), &summary(&configuration));
            Exit::Ok
        }
        Err(exit) => exit,
    }
}

/// Writes `text`; a reader that went away is no failure of the check.
fn say(mut to: impl io::Write, text: &str) {
    drop(to.write_all(text.as_bytes()));
    drop(to.flush());
}

/// What `configuration` comes to, on one screen.
pub fn summary(configuration: &Configuration) -> String {
    let mut text = String::new();
    match write_summary(&mut text, configuration) {
        // Writing to a `String` cannot fail.
        Ok(()) | Err(fmt::Error) => text,
    }
}

fn write_summary(out: &mut String, configuration: &Configuration) -> fmt::Result {
    let Configuration { settings, rule_set, files, .. } = configuration;
    let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    writeln!(out, "OK  {}\n", files.join(", "))?;
    write_rule_set(out, rule_set)?;
    writeln!(out)?;
    let kafka = &settings.kafka;
    write_row(out, "brokers", std::slice::from_ref(&kafka.brokers))?;
    let member = if kafka.is_static_member { "static" } else { "dynamic" };
    let group = format!("{} as {} ({member})", kafka.group, kafka.instance);
    write_row(out, "group", &[group])?;
    let topics = &settings.topics;
    write_row(
        out,
        "topics",
        &[
            format!("in {}", topics.authorisations),
            format!("out {}", settings.answers_topic()),
            format!("stop list {}", topics.stop_orders),
        ],
    )?;
    let door = &settings.door;
    let pan = if door.accept_pan { "accepted" } else { "refused" };
    write_row(
        out,
        "door",
        &[
            format!("card numbers {pan}"),
            format!("messages up to {} bytes", door.message_bytes_max),
        ],
    )?;
    let age = show_span(settings.recent_answers_age);
    let bytes_max = settings.recent_answers_bytes_max >> 20;
    let lateness = show_span(settings.lateness);
    write_row(
        out,
        "time",
        &[
            format!("lateness up to {lateness}"),
            format!("answers kept {age}, {bytes_max} MiB a partition"),
        ],
    )?;
    write_row(out, "fail causes", &show_fail_causes(&settings.fail_causes))?;
    write_row(
        out,
        "workers",
        &[settings.workers_count.to_string(), format!("mode {}", settings.mode.name())],
    )?;
    write_row(out, "overload", &overload(settings.overload.as_ref()))?;
    if let Some(FirstStart { history_from, answer_from }) = settings.first_start {
        let starts =
            [format!("history from {history_from}"), format!("answers from {answer_from}")];
        write_row(out, "first start", &starts)?;
    }
    write_row(out, "admin", &[format!("http://{}", settings.admin_address)])?;
    if configuration.uses_development_seed {
        writeln!(
            out,
            "\nNOTE: keys are made with the public development seed,\n      {}: \
             fit for trying out, not for cards.",
            door.key_seed_file.display()
        )?;
    }
    Ok(())
}

/// When work is shed.
fn overload(settings: Option<&OverloadSettings>) -> Vec<String> {
    let Some(settings) = settings else {
        return vec!["nothing is shed".to_owned()];
    };
    let waits = settings.steps.map(|step| show_span(step.wait_above));
    let queues = settings.steps.map(|step| format!("{} %", step.queue_above_percent));
    let steps = ["shadow rules off", "optional features off", "stand-in"].into_iter();
    steps
        .zip(waits.iter().zip(&queues))
        .map(|(step, (wait, queue))| format!("{step} above {wait} or {queue}"))
        .collect()
}

fn write_rule_set(out: &mut String, rule_set: &RuleSet) -> fmt::Result {
    let hash = format!("{:016x}", rule_set.hash().0);
    let currency = currency_code(rule_set.currency());
    write_row(out, "rule set", &[hash, format!("amounts in {currency}")])?;
    let bands = rule_set.bands();
    write_row(
        out,
        "bands",
        &[
            format!("step up at {}", bands.step_up_at),
            format!("decline at {}", bands.decline_at),
            format!("merchant-initiated step-ups: {}", bands.merchant_initiated_step_up.name()),
        ],
    )?;
    let answers: Vec<_> = rule_set
        .fail_policy()
        .causes()
        .map(|(cause, declared)| format!("{}: {}", cause.name(), show_bands(declared, rule_set)))
        .collect();
    write_row(out, "fail policy", &answers)?;
    let names = |mode: Mode| -> Vec<String> {
        let rules = rule_set.rules().iter().filter(|rule| rule.mode() == mode);
        rules.map(|rule| rule.name().to_string()).collect()
    };
    for mode in Mode::ALL {
        let names = names(mode);
        write_row(out, &format!("{} {}", names.len(), mode.name()), &names)?;
    }
    if let Some(calendar) = rule_set.calendar() {
        let last = show_moment(calendar.ends_at().minus(Span::from_seconds(1)));
        let days = format!("{} business days up to {last}", calendar.starts().len());
        write_row(out, "calendar", &[format!("days of {}", calendar.zone()), days])?;
    }
    let thresholds: Vec<_> =
        rule_set.thresholds().iter().map(|threshold| show_threshold(threshold, rule_set)).collect();
    write_row(out, "thresholds", &thresholds)?;
    let features: Vec<_> = rule_set
        .features()
        .iter()
        .map(|feature| {
            let optional = if feature.is_optional { ", optional" } else { "" };
            format!("{} ({}{optional})", feature.name, show_window(&feature.window))
        })
        .collect();
    write_row(out, "features", &features)
}

/// From when on each cause holds, where the settings say so.
fn show_fail_causes(causes: &FailCauseSettings) -> Vec<String> {
    let after = |span: Option<Span>| match span {
        Some(span) => format!("after {}", show_span(span)),
        None => "never".to_owned(),
    };
    let header = causes.deadline_header.as_ref();
    let late = match header {
        Some(name) => format!("late by deadline, header `{name}`, else"),
        None => "late by deadline, else".to_owned(),
    };
    vec![
        format!("{late} {}", after(causes.answer_within)),
        format!("stop list stale {}", after(causes.stop_list_stale_after)),
        format!("recovering {}", after(causes.recovering_after)),
    ]
}

/// `approve below 200.00 CNY, else decline`.
fn show_bands(declared: &CausePolicy, rule_set: &RuleSet) -> String {
    let word = |answer: FailAnswer| match answer {
        FailAnswer::Judge => "judge",
        FailAnswer::Approve => "approve",
        FailAnswer::StepUp { .. } => "step up",
        FailAnswer::Decline { .. } => "decline",
    };
    let bands = declared.bands.iter().map(|band| match band.below {
        Some(below) => {
            let below = show_money(below, rule_set.currency());
            format!("{} below {below}", word(band.answer))
        }
        None => word(band.answer).to_owned(),
    });
    bands.collect::<Vec<_>>().join("; ")
}

fn show_threshold(threshold: &Threshold, rule_set: &RuleSet) -> String {
    let Threshold { name, value, unit } = threshold;
    match unit {
        Unit::Number => format!("{name} {value}"),
        Unit::Money => format!("{name} {}", show_money(*value, rule_set.currency())),
    }
}

/// Writes `title` and `items` behind it, in as many lines as they need.
fn write_row(out: &mut String, title: &str, items: &[String]) -> fmt::Result {
    const INDENT: usize = 12;
    write!(out, "{title:<INDENT$}")?;
    let mut length = INDENT;
    for (index, item) in items.iter().enumerate() {
        let separator = if index + 1 < items.len() { "," } else { "" };
        if index > 0 && length + 1 + item.len() + separator.len() > LINE_LENGTH_MAX {
            write!(out, "\n{:INDENT$}", "")?;
            length = INDENT;
        } else if index > 0 {
            out.push(' ');
            length += 1;
        }
        write!(out, "{item}{separator}")?;
        length += item.len() + separator.len();
    }
    writeln!(out)
}
