//! The `stopline` binary, installed and run as its users do it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use stopline::wire::proto::Record;
use tempfile::TempDir;

use crate::broker::signal;
use crate::http;
use crate::topics::Topics;
use crate::waiting::eventually;

/// How long a start may take: the stop list is read and partitions are given out.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// The shipped configuration with the names, files and ports of one test.
pub(crate) struct Installation {
    directory: TempDir,
    /// The consumer group.
    pub(crate) group: String,
    /// `section.key=value`, over the shipped file.
    settings: Vec<String>,
    admin: SocketAddr,
}

impl Installation {
    /// One for the test called `test`.
    pub(crate) fn new(test: &str, brokers: &str, topics: &Topics) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let key_seed = directory.path().join("key-seed");
        fs::write(&key_seed, "000102030405060708090a0b0c0d0e0f\n").expect("a key seed");
        let group = format!("{test}-{}", std::process::id());
        let admin = free_address();
        let settings = vec![
            format!("kafka.brokers={brokers}"),
            format!("kafka.group={group}"),
            format!("kafka.instance={group}"),
            format!("topics.authorisations={}", topics.authorisations),
            format!("topics.decisions={}", topics.decisions),
            format!("topics.stop_orders={}", topics.stop_orders),
            format!("door.key_seed_file={}", key_seed.display()),
            format!("admin.address={admin}"),
        ];
        Self { directory, group, settings, admin }
    }

    /// Another process of the same name in the same group, with files and ports of its own;
    /// it must not outlive this one.
    pub(crate) fn twin(&self) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let admin = free_address();
        let mut settings = self.settings.clone();
        settings.retain(|setting| !setting.starts_with("admin.address="));
        settings.push(format!("admin.address={admin}"));
        Self { directory, group: self.group.clone(), settings, admin }
    }

    /// Another process of the group, called `name`, as [`Self::twin`] is.
    pub(crate) fn member(&self, name: &str) -> Self {
        self.twin().with(&format!("kafka.instance={}-{name}", self.group))
    }

    /// The same with `section.key=value` over what was said before.
    pub(crate) fn with(mut self, setting: &str) -> Self {
        let (key, _) = setting.split_once('=').expect("section.key=value");
        self.settings.retain(|former| former.split_once('=').is_none_or(|pair| pair.0 != key));
        self.settings.push(setting.to_owned());
        self
    }

    /// The same with `rules` in the place of the shipped ones.
    pub(crate) fn with_rules(self, rules: &str) -> Self {
        let file = self.directory.path().join("rules.toml");
        let lists = self.directory.path().join("lists");
        fs::create_dir_all(&lists).expect("a directory");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/lists/risky_mccs.txt");
        fs::copy(shipped, lists.join("risky_mccs.txt")).expect("the list");
        fs::write(&file, rules).expect("the rules");
        self.with(&format!("rules.file={}", file.display()))
    }

    fn command(&self, name: &str) -> Command {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/stopline.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_stopline"));
        command.arg(name).arg("--config").arg(config);
        for setting in &self.settings {
            command.args(["--set", setting]);
        }
        command.stdin(Stdio::null());
        command
    }

    /// Starts `stopline run`.
    pub(crate) fn start(&self) -> Engine {
        self.start_under(&[])
    }

    /// Starts `stopline run` with these variables.
    pub(crate) fn start_under(&self, variables: &[(&str, &str)]) -> Engine {
        let log = self.directory.path().join("run.log");
        let file = File::options().create(true).append(true).open(&log).expect("a log");
        let child = self
            .command("run")
            .envs(variables.iter().copied())
            .stdout(file.try_clone().expect("the same file"))
            .stderr(file)
            .spawn()
            .expect("the binary starts");
        Engine { child, admin: self.admin, log }
    }

    /// Runs `stopline verify` with `options` behind the settings.
    pub(crate) fn verify(&self, options: &[&str]) -> Output {
        self.command("verify").args(options).output().expect("the binary starts")
    }

    /// What `stopline score` answers to these messages, one for each.
    pub(crate) fn score(&self, messages: &[String]) -> Vec<Record> {
        let input = self.directory.path().join("requests.jsonl");
        fs::write(&input, messages.join("\n") + "\n").expect("the requests");
        let output = self
            .command("score")
            .stdin(File::open(&input).expect("the requests"))
            .stderr(Stdio::inherit())
            .output()
            .expect("the binary starts");
        assert_eq!(output.status.code(), Some(0), "stopline score");
        let lines = String::from_utf8(output.stdout).expect("lines of text");
        let records: Vec<Record> = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("a record as JSON"))
            .collect();
        assert_eq!(records.len(), messages.len(), "one record per line");
        records
    }
}

