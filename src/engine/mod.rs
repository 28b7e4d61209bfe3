//! THE THINKING: pure and deterministic.

pub mod rules;
pub mod velocity;
