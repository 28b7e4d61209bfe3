//! Echo tests (0800): whether each partition answers, beside the requests.

use crate::domain::PartitionId;
use crate::wire::proto::{Authorisation, MessageType};

/// A partition is asked this often.
const INTERVAL_NANOS: u64 = 1_000_000_000;

/// When partitions are asked: each once a second, one after the other, evenly apart.
#[derive(Clone, Debug)]
pub(super) struct Probes {
    partitions_count: u32,
    next: u64,
}

/// A partition to ask, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Probe {
    pub(super) partition: PartitionId,
    pub(super) due_nanos: u64,
}

impl Probes {
    /// Probes of partitions 0 to `partitions_count`; 0 is no probes at all.
    pub(super) fn new(partitions_count: u32) -> Self {
        Self { partitions_count, next: 0 }
    }

    /// The next probe, where it is due before `moment_nanos`.
    pub(super) fn next_before(&mut self, moment_nanos: u64) -> Option<Probe> {
        let count = u64::from(self.partitions_count);
        let due_nanos = self.next.saturating_mul(INTERVAL_NANOS).checked_div(count)?;
        let partition = i32::try_from(self.next.checked_rem(count)?).ok()?;
        if due_nanos >= moment_nanos {
            return None;
        }
        self.next += 1;
        Some(Probe { partition: PartitionId(partition), due_nanos })
    }
}

/// What is asked.
pub(super) fn echo_test(at_unix_millis: i64) -> Authorisation {
    Authorisation {
        message_type: MessageType::MessageType0800.into(),
        authorised_at_millis: at_unix_millis,
        ..Authorisation::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_is_asked_once_a_second() {
        let mut probes = Probes::new(4);
        let asked: Vec<_> = std::iter::from_fn(|| probes.next_before(2_000_000_000)).collect();
        let numbers: Vec<_> = asked.iter().map(|probe| probe.partition.0).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 0, 1, 2, 3]);
        let due: Vec<_> = asked.iter().map(|probe| probe.due_nanos / 1_000_000).collect();
        assert_eq!(due, [0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750]);
        assert_eq!(probes.next_before(2_000_000_000), None);
        assert!(probes.next_before(2_000_000_001).is_some());
    }

    #[test]
    fn no_partitions_have_no_probes() {
        assert_eq!(Probes::new(0).next_before(u64::MAX), None);
    }
}
