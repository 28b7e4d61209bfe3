//! What the shell sees: the exit code of the real binary for every way to call it that
//! needs no broker.

#![expect(clippy::disallowed_methods, reason = "a test waits for a process with a bound")]

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a command may take that has nothing to wait for.
const SOON: Duration = Duration::from_mins(1);

const REQUEST: &str = concat!(
    r#"{"message_type":"MESSAGE_TYPE_0100","authorisation_id":"1","account_reference":"par-7F","#,
    r#""card_token":"tok-51c2","amount_minor_units":100,"currency":"CNY","#,
    r#""authorised_at_millis":1795503600000}"#,
);
const STOP_ORDER: &str = concat!(
    r#"{"order_id":"loss-1","account_reference":"par-7F","cause":"STOP_CAUSE_LOST","#,
    r#""report_channel":"REPORT_CHANNEL_TELEPHONE","reported_at_millis":1795503600000}"#,
);

/// Where the results go.
#[derive(Clone, Copy, Debug)]
enum Stdout {
    /// To a file that is read.
    Kept,
    /// To a pipe whose reader has gone.
    ClosedPipe,
    /// To a disk without room.
    Full,
}

/// How a command ended, and what it said.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    took: Duration,
}

/// Runs the binary in `directory` with the shipped settings beside it. Fails where it has
/// not ended `within`.
fn stopline(
    directory: &TempDir,
    args: &[&str],
    stdin: &str,
    to: Stdout,
    within: Duration,
) -> Ended {
    let path = |name: &str| directory.path().join(name);
    fs::write(path("stdin"), stdin).unwrap();
    let stdout = match to {
        Stdout::Kept => Stdio::from(File::create(path("stdout")).unwrap()),
        Stdout::ClosedPipe => {
            let (reader, writer) = io::pipe().unwrap();
            drop(reader);
            Stdio::from(writer)
        }
        Stdout::Full => Stdio::from(File::options().write(true).open("/dev/full").unwrap()),
    };
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stopline"))
        .args(args)
        .current_dir(directory)
        .env_clear()
        .stdin(File::open(path("stdin")).unwrap())
        .stdout(stdout)
        .stderr(File::create(path("stderr")).unwrap())
        .spawn()
        .unwrap();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > within {
            child.kill().unwrap();
            child.wait().unwrap();
            let said = fs::read_to_string(path("stderr")).unwrap();
            panic!("{args:?} has not ended within {within:?}; it said:\n{said}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    Ended {
        code: status.code(),
        stdout: fs::read_to_string(path("stdout")).unwrap_or_default(),
        stderr: fs::read_to_string(path("stderr")).unwrap(),
        took: began.elapsed(),
    }
}

/// A directory with a copy of `config/` and the files that the cases name.
fn scene() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let config = directory.path().join("config");
    fs::create_dir_all(config.join("dev")).unwrap();
    fs::create_dir_all(config.join("lists")).unwrap();
    let list = "lists/risky_mccs.txt";
    let files = ["stopline.toml", "rules.toml", "scenarios.toml", "dev/key_seed.hex", list];
    for file in files {
        fs::copy(shipped.join(file), config.join(file)).unwrap();
    }
    let write = |name: &str, text: String| fs::write(directory.path().join(name), text).unwrap();
    let story =
        "[[story]]\nname = \"one\"\nsteps = [{ amount = \"1.00 CNY\", expect = \"decline\" }]\n";
    write("failing", story.to_owned());
    write("good-orders", format!("{STOP_ORDER}\n"));
    write("bad-orders", format!("{STOP_ORDER}\n{{\"order_id\":\"2\"}}\n"));
    directory
}

/// A way to call it: a name, the arguments, the standard input, where the results go, the
/// exit code, and what is said, where anything must be: on stdout where all is well, else
/// on stderr.
type Case<'a> = (&'a str, &'a [&'a str], &'a str, Stdout, i32, &'a str);

