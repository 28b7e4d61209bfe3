//! Threads of a try, and what became of them.

use std::thread;

use crate::service::log::Fault;

/// Starts `act` on a thread called `name`.
///
/// # Errors
/// The system gives no thread.
pub(super) fn spawned<R: Send + 'static>(
    name: &str,
    act: impl FnOnce() -> R + Send + 'static,
) -> Result<thread::JoinHandle<R>, Fault> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(act)
        .map_err(|error| Fault::StepDown { what: format!("no thread {name}: {error}") })
}

/// What the thread came to.
///
/// # Errors
/// Its own, or that it broke.
pub(super) fn joined<R>(thread: thread::JoinHandle<Result<R, Fault>>) -> Result<R, Fault> {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    thread.join().unwrap_or_else(|_| Err(Fault::StepDown { what: format!("thread {name} broke") }))
}
