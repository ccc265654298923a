//! Messages, responses, errors and role tables of the contracts. Everything an app needs to talk to them.
//!
//! One module per contract; within it the messages, the responses, the error type and [`role`](relationship::role),
//! which says for every message who may send it. Bytes are base64 in JSON but for [`Base85`]. Formats of sealed and hashed bytes:
//! `docs/spec/wire.md`.

pub mod authlog;
mod base85;
pub mod bounty;
pub mod own_log;
pub mod registrar;
pub mod relationship;
pub mod validate;

pub use base85::Base85;
pub use medrec_rules::{GrantKind, Party, Status};

/// Items a list query returns when the caller names no limit.
pub const DEFAULT_LIMIT: u32 = 10;
/// Items a list query returns at most.
pub const MAX_LIMIT: u32 = 30;

/// Items a list query returns for this `limit` of its caller.
#[must_use]
pub fn page(limit: Option<u32>) -> usize {
    usize::try_from(limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)).unwrap_or_default()
}
