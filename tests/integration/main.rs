//! What needs no broker and sees more than one room. A module a line, in order.

#![allow(
    missing_docs,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::similar_names,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test names itself, and fails loudly when it meets the unexpected"
)]

mod against_oracle;
mod architecture;
mod calendar;
mod config_difference;
mod config_errors;
mod config_layers;
mod config_mutants;
mod config_mutations;
mod config_policy;
mod config_reach;
mod config_scenarios;
mod config_schema;
mod config_settings;
mod config_shipped;
mod decisions;
mod delivery;
mod exit_codes;
mod fail_policy;
mod kafka_mock;
mod life_cycle;
mod lists;
#[path = "../oracle/mod.rs"]
mod oracle;
mod overload;
mod planted;
mod readme;
mod readme_messages;
mod rules_masks;
mod rules_property;
mod source_text;
mod support;
mod take_over;
mod verify;
mod verify_notes;
mod windows;
mod wire_card_numbers;
mod wire_golden;
mod wire_messages;
mod wire_refusals;
mod wire_salvage;
mod wire_stop_orders;
mod words;
mod worker;
mod zombies;
