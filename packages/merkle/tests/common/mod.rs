//! RFC 6962 written down as the RFC does, recursively and over a slice: what the library is held against.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]
#![allow(dead_code, reason = "each test file uses its part")]

use medrec_merkle::{Hash, Tree, leaf_hash, node_hash};

pub fn leaves(tag: &str, count: u64) -> Vec<Hash> {
    (0..count).map(|i| leaf_hash(format!("{tag}{i}").as_bytes())).collect()
}

pub fn tree(leaves: &[Hash]) -> Tree {
    leaves.iter().copied().collect()
}

/// Largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

pub fn rfc_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&rfc_root(left), &rfc_root(right))
        }
    }
}

pub fn rfc_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if index < k {
        (rfc_path(index, left), rfc_root(right))
    } else {
        (rfc_path(index - k, right), rfc_root(left))
    };
    path.push(sibling);
    path
}

pub fn rfc_subproof(m: usize, leaves: &[Hash], complete: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if complete { vec![] } else { vec![rfc_root(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) = if m <= k {
        (rfc_subproof(m, left, complete), rfc_root(right))
    } else {
        (rfc_subproof(m - k, right, false), rfc_root(left))
    };
    proof.push(sibling);
    proof
}
