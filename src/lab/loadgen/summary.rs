//! What is said at the end, to people and to programs.

use serde::Serialize;

use super::faults::{self, LogHas};
use super::run::LoadSettings;
use super::schedule::{SCHEDULE_LAG_P99_MAX, is_held};
use super::sender::Sent;
use super::tally::{Counted, Tally};
use crate::lab::figures::{Percentiles, grouped};

/// The figures of a run, as `--summary` writes them.
///
/// Counts are of the whole run, warm-up included; latency and lag are of what was due after
/// it. A duplicate with the same value is told and no fault: after a crash an engine may
/// answer again, and says the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LoadSummary {
    /// True where nothing is in `faults`.
    pub is_good: bool,
    /// True where an answer is missing, differs from another or lies elsewhere.
    pub is_broken: bool,
    /// Why the run is not good.
    pub faults: Vec<String>,
    /// Requests a second, as asked for.
    pub rate_per_second: u32,
    /// How long the requests that were measured took to send, in milliseconds.
    pub measured_millis: u64,
    /// How long requests were sent before that, in milliseconds.
    pub warm_up_millis: u64,
    /// Cards that paid.
    pub cards: u32,
    /// Which traffic.
    pub seed: u64,
    /// `application/x-protobuf` or `application/json`.
    pub content_type: String,
    /// Who answered: the engine's instances, or an echo.
    pub writers: Vec<String>,
    /// Requests that were due.
    pub scheduled: u64,
    /// Requests handed to the brokers.
    pub sent: u64,
    /// Requests that got a record.
    pub answered: u64,
    /// Requests that got none.
    pub missing: u64,
    /// Records beyond one per request.
    pub duplicates: u64,
    /// Of these, those whose value is not the first one's.
    pub differing_copies: u64,
    /// Requests and probes answered with an error.
    pub errors: u64,
    /// Records in another partition than their request.
    pub strays: u64,
    /// Requests whose latency was taken.
    pub measured: u64,
    /// From due to read.
    pub latency_us: Percentiles,
    /// From due to handed to the client.
    pub schedule_lag_us: Percentiles,
    /// The echo tests beside the requests, where there were any.
    pub probes: Option<ProbeSummary>,
}

/// The figures of the echo tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ProbeSummary {
    /// Probes handed to the brokers.
    pub sent: u64,
    /// Probes that got a record.
    pub answered: u64,
    /// Probes that got none.
    pub missing: u64,
    /// Records beyond one per probe.
    pub duplicates: u64,
    /// Of these, those whose value is not the first one's.
    pub differing_copies: u64,
    /// From due to read.
    pub latency_us: Percentiles,
}

impl ProbeSummary {
    fn of(sent_count: u64, counted: &Counted) -> Self {
        let answers = &counted.answers;
        Self {
            sent: sent_count,
            answered: answers.answered,
            missing: faults::missing(sent_count, answers),
            duplicates: answers.duplicates,
            differing_copies: answers.differing_copies,
            latency_us: counted.latency_micros(),
        }
    }
}

impl LoadSummary {
    /// Adds a run up.
    pub(super) fn of(settings: &LoadSettings, sent: &Sent, tally: &Tally) -> Self {
        let millis = |span: std::time::Duration| u64::try_from(span.as_millis()).unwrap_or(0);
        let warm_up_millis = millis(settings.warm_up);
        let requests = ProbeSummary::of(sent.requests_count, &tally.requests);
        let probes = ProbeSummary::of(sent.probes_count, &tally.probes);
        let missing = requests.missing + probes.missing;
        let log = if sent.fault.is_none() { LogHas::All } else { LogHas::NotAll };
        let mut summary = Self {
            is_good: false,
            is_broken: faults::is_broken(tally, missing, log),
            faults: faults::of_answers(tally, sent.requests_count, sent.probes_count, log),
            rate_per_second: settings.rate_per_second,
            measured_millis: (sent.until_nanos / 1_000_000).saturating_sub(warm_up_millis),
            warm_up_millis,
            cards: settings.cards_count,
            seed: settings.seed,
            content_type: settings.format.content_type().to_owned(),
            writers: tally.writers.iter().cloned().collect(),
            scheduled: sent.schedule.due,
            sent: requests.sent,
            answered: requests.answered,
            missing: requests.missing,
            duplicates: requests.duplicates,
            differing_copies: requests.differing_copies,
            errors: tally.errors,
            strays: tally.strays,
            measured: tally.requests.measured,
            latency_us: requests.latency_us,
            schedule_lag_us: sent.schedule.lag_micros(),
            probes: settings.has_probes.then_some(probes),
        };
        summary.add_faults_of_the_rate();
        summary.faults.extend(sent.fault.iter().map(|why| format!("not all was sent: {why}")));
        if sent.is_cut_short {
            summary.faults.push("it was stopped before its time".to_owned());
        }
        summary.is_good = summary.faults.is_empty();
        summary
    }

