//! What the contracts tell the world, typed, in both directions.
//!
//! A contract turns an [`relationship::Event`] (or [`registrar::Event`], [`authlog::Event`]) into attributes with
//! [`From`]; a relayer reads the very same attributes out of a block with `decode`. One list per contract, so that
//! the two directions cannot drift; `testdata/golden.json` pins kinds and keys.
//!
//! `decode(contract, kind, attributes)` takes an event as `block_results` gives it: kind with wasmd's `wasm-`
//! prefix, attributes as plain text. Its answers:
//! - `Ok(None)`: not ours. Another contract's, or a kind this version does not know.
//! - `Err(DecodeError::Schema)`: our contract sent what it cannot send. Stop (security H24).
//! - `Err(DecodeError::Payload)`: bytes that a user chose cannot be read. Record and skip.

pub mod authlog;
pub mod bounty;
mod codec;
pub mod own_log;
pub mod registrar;
pub mod relationship;

pub use codec::DecodeError;

/// What wasmd puts before a contract's own event kinds.
pub const KIND_PREFIX: &str = "wasm-";
/// The attribute by which wasmd says which contract spoke. Contracts cannot write keys that start with `_`.
pub const CONTRACT_ATTRIBUTE: &str = "_contract_address";
