//! When records are handed to the client, and how many at once.
//!
//! An idempotent client of librdkafka 2.12 begins no request for a partition while five or
//! more of the partition's records are under way, in however few requests. Whatever it is
//! given beyond that it cannot send, and its thread does not wait meanwhile: it asks again and
//! again whether it may, and takes a core from the broker and the worker. So what it could not
//! send is held here, and goes to it as one burst once the partition has nothing under way.
//!
//! A quiet partition waits for nothing: its record goes at once. A large burst goes by a
//! client of its own that lingers a millisecond, so that all of it is one request.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::PartitionId;

/// While fewer of a partition's records are under way the client sends one more at once.
const UNDER_WAY_MAX: usize = 5;

/// From how many records on a burst is worth to linger for.
const BULK_RECORDS_MIN: usize = 32;

/// The most bytes of a burst: the client's limit of one request is a million.
const BURST_BYTES_MAX: usize = 800_000;

/// Which client a record goes by. A partition changes over only while it has nothing under
/// way: its records stay in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lane {
    /// Sends at once.
    Quick,
    /// Lingers a millisecond for more.
    Bulk,
}

/// The records that are under way and those that are held, by partition.
#[derive(Debug)]
pub(super) struct Bursts<R> {
    partitions: BTreeMap<PartitionId, Partition<R>>,
    count: usize,
    held_count: usize,
}

#[derive(Debug)]
struct Partition<R> {
    /// Each with its size in bytes.
    held: VecDeque<(usize, R)>,
    under_way: usize,
    lane: Lane,
}

impl<R> Default for Partition<R> {
    fn default() -> Self {
        Self { held: VecDeque::new(), under_way: 0, lane: Lane::Quick }
    }
}

impl<R> Bursts<R> {
    pub(super) fn new() -> Self {
        Self { partitions: BTreeMap::new(), count: 0, held_count: 0 }
    }

    /// How many records are held or under way.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// True where the next record of `partition` may go at once, by the quick lane.
    pub(super) fn may_go(&self, partition: PartitionId) -> bool {
        self.partitions.get(&partition).is_none_or(|partition| {
            partition.held.is_empty()
                && (partition.under_way == 0
                    || partition.lane == Lane::Quick && partition.under_way < UNDER_WAY_MAX)
        })
    }

    /// Notes that a record of `partition` went at once.
    pub(super) fn went(&mut self, partition: PartitionId) {
        let partition = self.partitions.entry(partition).or_default();
        partition.lane = Lane::Quick;
        partition.under_way += 1;
        self.count += 1;
    }

    /// Holds a record of `partition`, of `bytes`, until its turn comes.
    pub(super) fn hold(&mut self, partition: PartitionId, bytes: usize, record: R) {
        self.partitions.entry(partition).or_default().held.push_back((bytes, record));
        self.held_count += 1;
        self.count += 1;
    }

    /// Hands the clients what they may have: `give`s each record, until one is given back.
    pub(super) fn hand_over(&mut self, mut give: impl FnMut(Lane, R) -> Result<(), R>) {
        if self.held_count == 0 {
            return;
        }
        for partition in self.partitions.values_mut() {
            if partition.under_way > 0 || partition.held.is_empty() {
                continue;
            }
            let is_large = partition.held.len() >= BULK_RECORDS_MIN;
            partition.lane = if is_large { Lane::Bulk } else { Lane::Quick };
            let mut bytes_sum = 0_usize;
            while let Some((bytes, record)) = partition.held.pop_front() {
                bytes_sum = bytes_sum.saturating_add(bytes);
                if bytes_sum > BURST_BYTES_MAX && partition.under_way > 0 {
                    partition.held.push_front((bytes, record));
                    break;
                }
                if let Err(record) = give(partition.lane, record) {
                    partition.held.push_front((bytes, record));
                    return;
                }
                partition.under_way += 1;
                self.held_count -= 1;
            }
        }
    }

