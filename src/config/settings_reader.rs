//! From layers to [`Settings`]: each key, its range and its default.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::domain::Span;

use super::document::{Fields, Node, Table, Value};
use super::fail_causes::fail_causes;
use super::first_start::first_start;
use super::kafka_section::kafka;
use super::layers::Layers;
use super::named_file::NamedFile;
use super::overload_section::overload;
use super::problem::{Problem, Problems};
use super::section::Section;
use super::settings::{
    DoorSettings, Loaded, LogFormat, MessageFormat, Origin, Settings, WorkersMode,
};
use super::topics_section::topics;

/// The settings in `layers`, and the files that they name, these as far as they can be
/// read; problems are added to `problems`.
pub(super) fn read_settings(
    layers: &Layers,
    problems: &mut Problems,
) -> (Option<Loaded>, Vec<NamedFile>) {
    let mut files = Vec::new();
    (read_sections(layers, problems, &mut files), files)
}

fn read_sections(
    layers: &Layers,
    problems: &mut Problems,
    files: &mut Vec<NamedFile>,
) -> Option<Loaded> {
    let mut origins = Vec::new();
    let mut reader = Reader {
        top: Fields::new(&layers.table, "the settings", &layers.top, layers.is_whole),
        layers,
        problems,
        origins: &mut origins,
        files,
    };
    let kafka = reader.section("kafka", kafka);
    let topics = reader.section("topics", topics);
    let workers = reader.section("workers", workers);
    let first_start = reader.section_if_there("first_start", first_start);
    let overload = reader.section_if_there("overload", overload);
    let door = reader.section("door", door);
    let formats = reader.section("formats", formats);
    let rules_file = reader
        .section("rules", |section| section.required_path("file", "the file with the rule set"));
    let admin_address = reader.section("admin", admin_address);
    let answers = reader.section("answers", answers);
    let cards_count_max = reader.section("windows", |section| {
        let purpose = "the most accounts that one partition remembers";
        section.required_number("accounts_count_max", purpose, 1, 1 << 30)
    });
    let times = reader.section("time", times);
    let fail_causes = reader.section("fail_causes", |section| Some(fail_causes(section)));
    let log_format = reader.section("log", |section| {
        let choices = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        section.choice("format", &choices, LogFormat::Text)
    });
    reader.finish();
    let Workers { count: workers_count, mode, drain_timeout, commit_interval } = workers?;
    let (default_format, echo_headers) = formats?;
    let (lateness, advice_lateness) = times?;
    let (recent_answers_age, recent_answers_bytes_max) = answers?;
    let settings = Settings {
        kafka: kafka?,
        topics: topics?,
        workers_count,
        mode,
        first_start: first_start.ok()?,
        overload: overload.ok()?,
        door: door?,
        default_format,
        echo_headers,
        rules_file: rules_file?,
        lateness,
        advice_lateness,
        fail_causes: fail_causes?,
        cards_count_max: cards_count_max?,
        recent_answers_age,
        recent_answers_bytes_max,
        admin_address: admin_address?,
        drain_timeout,
        commit_interval,
        log_format: log_format?,
    };
    Some(Loaded { settings, origins })
}

const SECOND: Span = Span::from_seconds(1);
/// While it drains a worker does not poll, and the group waits a minute for a poll.
const DRAIN_MAX: Span = Span::from_seconds(45);
const DAY: Span = Span::from_seconds(86_400);
const ADVICE_LATENESS: Span = Span::from_seconds(3 * 86_400);
const ADVICE_LATENESS_MAX: Span = Span::from_seconds(7 * 86_400);

struct Reader<'r> {
    top: Fields<'r>,
    layers: &'r Layers,
    problems: &'r mut Problems,
    origins: &'r mut Vec<Origin>,
    files: &'r mut Vec<NamedFile>,
}

/// What is wrong with a section is among the problems.
struct Reported;

impl Reader<'_> {
    /// What `read` makes of the section `name`; one that is absent has no keys.
    fn section<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Option<T> {
        let nothing = Table::default();
        let (table, head) = match self.top.entry(name) {
            // Reported as unknown: what it says is not missing.
            None if self.top.is_misspelt(name) => return None,
            None => (&nothing, &self.layers.top),
            Some(entry) => match &entry.node.value {
                Value::Table(table) => (table, &entry.key_spot),
                Value::Text(_)
                | Value::Integer(_)
                | Value::Boolean(_)
                | Value::List(_)
                | Value::Time(_)
                | Value::Other(_)
                | Value::Bare => {
                    let problem =
                        Problem::error(&entry.node.spot, format!("`{name}` is a section"));
                    self.problems.push(problem.expected(format!("[{name}] and its keys")));
                    return None;
                }
            },
        };
        let fields = Fields::new(table, format!("[{name}]"), head, self.layers.is_whole);
        let mut section = Section::new(name, fields, self.problems, self.origins, self.files);
        let found = read(&mut section);
        section.finish();
        found
    }

    /// The same of a section that may be absent.
    fn section_if_there<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Section<'_>) -> Option<T>,
    ) -> Result<Option<T>, Reported> {
        if self.has(name) { self.section(name, read).map(Some).ok_or(Reported) } else { Ok(None) }
    }

    /// True where the section `name`, which may be left out, is there or was meant to be.
    fn has(&mut self, name: &'static str) -> bool {
        self.top.entry(name).is_some() || self.top.is_misspelt(name)
    }

    fn finish(self) {
        let mut unknown = Problems::default();
        self.top.finish(&mut unknown);
        self.problems.append(unknown);
    }
}

