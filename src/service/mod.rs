//! THE DOING: threads, Kafka, files, HTTP, metrics, the clock.

pub mod log;