    fn add_faults_of_the_rate(&mut self) {
        if self.measured == 0 {
            self.faults.push("nothing was measured".to_owned());
        }
        if self.sent < self.scheduled {
            self.faults.push(format!(
                "the rate was not held: {} requests were due and {} were sent",
                grouped(self.scheduled),
                grouped(self.sent),
            ));
        }
        if !is_held(self.schedule_lag_us) {
            self.faults.push(format!(
                "the rate was not held: one request in a hundred went out {} µs or more after it \
                 was due, and {} µs are allowed; its latencies are not those of {} a second",
                grouped(self.schedule_lag_us.p99),
                grouped(u64::try_from(SCHEDULE_LAG_P99_MAX.as_micros()).unwrap_or(u64::MAX)),
                grouped(u64::from(self.rate_per_second)),
            ));
        }
    }

    /// The closing words, a line each.
    pub fn as_lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} requests sent, {} answered, {} missing, {} duplicates ({} differing), \
                 {} errors",
                grouped(self.sent),
                grouped(self.answered),
                grouped(self.missing),
                grouped(self.duplicates),
                grouped(self.differing_copies),
                grouped(self.errors),
            ),
            format!("answered by {}", writers(&self.writers)),
            format!("{} measured at {} a second, µs", grouped(self.measured), self.rate_per_second),
            latency_line("due to read", self.latency_us),
            latency_line("due to sent", self.schedule_lag_us),
        ];
        if let Some(probes) = &self.probes {
            lines.push(format!(
                "{} echo tests sent, {} answered, {} missing, {} duplicates, µs",
                grouped(probes.sent),
                grouped(probes.answered),
                grouped(probes.missing),
                grouped(probes.duplicates),
            ));
            lines.push(latency_line("due to read", probes.latency_us));
        }
        let praise = "The run is good: the rate was held, every request has its answer.";
        lines.extend(verdict(praise, &self.faults));
        lines
    }
}

/// Who answered.
pub(super) fn writers(names: &[String]) -> String {
    if names.is_empty() { "nobody".to_owned() } else { names.join(", ") }
}

/// Whether a run is good, `praise`, or what is wrong with it.
pub(super) fn verdict(praise: &str, faults: &[String]) -> Vec<String> {
    if faults.is_empty() {
        return vec![praise.to_owned()];
    }
    let mut lines = vec!["The run is NOT good:".to_owned()];
    lines.extend(faults.iter().map(|fault| format!("  {fault}")));
    lines
}