#[test]
fn every_way_to_end_has_its_exit_code() {
    use Stdout::{ClosedPipe, Full, Kept};
    let directory = scene();
    let request = format!("{REQUEST}\n");
    let with_a_bad_line = format!("{REQUEST}\nnot json\n");
    let cases: [Case<'_>; 24] = [
        ("no arguments", &[], "", Kept, 2, "Usage: stopline"),
        ("unknown flag", &["--no-such"], "", Kept, 2, "--no-such"),
        ("unknown command", &["no-such"], "", Kept, 2, "no-such"),
        ("help", &["--help"], "", Kept, 0, "Usage: stopline"),
        ("help of a command", &["score", "--help"], "", Kept, 0, "--stop-orders"),
        ("version", &["--version"], "", Kept, 0, env!("CARGO_PKG_VERSION")),
        ("good configuration", &["check"], "", Kept, 0, "OK  "),
        ("bad setting", &["check", "--set", "workers.count=none"], "", Kept, 78, "workers.count"),
        ("unknown setting", &["check", "--set", "kafka.broker=a:1"], "", Kept, 78, "kafka.broker"),
        ("missing configuration", &["check", "--config", "absent"], "", Kept, 78, "absent"),
        ("a request", &["score"], &request, Kept, 0, "OUTCOME_"),
        ("no request", &["score"], "", Kept, 0, ""),
        ("a bad line", &["score"], &with_a_bad_line, Kept, 65, "the first is line 2"),
        (
            "a stop order",
            &["score", "--stop-orders", "good-orders"],
            &request,
            Kept,
            0,
            "REASON_LOST_CARD",
        ),
        (
            "missing stop orders",
            &["score", "--stop-orders", "absent"],
            &request,
            Kept,
            74,
            "absent cannot be read",
        ),
        (
            "a bad stop order",
            &["score", "--stop-orders", "bad-orders"],
            &request,
            Kept,
            65,
            "bad-orders:2: ",
        ),
        (
            "score with a bad configuration",
            &["score", "--config", "absent"],
            &request,
            Kept,
            78,
            "absent",
        ),
        ("nobody reads", &["score"], &request, ClosedPipe, 0, ""),
        ("no room", &["score"], &request, Full, 74, "writing failed"),
        ("run with a bad configuration", &["run", "--config", "absent"], "", Kept, 78, "absent"),
        ("a fault that is not one", &["run", "--allow", "all"], "", Kept, 2, "--allow"),
        ("demo without an end", &["demo", "--for", "soon"], "", Kept, 2, "--for"),
        ("demo without traffic", &["demo", "--rate", "0"], "", Kept, 2, "--rate"),
        ("demo with an unknown flag", &["demo", "--loud"], "", Kept, 2, "--loud"),
    ];
    all_end_so(&directory, &cases);
}

