//! Verifies the topics of a real cluster.

use super::checker::{Basis, Checker};
use super::ledger::BYTES_PER_INPUT;
use super::reading::{Stretch, VerifyFault, read_to_ends};
use super::report::Report;
use crate::config::Settings;
use crate::domain::{Offset, PartitionId};
use crate::service::log::Fault;
use crate::service::log::kafka::{KafkaAdmin, KafkaTail, Positions, TailStart, positions};
use crate::service::{Clock, build, patiently};

/// Up to where inputs must have a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Range {
    /// Up to what the group has committed.
    Committed,
    /// Up to the end. For a log at rest: what is under way counts as missing.
    All,
}

/// What to verify.
#[derive(Clone, Copy, Debug)]
pub struct VerifySettings<'s> {
    /// The cluster and what its log was written under.
    pub settings: &'s Settings,
    /// Up to where inputs must have a record.
    pub range: Range,
    /// How much memory it may take, in bytes.
    pub memory_bytes_max: u64,
}

/// How far it has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress<'t> {
    /// The topic being read.
    pub topic: &'t str,
    /// Records read of it.
    pub read_count: u64,
    /// Offsets that it has.
    pub offsets_count: u64,
}

/// Reads both topics to the ends that they have now, and reports; `tell` is called often.
///
/// # Errors
/// No broker answers, a topic is missing or cannot be read, a key file is of no use, or it
/// would take more memory than is allowed.
pub fn verify_cluster(
    asked: &VerifySettings<'_>,
    clock: &Clock,
    tell: &mut dyn FnMut(&Progress<'_>),
) -> Result<Report, VerifyFault> {
    let VerifySettings { settings, range, memory_bytes_max } = *asked;
    let (asked_of, answered_in) = (&settings.topics.authorisations, settings.answers_topic());
    let door = build::door(&settings.door)?;
    let reader = Reader { settings, clock };
    // In this order: what is committed has a record by now, and what has a record is in the
    // inputs by now, also while an engine is at work.
    let committed = reader.positions(asked_of)?;
    let records = stretches(&reader.positions(answered_in)?);
    let inputs = stretches(&reader.positions(asked_of)?);
    let inputs_count = offsets_count(&inputs);
    let needed_bytes = inputs_count.saturating_mul(BYTES_PER_INPUT as u64);
    if needed_bytes > memory_bytes_max {
        let allowed_bytes = memory_bytes_max;
        return Err(VerifyFault::TooLarge { inputs_count, needed_bytes, allowed_bytes });
    }
    let basis = Basis {
        door,
        default_format: build::format(settings.default_format),
        partitions_count: u32::try_from(inputs.len()).unwrap_or(u32::MAX),
        answers_age: settings.recent_answers_age,
        answers_bytes_max: settings.recent_answers_bytes_max as u64,
    };
    let mut checker = Checker::new(basis, &inputs, &records);
    reader.read(asked_of, &inputs, |record| checker.note_input(record), tell)?;
    reader.read(answered_in, &records, |record| checker.note_record(record), tell)?;
    let report = checker.finish(&decided_ends(range, &committed, &inputs));
    Ok(match range {
        Range::All => report,
        Range::Committed => {
            let commits = committed.iter().filter(|found| found.committed.is_some());
            report.bounded_by(&settings.kafka.group, commits.count())
        }
    })
}

/// Reads topics of one cluster.
struct Reader<'s> {
    settings: &'s Settings,
    clock: &'s Clock,
}

impl Reader<'_> {
    fn positions(&self, topic: &str) -> Result<Vec<Positions>, Fault> {
        let kafka = &self.settings.kafka;
        patiently(self.clock, || {
            let admin = KafkaAdmin::open(kafka, self.clock.clone())?;
            positions(kafka, topic, admin.partitions_count(topic)?)
        })
    }

    fn read(
        &self,
        topic: &str,
        stretches: &[Stretch],
        note: impl FnMut(&crate::service::log::TailRecord),
        tell: &mut dyn FnMut(&Progress<'_>),
    ) -> Result<(), VerifyFault> {
        let open: Vec<_> = stretches
            .iter()
            .filter(|stretch| !stretch.is_empty())
            .map(|stretch| (stretch.partition, TailStart::At(stretch.beginning)))
            .collect();
        let offsets_count = offsets_count(stretches);
        let mut tail = KafkaTail::open(&self.settings.kafka, topic, &open, self.clock.clone())?;
        read_to_ends(&mut tail, stretches, self.clock, note, |read_count| {
            tell(&Progress { topic, read_count, offsets_count });
        })
    }
}

fn stretches(positions: &[Positions]) -> Vec<Stretch> {
    let stretch = |found: &Positions| Stretch {
        partition: found.partition,
        beginning: found.beginning,
        end: found.end,
    };
    positions.iter().map(stretch).collect()
}

fn offsets_count(stretches: &[Stretch]) -> u64 {
    stretches.iter().map(|stretch| stretch.len() as u64).sum()
}

/// Up to where each partition's inputs must have a record.
fn decided_ends(
    range: Range,
    committed: &[Positions],
    inputs: &[Stretch],
) -> Vec<(PartitionId, Offset)> {
    match range {
        Range::All => inputs.iter().map(|stretch| (stretch.partition, stretch.end)).collect(),
        Range::Committed => {
            committed.iter().filter_map(|found| Some((found.partition, found.committed?))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_must_have_a_record_up_to_the_commit_or_up_to_the_end() {
        let partition = PartitionId(3);
        let (beginning, end) = (Offset(2), Offset(9));
        let inputs = [Stretch { partition, beginning, end }];
        let found = |committed| Positions { partition, beginning, end, committed };
        let ends = |range, committed| decided_ends(range, &[found(committed)], &inputs);
        assert_eq!(ends(Range::Committed, Some(Offset(5))), [(partition, Offset(5))]);
        assert_eq!(ends(Range::Committed, None), []);
        assert_eq!(ends(Range::All, Some(Offset(5))), [(partition, end)]);
    }
}
