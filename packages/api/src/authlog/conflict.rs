//! Two truths by one log's key: evidence that anybody may submit (security H18, H19).

use cosmwasm_schema::cw_serde;
use cosmwasm_std::Binary;

/// What contradicts what. Signatures are Ed25519 by the log's key over checkpoint texts, unless said otherwise.
#[cw_serde]
pub enum Conflict {
    /// The same size with another root.
    Roots { size: u64, a: SignedRoot, b: SignedRoot },
    /// The same index with another leaf.
    Leaves { index: u64, a: Inclusion, b: Inclusion },
    /// A signed promise (wire.md section 7), and another leaf at its index.
    Promise { index: u64, leaf: Binary, at: u64, by: u64, signature: Binary, other: Inclusion },
    /// A signed promise whose time is over while the anchor does not reach its index.
    Overdue { index: u64, leaf: Binary, at: u64, by: u64, signature: Binary },
}

#[cw_serde]
pub struct SignedRoot {
    pub root: Binary,
    pub signature: Binary,
}

/// A leaf hash under a checkpoint that the log signed.
#[cw_serde]
pub struct Inclusion {
    pub size: u64,
    pub root: Binary,
    pub signature: Binary,
    pub leaf: Binary,
    /// Concatenated hashes [32], RFC 6962 inclusion.
    pub proof: Binary,
}
