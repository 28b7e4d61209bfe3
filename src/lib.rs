//! Stopline scores card-not-present authorisations while the cardholder waits.

pub mod config;
pub mod domain;
pub mod engine;
pub mod lab;
pub mod service;
pub mod wire;

#[doc(hidden)]
pub mod cli;
