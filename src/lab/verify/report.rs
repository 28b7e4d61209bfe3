//! What was found, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::finding::{Finding, FindingKind, Findings, First, Place};

/// What was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    /// Inputs read.
    pub inputs: u64,
    /// Of those, in the range that must be answered.
    pub inputs_decided: u64,
    /// Inputs without a record, where the records of that time are not kept any more.
    pub inputs_older_than_records: u64,
    /// Inputs that ask for a decision.
    pub requests: u64,
    /// Inputs that ask for an acknowledgement.
    pub noted: u64,
    /// Inputs that cannot be understood.
    pub poison: u64,
    /// Records read.
    pub records: u64,
    /// Records of, or deciding, inputs that are not kept any more; not checked further.
    pub of_older_inputs: u64,
    /// Decisions, copies and repeats among them.
    pub decisions: u64,
    /// Acknowledgements.
    pub acknowledgements: u64,
    /// Errors.
    pub errors: u64,
    /// Decisions that bind: the first for its input.
    pub binding: u64,
    /// Repeats, however they compare.
    pub repeats: u64,
    /// Later repeats with the binding bytes.
    pub repeats_identical: u64,
    /// Repeats of a void copy by its own writer: void.
    pub repeats_void: u64,
    /// Later copies with the binding bytes.
    pub copies_identical: u64,
    /// Later copies that differ, by another writer than the binding decision's: void.
    pub copies_void: u64,
    /// Later copies of acknowledgements and errors.
    pub copies_that_bind_nothing: u64,
    /// Binding decisions on an id that had been decided, by a writer that had not its answer.
    pub ids_decided_again: u64,
}

/// From where a partition is to be answered on, by what has a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Position {
    /// The partition.
    pub partition: i32,
    /// The offset behind the last input that has a record; the log's beginning where none has.
    pub next: i64,
    /// The offset behind the last input.
    pub end: i64,
    /// Inputs before `next` that have no record: passed over, or history at the first start.
    pub unanswered_below: u64,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Report {
    /// Nothing is broken.
    pub is_clean: bool,
    /// What was counted.
    pub counts: Counts,
    /// How often each thing is broken.
    pub violations: BTreeMap<FindingKind, u64>,
    /// The first of them, by place.
    pub first_violations: Vec<Finding>,
    /// How often each thing is worth a note, and nothing is broken.
    pub notes: BTreeMap<FindingKind, u64>,
    /// The first of them, by place.
    pub first_notes: Vec<Finding>,
    /// Where the first void copies lie.
    pub first_void_copies: Vec<Place>,
    /// From where each partition is to be answered on.
    pub positions: Vec<Position>,
    /// The group, where it has committed nothing and the log is not empty: no input had to have
    /// a record.
    pub group_without_commits: Option<String>,
}

impl Report {
    pub(super) fn new(
        counts: Counts,
        findings: Findings,
        voids: First<Place>,
        positions: Vec<Position>,
    ) -> Self {
        let (violations, notes): (BTreeMap<_, _>, BTreeMap<_, _>) =
            findings.counts.into_iter().partition(|(kind, _)| kind.is_violation());
        Self {
            is_clean: violations.is_empty(),
            counts,
            violations,
            first_violations: findings.first.into_vec(),
            notes,
            first_notes: findings.first_notes.into_vec(),
            first_void_copies: voids.into_vec(),
            positions,
            group_without_commits: None,
        }
    }

    /// The same, where the group `group` has committed as much as `commits_count` positions.
    #[must_use]
    pub fn bounded_by(self, group: &str, commits_count: usize) -> Self {
        let is_empty = self.counts.inputs == 0 && self.counts.records == 0;
        let is_without = commits_count == 0 && !is_empty;
        Self { group_without_commits: is_without.then(|| group.to_owned()), ..self }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, next, end, unanswered_below } = self;
        write!(f, "{partition}:{next} is behind the last input with a record; end {end}")?;
        if *unanswered_below > 0 {
            write!(f, "; {unanswered_below} before it have none")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        let Counts { inputs, inputs_decided, requests, noted, poison, .. } = counts;
        writeln!(
            f,
            "inputs      {inputs}: {requests} requests, {noted} to be noted, {poison} not \
             understood; {inputs_decided} in the decided range"
        )?;
        let Counts { records, decisions, acknowledgements, errors, .. } = counts;
        writeln!(
            f,
            "records     {records}: {decisions} decisions, {acknowledgements} acknowledgements, \
             {errors} errors"
        )?;
        let Counts { binding, repeats, repeats_identical, repeats_void, .. } = counts;
        writeln!(
            f,
            "decisions   {binding} bind; {repeats} repeats, {repeats_identical} with the bytes \
             that bind, {repeats_void} void"
        )?;
        let Counts { copies_identical, copies_void, copies_that_bind_nothing, .. } = counts;
        writeln!(
            f,
            "copies      {copies_identical} identical, {copies_void} void by another writer, \
             {copies_that_bind_nothing} of answers that bind nothing"
        )?;
        self.write_rest(f)
    }
}

impl Report {
    fn write_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { ids_decided_again, of_older_inputs, inputs_older_than_records, .. } =
            self.counts;
        if ids_decided_again > 0 {
            writeln!(
                f,
                "again       {ids_decided_again} ids decided anew, their answers forgotten"
            )?;
        }
        if of_older_inputs + inputs_older_than_records > 0 {
            writeln!(
                f,
                "unchecked   {of_older_inputs} records of inputs that are not kept any more, \
                 {inputs_older_than_records} inputs from before the first record kept"
            )?;
        }
        for place in &self.first_void_copies {
            writeln!(f, "void        record {place}")?;
        }
        for position in &self.positions {
            writeln!(f, "next        {position}")?;
        }
        for (kind, count) in &self.notes {
            writeln!(f, "note        {}: {count}", kind.note())?;
        }
        for finding in &self.first_notes {
            writeln!(f, "            {}: {finding}", finding.kind.note())?;
        }
        if let Some(group) = &self.group_without_commits {
            writeln!(
                f,
                "UNCHECKED   group `{group}` has committed nothing, so no input had to have a \
                 record: is kafka.group right? `--all` asks for a record of every input"
            )?;
        } else if self.is_clean {
            writeln!(f, "OK          every input is answered, and there is one truth")?;
        }
        for (kind, count) in &self.violations {
            writeln!(f, "VIOLATED    {}: {count}", kind.name())?;
        }
        for finding in &self.first_violations {
            writeln!(f, "            {}: {finding}", finding.kind.name())?;
        }
        Ok(())
    }
}
