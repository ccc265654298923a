//! The contract suites' ground: the three real contracts on one simulated chain, with x/feegrant, time and fixtures.
//!
//! [`SuiteBuilder`] makes a [`Suite`]; [`refusal`] gives a contract's typed error back; [`fixtures`] makes addresses,
//! keys and sealed texts. For tests only: it panics where a test would.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "a test library: it stops the test that uses it"
)]

mod feegrant;
pub mod fixtures;
pub mod seals;
mod suite;
mod typed;

pub use feegrant::{Feegrant, GivenAllowance};
pub use suite::{Medrec, Snapshot, Suite, SuiteBuilder, refusal};
