//! `stopline check`: is the configuration sound, and what does it come to?

use std::fmt::{self, Display, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::check_report::Report;
use super::{ConfigArgs, Exit, load, print};
use crate::config::scenarios::load_stories;
use crate::config::{
    Configuration, FailCauseSettings, FirstStart, OverloadSettings, Problem, currency_code,
    show_moment, show_money, show_span, show_window,
};
use crate::domain::Span;
use crate::engine::rules::{CausePolicy, FailAnswer, Mode, RuleSet, Threshold, Unit};
use crate::engine::velocity::Key;
use crate::lab::scenarios;
use crate::service::build;
use crate::service::log::kafka::refused_properties;
use crate::wire::SecretFault;

/// How wide a line of the summary may be.
const LINE_LENGTH_MAX: usize = 100;

/// Reads the whole configuration and says OK with a summary, or lists every problem.
///
/// Exit: 0 sound, with or without warnings; 78 an error, also in the scenarios file; 1 sound, and
/// a story of the scenarios came out differently.
#[derive(Args, Clone, Debug)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// How to tell: `text` for a person, `json` for a program, one document on standard output.
    #[arg(long, value_enum, default_value_t)]
    format: CheckFormat,
    /// Stories of authorisations with what is to come of them: each is told to an engine that
    /// judges by the configured rules.
    #[arg(long, value_name = "FILE")]
    scenarios: Option<PathBuf>,
}

/// Whom to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// A person.
    #[default]
    Text,
    /// A program.
    Json,
}

/// Runs the command: the summary goes to stdout, problems to stderr.
pub(super) fn run(args: &CheckArgs) -> Exit {
    let mut report = Report::default();
    match load::configuration(&args.config) {
        Ok(configuration) => {
            report.problems.append(configuration.warnings.clone());
            report.problems.append(load::outlook(&configuration));
            for fault in refused_properties(&configuration.settings.kafka) {
                let what = format!("[kafka.properties]: {fault}");
                report.problems.add(Problem::client_property(what));
            }
            if let Some(file) = &args.scenarios
                && report.problems.errors_count() == 0
                && let Err(why) = tell_scenarios(file, &configuration, &mut report)
            {
                return failed(&why);
            }
            report.configuration = Some(configuration);
        }
        Err(problems) => report.problems.append(problems),
    }
    match args.format {
        CheckFormat::Json => match report.json() {
            Ok(document) => print::say(&document),
            Err(why) => return failed(&why),
        },
        CheckFormat::Text => {
            if !report.problems.is_empty() {
                print::mind(&format!("{}\n", report.problems));
            }
            match &report.configuration {
                Some(configuration) if report.is_sound() => print::say(&summary(configuration)),
                Some(_) | None => {}
            }
            let (told, failed) = report.stories();
            print::say(&told);
            print::mind(&failed);
        }
    }
    report.exit()
}

/// Nothing can be said about the configuration, and why.
fn failed(why: &impl Display) -> Exit {
    print::complain("check", &why.to_string());
    Exit::Failed
}

/// Tells the stories of `file` to an engine; what came out differently is among the problems.
fn tell_scenarios(
    file: &Path,
    configuration: &Configuration,
    report: &mut Report,
) -> Result<(), SecretFault> {
    let stories = match load_stories(file, &configuration.rule_set) {
        Ok(stories) => stories,
        Err(problems) => {
            report.problems.append(problems);
            return Ok(());
        }
    };
    let rule_set = Arc::new(configuration.rule_set.clone());
    let settings = build::engine_settings(&configuration.settings);
    let told = scenarios::tell(&stories, &rule_set, &settings)?;
    report.told = Some(told);
    Ok(())
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
            let by = match feature.key {
                Key::Account => "",
                Key::Card => ", by card",
            };
            let delay = match feature.delay {
                Span::ZERO => String::new(),
                delay => format!(", {} ago", show_span(delay)),
            };
            let optional = if feature.is_optional { ", optional" } else { "" };
            format!("{} ({}{delay}{by}{optional})", feature.name, show_window(&feature.window))
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
