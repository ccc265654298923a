//! Seals (docs/spec/pow.md): what is sealed, a submission and its check, chains of seals, the retarget, evidence of
//! two truths by one key.
//!
//! One implementation for contract, miner, command line and portal: `no_std`, no signature is checked here (each caller
//! has its own way to); what has to be signed is given as bytes.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod chain;
mod conflict;
mod error;
mod paths;
mod recalls;
mod retarget;
mod sealed;
mod texts;
mod tree;
mod verify;

pub use chain::{Chain, Link};
pub use conflict::{Conflict, Inclusion};
pub use error::Error;
pub use paths::{climb, siblings};
pub use recalls::{Head, MAX_BYTES, MAX_HEADS, MAX_ORIGIN, Recall, Recalls};
pub use retarget::{FLOOR, IDLE_INTERVALS, MEAN_OVER, Retarget, Rules, WAITING_PART};
pub use sealed::{Watched, own_log, sealed_root};
pub use texts::{Certified, certificate_hash, checkpoint_text, cosignature_text, promise_hash};
pub use tree::HeadsTree;
pub use verify::{Seal, verify};
