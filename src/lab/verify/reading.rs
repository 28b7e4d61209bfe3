//! Reads a topic from its beginning to the ends that it had at the start.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::domain::{Offset, PartitionId};
use crate::service::Clock;
use crate::service::build::KeyFault;
use crate::service::log::{Fault, Tail, TailEvent, TailRecord};

/// How long nothing may come before reading is given up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one wait for a record is.
const WAIT: Duration = Duration::from_millis(100);

/// The offsets of one partition that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// The partition.
    pub partition: PartitionId,
    /// The first offset that the log holds.
    pub beginning: Offset,
    /// The offset behind the last one.
    pub end: Offset,
}

impl Stretch {
    /// How many offsets it has.
    pub fn len(&self) -> usize {
        usize::try_from(self.end.0.saturating_sub(self.beginning.0)).unwrap_or(0)
    }

    /// True where it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a log could not be verified.
#[derive(Debug, Error)]
pub enum VerifyFault {
    /// It cannot be read.
    #[error(transparent)]
    Log(#[from] Fault),
    /// A key file is of no use.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// Nothing comes, though the end is not reached.
    #[error(
        "nothing came for {} s, and {partitions_count} partitions are not read to their ends; \
         are all brokers up?",
        PATIENCE.as_secs()
    )]
    Stalled {
        /// How many partitions are open.
        partitions_count: usize,
    },
    /// It would take more memory than is allowed.
    #[error(
        "{inputs_count} inputs take up to {} MiB of memory, and {} MiB are allowed; allow more \
         with --memory-max",
        needed_bytes >> 20,
        allowed_bytes >> 20
    )]
    TooLarge {
        /// How many offsets of the authorisations are to be read.
        inputs_count: u64,
        /// What they take.
        needed_bytes: u64,
        /// What they may take.
        allowed_bytes: u64,
    },
}

/// Hands every record of `stretches` to `note`, in the order of each partition, and tells
/// `tell` now and then how many there were so far. What lies behind the ends is passed over.
///
/// # Errors
/// The log cannot be read, or nothing comes for 30 s.
pub fn read_to_ends(
    tail: &mut impl Tail,
    stretches: &[Stretch],
    clock: &Clock,
    mut note: impl FnMut(&TailRecord),
    mut tell: impl FnMut(u64),
) -> Result<(), VerifyFault> {
    let mut open: BTreeMap<PartitionId, Offset> = stretches
        .iter()
        .filter(|stretch| !stretch.is_empty())
        .map(|stretch| (stretch.partition, stretch.end))
        .collect();
    let mut read_count = 0;
    let mut deadline = clock.deadline(PATIENCE);
    while !open.is_empty() {
        match tail.next(WAIT) {
            Ok(Some(TailEvent::Record(record))) => {
                deadline = clock.deadline(PATIENCE);
                if let Some(end) = open.get(&record.partition).copied() {
                    if record.offset < end {
                        read_count += 1;
                        note(&record);
                    }
                    if record.offset.next() >= end {
                        open.remove(&record.partition);
                    }
                }
            }
            // Its last offsets may hold no record: a transaction's mark, or an aborted one.
            Ok(Some(TailEvent::ReachedEnd(partition))) => {
                open.remove(&partition);
            }
            Err(fault) if fault.is_fatal() => return Err(fault.into()),
            Ok(None) | Err(_) => {
                if deadline.has_passed() {
                    return Err(VerifyFault::Stalled { partitions_count: open.len() });
                }
            }
        }
        tell(read_count);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out its events, then nothing; each wait takes as long as it may.
    struct Script {
        events: Vec<TailEvent>,
        clock: Clock,
    }

    impl Tail for Script {
        fn next(&mut self, wait: Duration) -> Result<Option<TailEvent>, Fault> {
            if self.events.is_empty() {
                self.clock.advance(wait);
                return Ok(None);
            }
            Ok(Some(self.events.remove(0)))
        }

        fn is_at_end(&mut self, _wait: Duration) -> Result<bool, Fault> {
            Ok(self.events.is_empty())
        }
    }

    fn record(partition: i32, offset: i64) -> TailEvent {
        TailEvent::Record(TailRecord {
            partition: PartitionId(partition),
            offset: Offset(offset),
            appended_at_unix_millis: 0,
            key: None,
            value: None,
            headers: Vec::new(),
        })
    }

    fn stretch(partition: i32, beginning: i64, end: i64) -> Stretch {
        let (beginning, end) = (Offset(beginning), Offset(end));
        Stretch { partition: PartitionId(partition), beginning, end }
    }

    fn read(
        events: Vec<TailEvent>,
        stretches: &[Stretch],
    ) -> (Vec<(i32, i64)>, Result<(), VerifyFault>) {
        let clock = Clock::manual(0);
        let mut tail = Script { events, clock: clock.clone() };
        let mut noted = Vec::new();
        let note = |record: &TailRecord| noted.push((record.partition.0, record.offset.0));
        let ended = read_to_ends(&mut tail, stretches, &clock, note, |_| {});
        (noted, ended)
    }

    #[test]
    fn each_partition_is_read_to_its_own_end_and_not_behind_it() {
        let events = vec![record(0, 5), record(1, 0), record(0, 6), record(0, 7), record(1, 1)];
        let stretches = [stretch(0, 5, 7), stretch(1, 0, 2), stretch(2, 4, 4)];
        let (noted, ended) = read(events, &stretches);
        assert_eq!(noted, [(0, 5), (1, 0), (0, 6), (1, 1)]);
        assert!(ended.is_ok());
    }

    #[test]
    fn an_end_without_a_last_record_is_an_end() {
        let events = vec![record(0, 0), TailEvent::ReachedEnd(PartitionId(0))];
        let (noted, ended) = read(events, &[stretch(0, 0, 3)]);
        assert_eq!(noted, [(0, 0)]);
        assert!(ended.is_ok());
    }

    #[test]
    fn a_log_that_says_nothing_more_is_given_up() {
        let (_, ended) = read(vec![record(0, 0)], &[stretch(0, 0, 3)]);
        assert!(matches!(ended, Err(VerifyFault::Stalled { partitions_count: 1 })), "{ended:?}");
    }
}