fn latency_line(name: &str, latency: Percentiles) -> String {
    let Percentiles { p50, p99, p999, p9999, max } = latency;
    let [p50, p99, p999, p9999, max] = [p50, p99, p999, p9999, max].map(grouped);
    format!("  {name}  p50 {p50}  p99 {p99}  p99.9 {p999}  p99.99 {p9999}  max {max}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::loadgen::schedule::Schedule;
    use crate::lab::loadgen::tally::{Answered, Kind};
    use crate::lab::loadgen::ticket::{Stream, Ticket};
    use crate::wire::Format;

    const SETTINGS: LoadSettings = LoadSettings {
        rate_per_second: 1_000,
        length: Duration::from_secs(2),
        warm_up: Duration::from_secs(1),
        cards_count: 100,
        seed: 7,
        format: Format::Json,
        has_probes: false,
        grace: Duration::from_secs(30),
    };

    /// All three that were due were sent, one of them late.
    fn sent(lag_nanos: u64) -> Sent {
        let mut schedule = Schedule::new();
        schedule.owed(3);
        schedule.sent(1_500_000_000, 1_500_000_000 + lag_nanos);
        Sent {
            requests_count: 3,
            probes_count: 0,
            schedule,
            until_nanos: 3_000_400_000,
            is_cut_short: false,
            fault: None,
        }
    }

    fn answer(stream: Stream, sequence: u64, due_nanos: u64, value: &[u8]) -> Answered<'_> {
        Answered {
            ticket: Ticket { run: 1, stream, sequence, due_nanos },
            read_nanos: due_nanos + 650_000,
            appended_at_unix_millis: 1,
            value,
        }
    }

    fn tally() -> Tally {
        let mut tally = Tally::new(1_000_000_000);
        for sequence in 0..3 {
            let due_nanos = sequence * 1_000_000_000;
            tally.answered(&answer(Stream::Requests, sequence, due_nanos, b"approve"));
        }
        tally.written_by("here-0/1");
        tally
    }

    #[test]
    fn a_run_that_answers_all_at_its_rate_is_good() {
        let summary = LoadSummary::of(&SETTINGS, &sent(70_000), &tally());
        assert!(summary.is_good, "{:?}", summary.faults);
        assert_eq!((summary.measured, summary.measured_millis), (2, 2_000));
        assert_eq!((summary.latency_us.p50, summary.schedule_lag_us.p50), (650, 70));
        let said = summary.as_lines().join("\n");
        for part in ["3 requests sent", "answered by here-0/1", "p50 650  p99 650", "is good"] {
            assert!(said.contains(part), "{part:?} is not in\n{said}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_run_is_said() {
        let of = |sent: &Sent, tally: &Tally| LoadSummary::of(&SETTINGS, sent, tally);
        let (mut copied, mut erring, mut astray) = (tally(), tally(), tally());
        copied.answered(&answer(Stream::Requests, 1, 0, b"decline"));
        erring.is_of_kind(Kind::Error);
        astray.strays += 1;
        let mut late = sent(0);
        late.schedule.owed(1);
        let more = Sent { requests_count: 4, ..late };
        let mut behind = sent(0);
        behind.schedule.owed(2);
        let unsent = Sent { fault: Some("no broker".to_owned()), ..sent(0) };
        let cut_short = Sent { is_cut_short: true, ..sent(0) };
        let probed = Sent { probes_count: 2, ..sent(0) };
        let nothing = Sent { requests_count: 0, schedule: Schedule::new(), ..sent(0) };
        let cases = [
            (of(&more, &tally()), true, "1 requests got no answer"),
            (of(&probed, &tally()), true, "2 probes got no answer"),
            (of(&sent(0), &copied), true, "1 records differ"),
            (of(&sent(0), &astray), true, "1 records lie in another partition"),
            (of(&sent(0), &erring), false, "1 requests were answered with an error"),
            (of(&sent(20_000_000), &tally()), false, "the rate was not held: one request"),
            (of(&behind, &tally()), false, "not held: 5 requests were due and 3 were sent"),
            (of(&unsent, &tally()), false, "not all was sent: no broker"),
            (of(&cut_short, &tally()), false, "stopped before its time"),
            (of(&nothing, &Tally::new(0)), false, "nothing was measured"),
        ];
        for (summary, is_broken, fault) in cases {
            assert_eq!((summary.is_good, summary.is_broken), (false, is_broken), "{fault}");
            let said = summary.as_lines().join("\n");
            assert_eq!(summary.faults.len(), 1, "{said}");
            assert!(said.contains(fault) && said.contains("NOT good"), "{fault:?}\n{said}");
        }
    }

    #[test]
    fn a_request_that_is_not_in_the_log_is_missing_and_breaks_no_promise() {
        let unsent = Sent { requests_count: 4, fault: Some("no broker".to_owned()), ..sent(0) };
        let summary = LoadSummary::of(&SETTINGS, &unsent, &tally());
        assert_eq!((summary.missing, summary.is_good, summary.is_broken), (1, false, false));
        let said = summary.as_lines().join("\n");
        assert!(said.contains("not all of them reached the brokers"), "{said}");
    }

    #[test]
    fn where_nobody_answered_it_asks_for_the_engine() {
        let said = LoadSummary::of(&SETTINGS, &sent(0), &Tally::new(0)).as_lines().join("\n");
        assert!(said.contains("is `stopline run` up?"), "{said}");
    }

    #[test]
    fn a_copy_that_says_the_same_is_told_and_no_fault() {
        let mut copied = tally();
        copied.answered(&answer(Stream::Requests, 1, 0, b"approve"));
        let summary = LoadSummary::of(&SETTINGS, &sent(0), &copied);
        assert_eq!((summary.duplicates, summary.is_good), (1, true));
    }

    #[test]
    fn probes_are_told_apart() {
        let mut probed = tally();
        probed.answered(&answer(Stream::Probes, 0, 1_000_000_000, b"810"));
        let settings = LoadSettings { has_probes: true, ..SETTINGS };
        let summary = LoadSummary::of(&settings, &Sent { probes_count: 1, ..sent(0) }, &probed);
        assert!(summary.is_good, "{:?}", summary.faults);
        let told = summary.probes.expect("asked for");
        assert_eq!((told.sent, told.answered, told.latency_us.max), (1, 1, 650));
        assert_eq!((summary.sent, summary.measured), (3, 2));
        assert!(summary.as_lines().join("\n").contains("1 echo tests sent, 1 answered"));
    }
}
