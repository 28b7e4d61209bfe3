//! What is said at the end, to people and to programs.

use serde::Serialize;

use super::frame::Stage;
use super::layout::{Hang, folded};
use crate::lab::figures::{Percentiles, duration, grouped, micros};

/// The figures of a demo, as `--summary` writes them.
///
/// `sent`, `answered` and `missing` count inputs, `duplicates` records beyond one per
/// input. `approved`, `declined` and `stepped_up` count authorisations: one that was sent
/// several times got one answer and is counted once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Summary {
    /// Requests that are in the log.
    pub sent: u64,
    /// Requests that got a record.
    pub answered: u64,
    /// Requests that got none.
    pub missing: u64,
    /// Records beyond one per request.
    pub duplicates: u64,
    /// Authorisations approved.
    pub approved: u64,
    /// Authorisations declined.
    pub declined: u64,
    /// Authorisations to be stepped up.
    pub stepped_up: u64,
    /// Of those declined, by a stop order.
    pub declined_by_stop_list: u64,
    /// Decode, decide and encode together; what was due in the warm-up is left out.
    pub engine_latency_ns: Percentiles,
    /// From due to read; without the warm-up, too.
    pub end_to_end_latency_us: Percentiles,
    /// From the publication of the lost card's stop order to its first decline: at most
    /// so long it took to be in force, as the first attempt comes 1 ms later; `null` where
    /// the story did not come that far.
    pub stop_order_to_enforced_us: Option<u64>,
    /// Which traffic it was.
    pub seed: u64,
}

/// How a demo ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ending {
    /// Its figures.
    pub summary: Summary,
    /// The story, a line each act.
    pub story: Vec<String>,
    /// What did not turn out as it must; nothing in a demo that is well.
    pub faults: Vec<String>,
    /// How long it ran, in nanoseconds.
    pub ran_nanos: u64,
    /// Processor time of the whole process, in nanoseconds, where it can be told.
    pub cpu_nanos: Option<u64>,
}

impl Ending {
    /// True where every request got exactly one binding answer and the story held.
    pub fn is_well(&self) -> bool {
        self.faults.is_empty()
    }

    /// The closing words, a line each.
    pub fn as_lines(&self, stage: &Stage, width: usize) -> Vec<String> {
        let summary = &self.summary;
        let decided = summary.approved + summary.stepped_up + summary.declined;
        let millis = (self.ran_nanos / 1_000_000).max(1);
        let mut lines = vec![
            format!(
                "{} requests sent, {} answered, {} missing, {} duplicates",
                grouped(summary.sent),
                grouped(summary.answered),
                grouped(summary.missing),
                grouped(summary.duplicates)
            ),
            format!(
                "{} authorisations decided: {} approved, {} stepped up, {} declined \
                 ({} by a stop order)",
                grouped(decided),
                grouped(summary.approved),
                grouped(summary.stepped_up),
                grouped(summary.declined),
                grouped(summary.declined_by_stop_list)
            ),
        ];
        lines.extend(self.latency_lines(stage));
        if let Some(cpu_nanos) = self.cpu_nanos {
            let permille = cpu_nanos.saturating_mul(1_000) / self.ran_nanos.max(1);
            lines.push(format!(
                "processor: {}.{} % of one core for all of it \
                 (traffic, log, engine, reader, screen)",
                permille / 10,
                permille % 10
            ));
        }
        if let Some(micros) = summary.stop_order_to_enforced_us {
            lines.push(format!(
                "stop order enforced within {} of its publication",
                duration(micros.saturating_mul(1_000))
            ));
        }
        let mut lines: Vec<String> =
            lines.iter().flat_map(|line| folded(line, width, Hang::INDENTED)).collect();
        lines.insert(
            0,
            format!("Stopline demo, after {}.{} s", millis / 1_000, millis % 1_000 / 100),
        );
        lines.push(String::new());
        lines.push("The story".to_owned());
        lines.extend(self.story.iter().flat_map(|told| folded(told, width, Hang::ENTRY)));
        lines.push(String::new());
        if self.is_well() {
            lines.push("Every request got exactly one binding answer.".to_owned());
        } else {
            lines.push("NOT as it must be:".to_owned());
            lines.extend(self.faults.iter().flat_map(|fault| folded(fault, width, Hang::ENTRY)));
        }
        lines
    }

    fn latency_lines(&self, stage: &Stage) -> Vec<String> {
        let Summary { engine_latency_ns: engine, end_to_end_latency_us: end_to_end, .. } =
            self.summary;
        if engine.is_empty() && end_to_end.is_empty() {
            return vec![format!("latencies are measured {}: none was", stage.warm_up())];
        }
        vec![
            latency_line("engine itself, µs", engine.columns(micros)),
            latency_line("end to end, µs", end_to_end.columns(grouped)),
            format!("end to end: {}", stage.log),
            format!("both latencies {}; counts are of all", stage.warm_up()),
        ]
    }
}

