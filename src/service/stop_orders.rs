//! The follower: reads the stop-orders topic whole, then live, into the stop list.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::{error, info, warn};

use super::log::{Fault, Tail, TailEvent, TailRecord};
use super::pipeline::may_be_repeated;
use crate::domain::{ErrorReason, EventTime, Offset};
use crate::engine::shared::{Removal, Shared};
use crate::wire::{Door, Format, KafkaKey};

/// What the follower tells the rest of the process.
#[derive(Debug, Default)]
pub struct FollowerStatus {
    is_whole: AtomicBool,
    applied: AtomicU64,
    refused: AtomicU64,
    tombstones_refused: AtomicU64,
    foreign_tags: AtomicU64,
    /// For how long the brokers have not known the topic, where they do not.
    topic_unknown_for: Mutex<Option<Duration>>,
}

impl FollowerStatus {
    /// True once the topic was read to the end it had at the start.
    pub fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Acquire)
    }

    /// Says that it was read to that end.
    pub(super) fn set_whole(&self) -> bool {
        self.is_whole.swap(true, Ordering::AcqRel)
    }

    /// For how long the brokers have not known the topic; `None` while they do.
    pub fn topic_unknown_for(&self) -> Option<Duration> {
        *self.topic_unknown_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what whoever looks at the topic has found.
    pub(super) fn set_topic_unknown_for(&self, span: Option<Duration>) {
        *self.topic_unknown_for.lock().unwrap_or_else(PoisonError::into_inner) = span;
    }

    /// Records applied.
    pub fn applied_count(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    /// Records refused: the list stays as it was.
    pub fn refused_count(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Tombstones refused because the order still stands.
    pub fn tombstones_refused_count(&self) -> u64 {
        self.tombstones_refused.load(Ordering::Relaxed)
    }

    /// Orders applied without their card-number tag, which another key made.
    pub fn foreign_tags_count(&self) -> u64 {
        self.foreign_tags.load(Ordering::Relaxed)
    }
}

/// Follows the stop-orders topic on a thread of its own.
pub struct Follower<T> {
    tail: T,
    door: Door,
    default_format: Format,
    shared: Arc<Shared>,
    status: Arc<FollowerStatus>,
}

/// The longest wait for the next order.
const POLL_WAIT: Duration = Duration::from_millis(100);

impl<T: Tail> Follower<T> {
    /// A follower of `tail`, which reads from the topic's beginning.
    pub fn new(
        tail: T,
        door: Door,
        default_format: Format,
        shared: Arc<Shared>,
        status: Arc<FollowerStatus>,
    ) -> Self {
        Self { tail, door, default_format, shared, status }
    }

    /// Follows until `should_stop` says so.
    ///
    /// # Errors
    /// A fatal [`Fault`]: the list can no longer be trusted to be current.
    pub fn run(mut self, mut should_stop: impl FnMut() -> bool) -> Result<(), Fault> {
        while !should_stop() {
            self.turn()?;
        }
        Ok(())
    }

    /// Takes the next thing that happens on the topic.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn turn(&mut self) -> Result<(), Fault> {
        match self.tail.next(POLL_WAIT) {
            Ok(Some(TailEvent::Record(record))) => self.take(&record),
            Ok(Some(TailEvent::ReachedEnd(_))) => self.reached_end(),
            Ok(None) => {}
            Err(fault) if fault.is_fatal() => return Err(fault),
            Err(fault) => warn!(%fault, "the stop-orders topic reports a fault"),
        }
        Ok(())
    }

    fn reached_end(&self) {
        if !self.status.set_whole() {
            let orders = self.shared.stop_list.orders_count();
            info!(orders, version = self.shared.stop_list.version().0, "stop list is whole");
            let foreign_tags = self.status.foreign_tags_count();
            if foreign_tags > 0 {
                warn!(
                    foreign_tags,
                    "stop orders have card-number tags of another key, which stop nothing; \
                     the orders stand for the tokens and accounts they name"
                );
            }
        }
    }

    fn take(&self, record: &TailRecord) {
        let moment = EventTime::nearest_to(record.appended_at_unix_millis);
        match record.value.as_deref() {
            None => self.take_tombstone(record, moment),
            Some(value) => self.take_order(record, value, moment),
        }
        self.shared.stop_list.set_version(record.offset.next());
    }

    fn take_order(&self, record: &TailRecord, value: &[u8], moment: EventTime) {
        let content_type = record
            .headers
            .iter()
            .find(|(name, _)| name == "content-type")
            .map(|(_, value)| value.as_slice());
        let order =
            Format::from_content_type(content_type, self.default_format).and_then(|format| {
                let key = KafkaKey::Record(record.key.as_deref());
                self.door.decode_stop_order(format, key, Some(value), record.offset, moment)
            });
        match order {
            Ok(order) => {
                if self.status.is_whole() {
                    let (cause, is_lifted) = (order.cause, order.lifted_at.is_some());
                    info!(offset = record.offset.0, ?cause, is_lifted, "a stop order is applied");
                }
                if order.has_foreign_tag {
                    self.note_foreign_tag(record.offset);
                }
                self.shared.stop_list.apply(order);
                self.status.applied.fetch_add(1, Ordering::Relaxed);
            }
            Err(refusal) => {
                self.refuse(record, refusal.reason, refusal.field, &refusal.detail);
            }
        }
    }

    /// One line an order, but for those at the start: a changed key would write thousands.
    fn note_foreign_tag(&self, offset: Offset) {
        self.status.foreign_tags.fetch_add(1, Ordering::Relaxed);
        if self.status.is_whole() {
            warn!(
                offset = offset.0,
                "a stop order has a card-number tag of another key, which stops nothing; \
                 the order stands for the token or account it names"
            );
        }
    }

    fn take_tombstone(&self, record: &TailRecord, moment: EventTime) {
        let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        let Some(key) = key else {
            self.refuse(record, ErrorReason::KeyMismatch, "order_id", "has no readable key");
            return;
        };
        match self.shared.stop_list.remove(self.door.keys().order_key(key), moment) {
            Removal::Forgotten | Removal::Unknown => {}
            Removal::StillStands => {
                self.status.tombstones_refused.fetch_add(1, Ordering::Relaxed);
                error!(
                    topic = "stop orders",
                    offset = record.offset.0,
                    order_id = shown_id(record),
                    "a tombstone came for a stop order that still stands. It stays in force here, \
                     but compaction deletes it: publish the order again, or lift it with a record \
                     that has lifted_at_millis"
                );
            }
        }
    }

    fn refuse(&self, record: &TailRecord, reason: ErrorReason, field: &str, detail: &str) {
        self.status.refused.fetch_add(1, Ordering::Relaxed);
        error!(
            offset = record.offset.0,
            order_id = shown_id(record),
            reason = reason.name(),
            field,
            detail,
            "a stop order was refused; the list stays as it was. Publish it again, put right: \
             compaction deletes an earlier order under the same id"
        );
    }
}

/// The id of an order as its key tells it, unless it may hold a card number.
fn shown_id(record: &TailRecord) -> Option<&str> {
    let key = record.key.as_deref().filter(|key| may_be_repeated(key))?;
    std::str::from_utf8(key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PartitionId;

    #[test]
    fn the_id_of_a_refused_order_is_shown_unless_it_may_be_a_card_number() {
        let record = |key: &[u8]| TailRecord {
            partition: PartitionId(0),
            offset: Offset(0),
            appended_at_unix_millis: 0,
            key: Some(key.to_vec()),
            value: None,
            headers: Vec::new(),
        };
        assert_eq!(shown_id(&record(b"loss-2026-118")), Some("loss-2026-118"));
        for hidden in [&b"4111 1111-1111 1111"[..], b"loss-4111111111111111", b"\xff"] {
            assert_eq!(shown_id(&record(hidden)), None);
        }
    }
}
