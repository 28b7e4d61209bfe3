//! The judgement: what `stopline verify` finds, what the proof itself found, one row.

use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::engine::Installation;

/// What a proof did and found.
#[derive(Default)]
pub(super) struct Row {
    name: &'static str,
    began: Option<Instant>,
    /// Repetitions of the whole.
    pub(super) runs: u64,
    /// Processes killed or frozen: engines and brokers.
    pub(super) kills: u64,
    /// Joins and leaves, and partitions taken from one that was frozen.
    pub(super) rebalances: u64,
    /// Records of which their engine learnt that others wrote them.
    pub(super) foreign: u64,
    /// Outcomes that such a record replaced.
    pub(super) amended: u64,
    inputs: u64,
    records: u64,
    copies: u64,
    void: u64,
    missing: u64,
    differing: u64,
    /// What was measured besides, as `name=value`.
    pub(super) measured: Vec<String>,
    faults: Vec<String>,
}

impl Row {
    /// Of the proof called `name`, which begins.
    pub(super) fn begin(name: &'static str) -> Self {
        Self { name, began: Some(Instant::now()), ..Self::default() }
    }

    /// Notes what is wrong, where it is; the proof goes on, to find all.
    pub(super) fn expect(&mut self, is_right: bool, otherwise: impl FnOnce() -> String) {
        if !is_right {
            let fault = otherwise();
            eprintln!("{}: {fault}", self.name);
            self.faults.push(fault);
        }
    }

    /// Has `stopline verify` judge all inputs, and adds up what it counts. Clean is: nothing
    /// violated, no id decided again.
    pub(super) fn verify(&mut self, installation: &Installation) {
        let summary = tempfile::NamedTempFile::new().expect("a file");
        let path = summary.path().to_str().expect("a path");
        let output = installation.verify(&["--all", "--summary", path]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code();
        self.expect(code == Some(0), || format!("verify: exit {code:?}\n{told}{complaints}"));
        let text = fs::read_to_string(path).expect("the summary");
        let report: Value = serde_json::from_str(&text).unwrap_or_default();
        let sum = |group: &str, names: &[&str]| -> u64 {
            names.iter().map(|name| report[group][*name].as_u64().unwrap_or(0)).sum()
        };
        self.inputs += sum("counts", &["inputs"]);
        self.records += sum("counts", &["records"]);
        let void = sum("counts", &["copies_void"]);
        self.void += void;
        self.copies += void + sum("counts", &["copies_identical", "copies_that_bind_nothing"]);
        self.missing += sum("violations", &["missing_record"]);
        let differing = ["differing_copy", "differing_repeat", "decided_twice"];
        self.differing += sum("violations", &differing);
        let again = sum("counts", &["ids_decided_again"]);
        self.expect(again == 0, || format!("verify: {again} ids decided again\n{told}"));
    }

    /// Copies that another's answers made void, so far.
    pub(super) const fn void(&self) -> u64 {
        self.void
    }

    /// Prints the row, then fails where anything was wrong.
    pub(super) fn end(self) {
        let took = self.began.expect("it began").elapsed().as_secs();
        eprintln!(
            "campaign-row {} runs={} kills={} rebalances={} inputs={} records={} copies={} \
             void={} missing={} differing={} foreign={} amended={} seconds={took} {}",
            self.name,
            self.runs,
            self.kills,
            self.rebalances,
            self.inputs,
            self.records,
            self.copies,
            self.void,
            self.missing,
            self.differing,
            self.foreign,
            self.amended,
            self.measured.join(" "),
        );
        let faults = self.faults;
        assert!(
            faults.is_empty(),
            "{}: {} faults:\n{}",
            self.name,
            faults.len(),
            faults.join("\n")
        );
    }
}

/// The first of these and how many there are, to be read.
pub(super) fn some_of<T: std::fmt::Debug>(all: &[T]) -> String {
    format!("{} of them, first {:?}", all.len(), &all[..all.len().min(5)])
}
