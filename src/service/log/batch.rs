//! A batch of messages in one set of buffers.

use crate::domain::Input;

/// Messages, at a poll up to [`super::BATCH_MESSAGES_MAX`], copied out of the client into
/// buffers that are reused.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    messages: Vec<Slot>,
    headers: Vec<HeaderSlot>,
}

#[derive(Debug)]
struct Slot {
    input: Input,
    appended_at_unix_millis: i64,
    key: Option<(usize, usize)>,
    value: Option<(usize, usize)>,
    headers: (usize, usize),
}

#[derive(Debug)]
struct HeaderSlot {
    name: (usize, usize),
    value: (usize, usize),
}

/// One message of a [`Batch`].
#[derive(Clone, Copy, Debug)]
pub struct Message<'b> {
    /// Where it lies.
    pub input: Input,
    /// The broker's append time in Unix milliseconds.
    pub appended_at_unix_millis: i64,
    /// The record's key.
    pub key: Option<&'b [u8]>,
    /// The record's value; `None` is a tombstone.
    pub value: Option<&'b [u8]>,
    batch: &'b Batch,
    headers: (usize, usize),
}

impl<'b> Message<'b> {
    /// Its headers, in order.
    pub fn headers(&self) -> impl Iterator<Item = (&'b str, &'b [u8])> + use<'b> {
        let batch = self.batch;
        let (from, to) = self.headers;
        batch.headers.get(from..to).unwrap_or_default().iter().map(move |slot| {
            let name = std::str::from_utf8(batch.slice(slot.name)).unwrap_or_default();
            (name, batch.slice(slot.value))
        })
    }

    /// The value of its last header called `name`: of several Kafka's clients take the last.
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers().filter(|(found, _)| *found == name).last().map(|(_, value)| value)
    }
}

impl Batch {
    /// Empties it and keeps its buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
        self.headers.clear();
    }

    /// How many messages it holds.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// True where it holds none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Copies a message in.
    pub fn push<'h>(
        &mut self,
        input: Input,
        appended_at_unix_millis: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
    ) {
        let key = key.map(|key| self.keep(key));
        let value = value.map(|value| self.keep(value));
        let first_header = self.headers.len();
        for (name, value) in headers {
            let slot = HeaderSlot { name: self.keep(name.as_bytes()), value: self.keep(value) };
            self.headers.push(slot);
        }
        let headers = (first_header, self.headers.len());
        self.messages.push(Slot { input, appended_at_unix_millis, key, value, headers });
    }

    /// Its messages, in log order per partition.
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        self.messages.iter().map(|slot| self.message(slot))
    }

    /// The message that was pushed as number `index`, from zero.
    pub fn get(&self, index: usize) -> Option<Message<'_>> {
        self.messages.get(index).map(|slot| self.message(slot))
    }

    /// Bytes that its messages take, bookkeeping included.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
            + self.messages.len() * size_of::<Slot>()
            + self.headers.len() * size_of::<HeaderSlot>()
    }

    fn message(&self, slot: &Slot) -> Message<'_> {
        Message {
            input: slot.input,
            appended_at_unix_millis: slot.appended_at_unix_millis,
            key: slot.key.map(|range| self.slice(range)),
            value: slot.value.map(|range| self.slice(range)),
            batch: self,
            headers: slot.headers,
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (from, self.bytes.len())
    }

    fn slice(&self, (from, to): (usize, usize)) -> &[u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Offset, PartitionId};

    #[test]
    fn what_was_pushed_comes_back_until_it_is_cleared() {
        let mut batch = Batch::default();
        let input = Input { partition: PartitionId(1), offset: Offset(7) };
        batch.push(input, 5, Some(b"key"), None, [("a", &b"1"[..]), ("b", b""), ("a", b"2")]);
        batch.push(input, 6, None, Some(b"value"), []);
        let first = batch.get(0).expect("the first message");
        assert_eq!((first.key, first.value), (Some(&b"key"[..]), None));
        assert_eq!(first.header("a"), Some(&b"2"[..]));
        assert_eq!(first.header("c"), None);
        assert_eq!(first.headers().count(), 3);
        let second = batch.iter().nth(1).expect("the second message");
        assert_eq!((second.key, second.value), (None, Some(&b"value"[..])));
        assert_eq!(second.headers().count(), 0);
        batch.clear();
        assert!(batch.is_empty());
        assert!(batch.get(0).is_none());
        assert_eq!(batch.size_bytes(), 0);
    }
}