/// What `[workers]` says.
struct Workers {
    count: usize,
    mode: WorkersMode,
    drain_timeout: Duration,
    commit_interval: Duration,
}

fn workers(section: &mut Section<'_>) -> Option<Workers> {
    let count = section.number("count", 1, 256, 1);
    let modes = [WorkersMode::Answer, WorkersMode::Observe].map(|mode| (mode.name(), mode));
    let mode = section.choice("mode", &modes, WorkersMode::Answer);
    let drain = section.span("drain_timeout", SECOND, DRAIN_MAX, Span::from_seconds(20));
    let (shortest, longest) = (Span::from_millis(50), Span::from_seconds(60));
    let commit = section.span("commit_interval", shortest, longest, Span::from_millis(500));
    Some(Workers {
        count: count?,
        mode: mode?,
        drain_timeout: duration(drain?),
        commit_interval: duration(commit?),
    })
}

fn times(section: &mut Section<'_>) -> Option<(Span, Span)> {
    let purpose = "how far `authorised_at` may lie behind the broker's time, such as \"5m\"";
    let lateness = section.required_span("lateness", purpose, SECOND, DAY);
    let advice_lateness =
        section.span("advice_lateness", SECOND, ADVICE_LATENESS_MAX, ADVICE_LATENESS);
    Some((lateness?, advice_lateness?))
}

fn answers(section: &mut Section<'_>) -> Option<(Span, usize)> {
    let purpose = "how long an answer is kept for repeats, such as \"10m\"";
    let age = section.required_span("age", purpose, SECOND, DAY);
    let purpose = "how much memory the kept answers of one partition may take, in bytes";
    let bytes_max = section.required_number("bytes_max", purpose, 1 << 16, 1 << 36);
    Some((age?, bytes_max?))
}

fn door(section: &mut Section<'_>) -> Option<DoorSettings> {
    let accept_pan = section.boolean("accept_pan", false);
    let numeric_references = section.boolean("numeric_references", false);
    let message_bytes_max = section.number("message_bytes_max", 1_024, 1_000_000, 65_536);
    let purpose = "the file with the key seed that all instances share";
    let key_seed_file = section.required_path("key_seed_file", purpose);
    let pan_key = section.find("pan_key_file");
    let pan_key_file = match pan_key {
        None => Some(None),
        Some(node) => section.path("pan_key_file", node).map(Some),
    };
    if accept_pan == Some(true) && pan_key.is_none() {
        let purpose = "the file with the key that card numbers are hashed with";
        section.required_path("pan_key_file", purpose);
    }
    Some(DoorSettings {
        accept_pan: accept_pan?,
        numeric_references: numeric_references?,
        message_bytes_max: message_bytes_max?,
        key_seed_file: key_seed_file?,
        pan_key_file: pan_key_file?,
    })
}

fn formats(section: &mut Section<'_>) -> Option<(MessageFormat, Vec<String>)> {
    let choices = [("protobuf", MessageFormat::Protobuf), ("json", MessageFormat::Json)];
    let default = section.choice("default", &choices, MessageFormat::Protobuf);
    let echo_headers = match section.find("echo_headers") {
        None => Some(Vec::new()),
        Some(node) => header_names(node, section.problems),
    };
    Some((default?, echo_headers?))
}

/// The names of headers in `node`: none that an answer has already, none twice.
fn header_names(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    const EXPECTED: &str = "the name of a header of your own, in printable ASCII";
    let found = node.texts("a list of header names", problems)?;
    let errors_count = problems.errors_count();
    let mut names: Vec<String> = Vec::new();
    for (name, spot) in found {
        let lower = name.to_ascii_lowercase();
        let is_own = lower == "content-type" || lower.starts_with("stopline-");
        let what = if name.is_empty() {
            "this name is empty".to_owned()
        } else if !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            format!("`{name}` is no name of a header")
        } else if is_own {
            format!("the header `{name}` is Stopline's own: an answer has it already")
        } else if names.contains(&name) {
            format!("the header `{name}` is there twice")
        } else {
            names.push(name);
            continue;
        };
        problems.push(Problem::error(&spot, what).expected(EXPECTED));
    }
    (problems.errors_count() == errors_count).then_some(names)
}

fn admin_address(section: &mut Section<'_>) -> Option<SocketAddr> {
    const EXPECTED: &str = "a loopback address and port, such as \"127.0.0.1:9464\"";
    let Some(node) = section.find("address") else {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9_464)));
    };
    let text = node.text(EXPECTED, section.problems)?;
    let problem = match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return Some(address),
        Ok(_) => Problem::error(
            &node.spot,
            "the admin port would be open to the network, and it asks nobody who they are",
        ),
        Err(_) => Problem::error(&node.spot, format!("`{text}` is no address")),
    };
    section.problems.push(problem.expected(EXPECTED));
    None
}

fn duration(span: Span) -> Duration {
    Duration::from_millis(u64::try_from(span.millis()).unwrap_or(0))
}
