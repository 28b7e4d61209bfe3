//! A tail over the memory broker.

use std::sync::Arc;
use std::time::Duration;

use super::Topic;
use super::doorbell::Doorbell;
use super::partition::Reader;
use crate::domain::{Offset, PartitionId};
use crate::service::log::{Fault, Tail, TailEvent, TailRecord};

/// Fills [`Tail`] in process, see [`super::MemoryBroker::tail`].
#[derive(Debug)]
pub struct MemoryTail {
    topic: Arc<Topic>,
    followed: Vec<Followed>,
    /// The one that is looked at first: rotates, so that a busy one starves no other.
    first_followed: usize,
    bell: Arc<Doorbell>,
}

#[derive(Debug)]
struct Followed {
    partition: PartitionId,
    reader: Arc<Reader>,
    position: Offset,
    /// The end was told and nothing came since.
    is_at_end: bool,
}

impl MemoryTail {
    pub(super) fn new(topic: Arc<Topic>, starts: &[(PartitionId, Offset)]) -> Result<Self, Fault> {
        let bell = Arc::new(Doorbell::default());
        let mut tail =
            Self { topic, followed: Vec::with_capacity(starts.len()), first_followed: 0, bell };
        for &(partition, position) in starts {
            let reader = Reader::new(position, Arc::clone(&tail.bell));
            let mut log = tail.topic.partition(partition)?;
            log.check_start(position)?;
            log.register(&reader);
            drop(log);
            tail.followed.push(Followed { partition, reader, position, is_at_end: false });
        }
        Ok(tail)
    }

    fn look(&mut self) -> Result<Option<TailEvent>, Fault> {
        let (behind, ahead) = self.followed.split_at_mut(self.first_followed);
        let mut event = None;
        for followed in ahead.iter_mut().chain(behind) {
            event = followed.look(&self.topic)?;
            if event.is_some() {
                break;
            }
        }
        self.first_followed =
            (self.first_followed + 1).checked_rem(self.followed.len()).unwrap_or(0);
        Ok(event)
    }
}

impl Followed {
    fn look(&mut self, topic: &Topic) -> Result<Option<TailEvent>, Fault> {
        let log = topic.partition(self.partition)?;
        if let Some(record) = log.record(self.position) {
            self.is_at_end = false;
            self.position = self.position.next();
            self.reader.hold_from(self.position);
            return Ok(Some(TailEvent::Record(TailRecord {
                partition: self.partition,
                offset: record.input.offset,
                appended_at_unix_millis: record.appended_at_unix_millis,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
                headers: record
                    .headers()
                    .map(|(name, value)| (name.to_owned(), value.to_vec()))
                    .collect(),
            })));
        }
        if self.is_at_end {
            return Ok(None);
        }
        self.is_at_end = true;
        Ok(Some(TailEvent::ReachedEnd(self.partition)))
    }
}

impl Tail for MemoryTail {
    fn next(&mut self, wait: Duration) -> Result<Option<TailEvent>, Fault> {
        self.bell.reset();
        if let Some(event) = self.look()? {
            return Ok(Some(event));
        }
        self.bell.wait(wait);
        self.look()
    }

    fn is_at_end(&mut self, _wait: Duration) -> Result<bool, Fault> {
        for followed in &self.followed {
            if self.topic.partition(followed.partition)?.record(followed.position).is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Drop for MemoryTail {
    fn drop(&mut self) {
        for followed in &self.followed {
            if let Ok(mut log) = self.topic.partition(followed.partition) {
                log.forget(&followed.reader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::service::Clock;
    use crate::service::log::memory::MemoryBroker;

    fn broker() -> MemoryBroker {
        let broker = MemoryBroker::new(Clock::manual(0));
        broker.create_topic("orders", 2);
        broker
    }

    fn produce(broker: &MemoryBroker, partition: i32) {
        broker
            .produce("orders", PartitionId(partition), Some(b"key"), None, &[("h", b"1")])
            .expect("the topic is there");
    }

    fn next(tail: &mut MemoryTail, wait: Duration) -> Option<(&'static str, i32, i64)> {
        tail.next(wait).expect("memory does not fail").map(|event| match event {
            TailEvent::Record(record) => {
                assert_eq!(record.key.as_deref(), Some(&b"key"[..]));
                assert_eq!(record.value, None);
                assert_eq!(record.headers, [("h".to_owned(), b"1".to_vec())]);
                ("record", record.partition.0, record.offset.0)
            }
            TailEvent::ReachedEnd(partition) => ("end", partition.0, -1),
        })
    }

    #[test]
    fn each_end_is_told_once_and_again_when_caught_up() {
        let broker = broker();
        produce(&broker, 1);
        let mut tail = broker.tail_from_beginning("orders").expect("it is there");
        let mut events: Vec<_> = (0..3).filter_map(|_| next(&mut tail, Duration::ZERO)).collect();
        events.sort_unstable();
        assert_eq!(events, [("end", 0, -1), ("end", 1, -1), ("record", 1, 0)]);
        assert_eq!(next(&mut tail, Duration::ZERO), None);
        produce(&broker, 1);
        assert_eq!(next(&mut tail, Duration::ZERO), Some(("record", 1, 1)));
        assert_eq!(next(&mut tail, Duration::ZERO), Some(("end", 1, -1)));
        assert_eq!(next(&mut tail, Duration::ZERO), None);
    }

    #[test]
    fn it_starts_where_it_is_told() {
        let broker = broker();
        for _ in 0..3 {
            produce(&broker, 0);
        }
        let start = |offset| broker.tail("orders", &[(PartitionId(0), Offset(offset))]);
        let mut tail = start(2).expect("it is in the log");
        assert_eq!(next(&mut tail, Duration::ZERO), Some(("record", 0, 2)));
        assert!(matches!(start(4), Err(Fault::OffsetOutOfRange { .. })));
    }

    #[test]
    fn a_waiting_tail_is_woken_by_a_record() {
        let broker = broker();
        let mut tail = broker.tail_from_beginning("orders").expect("it is there");
        for _ in 0..2 {
            next(&mut tail, Duration::ZERO).expect("an end");
        }
        let producer = thread::spawn(move || produce(&broker, 0));
        let woken = next(&mut tail, Duration::from_secs(10));
        assert_eq!(woken, Some(("record", 0, 0)));
        producer.join().expect("the producer ends");
    }
}
