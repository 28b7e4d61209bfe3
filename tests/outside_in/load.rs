//! `stopline loadgen`: the real engine under load, and the echo that it is compared with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::broker::{Broker, signal};
use crate::engine::{Engine, Installation};
use crate::topics::Topics;
use crate::waiting::eventually;

/// How long a process may take to say or do what is awaited.
const PATIENCE: Duration = Duration::from_mins(1);

fn loadgen(brokers: &str, topics: &Topics) -> Command {
    let prefix = topics.authorisations.strip_suffix("authorisations").expect("its name");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stopline"));
    command.args(["loadgen", "--brokers", brokers, "--topics", prefix]).stdin(Stdio::null());
    command
}

/// Topics as `--make-topics` makes them: good enough for `stopline run` and for the echo.
fn make_topics(brokers: &str, test: &str) -> Topics {
    let topics = Topics::named_for(test);
    let made = loadgen(brokers, &topics).args(["--make-topics", "4"]).output();
    let made = made.expect("the binary starts");
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    topics
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// A `stopline loadgen` that runs; killed with this value.
struct Running {
    child: Child,
    directory: TempDir,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let log = File::create(directory.path().join("log")).expect("a log");
        let errors = log.try_clone().expect("the same file");
        let child = command.stdout(log).stderr(errors).spawn().expect("the binary starts");
        Self { child, directory }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("the log")
    }

    fn await_words(&self, words: &str) {
        eventually(words, PATIENCE, || self.log().contains(words).then_some(()));
    }

    /// Waits until a line of progress tells of answers.
    fn await_answers(&self) {
        let tells_of_some =
            |line: &str| line.contains(" answered  ") && !line.contains("  0 answered  ");
        eventually("an answer", PATIENCE, || self.log().lines().any(tells_of_some).then_some(()));
    }

    fn await_exit(&mut self) -> Option<i32> {
        let ended = || self.child.try_wait().expect("it is our child");
        eventually("loadgen ends", PATIENCE, ended).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.child.try_wait().expect("it is our child").is_none() {
            self.child.kill().expect("it is our child");
            self.child.wait().expect("it is our child");
        }
    }
}

/// Where a summary goes.
struct SummaryFile {
    path: PathBuf,
    _directory: TempDir,
}

impl SummaryFile {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { path: directory.path().join("summary.json"), _directory: directory }
    }

    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self, said: &str) -> Value {
        let text = fs::read_to_string(&self.path).unwrap_or_else(|fault| panic!("{fault}\n{said}"));
        serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}\n{said}"))
    }
}

/// Puts 500 a second on whoever answers, for 3 s after 1 s, and returns the summary.
fn measure(brokers: &str, topics: &Topics, format: &str) -> Value {
    let file = SummaryFile::new();
    let output = loadgen(brokers, topics)
        .args(["--rate", "500", "--for", "3s", "--warm-up", "1s", "--cards", "20000"])
        .args(["--seed", "5", "--probes", "--format", format, "--summary"])
        .arg(file.path())
        .output()
        .expect("the binary starts");
    let said = said(&output);
    let summary = file.read(&said);
    // A machine that is busy with other tests may not hold the rate; it must then say so.
    let faults = summary["faults"].as_array().expect("a list");
    let is_about_rate =
        |fault: &Value| fault.as_str().is_some_and(|text| text.contains("rate was not held"));
    assert!(faults.iter().all(is_about_rate), "{said}");
    assert_eq!(summary["is_good"], faults.is_empty());
    assert_eq!(summary["is_broken"], false);
    assert_eq!(output.status.code(), Some(i32::from(!faults.is_empty())), "{said}");
    assert!(said.contains(" s  ") && said.contains("due to read"), "{said}");
    summary
}

fn number(summary: &Value, key: &str) -> u64 {
    summary[key].as_u64().unwrap_or_else(|| panic!("{key}: {summary}"))
}

/// Asserts that all was answered once, and that the keys are those that programs rely on.
fn check(summary: &Value, content_type: &str) {
    let number = |key: &str| number(summary, key);
    assert!((1_700..2_300).contains(&number("sent")), "{summary}");
    assert!((1_200..1_800).contains(&number("measured")), "{summary}");
    assert_eq!(number("answered"), number("sent"));
    assert_eq!(number("scheduled"), number("sent"));
    for none in ["missing", "duplicates", "differing_copies", "errors", "strays"] {
        assert_eq!(number(none), 0, "{none}: {summary}");
    }
    let probes = &summary["probes"];
    assert_eq!((&probes["sent"], &probes["answered"]), (&Value::from(16), &Value::from(16)));
    assert_eq!((&probes["missing"], &probes["duplicates"]), (&Value::from(0), &Value::from(0)));
    for (key, expected) in
        [("rate_per_second", 500), ("warm_up_millis", 1_000), ("cards", 20_000), ("seed", 5)]
    {
        assert_eq!(number(key), expected, "{key}");
    }
    assert!(number("measured_millis") >= 2_900, "{summary}");
    assert_eq!(summary["content_type"], content_type);
    for latency in [&summary["latency_us"], &summary["schedule_lag_us"], &probes["latency_us"]] {
        for percentile in ["p50", "p99", "p999", "p9999", "max"] {
            assert!(latency[percentile].is_u64(), "{percentile}: {summary}");
        }
    }
    assert!(summary["latency_us"]["p50"].as_u64() > Some(0));
    assert!(probes["latency_us"]["p50"].as_u64() > Some(0));
}

