//! Traffic that looks like card-not-present payments, from a seed.
//!
//! It feeds the demo, load generation and the benches. What a card or merchant is called
//! and does again and again is a hash of its number, so that any number of them costs no
//! memory; what passes (which card pays, where, how much) comes from one seeded stream. It
//! must not know the engine, its rules or a log. All figures here are simulated: nothing
//! follows from them for real fraud.
//!
//! Start at [`Traffic`]; [`Arrivals`] says when messages are due, in an open loop.
//! [`LifeCycles`] adds what follows an authorisation: every message type, in any order.

#![expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "shares and distributions are fractions; nothing here decides about a payment"
)]

mod activity;
mod arrivals;
mod cards;
mod draw;
mod generator;
mod life_cycle;
mod merchants;
mod payment;
mod rest;

use prost::Message;

pub use arrivals::Arrivals;
pub use generator::{CardNumber, Due, Traffic, TrafficSettings, repeat_of};
pub use life_cycle::{Delays, LifeCycles, Shares};
pub use rest::rest_millis;

use crate::wire::proto::Authorisation;

/// `request` as a record's value in protobuf.
pub fn to_protobuf(request: &Authorisation) -> Vec<u8> {
    request.encode_to_vec()
}

/// `request` as a record's value in JSON, with the contract's field names.
///
/// # Errors
/// An enum field holds a number that the contract does not know.
pub fn to_json(request: &Authorisation) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(request)
}

#[cfg(test)]
mod tests;
