//! Messages, responses, errors and role tables of the contracts. Everything an app needs to talk to them.
//!
//! One module per contract; within it the messages, the responses and the error type. Bytes are base64 in JSON.
//! Formats of sealed and hashed bytes: `docs/spec/wire.md`.

pub mod authlog;
pub mod registrar;
pub mod relationship;

/// Items a list query returns when the caller names no limit.
pub const DEFAULT_LIMIT: u32 = 10;
/// Items a list query returns at most.
pub const MAX_LIMIT: u32 = 30;
