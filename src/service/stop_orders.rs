//! The follower: reads the stop-orders topic whole, then live, into the stop list.

use std::collections::BTreeMap;
use std::mem::take;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::{error, info, warn};

use super::Clock;
use super::journal::record::header;
use super::log::{Fault, Tail, TailEvent, TailRecord};
use super::pipeline::may_be_repeated;
use crate::domain::{EventTime, Offset, OrderKey, Span, Text};
use crate::engine::shared::{Removal, Shared};
use crate::wire::{Door, Format, KafkaKey, Refusal};

/// What the follower tells the rest of the process.
#[derive(Debug, Default)]
pub struct FollowerStatus {
    is_whole: AtomicBool,
    /// When the list was last known to be up to date, in the clock's monotonic time.
    current_at_nanos: AtomicU64,
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

    /// True where the list has not been known to be up to date for longer than `after`.
    /// Hot path.
    pub fn is_stale(&self, now_nanos: u64, after: Span) -> bool {
        let limit_nanos = u64::try_from(after.millis()).unwrap_or(0).saturating_mul(1_000_000);
        self.unknown_for_nanos(now_nanos) > limit_nanos
    }

    /// For how long the list has not been known to be up to date.
    pub fn unknown_for_nanos(&self, now_nanos: u64) -> u64 {
        now_nanos.saturating_sub(self.current_at_nanos.load(Ordering::Acquire))
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

    /// Records refused: the list stays as it was. Of those read at the start, only the ones
    /// that no good record under the same id followed.
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
    /// Where its being up to date is watched.
    watch: Option<Watch>,
    /// What was refused while the topic is read whole: told at its end, unless a good record
    /// under the same id follows.
    open: BTreeMap<OrderKey, Vec<Refused>>,
}

/// A record that the list was not changed by.
struct Refused {
    offset: Offset,
    /// As its key tells it.
    order_id: Option<String>,
    fault: RecordFault,
}

impl Refused {
    fn of(record: &TailRecord, fault: RecordFault) -> Self {
        let order_id = shown_id(record).map(str::to_owned);
        Self { offset: record.offset, order_id, fault }
    }
}

/// Why the list was not changed.
enum RecordFault {
    /// It is no order.
    Order(Refusal),
    /// A tombstone without a readable key.
    NoKey,
    /// A tombstone of an order that stands.
    StillStands,
}

/// Asks now and then whether the list is up to date.
#[derive(Debug)]
struct Watch {
    clock: Clock,
    asked_at_nanos: u64,
}

/// How often that is asked.
const ASK_INTERVAL_NANOS: u64 = 1_000_000_000;
/// How long the broker may take to answer.
const ASK_WAIT: Duration = Duration::from_secs(1);

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
        Self { tail, door, default_format, shared, status, watch: None, open: BTreeMap::new() }
    }

    /// The same, asking the broker by `clock` now and then whether the list is up to date.
    #[must_use]
    pub fn watching(mut self, clock: Clock) -> Self {
        let asked_at_nanos = clock.monotonic_nanos();
        self.status.current_at_nanos.store(asked_at_nanos, Ordering::Release);
        self.watch = Some(Watch { clock, asked_at_nanos });
        self
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
        self.ask_if_due();
        Ok(())
    }

    /// A list is known to be up to date only as of when the broker was asked: silence may be
    /// that of a broker that is gone.
    fn ask_if_due(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let now = watch.clock.monotonic_nanos();
        if now.saturating_sub(watch.asked_at_nanos) < ASK_INTERVAL_NANOS {
            return;
        }
        watch.asked_at_nanos = now;
        if self.tail.is_at_end(ASK_WAIT).unwrap_or(false) {
            self.status.current_at_nanos.store(now, Ordering::Release);
        }
    }

    fn reached_end(&mut self) {
        if !self.status.set_whole() {
            let orders = self.shared.stop_list.orders_count();
            info!(orders, version = self.shared.stop_list.version().0, "stop list is whole");
            let mut open: Vec<_> = take(&mut self.open).into_values().flatten().collect();
            open.sort_by_key(|refused| refused.offset);
            for refused in &open {
                self.tell(refused);
            }
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

    fn take(&mut self, record: &TailRecord) {
        let moment = EventTime::nearest_to(record.appended_at_unix_millis);
        match record.value.as_deref() {
            None => self.take_tombstone(record, moment),
            Some(value) => self.take_order(record, value, moment),
        }
        self.shared.stop_list.set_version(record.offset.next());
    }

    fn take_order(&mut self, record: &TailRecord, value: &[u8], moment: EventTime) {
        let content_type = header(record, "content-type");
        let order =
            Format::from_content_type(content_type, self.default_format).and_then(|format| {
                let key = KafkaKey::Record(record.key.as_deref());
                self.door.decode_stop_order(format, key, Some(value), record.offset, moment)
            });
        match order {
            Ok(order) => {
                if self.status.is_whole() {
                    let (cause, is_lifted) = (order.cause, order.is_lifted_at(moment));
                    let lifted_at_millis = order.lifted_at.map(EventTime::unix_millis);
                    info!(
                        offset = record.offset.0,
                        ?cause,
                        is_in_force = order.is_in_force_at(moment),
                        is_lifted,
                        lifted_at_millis,
                        "a stop order is applied"
                    );
                }
                self.open.remove(&order.key);
                if order.has_foreign_tag {
                    self.note_foreign_tag(record.offset);
                }
                self.shared.stop_list.apply(order);
                self.status.applied.fetch_add(1, Ordering::Relaxed);
            }
            Err(refusal) => {
                let id = refusal.id.as_ref().map(Text::as_str).or_else(|| key_text(record));
                let order = id.map(|id| self.door.keys().order_key(id));
                let fault = RecordFault::Order(refusal);
                self.refuse(order, Refused::of(record, fault));
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

    fn take_tombstone(&mut self, record: &TailRecord, moment: EventTime) {
        let Some(key) = key_text(record) else {
            return self.refuse(None, Refused::of(record, RecordFault::NoKey));
        };
        let order = self.door.keys().order_key(key);
        match self.shared.stop_list.remove(order, moment) {
            Removal::Forgotten | Removal::Unknown => drop(self.open.remove(&order)),
            Removal::StillStands => {
                self.refuse(Some(order), Refused::of(record, RecordFault::StillStands));
            }
        }
    }

    /// Tells of `refused`, which is about `order`: at once, or at the end of what the topic
    /// held at the start.
    fn refuse(&mut self, order: Option<OrderKey>, refused: Refused) {
        match order.filter(|_| !self.status.is_whole()) {
            Some(order) => self.open.entry(order).or_default().push(refused),
            None => self.tell(&refused),
        }
    }

    fn tell(&self, refused: &Refused) {
        let offset = refused.offset.0;
        let order_id = refused.order_id.as_deref();
        let (reason, field, detail) = match &refused.fault {
            RecordFault::StillStands => {
                self.status.tombstones_refused.fetch_add(1, Ordering::Relaxed);
                error!(
                    topic = "stop orders",
                    offset,
                    order_id,
                    "a tombstone came for a stop order that still stands. It stays in force here, \
                     but compaction deletes it: publish the order again, or lift it with a record \
                     that has lifted_at_millis"
                );
                return;
            }
            RecordFault::NoKey => ("key_mismatch", "order_id", "has no readable key"),
            RecordFault::Order(refusal) => {
                (refusal.reason.name(), refusal.field, refusal.detail.as_str())
            }
        };
        self.status.refused.fetch_add(1, Ordering::Relaxed);
        error!(
            offset,
            order_id,
            reason,
            field,
            detail,
            "a stop order was refused; the list stays as it was. Publish it again, put right: \
             compaction deletes an earlier order under the same id"
        );
    }
}

fn key_text(record: &TailRecord) -> Option<&str> {
    std::str::from_utf8(record.key.as_deref()?).ok()
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
