//! Tests of this room that need more than one of its files.

mod atom;
mod condition;
mod fail_policy;
mod judge;
mod rule_set;
mod sample;
