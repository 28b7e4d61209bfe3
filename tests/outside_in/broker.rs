//! The real Apache Kafka that the tests run against.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::waiting::eventually;

/// A broker that answers.
pub(crate) struct Broker {
    address: String,
}

impl Broker {
    /// The broker that all tests share: topics and groups are each test's own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| {
            let given = std::env::var("STOPLINE_TEST_KAFKA").ok();
            Self { address: given.unwrap_or_else(start) }
        })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// A broker for one test that stops it for a while; it ends with this value.
pub(crate) struct OwnBroker {
    broker: Broker,
    state: State,
}

impl OwnBroker {
    /// Starts one.
    pub(crate) fn start() -> Self {
        Self::start_cluster(1)
    }

    /// Starts this many, of one cluster.
    pub(crate) fn start_cluster(brokers_count: usize) -> Self {
        let broker = Broker { address: start_with(brokers_count) };
        let state = State::of(&broker.address);
        Self { broker, state }
    }

    /// As a broker like any other.
    pub(crate) fn as_broker(&self) -> &Broker {
        &self.broker
    }

    /// Makes it say nothing any more, with its connections open.
    pub(crate) fn stall(&self) {
        for pid in &self.state.pids {
            signal(*pid, "STOP");
        }
    }

    /// Lets it go on after it was stalled.
    pub(crate) fn go_on(&self) {
        for pid in &self.state.pids {
            signal(*pid, "CONT");
        }
    }

    /// Kills it: its connections break, its port is closed, its data stay.
    pub(crate) fn kill(&self) {
        for pid in &self.state.pids {
            end(*pid, "KILL");
        }
    }

    /// Ends one of the cluster, which hands over what it leads; `node` counts from 1.
    pub(crate) fn end_node(&self, node: usize) {
        end(self.state.pids[node - 1], "TERM");
    }

    /// Starts it again where it was, with what it had.
    pub(crate) fn start_again(&mut self) {
        self.start_again_with(&[]);
    }

    /// Starts one of the cluster again, that was ended.
    pub(crate) fn start_node_again(&mut self, node: usize) {
        self.start_again_with(&["--node", &node.to_string()]);
    }

    fn start_again_with(&mut self, options: &[&str]) {
        let output = script("up")
            .arg("--again")
            .arg(&self.state.directory)
            .args(options)
            .stderr(Stdio::inherit())
            .output()
            .expect("tests/kafka/up runs");
        assert!(output.status.success(), "tests/kafka/up --again failed: see above");
        self.state = State::of(&self.broker.address);
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        // A process that is stopped does not end at SIGTERM.
        for pid in &self.state.pids {
            if Path::new(&format!("/proc/{pid}")).exists() {
                signal(*pid, "CONT");
            }
        }
        let status = script("down").arg(&self.broker.address).status();
        assert!(status.expect("tests/kafka/down runs").success());
    }
}

/// What the file says that `tests/kafka/up` leaves.
struct State {
    directory: PathBuf,
    pids: Vec<u32>,
}

impl State {
    /// That of the broker at `address`.
    fn of(address: &str) -> Self {
        let line = format!("address={address}");
        fs::read_dir(target().join("kafka"))
            .expect("the directory of the brokers")
            .find_map(|run| {
                let directory = run.expect("an entry").path();
                let state = fs::read_to_string(directory.join("state")).ok()?;
                let is_here = state.lines().any(|found| found == line);
                let pids = state.lines().filter_map(|line| line.strip_prefix("pid="));
                let pids = pids.map(|pid| pid.parse().expect("a process id")).collect();
                is_here.then_some(Self { directory, pids })
            })
            .expect("the state of this broker")
    }
}

/// Where cargo builds, and `tests/kafka` keeps its jars and brokers.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target")
}

/// Ends the broker `pid` by a signal and waits until it is gone.
fn end(pid: u32, name: &str) {
    signal(pid, name);
    eventually("the broker is gone", Duration::from_secs(30), || {
        // What is dead and not yet waited for has no command line.
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.is_empty().then_some(())
    });
}

fn start() -> String {
    start_with(1)
}

/// Starts brokers that end with this process and returns their addresses.
fn start_with(brokers_count: usize) -> String {
    let output = script("up")
        .args(["--while", &std::process::id().to_string()])
        .args(["--brokers", &brokers_count.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("tests/kafka/up runs");
    assert!(output.status.success(), "tests/kafka/up failed: see above");
    let address = String::from_utf8(output.stdout).expect("an address");
    address.trim().to_owned()
}

fn script(name: &str) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kafka");
    let mut command = Command::new(scripts.join(name));
    command.env("CARGO_TARGET_DIR", target());
    command
}

/// Sends the signal called `name` to the process `pid`.
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    assert!(status.expect("sh runs").success(), "kill -{name} {pid}");
}
