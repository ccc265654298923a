//! What the end-to-end tests and the benches of the chain share: a deployed chain with people on it, and the
//! measurement of every message.

pub mod access;
pub mod actors;
pub mod figures;
pub mod latency;
pub mod measure;
pub mod reader;
pub mod report;
pub mod world;
