//! What each of the client's errors means to the worker.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the client has some two hundred codes and adds more; all but these pass"
)]

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::service::Clock;
use crate::service::log::Fault;

/// A passing fault is told once in this time; those between are counted.
const QUIET_NANOS: u64 = 1_000_000_000;

/// The fault behind an error of a consumer of `topic`; `reason` is the client's longer text.
pub(super) fn consumer_fault(error: &KafkaError, reason: Option<String>, topic: &str) -> Fault {
    let what = reason.unwrap_or_else(|| error.to_string());
    match error {
        KafkaError::MessageConsumptionFatal(_) => Fault::StepDown { what },
        KafkaError::MessageConsumption(code) => code_fault(*code, what, topic),
        _ => Fault::Passing { what },
    }
}

/// The same for a member of a group, which calls itself `member`.
pub(super) fn member_fault(
    error: &KafkaError,
    reason: Option<String>,
    topic: &str,
    member: &str,
) -> Fault {
    let fenced = RDKafkaErrorCode::FencedInstanceId;
    match error {
        KafkaError::MessageConsumptionFatal(code) | KafkaError::MessageConsumption(code)
            if *code == fenced =>
        {
            let what = format!(
                "fenced: another process runs as {member} and has its place now: give each \
                 process a kafka.instance of its own, then restart. A restart as it is fences the \
                 other one"
            );
            Fault::StepDown { what }
        }
        _ => consumer_fault(error, reason, topic),
    }
}

fn code_fault(code: RDKafkaErrorCode, what: String, topic: &str) -> Fault {
    match code {
        // Comes once; the partition stays silent from then on.
        RDKafkaErrorCode::AutoOffsetReset
        | RDKafkaErrorCode::OffsetOutOfRange
        | RDKafkaErrorCode::LogTruncation => Fault::OffsetOutOfRange { what },
        // Out of the group, or somebody else is us; or messages fail their checksum or
        // cannot be unpacked: the client goes on *behind* them, only a restart reads them.
        RDKafkaErrorCode::FencedInstanceId
        | RDKafkaErrorCode::PollExceeded
        | RDKafkaErrorCode::Fatal
        | RDKafkaErrorCode::BadMessage
        | RDKafkaErrorCode::BadCompression
        | RDKafkaErrorCode::NotImplemented => Fault::StepDown { what },
        RDKafkaErrorCode::UnknownTopicOrPartition
        | RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition => Fault::TopicMissing { topic: topic.to_owned() },
        _ => Fault::Passing { what },
    }
}

/// The fault of a client that cannot be made. Never shows a property's value: it may be a secret.
pub(super) fn settings_fault(error: &KafkaError) -> Fault {
    let what = match error {
        KafkaError::ClientConfig(_, problem, name, _) => format!("{name}: {problem}"),
        other => other.to_string(),
    };
    Fault::Settings { what }
}

/// Keeps passing faults from flooding: the client repeats some of them many times a second.
#[derive(Debug)]
pub(super) struct Quieter {
    clock: Clock,
    quiet_until_nanos: u64,
    unsaid_count: u64,
}

impl Quieter {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, quiet_until_nanos: 0, unsaid_count: 0 }
    }

    /// `fault` if it is to be told now: every one that is not passing, of those one a second.
    pub(super) fn hear(&mut self, fault: Fault) -> Option<Fault> {
        let Fault::Passing { what } = fault else {
            return Some(fault);
        };
        let now_nanos = self.clock.monotonic_nanos();
        if now_nanos < self.quiet_until_nanos {
            self.unsaid_count += 1;
            return None;
        }
        self.quiet_until_nanos = now_nanos.saturating_add(QUIET_NANOS);
        let what = match std::mem::take(&mut self.unsaid_count) {
            0 => what,
            unsaid_count => format!("{what} (and {unsaid_count} more since the last)"),
        };
        Some(Fault::Passing { what })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_error_has_one_meaning() {
        use RDKafkaErrorCode as Code;
        let consumption = KafkaError::MessageConsumption;
        let cases = [
            (consumption(Code::AutoOffsetReset), "out of range", true),
            (consumption(Code::PollExceeded), "step down", true),
            (consumption(Code::BadMessage), "step down", true),
            (KafkaError::MessageConsumptionFatal(Code::FencedInstanceId), "step down", true),
            (consumption(Code::UnknownTopicOrPartition), "missing", false),
            (consumption(Code::BrokerTransportFailure), "passing", false),
            (consumption(Code::AllBrokersDown), "passing", false),
        ];
        for (error, meaning, is_fatal) in cases {
            let fault = consumer_fault(&error, None, "topic");
            let found = match fault {
                Fault::OffsetOutOfRange { .. } => "out of range",
                Fault::StepDown { .. } => "step down",
                Fault::TopicMissing { .. } => "missing",
                Fault::Passing { .. } => "passing",
                _ => "another",
            };
            assert_eq!((found, fault.is_fatal()), (meaning, is_fatal), "{error}");
        }
    }

    #[test]
    fn whoever_is_fenced_hears_of_the_other_process_and_what_to_do() {
        let error = KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId);
        let member = "a-0 in group g";
        let fault = member_fault(&error, Some("fenced".to_owned()), "topic", member);
        let text = fault.to_string();
        assert!(matches!(fault, Fault::StepDown { .. }), "{text}");
        assert!(text.contains("another process runs as a-0 in group g"), "{text}");
    }

    #[test]
    fn a_refused_setting_is_named_without_its_value() {
        let error = rdkafka::ClientConfig::new()
            .set("no.such.thing", "hunter2")
            .create_native_config()
            .err()
            .expect("it is refused");
        let text = settings_fault(&error).to_string();
        assert!(text.contains("no.such.thing"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn passing_faults_are_told_once_a_second_and_counted_between() {
        let clock = Clock::manual(0);
        let mut quieter = Quieter::new(clock.clone());
        let passing = || Fault::Passing { what: "down".to_owned() };
        assert_eq!(quieter.hear(passing()), Some(passing()));
        assert_eq!(quieter.hear(passing()), None);
        assert_eq!(quieter.hear(passing()), None);
        let fatal = Fault::StepDown { what: "fenced".to_owned() };
        assert_eq!(quieter.hear(fatal.clone()), Some(fatal));
        clock.advance(Duration::from_secs(1));
        let told = quieter.hear(passing()).map(|fault| fault.to_string());
        assert!(told.is_some_and(|text| text.contains("2 more")));
    }
}
