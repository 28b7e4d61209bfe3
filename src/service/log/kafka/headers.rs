//! Headers, in and out of the client.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use rdkafka::message::{BorrowedMessage, Header, Headers, Message as _, OwnedHeaders};

/// The most headers that are read of one message.
const HEADERS_COUNT_MAX: usize = 64;

thread_local! {
    /// True while this thread reads a header: its panic is caught and is no news.
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// A message's first headers. One whose name is not UTF-8 is left out: rdkafka panics on it,
/// and whoever can write to the topic could stop every worker, or fill the log, with it.
pub(super) fn headers_of<'m>(
    message: &'m BorrowedMessage<'_>,
) -> impl Iterator<Item = (&'m str, &'m [u8])> {
    let headers = message.headers();
    let count = headers.map_or(0, Headers::count).min(HEADERS_COUNT_MAX);
    (0..count).filter_map(move |index| {
        IS_READING.set(true);
        let read = catch_unwind(AssertUnwindSafe(|| headers?.try_get(index)));
        IS_READING.set(false);
        let header = read.ok().flatten()?;
        Some((header.key, header.value.unwrap_or_default()))
    })
}

/// Keeps quiet about panics over header names, which are caught; tells all others as before.
pub(super) fn keep_quiet_about_headers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_READING.get() {
                tell(panic);
            }
        }));
    });
}

/// The client's own copy of a record's headers.
pub(super) fn owned_headers(headers: &[(&str, &[u8])]) -> OwnedHeaders {
    let mut owned = OwnedHeaders::new_with_capacity(headers.len());
    for &(key, value) in headers {
        owned = owned.insert(Header { key, value: Some(value) });
    }
    owned
}
