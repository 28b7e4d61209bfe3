//! THE DOING: threads, Kafka, files, HTTP, metrics, the clock.
//!
//! A [`Worker`] polls a [`log::Log`], answers through a [`Pipeline`], and commits
//! its [`Frontier`]; what a partition remembers it takes over from the [`journal`]; a
//! [`Governor`] says what one that cannot keep up leaves out. A [`Follower`] keeps the stop
//! list, a [`Watchdog`] looks after the workers; [`run()`] puts them together as a process.
//! This room must not know the lab, and decides nothing: what an answer is, is `engine`'s.
//!
//! Start at [`Worker::turn`].

pub mod build;
mod causes;
mod clock;
mod fail_point;
mod fired;
mod frontier;
mod health;
mod http;
pub mod journal;
pub mod log;
mod metrics;
#[cfg(test)]
mod metrics_tests;
mod overload;
mod pipeline;
mod readiness;
mod run;
mod stop_orders;
mod telemetry;
mod topics;
mod watchdog;
mod worker;

pub use causes::{CauseCounts, TakenBy};
pub use clock::{Clock, Deadline};
pub use fired::FiredRules;
pub use frontier::Frontier;
pub use health::Health;
pub use overload::{Governor, Moved, OverloadStep, OverloadTally, Pressure};
pub use pipeline::{Answered, Circumstances, Pipeline, PipelineSettings};
pub use run::{RunFault, run};
pub use stop_orders::{Follower, FollowerStatus};
pub use telemetry::{StageNanos, Tally, Told};
pub use topics::{
    Retention, RetentionNeed, TopicFault, TopicFound, TopicPlace, TopicsChanged, TopicsRefused,
    patiently,
};
pub use watchdog::{Heartbeat, Pace, Watchdog, Wedged};
pub use worker::{Observer, PartitionStatus, RestoringStatus, Worker, WorkerEnd, WorkerSettings};
