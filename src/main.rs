//! The `stopline` command.

fn main() {}