fn all_end_so(directory: &TempDir, cases: &[Case<'_>]) {
    let mut wrong = Vec::new();
    for (name, args, stdin, to, code, says) in cases {
        let ended = stopline(directory, args, stdin, *to, SOON);
        let said = if *code == 0 { &ended.stdout } else { &ended.stderr };
        if ended.code != Some(*code) || !said.contains(*says) {
            let (found, stderr) = (ended.code, ended.stderr);
            wrong.push(format!("{name}: not {code} with '{says}', but {found:?}:\n{stderr}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_scenario_that_fails_is_told_from_a_configuration_that_is_wrong() {
    use Stdout::Kept;
    let cases: [Case<'_>; 5] = [
        (
            "scenarios",
            &["check", "--scenarios", "config/scenarios.toml"],
            "",
            Kept,
            0,
            "all as expected",
        ),
        (
            "a scenario that fails",
            &["check", "--scenarios", "failing"],
            "",
            Kept,
            1,
            "1 of 1 stories failed",
        ),
        (
            "a scenario that is none",
            &["check", "--scenarios", "good-orders"],
            "",
            Kept,
            78,
            "good-orders:1:1",
        ),
        ("missing scenarios", &["check", "--scenarios", "absent"], "", Kept, 78, "absent cannot"),
        ("unknown form", &["check", "--format", "xml"], "", Kept, 2, "--format"),
    ];
    all_end_so(&scene(), &cases);
}

#[test]
fn check_tells_programs_everything_in_one_document() {
    let read = |args: &[&str], code: i32| -> serde_json::Value {
        let ended = stopline(&scene(), args, "", Stdout::Kept, SOON);
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert_eq!(ended.stderr, "", "nothing besides the document");
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let good = read(&["check", "--format", "json"], 0);
    assert_eq!(good["form"], 1);
    assert_eq!(good["ok"], true);
    assert_eq!(good["problems"], serde_json::json!([]));
    assert_eq!(good["scenarios"], serde_json::Value::Null);
    let option = "workers.count=none";
    let property = "kafka.properties.nonsense=1";
    let bad = read(&["check", "--format", "json", "--set", option, "--set", property], 78);
    assert_eq!((&bad["ok"], &bad["errors"]), (&false.into(), &1.into()), "{bad}");
    let problem = serde_json::json!({
        "severity": "error", "code": "wrong_type", "message": "this is text",
        "file": "--set", "line": 1, "column": 15, "length": 4,
        "expected": "a whole number from 1 to 256", "help": null,
    });
    assert_eq!(bad["problems"], serde_json::json!([problem]));
    let failed = read(&["check", "--format", "json", "--scenarios", "failing"], 1);
    assert_eq!(failed["problems"][0]["code"], "scenario", "{failed}");
    assert_eq!(failed["scenarios"]["failed"], 1, "{failed}");
}

#[test]
fn check_names_every_property_that_the_client_refuses() {
    let properties = ["kafka.properties.socket.timeout.ms=abc", "kafka.properties.nonsense=1"];
    let args = ["check", "--set", properties[0], "--set", properties[1]];
    let ended = stopline(&scene(), &args, "", Stdout::Kept, SOON);
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    for name in ["socket.timeout.ms", "nonsense"] {
        assert!(ended.stderr.contains(name), "{name}: {}", ended.stderr);
    }
}

#[test]
fn a_bad_line_does_not_keep_the_others_from_their_answers() {
    let lines = format!("not json\n{REQUEST}\n\n{REQUEST}\n");
    let ended = stopline(&scene(), &["score"], &lines, Stdout::Kept, SOON);
    assert_eq!(ended.code, Some(65), "{}", ended.stderr);
    let answers: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(answers.len(), 4, "{answers:?}");
    assert_eq!(answers[1], answers[3], "the stored answer");
}

#[test]
fn an_unreachable_broker_is_named_within_half_a_minute() {
    let nowhere = "127.0.0.1:1";
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let brokers = format!("kafka.brokers={nowhere}");
    let admin = format!("admin.address={free}");
    let args = ["run", "--set", &brokers, "--set", &admin];
    let within = Duration::from_secs(30);
    let ended = stopline(&scene(), &args, "", Stdout::Kept, within);
    assert_eq!(ended.code, Some(69), "{}", ended.stderr);
    // Beyond the line that repeats the settings.
    let complaint = ended.stderr.lines().find(|line| line.contains("ERROR"));
    assert!(complaint.is_some_and(|line| line.contains(nowhere)), "{}", ended.stderr);
    assert!(ended.took < within, "{:?}", ended.took);
}

#[test]
fn an_admin_port_that_is_taken_is_a_wrong_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = format!("admin.address={}", taken.local_addr().unwrap());
    let ended = stopline(&scene(), &["run", "--set", &admin], "", Stdout::Kept, SOON);
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(ended.stderr.contains("choose another with admin.address"), "{}", ended.stderr);
}
