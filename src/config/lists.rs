//! `[lists]`: files of values that rules look fields up in.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::domain::EventTime;
use crate::engine::rules::{LISTS_COUNT_MAX, List, ListOf};

use super::document::{Entry, Fields};
use super::list_file::read_list;
use super::load::Configuration;
use super::named_file::NamedFile;
use super::names::{check_name, read_choice};
use super::problem::{Code, Problem, Problems, Severity, Spot};
use super::rules::Reader;

/// The largest file of a list that is read, in bytes.
pub(super) const LIST_BYTES_MAX: u64 = 100 << 20;

/// A list as declared. One that is not sound keeps its name, so that rules that use it are
/// not blamed.
#[derive(Clone, Debug)]
pub(super) struct DeclaredList {
    pub(super) name: Arc<str>,
    pub(super) spot: Spot,
    /// `None` where that is not said rightly.
    pub(super) of: Option<ListOf>,
    pub(super) path: Option<PathBuf>,
    pub(super) list: Option<Arc<List>>,
}

impl Reader<'_> {
    pub(super) fn lists(
        &mut self,
        top: &mut Fields<'_>,
        zone: Option<&TimeZone>,
    ) -> Vec<DeclaredList> {
        const EXPECTED: &str = "a table [lists] of files";
        let Some(node) = top.find("lists") else {
            return Vec::new();
        };
        let Some(table) = node.table(EXPECTED, self.problems) else {
            return Vec::new();
        };
        self.limit_count("lists", table.entries.len(), LISTS_COUNT_MAX, &node.spot);
        let entries = table.entries.iter().take(LISTS_COUNT_MAX);
        entries.map(|entry| self.list(entry, zone)).collect()
    }

    fn list(&mut self, entry: &Entry, zone: Option<&TimeZone>) -> DeclaredList {
        const EXPECTED: &str =
            "a table such as { file = \"lists/risky_mccs.txt\", of = \"merchant_category\" }";
        check_name(&entry.key, &entry.key_spot, self.problems);
        let mut declared = DeclaredList {
            name: Arc::from(entry.key.as_str()),
            spot: entry.key_spot.clone(),
            of: None,
            path: None,
            list: None,
        };
        let Some(table) = entry.node.table(EXPECTED, self.problems) else {
            return declared;
        };
        let title = format!("[lists] {}", entry.key);
        let mut fields = self.fields(table, title, &entry.key_spot);
        let file = fields.require("file", "the file with the values, one a line");
        let of = fields.require("of", "what its values are, such as \"merchant_category\"");
        fields.finish(self.problems);
        let kinds = ListOf::ALL.map(|of| (of.name(), of));
        declared.of = of.and_then(|node| read_choice(node, &kinds, self.problems));
        let path = file.and_then(|node| Some((node.path(self.problems)?, node.spot.clone())));
        if let (Some((path, spot)), Some(of)) = (path, declared.of) {
            declared.path = Some(path.clone());
            let file = NamedFile { key: format!("lists.{}", entry.key), path, spot };
            declared.list = (self.read_named)(&file, LIST_BYTES_MAX, self.problems)
                .and_then(|text| {
                    read_list(&file.path, text, (&declared.name, of), zone, self.problems)
                })
                .map(Arc::new);
        }
        declared
    }

    /// Warns of lists that no rule looks into.
    pub(super) fn warn_unused_lists(&mut self, lists: &[DeclaredList], used: &[usize]) {
        // A rule that could not be read may well use it.
        if self.problems.errors_count() > 0 {
            return;
        }
        for (at, list) in lists.iter().enumerate() {
            if !used.contains(&at) {
                let what = format!("no rule looks into `lists.{}`", list.name);
                let problem = Problem::warning(&list.spot, what).code(Code::Unused);
                self.problems.push(problem.help("use it in a rule, or take it out"));
            }
        }
    }
}

impl Configuration {
    /// Warnings of the lists that have entries which have lapsed at `now`.
    pub(super) fn lapsed_entries(&self, now: EventTime) -> Problems {
        let mut problems = Problems::default();
        for list in self.rule_set.lists() {
            let (lapsed, all) = (list.lapsed_count(now), list.values_count());
            if lapsed > 0 {
                let what =
                    format!("{lapsed} of {all} values of `lists.{}` have lapsed", list.name());
                let problem = Problem { severity: Severity::Warning, ..Problem::nowhere(what) };
                problems.push(problem.help("take their lines out, or give them a later end"));
            }
        }
        problems
    }
}
