//! In-process log.
