//! The miner in one process: a scripted chain on one side, logs that lie on the other.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

mod chainfile;
mod evidence;
mod logs;
mod logs_adversary;
mod mining;
#[path = "../../../packages/mirror/tests/support/peer.rs"]
mod peer;
mod running;
mod sample;
mod simulation;
mod world;