    /// Notes that the client is done with a record of `partition`.
    pub(super) fn done(&mut self, partition: PartitionId) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.under_way = partition.under_way.saturating_sub(1);
            self.count = self.count.saturating_sub(1);
        }
    }

    /// Drops what is held of `partition`.
    pub(super) fn drop_held(&mut self, partition: PartitionId) {
        if let Some(partition) = self.partitions.get_mut(&partition) {
            self.count -= partition.held.len();
            self.held_count -= partition.held.len();
            partition.held.clear();
        }
    }

    /// Drops all that is held.
    pub(super) fn drop_all_held(&mut self) {
        for partition in self.partitions.values_mut() {
            partition.held.clear();
        }
        self.count -= self.held_count;
        self.held_count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: PartitionId = PartitionId(0);
    const Q: PartitionId = PartitionId(1);

    /// Appends `record` as a writer does; what went to a client goes to `sent`.
    fn append(bursts: &mut Bursts<u32>, partition: PartitionId, record: u32, sent: &mut Sent) {
        if bursts.may_go(partition) {
            bursts.went(partition);
            sent.push((Lane::Quick, record));
        } else {
            bursts.hold(partition, 100, record);
        }
    }

    fn hand_over(bursts: &mut Bursts<u32>, sent: &mut Sent) {
        bursts.hand_over(|lane, record| {
            sent.push((lane, record));
            Ok(())
        });
    }

    type Sent = Vec<(Lane, u32)>;

    #[test]
    fn a_quiet_partition_waits_for_nothing() {
        let (mut bursts, mut sent) = (Bursts::new(), Sent::new());
        for record in 0..100 {
            append(&mut bursts, P, record, &mut sent);
            assert_eq!(sent.len(), record as usize + 1);
            bursts.done(P);
        }
        assert!(sent.iter().all(|(lane, _)| *lane == Lane::Quick));
        assert_eq!(bursts.count(), 0);
    }

    #[test]
    fn what_the_client_could_not_send_goes_as_one_burst_in_order() {
        let (mut bursts, mut sent) = (Bursts::new(), Sent::new());
        for record in 0..100 {
            append(&mut bursts, P, record, &mut sent);
        }
        append(&mut bursts, Q, 1_000, &mut sent);
        assert_eq!(sent.len(), UNDER_WAY_MAX + 1, "another partition does not wait for it");
        hand_over(&mut bursts, &mut sent);
        assert_eq!(sent.len(), UNDER_WAY_MAX + 1, "something is under way");
        for _ in 0..UNDER_WAY_MAX {
            bursts.done(P);
        }
        append(&mut bursts, P, 100, &mut sent);
        assert_eq!(sent.len(), UNDER_WAY_MAX + 1, "none overtakes those that are held");
        hand_over(&mut bursts, &mut sent);
        let of_p: Vec<_> = sent.iter().map(|(_, record)| *record).filter(|r| *r < 1_000).collect();
        assert_eq!(of_p, (0..=100).collect::<Vec<_>>());
        assert!(sent.iter().skip(UNDER_WAY_MAX + 1).all(|(lane, _)| *lane == Lane::Bulk));
        append(&mut bursts, P, 101, &mut sent);
        assert_eq!(sent.len(), 102, "the lanes do not mix while one has records under way");
        for _ in 0..96 {
            bursts.done(P);
        }
        hand_over(&mut bursts, &mut sent);
        assert_eq!(sent.last(), Some(&(Lane::Quick, 101)), "a small burst does not linger");
        assert_eq!(bursts.count(), 2, "of each partition one is under way");
    }

    #[test]
    fn a_burst_ends_where_one_request_would() {
        let (mut bursts, mut sent) = (Bursts::new(), Sent::new());
        append(&mut bursts, P, 0, &mut sent);
        for _ in 1..UNDER_WAY_MAX {
            append(&mut bursts, P, 0, &mut sent);
        }
        for _ in 0..10 {
            bursts.hold(P, BURST_BYTES_MAX / 3, 7);
        }
        for _ in 0..UNDER_WAY_MAX {
            bursts.done(P);
        }
        for burst in [3, 3, 3, 1] {
            sent.clear();
            hand_over(&mut bursts, &mut sent);
            assert_eq!(sent.len(), burst);
            (0..burst).for_each(|_| bursts.done(P));
        }
        assert_eq!(bursts.count(), 0);
        bursts.hold(P, BURST_BYTES_MAX * 2, 8);
        sent.clear();
        hand_over(&mut bursts, &mut sent);
        assert_eq!(sent.len(), 1, "one that is too large alone is the client's to judge");
    }

    #[test]
    fn what_the_client_gives_back_is_first_again() {
        let mut bursts = Bursts::new();
        (0..4).for_each(|record| bursts.hold(P, 100, record));
        let mut taken = Vec::new();
        bursts.hand_over(|_, record| {
            if record == 2 {
                return Err(record);
            }
            taken.push(record);
            Ok(())
        });
        assert_eq!((taken.as_slice(), bursts.count()), ([0, 1].as_slice(), 4));
        (0..2).for_each(|_| bursts.done(P));
        let mut sent = Sent::new();
        hand_over(&mut bursts, &mut sent);
        assert_eq!(sent, [(Lane::Quick, 2), (Lane::Quick, 3)]);
    }

    #[test]
    fn what_is_dropped_is_not_sent_and_not_counted() {
        let (mut bursts, mut sent) = (Bursts::new(), Sent::new());
        for partition in [P, Q] {
            (0..20).for_each(|record| append(&mut bursts, partition, record, &mut sent));
        }
        bursts.drop_held(P);
        assert_eq!(bursts.count(), UNDER_WAY_MAX + 20);
        bursts.drop_all_held();
        assert_eq!(bursts.count(), 2 * UNDER_WAY_MAX);
        for partition in [P, Q] {
            (0..UNDER_WAY_MAX).for_each(|_| bursts.done(partition));
        }
        sent.clear();
        hand_over(&mut bursts, &mut sent);
        assert_eq!((sent.len(), bursts.count()), (0, 0));
    }
}