fn latency_line(name: &str, [p50, p99, p999, p9999, max]: [String; 5]) -> String {
    format!("{name:<18} p50 {p50}  p99 {p99}  p99.9 {p999}  p99.99 {p9999}  max {max}")
}

/// What to do after the demo, a line each: commands for `program`, the way it was started.
pub fn what_to_try_next(program: &str, width: usize, rate_per_second: u32) -> Vec<String> {
    let faster = format!("demo --rate {}", rate_per_second.saturating_mul(10));
    let told = [
        (faster.as_str(), "ten times the traffic"),
        ("demo --brokers HOST:9092", "the same story on your own Kafka"),
        (
            "check --config config/stopline.toml",
            "after you have turned a threshold in config/rules.toml",
        ),
        (
            "score --config config/stopline.toml < requests.jsonl",
            "your own requests, without Kafka",
        ),
        ("run --config config/stopline.toml", "the service"),
    ];
    let why = Hang { first: "      ", others: "      ", more: "" };
    let mut lines = vec!["Try next".to_owned()];
    for (command, reason) in told {
        lines.extend(folded(&format!("{program} {command}"), width, Hang::COMMAND));
        lines.extend(folded(reason, width, why));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::demo::frame::tests::stage;

    fn ending() -> Ending {
        let latency = Percentiles { p50: 1_100, p99: 2_200, p999: 3_300, p9999: 4_400, max: 5_500 };
        Ending {
            summary: Summary {
                sent: 120_003,
                answered: 120_003,
                missing: 0,
                duplicates: 0,
                approved: 119_900,
                declined: 90,
                stepped_up: 11,
                declined_by_stop_list: 9,
                engine_latency_ns: latency,
                end_to_end_latency_us: latency,
                stop_order_to_enforced_us: Some(870),
                seed: 1,
            },
            story: vec!["ordinary traffic flows".to_owned()],
            faults: Vec::new(),
            ran_nanos: 60_100_000_000,
            cpu_nanos: Some(6_010_000_000),
        }
    }

    #[test]
    fn the_summary_has_the_keys_that_programs_rely_on() {
        let json = serde_json::to_value(ending().summary).expect("plain data");
        let keys: Vec<&str> =
            json.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut expected = [
            "sent",
            "answered",
            "missing",
            "duplicates",
            "approved",
            "declined",
            "stepped_up",
            "declined_by_stop_list",
            "engine_latency_ns",
            "end_to_end_latency_us",
            "stop_order_to_enforced_us",
            "seed",
        ];
        expected.sort_unstable();
        assert_eq!(keys, expected);
        for latency in ["engine_latency_ns", "end_to_end_latency_us"] {
            for percentile in ["p50", "p99", "p999", "p9999", "max"] {
                assert!(json[latency][percentile].is_u64(), "{latency} {percentile}");
            }
        }
    }

    #[test]
    fn the_closing_words_say_what_was_measured_and_how() {
        let stage = stage();
        let mut ending = ending();
        let said = ending.as_lines(&stage, 80).join("\n");
        for part in [
            "120,003 requests sent, 120,003 answered, 0 missing, 0 duplicates",
            "120,001 authorisations decided: 119,900 approved",
            "processor: 10.0 % of one core",
            "stop order enforced within 870 µs of its publication",
            "in-process log, no network",
            "both latencies after a second of warm-up; counts are of all",
            "exactly one binding answer",
        ] {
            assert!(said.contains(part), "{part:?} is not in\n{said}");
        }
        ending.faults.push("3 requests got no answer".to_owned());
        assert!(!ending.is_well());
        assert!(ending.as_lines(&stage, 80).join("\n").contains("NOT as it must be"));
    }

    #[test]
    fn a_demo_that_ended_in_its_warm_up_shows_no_latency() {
        let mut ending = ending();
        ending.summary.engine_latency_ns = Percentiles::default();
        ending.summary.end_to_end_latency_us = Percentiles::default();
        let said = ending.as_lines(&stage(), 80).join("\n");
        assert!(said.contains("measured after a second of warm-up: none was"), "{said}");
        assert!(!said.contains("p50"), "{said}");
    }

    #[test]
    fn what_to_try_next_is_said_of_the_program_as_it_was_started() {
        let lines = what_to_try_next("target/release/stopline", usize::MAX, 500);
        assert!(lines.contains(&"  target/release/stopline demo --rate 5000".to_owned()));
        assert!(!lines.concat().contains('\\'));
    }

    #[test]
    fn closing_words_fold_at_the_width_of_the_terminal() {
        let narrow = what_to_try_next("target/release/stopline", 50, 2_000);
        assert!(narrow.iter().any(|line| line.ends_with(" \\")), "{narrow:#?}");
        for line in narrow.iter().chain(&ending().as_lines(&stage(), 50)) {
            assert!(line.chars().count() <= 50, "{line:?}");
        }
    }
}