/// A loopback address with a port that was free just now.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address")
}

/// A running `stopline run`; killed with this value.
pub(crate) struct Engine {
    child: Child,
    admin: SocketAddr,
    log: PathBuf,
}

impl Engine {
    /// Waits until `/-/ready` says yes.
    pub(crate) fn await_ready(&mut self) {
        eventually("/-/ready says 200", READY_WITHIN, || {
            assert_eq!(self.exit_status(), None, "ended while starting");
            self.is_ready().then_some(())
        });
    }

    /// What `/-/ready` says; no where it does not answer.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.page("/-/ready"), Some((200, _)))
    }

    /// Status and body of a page, where it answers.
    pub(crate) fn page(&self, path: &str) -> Option<(u16, String)> {
        http::get(self.admin, path).ok()
    }

    /// All that it has printed and logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).expect("the log")
    }

    /// Sends it SIGTERM.
    pub(crate) fn terminate(&self) {
        signal(self.child.id(), "TERM");
    }

    /// Stops all its threads, as SIGSTOP does.
    pub(crate) fn freeze(&self) {
        signal(self.child.id(), "STOP");
        self.await_frozen(Duration::from_secs(5));
    }

    /// Waits until it is stopped.
    pub(crate) fn await_frozen(&self, within: Duration) {
        let stat = format!("/proc/{}/stat", self.child.id());
        eventually("the process is stopped", within, || {
            let stat = fs::read_to_string(&stat).expect("it is our child");
            let state = stat.rsplit_once(')').expect("a name in brackets").1.trim_start();
            state.starts_with('T').then_some(())
        });
    }

    /// Lets it go on after it was stopped.
    pub(crate) fn thaw(&self) {
        signal(self.child.id(), "CONT");
    }

    /// The sum of a metric over its labels; 0 where it is not exported (yet).
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let (_, page) = self.page("/metrics").unwrap_or_default();
        let values = page.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let found = series.split('{').next() == Some(name);
            found.then(|| value.parse::<f64>().expect("a number"))
        });
        #[expect(clippy::cast_possible_truncation, reason = "counts of one run")]
        #[expect(clippy::cast_sign_loss, reason = "a count is not negative")]
        let sum = values.sum::<f64>() as u64;
        sum
    }

    /// Ends it as `kill -9` does, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        assert_eq!(self.exit_status(), None, "it runs");
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// How it ended, where it has.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    /// True where it has not ended after `span`.
    pub(crate) fn outlives(&mut self, span: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < span && self.exit_status().is_none() {
            thread::sleep(Duration::from_millis(10));
        }
        self.exit_status().is_none()
    }

    /// Waits until it ends: its exit code, `None` where a signal ended it.
    pub(crate) fn await_exit(&mut self, within: Duration) -> Option<i32> {
        eventually("the engine ends", within, || self.exit_status()).code()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.exit_status().is_none() {
            self.child.kill().expect("it is our child");
            self.child.wait().expect("it is our child");
        }
        if thread::panicking() {
            // Its directory may be gone before it.
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            let last = lines.len().saturating_sub(40);
            eprintln!("the engine's log ends:\n{}", lines[last..].join("\n"));
        }
    }
}
