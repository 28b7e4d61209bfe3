//! Stopline scores card-not-present authorisations while the cardholder waits.
//!
//! # The anatomy of one decision
//!
//! One authorisation, from the bytes that the switch sent to the record that answers it. All
//! of it happens on one thread, a worker's, which owns everything it touches but the stop list.
//!
//! 1. **Polled.** [`service::Worker::turn`] asks its [`service::log::Log`] for what is already
//!    there, up to sixteen messages, copied into a [`service::log::Batch`].
//! 2. **Decoded.** [`service::Pipeline::answer`] finds the format and hands the bytes to
//!    [`wire::Door::decode`]: words out, or a [`wire::Refusal`] that names the field. A card
//!    number ends here as a keyed hash. From now on it is a [`domain::Authorisation`].
//! 3. **Recognised.** [`engine::Engine::decide`] looks for an earlier answer to the same
//!    message: a repeat gets that one, byte for byte, and counts once.
//! 4. **Looked up.** [`engine::shared::StopList::look_up`]: an order in force declines, whatever
//!    rules say. The account's [`engine::velocity::CardState`] is moved to the present.
//!    Where it is late, or something is missing, [`engine::rules::FailPolicy::ruling`] may
//!    answer in the place of the next step.
//! 5. **Scored.** [`engine::score()`] measures each declared feature in its
//!    [`engine::velocity::Window`] and lets [`engine::rules::RuleSet::judge`] evaluate every
//!    rule. It changes nothing. What [`service::Governor`] had to shed is left out.
//! 6. **Committed.** [`engine::velocity::CardState::record`] remembers the authorisation with
//!    its outcome, and the answer is kept for repeats.
//! 7. **Encoded.** [`wire::encode_record`] writes the [`domain::Record`] as canonical bytes; a
//!    request in JSON gets the same as JSON ([`wire::record_as_json`]).
//! 8. **Produced.** [`service::log::Log::append`] hands it to the partition of the same number.
//!    Once it is acknowledged the [`service::Frontier`] moves, and that is what is committed.
//!    After a restart or a rebalance [`service::journal`] reads all of this back.
//!
//! # The rooms
//!
//! They only look downwards; `tests/integration/architecture.rs` holds them to it.
//!
//! ```text
//! cli      the front door      a file per subcommand              looks at all below
//! lab      the trying          traffic, demo, loadgen, verify     looks at all below
//! service  the doing           threads, Kafka, files, HTTP, clock looks at the four below
//! config   the readers         text as written -> values as run   looks at engine, domain
//! wire     the translators     bytes <-> words                    looks at domain
//! engine   the thinking        pure, deterministic                looks at domain
//! domain   the words           plain data, own invariants         looks at nothing
//! ```

pub mod config;
pub mod domain;
pub mod engine;
pub mod lab;
pub mod service;
pub mod wire;

#[doc(hidden)]
pub mod cli;
