//! How each partition of a member stands. Plain bookkeeping: it calls no client.

use std::collections::BTreeMap;

use crate::domain::PartitionId;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// By the group; its offsets are looked up, the worker does not know of it yet.
    Given,
    /// The worker knows, the client does not read it yet.
    Told,
    /// The client has it, paused.
    Paused,
    /// Its messages flow.
    Flowing,
}

/// A member's partitions between the group and the worker.
#[derive(Debug, Default)]
pub(super) struct Membership {
    partitions: BTreeMap<PartitionId, Standing>,
    /// Of the latest revocation: what the worker has yet to release …
    unreleased: Vec<PartitionId>,
    /// … and what the client must then stop reading.
    to_take_away: Vec<PartitionId>,
    is_answer_due: bool,
}

impl Membership {
    pub(super) fn give(&mut self, given: &[PartitionId]) {
        for &partition in given {
            self.partitions.entry(partition).or_insert(Standing::Given);
        }
    }

    /// Those whose offsets are not known yet.
    pub(super) fn given(&self) -> Vec<PartitionId> {
        self.all(Standing::Given)
    }

    /// Takes note that the worker is told, and says whether it is news.
    pub(super) fn tell(&mut self, partition: PartitionId) -> bool {
        self.step(partition, &[Standing::Given], Standing::Told)
    }

    /// True where the worker may start it.
    pub(super) fn may_start(&self, partition: PartitionId) -> bool {
        self.partitions.get(&partition) == Some(&Standing::Told)
    }

    /// True where the client reads none.
    pub(super) fn has_started_none(&self) -> bool {
        self.partitions.values().all(|standing| !standing.is_started())
    }

    pub(super) fn start(&mut self, partition: PartitionId) -> bool {
        self.step(partition, &[Standing::Told], Standing::Paused)
    }

    pub(super) fn resume(&mut self, partition: PartitionId) -> bool {
        let from = [Standing::Paused, Standing::Flowing];
        self.step(partition, &from, Standing::Flowing)
    }

    pub(super) fn pause(&mut self, partition: PartitionId) -> bool {
        let from = [Standing::Paused, Standing::Flowing];
        self.step(partition, &from, Standing::Paused)
    }

    /// True where the client reads it, paused or not.
    pub(super) fn is_started(&self, partition: PartitionId) -> bool {
        self.partitions.get(&partition).is_some_and(|standing| standing.is_started())
    }

    /// Hot path: one look-up in a tree of a few partitions.
    pub(super) fn is_flowing(&self, partition: PartitionId) -> bool {
        self.partitions.get(&partition) == Some(&Standing::Flowing)
    }

    /// Those whose messages flow.
    pub(super) fn flowing(&self) -> Vec<PartitionId> {
        self.all(Standing::Flowing)
    }

    /// Takes partitions out and returns those that the worker knows of and must release.
    pub(super) fn revoke(&mut self, revoked: &[PartitionId]) -> Vec<PartitionId> {
        let mut known = Vec::new();
        for partition in revoked {
            match self.partitions.remove(partition) {
                None | Some(Standing::Given) => {}
                Some(Standing::Told) => known.push(*partition),
                Some(Standing::Paused | Standing::Flowing) => {
                    known.push(*partition);
                    self.to_take_away.push(*partition);
                }
            }
        }
        self.unreleased.extend_from_slice(&known);
        self.is_answer_due = true;
        known
    }

    pub(super) fn release(&mut self, released: &[PartitionId]) {
        self.unreleased.retain(|partition| !released.contains(partition));
    }

    /// What the client must stop reading now, once all of a revocation is released: the
    /// group waits for this answer, which may be empty.
    pub(super) fn take_answer(&mut self) -> Option<Vec<PartitionId>> {
        if !self.is_answer_due || !self.unreleased.is_empty() {
            return None;
        }
        self.is_answer_due = false;
        Some(std::mem::take(&mut self.to_take_away))
    }

    /// True while the group waits for an answer.
    pub(super) fn owes_an_answer(&self) -> bool {
        self.is_answer_due
    }

    /// Forgets everything and returns those that the worker knows of.
    pub(super) fn lose(&mut self) -> Vec<PartitionId> {
        self.unreleased.clear();
        self.to_take_away.clear();
        self.is_answer_due = false;
        std::mem::take(&mut self.partitions)
            .into_iter()
            .filter(|(_, standing)| *standing != Standing::Given)
            .map(|(partition, _)| partition)
            .collect()
    }

    fn all(&self, wanted: Standing) -> Vec<PartitionId> {
        self.partitions
            .iter()
            .filter(|(_, standing)| **standing == wanted)
            .map(|(partition, _)| *partition)
            .collect()
    }

    fn step(&mut self, partition: PartitionId, from: &[Standing], to: Standing) -> bool {
        match self.partitions.get_mut(&partition) {
            Some(standing) if from.contains(standing) => {
                *standing = to;
                true
            }
            _ => false,
        }
    }
}

impl Standing {
    const fn is_started(self) -> bool {
        matches!(self, Self::Paused | Self::Flowing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PartitionId = PartitionId(0);
    const B: PartitionId = PartitionId(1);
    const C: PartitionId = PartitionId(2);

    #[test]
    fn a_partition_flows_only_after_it_was_told_started_and_resumed() {
        let mut membership = Membership::default();
        membership.give(&[A]);
        assert!(!membership.start(A) && !membership.resume(A));
        assert!(membership.tell(A) && !membership.tell(A));
        assert!(!membership.resume(A) && membership.has_started_none());
        assert!(membership.may_start(A) && membership.start(A) && !membership.start(A));
        assert!(!membership.is_flowing(A));
        assert!(membership.resume(A) && membership.is_flowing(A));
        assert!(membership.pause(A) && !membership.is_flowing(A));
    }

    #[test]
    fn a_revocation_is_answered_once_all_that_the_worker_knows_is_released() {
        let mut membership = Membership::default();
        membership.give(&[A, B, C]);
        assert!(membership.tell(A) && membership.start(A) && membership.tell(B));
        assert_eq!(membership.revoke(&[A, B, C]), [A, B], "it never heard of C");
        assert_eq!(membership.take_answer(), None);
        membership.release(&[A]);
        assert_eq!(membership.take_answer(), None);
        assert!(membership.owes_an_answer());
        membership.release(&[B]);
        assert_eq!(membership.take_answer(), Some(vec![A]), "only A was read");
        assert_eq!(membership.take_answer(), None);
    }

    #[test]
    fn a_revocation_of_what_the_worker_never_heard_of_is_answered_at_once() {
        let mut membership = Membership::default();
        membership.give(&[A]);
        assert!(membership.revoke(&[A]).is_empty());
        assert_eq!(membership.take_answer(), Some(Vec::new()));
        assert!(membership.given().is_empty());
    }

    #[test]
    fn a_lost_assignment_owes_nothing() {
        let mut membership = Membership::default();
        membership.give(&[A, B]);
        assert!(membership.tell(A) && membership.start(A));
        assert_eq!(membership.lose(), [A]);
        assert!(!membership.owes_an_answer() && membership.given().is_empty());
    }
}
