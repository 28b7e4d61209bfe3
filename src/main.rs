//! The `stopline` command. Everything is in [`stopline::cli`].

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Records are allocated by the worker and freed by the client's threads, thousands of them
/// later: the C library's allocator took a third of a worker's time for that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    stopline::cli::main()
}
