//! Domain-separated hashes, RFC 6962 trees and their proofs, the Merkle sum tree of heads.
//!
//! Formats: `docs/spec/wire.md` sections 1 (`tagged_hash`, `lp`), 7 (access log) and 10 (heads). One
//! implementation for contract, relayer, command line and portal: `no_std`, nothing but SHA-256 below it.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod error;
mod hash;
pub mod heads;
mod multi;
mod proof;
mod tree;

pub use error::Error;
pub use hash::{Hash, lp, push_lp, split_hashes, tagged_hash};
pub use multi::{SparseTree, multi_proof, narrow, verify_multi};
pub use proof::{
    consistency_proof, consistency_proof_len, inclusion_proof, inclusion_proof_len, verify_consistency,
    verify_inclusion,
};
pub use tree::{Frontier, HashReader, Tree, leaf_hash, node_hash, root, root_at};
