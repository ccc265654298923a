//! Proof of work over the access logs: each try reads eight entries of the logs, so who does not hold them cannot
//! mine. Format and rules: `docs/spec/pow.md`; one implementation for contract, miner, command line and portal.
//!
//! `no_std`, nothing but SHA-256 below it.
#![cfg_attr(not(test), no_std)]

mod asert;
mod error;
mod header;
mod recall;
mod target;
mod uint;

pub use asert::{Schedule, asert};
pub use error::Error;
pub use header::Header;
pub use recall::{ENTRY_BYTES, Hash, RECALLS, advance, check, first_mix, recalled, seal_id};
pub use target::Target;
pub use uint::U256;
