//! `rules.toml`: from what operations wrote to the [`RuleSet`] that runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::domain::Currency;
use crate::engine::rules::{
    Action, Bands, MerchantInitiatedStepUp, Mode, Operand, RULES_COUNT_MAX, Rule, RuleSet,
    RuleSetParts, SCORE_MAX,
};
use crate::engine::velocity::{BusinessCalendar, Lookback};

use super::calendar::read_calendar;
use super::document::{Document, Fields, Node, Table};
use super::features::read_features;
use super::load::FILE_BYTES_MAX;
use super::named_file::NamedFile;
use super::names::{check_double, read_choice, require_entry, tables_of};
use super::problem::{Code, Problem, Problems, Spot};
use super::units::parse_currency;
use super::vocabulary::Vocabulary;
use super::window::NamedCalendar;

/// A rule set, and the files that it names.
#[derive(Clone, Debug)]
pub(super) struct RulesRead {
    pub(super) rule_set: RuleSet,
    pub(super) calendar_file: Option<PathBuf>,
    pub(super) list_files: Vec<PathBuf>,
}

/// Gives the text of a file that a rule set names, of so many bytes at most; a problem where
/// it cannot.
pub(super) type ReadNamed<'r> = &'r dyn Fn(&NamedFile, u64, &mut Problems) -> Option<String>;

/// Reads the rule set in `text`, which came from `path`, and what it names by `read_named`.
/// Warnings, and errors where there is no rule set, are added to `problems`.
pub(super) fn read_rules(
    path: &Path,
    text: &str,
    read_named: ReadNamed<'_>,
    problems: &mut Problems,
) -> Option<RulesRead> {
    let document = Document::parse(path, text);
    let mut found = Problems::default();
    let rules = Reader { document: &document, problems: &mut found, read_named }.rules_read();
    found.append_syntax(document.syntax);
    let is_sound = found.errors_count() == 0;
    problems.append(found.sorted());
    rules.filter(|_| is_sound)
}

pub(super) struct Reader<'r> {
    pub(super) document: &'r Document,
    pub(super) problems: &'r mut Problems,
    pub(super) read_named: ReadNamed<'r>,
}

/// The calendar that a rule set names.
struct CalendarRead {
    file: NamedFile,
    /// `None` where it is not sound.
    calendar: Option<Arc<BusinessCalendar>>,
}

/// A rule with the place of its name.
pub(super) struct Placed {
    pub(super) rule: Rule,
    pub(super) name: Spot,
}

