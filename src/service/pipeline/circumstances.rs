//! How a message is met: all that the engine is told besides its content.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::{ErrorReason, EventTime, MessageClass, Met, PartitionId, Span};
use crate::service::log::Message;
use crate::service::{Clock, FollowerStatus};
use crate::wire::{Incoming, Refusal, SwitchContext};

/// What is asked to know how a message is met; what is not set never holds.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The header with the deadline of a request that names none, in Unix milliseconds.
    pub deadline_header: Option<String>,
    /// Who follows the stop list, and how long it may not be known to be up to date.
    pub stop_list: Option<(Arc<FollowerStatus>, Span)>,
    /// How long a message may wait while its partition is restored.
    pub recovering_after: Option<Span>,
}

/// The circumstances, with what a worker told of its partitions.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    pub(super) asked: Circumstances,
    /// The step of the overload ladder that messages are met with.
    pub(super) overload_step: u8,
    restorations: BTreeMap<PartitionId, Restoration>,
}

/// When a partition was restored, in the wall's time.
#[derive(Clone, Copy, Debug)]
struct Restoration {
    began_at_millis: i64,
    ended_at_millis: Option<i64>,
}

impl Watched {
    pub(super) fn new(asked: Circumstances) -> Self {
        Self { asked, ..Self::default() }
    }

    /// Says that `partition` is to be restored; said again where that begins anew.
    pub(super) fn restoring(&mut self, partition: PartitionId, now_millis: i64) {
        let fresh = Restoration { began_at_millis: now_millis, ended_at_millis: None };
        let known = self.restorations.entry(partition).or_insert(fresh);
        if known.ended_at_millis.is_some() {
            *known = fresh;
        }
    }

    /// Says that `partition` is not to be restored any more, where it was under way.
    pub(super) fn not_restored(&mut self, partition: PartitionId) {
        self.restorations.retain(|id, known| *id != partition || known.ended_at_millis.is_some());
    }

    /// Says that `partition` is restored.
    pub(super) fn restored(&mut self, partition: PartitionId, now_millis: i64) {
        if let Some(known) = self.restorations.get_mut(&partition) {
            known.ended_at_millis = Some(now_millis);
        }
    }

    /// What the engine is told about `message` besides its content. Hot path.
    pub(super) fn meet(&self, message: &Message<'_>, clock: &Clock) -> Met {
        let appended_at_millis = message.appended_at_unix_millis;
        let age_millis = clock.unix_millis().saturating_sub(appended_at_millis);
        let appended_at = EventTime::nearest_to(appended_at_millis);
        let is_stale = |(follower, after): &(Arc<FollowerStatus>, Span)| {
            follower.is_stale(clock.monotonic_nanos(), *after)
        };
        Met {
            age: Span::from_millis(age_millis),
            is_stop_list_stale: self.asked.stop_list.as_ref().is_some_and(is_stale),
            is_recovering: self.asked.recovering_after.is_some_and(|after| {
                self.waited_millis(message.input.partition, appended_at_millis) > after.millis()
            }),
            overload_step: self.overload_step,
            ..Met::fresh(message.input, appended_at)
        }
    }

    /// How long a message waited while its partition was restored.
    fn waited_millis(&self, partition: PartitionId, appended_at_millis: i64) -> i64 {
        let Some(restoration) = self.restorations.get(&partition) else { return 0 };
        let from = restoration.began_at_millis.max(appended_at_millis);
        restoration.ended_at_millis.map_or(0, |ended| ended.saturating_sub(from))
    }

    /// Reads the deadline beside a request that names none itself into `met`. One that cannot
    /// be read refuses the request: nobody can tell when it is late.
    pub(super) fn read_deadline<'m>(
        &self,
        message: &Message<'_>,
        incoming: Result<Incoming<'m>, Refusal>,
        met: &mut Met,
    ) -> Result<Incoming<'m>, Refusal> {
        let Some(name) = &self.asked.deadline_header else { return incoming };
        if let Ok(Incoming::Message { auth, switch_context }) = &incoming
            && auth.message_type.class == MessageClass::Request
            && auth.deadline.is_none()
            && let Some(value) = message.header(name)
        {
            let millis = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            let refusal = |reason, what: &str| Refusal {
                reason,
                field: "deadline_millis",
                detail: format!(
                    "the header `{name}` {what}; expected Unix milliseconds in decimal digits"
                ),
                id: Some(auth.id.to_text()),
                switch_context: switch_context.map(SwitchContext::of),
            };
            let millis: i64 =
                millis.ok_or_else(|| refusal(ErrorReason::FieldInvalid, "is no whole number"))?;
            met.deadline = Some(EventTime::from_unix_millis(millis).ok_or_else(|| {
                refusal(ErrorReason::TimeOutOfRange, "is not within the years 2000 to 2099")
            })?);
        }
        incoming
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waited_while_its_partition_was_restored_and_no_longer() {
        let partition = PartitionId(0);
        let mut watched = Watched::default();
        assert_eq!(watched.waited_millis(partition, 0), 0);
        watched.restoring(partition, 1_000);
        watched.restoring(partition, 1_500); // Tried again: the wait goes on.
        watched.restored(partition, 4_000);
        for (appended_at, waited) in [(0, 3_000), (1_000, 3_000), (3_999, 1), (4_000, 0)] {
            assert_eq!(watched.waited_millis(partition, appended_at), waited, "{appended_at}");
        }
        assert!(watched.waited_millis(partition, 5_000) <= 0);
        watched.restoring(partition, 9_000); // Given again later.
        watched.restored(partition, 9_500);
        assert_eq!(watched.waited_millis(partition, 2_000), 500);
    }
}
