//! What `stopline check` found, for a person and for programs.

use serde::Serialize;

use super::Exit;
use crate::config::{Configuration, Problem, Problems, Severity};
use crate::lab::scenarios::Told;

/// The form of the JSON document; it grows when a field changes its meaning or goes.
const FORM: u32 = 1;

/// What was found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) configuration: Option<Configuration>,
    /// Of the configuration, and of the scenarios file.
    pub(super) problems: Problems,
    /// What became of the stories, where they were told.
    pub(super) told: Option<Told>,
}

/// The document of `--format json`. Fields are always there; what does not apply is null.
#[derive(Serialize)]
struct Document<'r> {
    /// The form of this document.
    form: u32,
    /// True where a start would go well, and every story came out as expected.
    ok: bool,
    errors: usize,
    warnings: usize,
    files: Vec<String>,
    /// The hash of the rule set, where it is sound.
    rule_set: Option<String>,
    problems: Vec<Entry<'r>>,
    scenarios: Option<Scenarios>,
}

/// One problem.
#[derive(Serialize)]
struct Entry<'r> {
    severity: &'static str,
    /// What kind of problem it is: a name that stays.
    code: &'static str,
    message: &'r str,
    file: Option<&'r str>,
    /// Counted from 1.
    line: Option<usize>,
    /// In characters, counted from 1.
    column: Option<usize>,
    /// In characters; 0 where the file as a whole is meant.
    length: Option<usize>,
    expected: Option<&'r str>,
    help: Option<&'r str>,
}

#[derive(Serialize)]
struct Scenarios {
    stories: usize,
    messages: usize,
    failed: usize,
}

impl Report {
    /// True where a start would go well.
    pub(super) fn is_sound(&self) -> bool {
        self.configuration.is_some() && self.problems.errors_count() == 0
    }

    fn failed_count(&self) -> usize {
        self.told.as_ref().map_or(0, |told| told.failed_count)
    }

    /// How the command ends.
    pub(super) fn exit(&self) -> Exit {
        match (self.is_sound(), self.failed_count()) {
            (false, _) => Exit::BadConfig,
            (true, 0) => Exit::Ok,
            (true, _) => Exit::Failed,
        }
    }

    /// What became of the stories: what goes well, and what does not.
    pub(super) fn stories(&self) -> (String, String) {
        let Some(told) = &self.told else {
            return (String::new(), String::new());
        };
        let Told { stories_count, messages_count, failed_count, problems } = told;
        if *failed_count == 0 {
            let well = format!(
                "\nscenarios   {stories_count} stories of {messages_count} messages, \
                 all as expected\n"
            );
            return (well, String::new());
        }
        let failed = format!("{problems}: {failed_count} of {stories_count} stories failed\n");
        (String::new(), failed)
    }

    /// The document for programs.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let files = self.configuration.as_ref().map_or_else(Vec::new, |it| it.files.clone());
        let stories = self.told.iter().flat_map(|told| told.problems.iter());
        let told = self.told.as_ref();
        let document = Document {
            form: FORM,
            ok: self.exit() == Exit::Ok,
            errors: self.problems.errors_count()
                + told.map_or(0, |told| told.problems.errors_count()),
            warnings: self.problems.warnings_count(),
            files: files.iter().map(|file| file.display().to_string()).collect(),
            rule_set: self
                .configuration
                .as_ref()
                .map(|it| format!("{:016x}", it.rule_set.hash().0)),
            problems: self.problems.iter().chain(stories).map(Entry::of).collect(),
            scenarios: told.map(|told| Scenarios {
                stories: told.stories_count,
                messages: told.messages_count,
                failed: told.failed_count,
            }),
        };
        let text = serde_json::to_string_pretty(&document)?;
        Ok(format!("{text}\n"))
    }
}

impl<'r> Entry<'r> {
    fn of(problem: &'r Problem) -> Self {
        let Problem { severity, code, place, what, expected, remedy } = problem;
        let place = place.as_ref();
        Self {
            severity: match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: code.name(),
            message: what,
            file: place.map(|place| place.file.as_str()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            length: place.map(|place| place.length),
            expected: Some(expected.as_str()).filter(|expected| !expected.is_empty()),
            help: remedy.as_deref(),
        }
    }
}
