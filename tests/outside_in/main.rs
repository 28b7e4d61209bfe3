//! The real binary against a real Apache Kafka, seen from outside alone: topics, exit
//! codes, pages, logs. A module a line: first what the tests stand on, then the tests.
//!
//! The broker is the one at `STOPLINE_TEST_KAFKA`; where that is not set, one is started
//! by `tests/kafka/up`, which ends it when this process ends.

#![allow(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test reads the clock, and fails loudly when it meets the unexpected"
)]

mod broker;
mod engine;
#[path = "../integration/support/fail_policy.rs"]
mod fail_policy;
mod http;
mod inputs;
mod ledger;
mod poison;
mod topics;
mod waiting;

mod admin_pages;
mod answers;
mod campaign;
mod crashes;
mod drain_and_resume;
mod harness;
mod live_topics;
mod load;
mod observe;
mod open_transactions;
mod start_failures;
mod verify;
