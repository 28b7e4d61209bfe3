//! Where somebody else wrote into the journal: it is read, and what binds is followed.

use std::time::Duration;

use tracing::{info, warn};

use super::take_over::Held;
use super::{Observer, Worker, WorkerEnd};
use crate::domain::PartitionId;
use crate::engine::{Amendment, Binding};
use crate::service::journal::{DecisionSaid, GapRead, JournalRecord, Said, Task};
use crate::service::log::{Fault, Log};

/// How long a gap that could not be read rests before it is read again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What a gap held.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Found {
    ours: u64,
    foreign: u64,
    amended: u64,
}

impl<L: Log, O: Observer> Worker<L, O> {
    /// Has what lies unread in the journal read, aside.
    pub(super) fn look_for_gaps(&mut self) {
        let now = self.clock.monotonic_nanos();
        for (partition, held) in &mut self.partitions {
            if held.is_whole() || held.gap_rests_until_nanos > now {
                continue;
            }
            if let Some(gap) = held.place.gap_to_read() {
                self.recall.begin(Task::ReadGap {
                    assignment: held.assignment,
                    partition: *partition,
                    gap,
                    default_format: self.pipeline.settings().default_format,
                });
            }
        }
    }

    pub(super) fn on_gap_read(
        &mut self,
        partition: PartitionId,
        assignment: u64,
        end: Result<GapRead, Fault>,
    ) -> Result<(), WorkerEnd> {
        let again_at_nanos = self.nanos_from_now(READ_AGAIN);
        let held = self.partitions.get_mut(&partition);
        let Some(held) = held.filter(|held| held.assignment == assignment) else {
            return Ok(()); // Not ours any more.
        };
        match end {
            Err(fault) if fault.is_fatal() => Err(fault.into()),
            Err(fault) => {
                warn!(%fault, partition = partition.0, "a gap in the journal could not be read");
                self.tally.faults += 1;
                held.place.read_failed();
                held.gap_rests_until_nanos = again_at_nanos;
                Ok(())
            }
            Ok(read) => {
                self.follow(partition, &read);
                Ok(())
            }
        }
    }

    /// Follows what was read: one's own records count as acknowledged, somebody else's are
    /// kept for inputs to come and amend those decided since (journal rule J4).
    fn follow(&mut self, partition: PartitionId, read: &GapRead) {
        let mut found = Found::default();
        for record in &read.records {
            let Some(held) = self.partitions.get_mut(&partition) else { return };
            let is_ours = record.writer == self.pipeline.settings().writer;
            // One's own may be of an earlier assignment, and binds like any other.
            let binds = to_amend(held, record);
            held.keep(record);
            if is_ours {
                held.place.placed(record.answers);
                self.tally.acknowledged += u64::from(held.frontier.acknowledged(record.answers));
            }
            found.ours += u64::from(is_ours);
            found.foreign += u64::from(!is_ours);
            if let Some(decision) = binds {
                held.frontier.bind(decision.decided);
                let is_amended = self.amend(partition, decision, &record.value);
                found.amended += u64::from(is_amended && !is_ours);
            }
        }
        self.tally.gaps += 1;
        self.tally.foreign_records += found.foreign;
        self.tally.amended += found.amended;
        if let Some(held) = self.partitions.get_mut(&partition) {
            held.place.read_to(read.next);
            while let Some(input) = held.place.pop_known() {
                self.tally.acknowledged += u64::from(held.frontier.acknowledged(input));
            }
        }
        let Found { ours, foreign, amended } = found;
        let (partition, next) = (partition.0, read.next.0);
        if foreign > 0 {
            warn!(partition, next, ours, foreign, amended, "somebody else wrote answers here");
        } else {
            info!(partition, next, ours, "an unread place of the journal held nothing foreign");
        }
    }

    fn amend(&mut self, partition: PartitionId, decision: &DecisionSaid, value: &[u8]) -> bool {
        let id = self.pipeline.keys().id_key(&decision.id);
        let DecisionSaid { outcome, event_at, is_counted_before, is_by_policy, .. } = *decision;
        let binding = Binding { outcome, event_at, value, is_counted_before, is_by_policy };
        let amendment =
            Amendment { account: decision.account, id, decided: decision.decided, binding };
        self.pipeline.engine_mut().amend(partition, &amendment)
    }
}

/// The decision of `record`, where it binds in the place of one that was made since.
fn to_amend<'r>(held: &Held, record: &'r JournalRecord) -> Option<&'r DecisionSaid> {
    let Said::Decision(decision) = &record.said else { return None };
    let was_met = decision.decided < held.frontier.ahead();
    (was_met && !held.frontier.is_bound(decision.decided)).then_some(decision)
}
