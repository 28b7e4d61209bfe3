//! Calls that may block are made aside, so that the worker's wait has a bound of its own.

use std::mem;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, ConsumerContext};

/// How long one round of serving a closing consumer waits.
const CLOSING_ROUND: Duration = Duration::from_millis(20);

/// Calls `act` on a thread of its own; its result can be taken from the channel.
pub(super) fn aside<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> mpsc::Receiver<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("kafka-aside".to_owned()).spawn(move || {
        // The other end may have given up waiting.
        drop(sender.send(act()));
    });
    // Where no thread can be had, the sender is gone and the receiver says so.
    drop(thread);
    receiver
}

/// Closes a consumer, serving its last callbacks, for at most `bound`.
///
/// If it is not closed by then it is left alone for good, for dropping it would hang.
pub(super) fn close_within<C>(consumer: &Arc<BaseConsumer<C>>, bound: Duration)
where
    C: ConsumerContext + 'static,
{
    let closing = Arc::clone(consumer);
    let closed = aside(move || {
        // Refused only after a fatal error or a close: there is nothing to serve then.
        if closing.close_queue().is_ok() {
            while !closing.closed() {
                drop(closing.poll(CLOSING_ROUND));
            }
        }
        drop(closing);
    });
    if closed.recv_timeout(bound).is_err() {
        tracing::warn!(?bound, "a Kafka consumer did not close in time and is abandoned");
        mem::forget(Arc::clone(consumer));
    }
}
