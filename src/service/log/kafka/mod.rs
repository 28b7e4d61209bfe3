//! The log seam over Kafka, with librdkafka's plain consumers and producers.
//!
//! [`KafkaLog`] fills `Log`: a consumer, two producers (`bursts` says why two) and their
//! callbacks all live on the worker's thread. [`KafkaTail`] fills `Tail`,
//! [`KafkaArchive`] fills `Archive`. [`KafkaFeed`] and [`KafkaAdmin`] are the
//! other side: what a card switch and an operator would do, for demo, lab and tests.
//!
//! How a rebalance is answered (librdkafka lets its callback return first, and holds
//! back **all** partitions of a member from the event until the answer):
//!
//! ```text
//! given     callback: add nothing, at once     look up offsets aside ─► Change::Assigned
//!                                              start: add with explicit offsets, paused
//! revoked   callback: only take note         ─► Change::Revoked, the worker settles
//!                                              release of the last one: take them away
//! lost      callback: take all away, at once ─► Change::Lost
//! closing   callback: take all away, at once
//! ```
//!
//! So nothing stalls while a partition is looked up and restored, and a revoked one
//! leaves only once its answers are acknowledged and committed.
//!
//! Traps, each met once: a list that went through `pause` or `resume` must not outlive
//! the call (a client waits for it for ever when it is dropped); a bare `flush` takes a
//! multiple of 100 ms; a producer that is dropped purges what it holds.

mod admin;
mod archive;
mod aside;
mod bursts;
mod context;
mod fault;
mod feed;
mod figures;
mod headers;
mod log;
mod look_up;
mod member;
mod membership;
mod opaque;
mod positions;
mod purpose;
mod settings;
mod tail;
mod writer;

pub use admin::{KafkaAdmin, TopicPlan, TopicShape};
pub use archive::KafkaArchive;
pub use feed::{FeedRecord, KafkaFeed};
pub use figures::KafkaFigures;
pub use log::{KafkaLog, LogTopics};
pub use positions::{Positions, positions};
pub use purpose::{AnswersAre, check_group};
pub use settings::refused_properties;
pub use tail::{KafkaTail, TailStart};
