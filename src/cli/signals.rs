//! Ctrl-C and SIGTERM, for commands that have something to say at the end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Sets `must_end` at the first Ctrl-C or SIGTERM, and leaves at once at the second, after
/// `before_leaving`.
pub(super) fn end_on_signal(must_end: &Arc<AtomicBool>, before_leaving: fn()) {
    let must_end = Arc::clone(must_end);
    let watching = thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            interrupted().await?;
            must_end.store(true, Ordering::SeqCst);
            interrupted().await?;
            before_leaving();
            std::process::exit(130)
        })
    });
    let watching: io::Result<thread::JoinHandle<io::Result<()>>> = watching;
    // Without it the command still runs; Ctrl-C then ends it without a summary.
    drop(watching);
}

#[cfg(unix)]
async fn interrupted() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
    Ok(())
}

#[cfg(not(unix))]
async fn interrupted() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
