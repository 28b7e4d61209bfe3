//! What is wrong with topics as they were found.

use std::collections::BTreeMap;

use super::fault::{Retention, RetentionNeed, TopicFault, TopicPlace};
use crate::domain::Span;

/// A topic as the brokers describe it.
#[derive(Clone, Debug, Default)]
pub struct TopicFound {
    /// How many partitions it has.
    pub partitions_count: u32,
    /// How many brokers hold each, at least.
    pub replicas_count: u32,
    /// Its settings by name; none where they may not be looked at.
    pub config: BTreeMap<String, String>,
}

impl TopicFound {
    fn says(&self, name: &str, word: &str) -> bool {
        self.config.get(name).is_some_and(|value| value.contains(word))
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.config.get(name)?.parse().ok()
    }

    /// How long it keeps records, where that is known. Compaction alone drops nothing by age;
    /// but a topic that must not be compacted is mended, and then drops by this.
    fn retention(&self) -> Option<Retention> {
        self.number("retention.ms").map(Retention::from_millis)
    }
}

/// A topic with its name.
#[derive(Clone, Debug)]
pub(super) struct Topic<'t> {
    pub(super) name: &'t str,
    /// As it is; where it is missing, as it should be made.
    pub(super) found: TopicFound,
    pub(super) is_missing: bool,
}

impl<'t> Topic<'t> {
    /// One that the brokers describe so, or do not know.
    pub(super) fn new(name: &'t str, found: Option<TopicFound>) -> Self {
        let is_missing = found.is_none();
        let unknown = TopicFound { replicas_count: 2, ..TopicFound::default() };
        Self { name, found: found.unwrap_or(unknown), is_missing }
    }
}

/// How many partitions authorisations and decisions get where neither is there to be like.
const PARTITIONS_COUNT_USUAL: u32 = 16;

/// All topics of an engine, and what is asked of them.
#[derive(Clone, Debug)]
pub(super) struct Topics<'t> {
    pub(super) brokers: &'t str,
    pub(super) inputs: Topic<'t>,
    pub(super) outputs: Topic<'t>,
    pub(super) stop_orders: Topic<'t>,
    /// How far back a start reads to make its state.
    pub(super) horizon: Span,
}

