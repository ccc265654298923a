//! The real binary, as systemd runs it, against the real contracts behind a node's RPC: no validators, no wasm.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

mod chain;
mod copies;
mod desk;
mod ending;
mod faults;
mod home;
mod kills;
mod neighbour;
mod offers;
mod people;
mod rpc;
