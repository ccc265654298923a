//! Every contract as the chain runs it: static checks of the VM with wasmd's own settings, then its messages, bad
//! input, and gas within 5 % of `testdata/gas.json`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod authlog;
mod bounty;
mod contract;
mod gas;
mod registrar;
mod relationship;
mod static_checks;