fn stop(mut engine: Engine) {
    engine.terminate();
    assert_eq!(engine.await_exit(Duration::from_secs(30)), Some(0));
}

#[test]
fn an_engine_under_load_answers_every_request_and_probe_once() {
    let broker = Broker::shared().address();
    let topics = make_topics(broker, "load");
    let installation = Installation::new("load", broker, &topics);
    let mut engine = installation.start();
    engine.await_ready();
    let formats = [("protobuf", "application/x-protobuf"), ("json", "application/json")];
    for (format, content_type) in formats {
        let summary = measure(broker, &topics, format);
        check(&summary, content_type);
        let writers = summary["writers"].to_string();
        assert!(writers.contains(&installation.group), "{writers}");
    }
    stop(engine);
}

#[test]
fn an_engine_that_is_killed_leaves_requests_missing() {
    let broker = Broker::shared().address();
    let topics = make_topics(broker, "load-killed");
    let installation = Installation::new("load-killed", broker, &topics);
    let mut engine = installation.start();
    engine.await_ready();
    let file = SummaryFile::new();
    let mut load = Running::start(
        loadgen(broker, &topics)
            .args(["--rate", "500", "--for", "12s", "--warm-up", "0s", "--cards", "20000"])
            .args(["--grace", "1s", "--probes", "--summary"])
            .arg(file.path()),
    );
    load.await_answers();
    engine.kill();
    assert_eq!(load.await_exit(), Some(70), "{}", load.log());
    let said = load.log();
    let summary = file.read(&said);
    assert_eq!((&summary["is_good"], &summary["is_broken"]), (&false.into(), &true.into()));
    let (sent, answered) = (number(&summary, "sent"), number(&summary, "answered"));
    assert!(answered > 0 && answered < sent, "{said}");
    assert_eq!(number(&summary, "missing"), sent - answered);
    assert_eq!(number(&summary, "scheduled"), sent, "an open loop goes on");
    assert!(summary["probes"]["missing"].as_u64() > Some(0), "{said}");
    assert!(said.contains("requests got no answer") && said.contains("NOT good"), "{said}");
}

#[test]
fn a_backlog_is_answered_once_an_engine_is_started() {
    let broker = Broker::shared().address();
    let topics = make_topics(broker, "load-backlog");
    let file = SummaryFile::new();
    let mut load = Running::start(
        loadgen(broker, &topics)
            .args(["--backlog", "20000", "--cards", "5000", "--summary"])
            .arg(file.path()),
    );
    load.await_words("20000 requests are in the log: start the engine now");
    let installation = Installation::new("load-backlog", broker, &topics);
    let engine = installation.start();
    assert_eq!(load.await_exit(), Some(0), "{}", load.log());
    stop(engine);
    let said = load.log();
    let summary = file.read(&said);
    assert_eq!((&summary["is_good"], &summary["is_broken"]), (&true.into(), &false.into()));
    let number = |key: &str| number(&summary, key);
    assert_eq!((number("backlog"), number("answered")), (20_000, 20_000));
    for none in ["missing", "duplicates", "differing_copies", "errors", "strays"] {
        assert_eq!(number(none), 0, "{none}: {summary}");
    }
    assert!(number("decisions_per_second") > 0, "{summary}");
    assert!(summary["first_answer_at_unix_millis"].is_i64(), "{summary}");
    assert!(said.contains("decisions a second"), "{said}");
}

#[test]
fn an_echo_sends_every_request_back_once_until_it_is_interrupted() {
    let broker = Broker::shared().address();
    let topics = make_topics(broker, "load-echo");
    let mut echo = Running::start(loadgen(broker, &topics).arg("--echo"));
    echo.await_words("echoing 4 partitions");
    let summary = measure(broker, &topics, "protobuf");
    check(&summary, "application/x-protobuf");
    assert!(summary["writers"].to_string().contains("echo/"), "{summary}");
    signal(echo.child.id(), "INT");
    assert_eq!(echo.await_exit(), Some(0), "{}", echo.log());
    let sent_back = format!("ended: {} sent back", number(&summary, "sent") + 16);
    assert!(echo.log().contains(&sent_back), "{sent_back:?} is not in {}", echo.log());
}

#[test]
fn load_on_what_is_not_there_is_refused_by_name() {
    let broker = Broker::shared().address();
    let topics = Topics::named_for("nothing");
    for (brokers, code, cause) in
        [(broker, 78, topics.authorisations.as_str()), ("127.0.0.1:1", 69, "127.0.0.1:1")]
    {
        let output = loadgen(brokers, &topics).output().expect("the binary starts");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(cause), "{cause} is not in {said}");
    }
}
