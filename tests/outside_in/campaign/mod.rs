//! The proofs of delivery: kills, instances that come, go and freeze, brokers that die,
//! logs that are not what they were. Each proof is one test with two forms, that differ in
//! numbers alone: a short one that runs with every other test, and a long one that
//! `tests/campaign` runs. What was done and found is printed as one row.
//!
//! The judge is `stopline verify`; what it cannot see, a proof checks by itself.

mod answers;
mod form;
mod judge;
mod load;

mod instances;
mod kills;
mod offsets;
mod outages;
mod restarts;
mod zombies;
