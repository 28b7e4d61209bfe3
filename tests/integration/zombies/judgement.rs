//! The judgement when a storm is over.

use stopline::lab::verify::{Finding, FindingKind};
use stopline::service::log::TailRecord;

use super::recount::{self, Journal, Recount};
use super::storm::Storm;
use crate::support::{DECISIONS, Rig, header};

impl Storm {
    /// Asks what the workers remember, and holds it against the journal.
    pub(super) fn probe_and_judge(&mut self) {
        let from = self.traffic.sent.len();
        self.traffic.send_probes(&self.rig);
        self.settle();
        self.probes_from.push(from..self.traffic.sent.len());
        let records = self.rig.decisions();
        for partition in self.partitions() {
            let journal = Journal::read(&records, partition);
            let mut recount = Recount::new(&journal);
            for (index, sent) in self.traffic.sent.iter().enumerate() {
                if sent.partition == partition {
                    recount
                        .next(sent, self.probes_from.iter().any(|probes| probes.contains(&index)));
                }
            }
            self.seen.judged += recount.judged as u64;
        }
    }

    /// Every input has a record, and the first one is the truth.
    pub(super) fn verify(&mut self) {
        let report = crate::verify::verify(&self.rig, DECISIONS);
        let records = self.rig.decisions();
        let is_excused = |finding: &Finding| self.is_excused(finding, &records);
        assert!(report.first_violations.iter().all(is_excused), "{report}");
        self.seen.inputs += self.traffic.sent.len() as u64;
        self.seen.records += records.len() as u64;
    }

    /// True for what the journal alone cannot tell from a fault. A writer repeats what it
    /// decided itself before it knew what binds, and its own void record was lost or is not
    /// the last void one. Or it decided an input anew because its partition went, with the
    /// first record in flight, and came back.
    fn is_excused(&self, finding: &Finding, records: &[TailRecord]) -> bool {
        let at = (finding.at.partition, finding.at.offset);
        let record = records.iter().find(|record| (record.partition, record.offset) == at);
        let value = record.unwrap().value.as_deref().unwrap();
        let decided = recount::decision(value).unwrap().decided_input.unwrap();
        let writer = self.writers[header(record.unwrap(), "stopline-writer").unwrap()].borrow();
        let mut taken = writer.taken.iter().filter(|(answers, _)| {
            (answers.partition.0, answers.offset.0) == (decided.partition, decided.offset)
        });
        match finding.kind {
            FindingKind::DifferingRepeat => taken.any(|(_, taken)| taken == value),
            FindingKind::DifferingCopy => writer.released.contains(&at.0),
            _ => false,
        }
    }

    /// The same inputs, at the same times, answered by one worker that nothing disturbs.
    pub(super) fn compare_with_undisturbed(&self) {
        let partitions_count = u32::try_from(self.owners.len()).unwrap();
        let rig = Rig::new(partitions_count);
        self.traffic.replay(&rig);
        let all: Vec<i32> = self.partitions().map(|partition| partition.0).collect();
        rig.answer_all(&all);
        let (here, there) = (self.rig.decisions(), rig.decisions());
        for partition in self.partitions() {
            let (here, there) = (Journal::read(&here, partition), Journal::read(&there, partition));
            for (input, binding) in &there.binding {
                let found = here.binding.get(input);
                assert!(
                    found == Some(binding),
                    "another decision binds {input:?} of {partition:?}"
                );
            }
            assert_eq!(here.binding.len(), there.binding.len());
        }
    }
}