impl Reader<'_> {
    fn rules_read(mut self) -> Option<RulesRead> {
        let document = self.document;
        let is_whole = document.is_whole();
        let mut top = Fields::new(&document.table, "the rule set", &document.top, is_whole);
        let currency = self.currency(&mut top);
        let bands = self.bands(&mut top);
        let fail_policy = self.fail_policy(&mut top, currency);
        let errors_count = self.problems.errors_count();
        let thresholds = self.thresholds(&mut top, currency);
        let calendar = self.calendar(&mut top);
        let named = match &calendar {
            None => NamedCalendar::None,
            Some(CalendarRead { calendar: None, .. }) => NamedCalendar::Unsound,
            Some(CalendarRead { calendar: Some(calendar), .. }) => NamedCalendar::Sound(calendar),
        };
        let zone =
            calendar.as_ref().and_then(|it| TimeZone::get(it.calendar.as_ref()?.zone()).ok());
        let lists = self.lists(&mut top, zone.as_ref());
        let features = read_features(&mut top, currency, named, is_whole, self.problems);
        let vocabulary = Vocabulary {
            currency,
            is_sound: is_whole && self.problems.errors_count() == errors_count,
            is_complete: is_whole
                && features.is_complete
                && !["thresholds", "velocity", "lists"].iter().any(|key| top.is_misspelt(key)),
            features: features.specs.iter().map(|(spec, _)| spec.clone()).collect(),
            thresholds: thresholds.iter().map(|(it, _)| it.clone()).collect(),
            lists,
        };
        let rules = self.rules(&mut top, &vocabulary);
        top.finish(self.problems);
        if is_whole {
            let features = features.specs.iter().map(|(spec, spot)| (spec.name.as_ref(), spot));
            let thresholds = thresholds.iter().map(|(it, spot)| (it.name.as_ref(), spot));
            self.warn_unused("velocity", features, &rules, &vocabulary);
            self.warn_unused("thresholds", thresholds, &rules, &vocabulary);
            let used: Vec<_> = rules.iter().flat_map(|it| it.rule.condition().lists()).collect();
            self.warn_unused_lists(&vocabulary.lists, &used);
            self.warn_toothless(bands.as_ref(), &rules);
            self.warn_idle_calendar(calendar.as_ref(), &vocabulary);
        }
        if self.problems.errors_count() > 0 || !is_whole {
            return None;
        }
        let parts = RuleSetParts {
            currency: currency?,
            bands: bands?,
            fail_policy: fail_policy?,
            thresholds: vocabulary.thresholds,
            features: vocabulary.features,
            lists: vocabulary.lists.iter().filter_map(|it| it.list.clone()).collect(),
            rules: rules.into_iter().map(|placed| placed.rule).collect(),
        };
        match RuleSet::new(parts) {
            Ok(rule_set) => {
                let calendar_file = calendar.map(|calendar| calendar.file.path);
                let list_files = vocabulary.lists.iter().filter_map(|it| it.path.clone()).collect();
                Some(RulesRead { rule_set, calendar_file, list_files })
            }
            Err(fault) => {
                self.problems.push(Problem::error(&self.document.top, fault.to_string()));
                None
            }
        }
    }

    fn currency(&mut self, top: &mut Fields<'_>) -> Option<Currency> {
        const EXPECTED: &str = "the ISO 4217 letters of the policy's currency, such as \"CNY\"";
        let node = top.require("currency", EXPECTED)?;
        let code = node.text(EXPECTED, self.problems)?;
        let currency = parse_currency(&code);
        if currency.is_none() {
            let what = format!("`{code}` is no currency");
            self.problems.push(Problem::error(&node.spot, what).expected(EXPECTED));
        }
        currency
    }

    fn calendar(&mut self, top: &mut Fields<'_>) -> Option<CalendarRead> {
        let node = top.find("calendar")?;
        let path = node.path(self.problems)?;
        let file = NamedFile { key: "calendar".to_owned(), path, spot: node.spot.clone() };
        let text = (self.read_named)(&file, FILE_BYTES_MAX, self.problems);
        let calendar = text.and_then(|text| read_calendar(&file.path, &text, self.problems));
        Some(CalendarRead { file, calendar: calendar.map(Arc::new) })
    }

    fn bands(&mut self, top: &mut Fields<'_>) -> Option<Bands> {
        const EXPECTED: &str =
            "a table [bands] with step_up_at, decline_at and merchant_initiated_step_up";
        let entry = require_entry(top, "bands", EXPECTED)?;
        let table = entry.node.table(EXPECTED, self.problems)?;
        let mut fields = self.fields(table, "[bands]", &entry.key_spot);
        let step_up_at = self.band(&mut fields, "step_up_at");
        let decline_at = self.band(&mut fields, "decline_at");
        let choices = MerchantInitiatedStepUp::ALL.map(|it| (it.name(), it));
        let purpose =
            "`approve` or `decline`: what a step-up becomes where nobody can authenticate";
        let merchant_initiated_step_up =
            self.choice(&mut fields, "merchant_initiated_step_up", purpose, &choices);
        fields.finish(self.problems);
        let ((step_up_at, _), (decline_at, place)) = (step_up_at?, decline_at?);
        if decline_at <= step_up_at {
            let what = format!("the bands overlap: declining begins at or below {step_up_at}");
            let expected = format!("more than step_up_at, which is {step_up_at}");
            let problem = Problem::error(&place, what).code(Code::Bands);
            self.problems.push(problem.expected(expected));
        }
        Some(Bands {
            step_up_at,
            decline_at,
            merchant_initiated_step_up: merchant_initiated_step_up?,
        })
    }

    fn band(&mut self, fields: &mut Fields<'_>, key: &'static str) -> Option<(i32, Spot)> {
        let expected = format!("a score from 1 to {SCORE_MAX}");
        let node = fields.require(key, &expected)?;
        let score = node.integer(&expected, self.problems)?;
        let score = self.within(node, score, 1, SCORE_MAX, &expected)?;
        Some((score, node.spot.clone()))
    }

    fn rules(&mut self, top: &mut Fields<'_>, vocabulary: &Vocabulary) -> Vec<Placed> {
        let tables = tables_of(top, "rule", self.problems);
        if let Some((_, head)) = tables.first() {
            self.limit_count("rules", tables.len(), RULES_COUNT_MAX, head);
        }
        let mut rules: Vec<Placed> = Vec::new();
        for (table, head) in tables.into_iter().take(RULES_COUNT_MAX) {
            let Some(found) = self.rule(table, &head, vocabulary) else {
                continue;
            };
            check_double("rule", found.rule.name(), &found.name, self.problems, || {
                rules.iter().map(|earlier| (earlier.rule.name().as_ref(), &earlier.name))
            });
            rules.push(found);
        }
        rules
    }

    pub(super) fn choice<T: Copy>(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        purpose: &str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let node = fields.require(key, purpose)?;
        read_choice(node, choices, self.problems)
    }

    pub(super) fn within(
        &mut self,
        node: &Node,
        value: i64,
        min: i32,
        max: i32,
        expected: &str,
    ) -> Option<i32> {
        let found = i32::try_from(value).ok().filter(|it| (min..=max).contains(it));
        if found.is_none() {
            let problem = Problem::error(&node.spot, format!("{value} is out of range"));
            self.problems.push(problem.code(Code::OutOfRange).expected(expected));
        }
        found
    }

    pub(super) fn limit_count(&mut self, kind: &str, count: usize, count_max: usize, spot: &Spot) {
        if count > count_max {
            let problem = Problem::error(spot, format!("there are {count} {kind}"));
            let problem = problem.code(Code::OutOfRange);
            self.problems.push(problem.expected(format!("at most {count_max}")));
        }
    }

    pub(super) fn fields<'t>(
        &self,
        table: &'t Table,
        title: impl Into<String>,
        head: &Spot,
    ) -> Fields<'t> {
        Fields::new(table, title, head, self.document.is_whole())
    }

    fn warn_unused<'n>(
        &mut self,
        room: &str,
        declared: impl Iterator<Item = (&'n str, &'n Spot)>,
        rules: &[Placed],
        vocabulary: &Vocabulary,
    ) {
        // A rule that could not be read may well use it.
        if self.problems.errors_count() > 0 {
            return;
        }
        let used: Vec<Operand> =
            rules.iter().flat_map(|placed| placed.rule.condition().reads()).collect();
        for (name, spot) in declared {
            let operand = match room {
                "velocity" => vocabulary.feature(name),
                _ => vocabulary.threshold(name),
            };
            if operand.is_some_and(|operand| !used.contains(&operand)) {
                let what = format!("no rule reads `{room}.{name}`");
                let problem = Problem::warning(spot, what).code(Code::Unused);
                self.problems.push(problem.help("use it in a rule, or take it out"));
            }
        }
    }

    /// Warns where a calendar is kept for nothing.
    fn warn_idle_calendar(&mut self, calendar: Option<&CalendarRead>, vocabulary: &Vocabulary) {
        // A window that could not be read may well use it.
        let Some(CalendarRead { file, .. }) =
            calendar.filter(|_| self.problems.errors_count() == 0)
        else {
            return;
        };
        let mut windows = vocabulary.features.iter().map(|feature| &feature.window);
        if !windows.any(|window| matches!(window, Lookback::BusinessDays(_))) {
            let problem = Problem::warning(&file.spot, "no window counts business days");
            let problem = problem.code(Code::Unused);
            self.problems.push(problem.help("use it in a window, or take it out"));
        }
    }

    /// Warns where no request can be declined.
    fn warn_toothless(&mut self, bands: Option<&Bands>, rules: &[Placed]) {
        if self.problems.errors_count() > 0 {
            return;
        }
        let live = || {
            let live = rules.iter().filter(|placed| placed.rule.mode() == Mode::Live);
            live.map(|placed| placed.rule.action())
        };
        let declines = live().any(|action| matches!(action, Action::Decline { .. }));
        let most: i32 = live().map(|action| action.points().max(0)).sum();
        if let Some(bands) = bands
            && !declines
            && most < bands.decline_at
        {
            let what = format!(
                "no request can be declined by these rules: all their points together are {most}, \
                 declining begins at {}",
                bands.decline_at
            );
            let problem = Problem::warning(&self.document.top, what);
            self.problems.push(problem.code(Code::ImpossibleOutcome));
        }
    }
}
