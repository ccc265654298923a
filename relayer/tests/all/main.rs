//! The relayer in one process: a scripted chain on one side, a hospital's database on the other.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code"
)]

mod adapter;
mod attacks;
#[path = "../conformance/mod.rs"]
mod conformance;
mod contract;
mod desk;
mod desk_noise;
mod filing;
mod gatekeeper;
mod gatekeeper_deeds;
mod gatekeeper_listen;
mod ingest;
mod log;
mod log_counters;
mod log_pacing;
mod log_promises;
mod log_retention;
mod log_tamper;
mod mirror;
mod mirror_adversary;
mod mirror_peer;
mod node;
mod nodes;
mod office;
mod operations;
mod outbox;
#[path = "../../../packages/mirror/tests/support/peer.rs"]
mod peer;
mod r4;
mod rebuild;
mod scope_check;
mod script;
mod synthea;
mod v2;
mod world;
