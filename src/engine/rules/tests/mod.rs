//! Tests of this room that need more than one of its files.

mod condition;
mod judge;
mod rule_set;
mod sample;