impl Topics<'_> {
    /// All that is wrong.
    pub(super) fn faults(&self) -> Vec<TopicFault> {
        let Self { inputs, outputs, stop_orders, .. } = self;
        let mut faults = self.missing();
        let is_one_missing = inputs.is_missing || outputs.is_missing;
        if !is_one_missing && inputs.found.partitions_count != outputs.found.partitions_count {
            faults.push(TopicFault::PartitionCounts {
                inputs: inputs.name.to_owned(),
                inputs_count: inputs.found.partitions_count,
                outputs: outputs.name.to_owned(),
                outputs_count: outputs.found.partitions_count,
            });
        }
        if !stop_orders.is_missing && stop_orders.found.partitions_count != 1 {
            let (topic, count) = (stop_orders.name.to_owned(), stop_orders.found.partitions_count);
            faults.push(TopicFault::StopOrderPartitions { topic, count });
        }
        let mut note = |topic: &Topic<'_>, name, word, fault: fn(TopicPlace) -> TopicFault| {
            if topic.found.says(name, word) {
                faults.push(fault(self.place(topic)));
            }
        };
        let times = "message.timestamp.type";
        note(inputs, times, "CreateTime", TopicFault::AppendTime);
        note(stop_orders, times, "CreateTime", TopicFault::AppendTime);
        note(outputs, times, "CreateTime", TopicFault::DecisionsAppendTime);
        let cleanup = "cleanup.policy";
        note(inputs, cleanup, "compact", TopicFault::AuthorisationsCompacted);
        note(outputs, cleanup, "compact", TopicFault::DecisionsCompacted);
        note(stop_orders, cleanup, "delete", TopicFault::StopOrdersNotCompacted);
        faults.extend(self.short_lived());
        faults.extend(self.thinly_kept());
        faults
    }

    /// Topics that are not there, each with what makes it as it must be.
    fn missing(&self) -> Vec<TopicFault> {
        let Self { inputs, outputs, stop_orders, horizon, .. } = self;
        let found = [inputs, outputs].map(|topic| topic.found.partitions_count);
        let count = found.into_iter().max().filter(|count| *count > 0);
        let count = count.unwrap_or(PARTITIONS_COUNT_USUAL);
        let times = "message.timestamp.type=LogAppendTime";
        let retention = format!("retention.ms={}", Retention::For(*horizon).config_value());
        let log = [times, retention.as_str()];
        let orders = ["cleanup.policy=compact", times];
        [(inputs, count, log), (outputs, count, log), (stop_orders, 1, orders)]
            .into_iter()
            .filter(|(topic, ..)| topic.is_missing)
            .map(|(topic, count, config)| {
                let command = self.place(topic).made_by(count, &config);
                TopicFault::Missing { topic: topic.name.to_owned(), command }
            })
            .collect()
    }

    /// Topics that lose records before nothing needs them any more.
    fn short_lived(&self) -> impl Iterator<Item = TopicFault> {
        let horizon = (Retention::For(self.horizon), RetentionNeed::Horizon);
        let of_inputs = self.inputs.found.retention().map(|kept| (kept, RetentionNeed::Inputs));
        let of_outputs = match of_inputs {
            Some(of_inputs) if of_inputs.0 > horizon.0 => of_inputs,
            Some(_) | None => horizon,
        };
        [(&self.inputs, horizon), (&self.outputs, of_outputs)].into_iter().filter_map(
            |(topic, (needed, why))| {
                let kept = topic.found.retention().filter(|kept| *kept < needed)?;
                Some(TopicFault::Retention { place: self.place(topic), kept, needed, why })
            },
        )
    }

    /// The answers, where too few brokers must have one, or more than there are.
    fn thinly_kept(&self) -> Option<TopicFault> {
        let Topic { found, .. } = &self.outputs;
        let replicas_count = found.replicas_count;
        let min_isr = u32::try_from(found.number("min.insync.replicas")?).ok()?;
        let is_right = (replicas_count.min(2)..=replicas_count).contains(&min_isr);
        let place = self.place(&self.outputs);
        (!is_right).then_some(TopicFault::MinIsr { place, replicas_count, min_isr })
    }

    /// What may be meant so, and should be known.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for Topic { name, found, .. } in [&self.inputs, &self.outputs, &self.stop_orders] {
            if found.replicas_count == 1 {
                warnings.push(format!(
                    "{name} has one replica: with its broker's disk all of it is lost"
                ));
            }
        }
        for Topic { name, found, .. } in [&self.inputs, &self.outputs] {
            let limit = found.number("retention.bytes").filter(|bytes| *bytes >= 0);
            if let Some(bytes) = limit {
                warnings.push(format!(
                    "{name} keeps at most {bytes} bytes a partition (retention.bytes), however \
                     young: see that these last as long as retention.ms"
                ));
            }
        }
        warnings
    }

    fn place(&self, topic: &Topic<'_>) -> TopicPlace {
        TopicPlace { topic: topic.name.to_owned(), brokers: self.brokers.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HORIZON_MILLIS: i64 = 2_592_300_000;

    fn found(partitions_count: u32, config: &[(&str, &str)]) -> TopicFound {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        TopicFound {
            partitions_count,
            replicas_count: 3,
            config: config.iter().map(owned).collect(),
        }
    }

    fn kept(partitions_count: u32) -> TopicFound {
        found(
            partitions_count,
            &[
                ("message.timestamp.type", "LogAppendTime"),
                ("cleanup.policy", "delete"),
                ("retention.ms", "2592300000"),
                ("retention.bytes", "-1"),
                ("min.insync.replicas", "2"),
            ],
        )
    }

    fn compacted() -> TopicFound {
        let times = ("message.timestamp.type", "LogAppendTime");
        found(1, &[times, ("cleanup.policy", "compact"), ("retention.ms", "1000")])
    }

    fn topics(inputs: TopicFound, outputs: TopicFound, stop_orders: TopicFound) -> Topics<'static> {
        Topics {
            brokers: "here:9092",
            inputs: Topic::new("in", Some(inputs)),
            outputs: Topic::new("out", Some(outputs)),
            stop_orders: Topic::new("stop", Some(stop_orders)),
            horizon: Span::from_millis(HORIZON_MILLIS),
        }
    }

    fn names(topics: &Topics<'_>) -> Vec<&'static str> {
        topics.faults().iter().map(TopicFault::name).collect()
    }

    #[test]
    fn topics_as_they_must_be_have_no_faults() {
        let topics = topics(kept(4), kept(4), compacted());
        assert_eq!(names(&topics), [] as [&str; 0]);
        assert_eq!(topics.warnings(), [] as [&str; 0]);
    }

    #[test]
    fn settings_that_may_not_be_looked_at_are_taken_to_be_right() {
        let topics = topics(found(4, &[]), found(4, &[]), found(1, &[]));
        assert_eq!(names(&topics), [] as [&str; 0]);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let times = ("message.timestamp.type", "CreateTime");
        let week = ("retention.ms", "604800000");
        let both = ("cleanup.policy", "compact,delete");
        let inputs = found(4, &[times, both, week]);
        let outputs = found(3, &[times, both, week, ("min.insync.replicas", "1")]);
        let orders = found(2, &[times, ("cleanup.policy", "delete"), week]);
        assert_eq!(
            names(&topics(inputs, outputs, orders)),
            [
                "partition-counts",
                "stop-order-partitions",
                "append-time",
                "append-time",
                "decisions-append-time",
                "authorisations-compacted",
                "decisions-compacted",
                "stop-orders-not-compacted",
                "retention",
                "retention",
                "min-isr",
            ]
        );
    }

    #[test]
    fn a_compacted_topic_is_told_its_retention_too() {
        let mut outputs = kept(4);
        outputs.config.insert("cleanup.policy".to_owned(), "compact".to_owned());
        outputs.config.insert("retention.ms".to_owned(), "604800000".to_owned());
        let topics = topics(kept(4), outputs, compacted());
        assert_eq!(names(&topics), ["decisions-compacted", "retention"]);
    }

    #[test]
    fn every_missing_topic_is_named_with_the_command_that_makes_it() {
        let mut topics = topics(kept(4), kept(4), compacted());
        topics.outputs = Topic::new("out", None);
        topics.stop_orders = Topic::new("stop", None);
        topics.inputs.found.config.insert("cleanup.policy".to_owned(), "compact".to_owned());
        assert_eq!(names(&topics), ["missing", "missing", "authorisations-compacted"]);
        let shown = topics.faults()[0].to_string();
        let command = "kafka-topics.sh --bootstrap-server here:9092 --create --topic out \
                       --partitions 4 --config message.timestamp.type=LogAppendTime --config \
                       retention.ms=2592300000";
        assert_eq!(shown, format!("missing: no broker knows out. Make it with: {command}"));
        topics.inputs = Topic::new("in", None);
        assert_eq!(names(&topics), ["missing"; 3]);
        assert!(topics.faults()[0].to_string().contains("--partitions 16 "));
        assert!(topics.faults()[2].to_string().contains("--config cleanup.policy=compact"));
        assert_eq!(topics.warnings(), [] as [&str; 0]);
    }

    #[test]
    fn answers_are_kept_at_least_as_long_as_what_they_answer() {
        let kept_for = |millis: &str| {
            let mut topic = kept(4);
            topic.config.insert("retention.ms".to_owned(), millis.to_owned());
            topic
        };
        let needed = |inputs, outputs| {
            let topics = topics(kept_for(inputs), kept_for(outputs), compacted());
            let faults = topics.faults().into_iter().map(|fault| {
                let TopicFault::Retention { place, needed, .. } = fault else { panic!("{fault}") };
                (place.topic, needed)
            });
            faults.collect::<Vec<_>>()
        };
        let for_millis = |millis| Retention::For(Span::from_millis(millis));
        let (input, output) = ("in".to_owned(), "out".to_owned());
        assert_eq!(needed("2592300000", "-1"), []);
        assert_eq!(needed("-1", "2592300000"), [(output.clone(), Retention::Unlimited)]);
        assert_eq!(needed("2592300001", "2592300000"), [(output, for_millis(2_592_300_001))]);
        assert_eq!(needed("2592299999", "2592300000"), [(input, for_millis(HORIZON_MILLIS))]);
    }

    #[test]
    fn an_answer_is_on_two_brokers_wherever_there_are_two() {
        let cases = [(1, "1", true), (1, "2", false), (2, "1", false), (2, "2", true)];
        let more = [(3, "1", false), (3, "2", true), (3, "3", true), (3, "4", false)];
        for (replicas_count, min_isr, is_right) in cases.into_iter().chain(more) {
            let mut outputs = TopicFound { replicas_count, ..kept(4) };
            outputs.config.insert("min.insync.replicas".to_owned(), min_isr.to_owned());
            let found = topics(kept(4), outputs, compacted());
            let expected: &[&str] = if is_right { &[] } else { &["min-isr"] };
            assert_eq!(names(&found), expected, "{min_isr} of {replicas_count}");
            assert_eq!(found.warnings().len(), usize::from(replicas_count == 1));
        }
    }

    #[test]
    fn a_limit_in_bytes_is_warned_of() {
        let mut inputs = kept(4);
        inputs.config.insert("retention.bytes".to_owned(), "1000000".to_owned());
        let warnings = topics(inputs, kept(4), compacted()).warnings();
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].starts_with("in keeps at most 1000000 bytes"), "{warnings:?}");
    }

    #[test]
    fn a_fault_names_the_command_that_mends_it() {
        let week = ("retention.ms", "604800000");
        let inputs = found(4, &[("cleanup.policy", "delete"), week]);
        let outputs = found(4, &[("min.insync.replicas", "1")]);
        let faults = topics(inputs, outputs, compacted()).faults();
        let shown: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let command = "Mend it with: kafka-configs.sh --bootstrap-server here:9092 --alter \
                       --entity-type topics --entity-name";
        assert_eq!(
            shown,
            [
                format!(
                    "retention: in keeps its records for 7d, and 30d 5m is needed, as long as the \
                     longest window and its lateness, and stored answers, reach back: a start \
                     makes its state from them. {command} in --add-config retention.ms=2592300000"
                ),
                format!(
                    "min-isr: out has 3 replicas, of which 1 must have a record before it is \
                     acknowledged: answers are lost with one broker. {command} out --add-config \
                     min.insync.replicas=2"
                ),
            ]
        );
    }
}
