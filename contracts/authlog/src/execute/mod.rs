//! One user action a file.

pub mod admit_log;
pub mod anchor;
pub mod answer;
pub mod challenge;
pub mod cosign;
pub mod report;
pub mod seal;
pub mod set_growth_cap;
pub mod set_sealing;
pub mod withhold;

/// Bytes of an Ed25519 signature.
const SIGNATURE_LEN: usize = 64;
