//! The `stopline` command. Everything is in [`stopline::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    stopline::cli::main()
}
