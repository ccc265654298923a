//! Inclusion and consistency proofs: made as RFC 6962 section 2.1.1 and 2.1.2 say, checked as RFC 9162 sections
//! 2.1.3.2 and 2.1.4.2 say. A proof has exactly one right length for its sizes; any other is refused first.

use alloc::vec::Vec;

use crate::{
    error::Error,
    hash::Hash,
    tree::{HashReader, level_byte, node_hash, tail_root},
};

/// Hashes in the proof that leaf `index` is in a log of `size`; `index < size`.
pub fn inclusion_proof_len(index: u64, size: u64) -> Result<usize, Error> {
    in_log(index, size)?;
    Ok(path_len(index, size.saturating_sub(1), 0))
}

/// Hashes in the proof that a log of `old` entries is the start of one of `new`; `0 < old ≤ new`.
pub fn consistency_proof_len(old: u64, new: u64) -> Result<usize, Error> {
    grows(old, new)?;
    if old == new {
        return Ok(0);
    }
    let path = path_len(old.saturating_sub(1), new.saturating_sub(1), old.trailing_zeros());
    Ok(path.saturating_add(usize::from(!old.is_power_of_two())))
}

/// Proof that leaf `index` is in the first `size` leaves of the stored log.
pub fn inclusion_proof<R: HashReader>(reader: &R, index: u64, size: u64) -> Result<Vec<Hash>, R::Error> {
    in_log(index, size)?;
    let mut proof = Vec::new();
    push_path(reader, index, size, 0, &mut proof)?;
    Ok(proof)
}

/// Proof that the first `old` leaves of the stored log are the start of its first `new`.
pub fn consistency_proof<R: HashReader>(reader: &R, old: u64, new: u64) -> Result<Vec<Hash>, R::Error> {
    grows(old, new)?;
    let mut proof = Vec::new();
    if old == new {
        return Ok(proof);
    }
    let level = old.trailing_zeros();
    let last = old.saturating_sub(1);
    if !old.is_power_of_two() {
        proof.push(reader.node(level_byte(level), last >> level)?);
    }
    push_path(reader, last, new, level, &mut proof)?;
    Ok(proof)
}

/// RFC 9162 section 2.1.3.2.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), Error> {
    has_length(proof, inclusion_proof_len(index, size)?)?;
    let (mut node, mut last) = (index, size.saturating_sub(1));
    let mut computed = *leaf_hash;
    for sibling in proof {
        if node & 1 == 1 || node == last {
            computed = node_hash(sibling, &computed);
            skip_levels_without_sibling(&mut node, &mut last);
        } else {
            computed = node_hash(&computed, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    same_root(computed, root)
}

/// RFC 9162 section 2.1.4.2. Sizes are at least 1: an empty log is the start of every log and needs no proof.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), Error> {
    has_length(proof, consistency_proof_len(old_size, new_size)?)?;
    // An old tree that is one complete subtree is its own first node, so the proof leaves it out.
    let (first, rest) = match proof.split_first() {
        Some((first, rest)) if !old_size.is_power_of_two() => (first, rest),
        _ => (old_root, proof),
    };
    let shift = old_size.trailing_zeros();
    let (mut node, mut last) = (old_size.saturating_sub(1) >> shift, new_size.saturating_sub(1) >> shift);
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            skip_levels_without_sibling(&mut node, &mut last);
        } else {
            new = node_hash(&new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if old != *old_root {
        return Err(Error::OldRootMismatch { computed: old, claimed: *old_root });
    }
    same_root(new, new_root)
}

/// The right-most node of a level moves up alone until it is somebody's right sibling.
fn skip_levels_without_sibling(node: &mut u64, last: &mut u64) {
    while *node & 1 == 0 && *node != 0 {
        (*node, *last) = (*node >> 1, *last >> 1);
    }
}

/// Siblings on the way from the node over leaf `leaf` at `level` up to the root of the first `size` leaves.
fn push_path<R: HashReader>(
    reader: &R,
    leaf: u64,
    size: u64,
    level: u32,
    proof: &mut Vec<Hash>,
) -> Result<(), R::Error> {
    let last = size.saturating_sub(1);
    for level in (level..u64::BITS).take_while(|level| last >> level != 0) {
        let sibling = (leaf >> level) ^ 1;
        if sibling < size >> level {
            proof.push(reader.node(level_byte(level), sibling)?);
        } else if sibling == last >> level {
            let start = sibling << level;
            proof.push(tail_root(reader, size, size.saturating_sub(start))?);
        }
    }
    Ok(())
}

/// Number of siblings `push_path` finds: one a level where the ways of `node` and of the last leaf part, and
/// above that one for every left sibling.
fn path_len(node: u64, last: u64, level: u32) -> usize {
    let meet = u64::BITS.saturating_sub((node ^ last).leading_zeros());
    let below = meet.saturating_sub(level);
    let above = node.checked_shr(meet.max(level)).unwrap_or(0).count_ones();
    below.saturating_add(above) as usize
}

fn in_log(index: u64, size: u64) -> Result<(), Error> {
    if index < size { Ok(()) } else { Err(Error::IndexOutside { index, size }) }
}

fn grows(old: u64, new: u64) -> Result<(), Error> {
    if old == 0 {
        return Err(Error::EmptyLog);
    }
    if old > new {
        return Err(Error::Shrunk { old, new });
    }
    Ok(())
}

fn has_length(proof: &[Hash], expected: usize) -> Result<(), Error> {
    let actual = proof.len();
    if actual == expected { Ok(()) } else { Err(Error::ProofLength { expected, actual }) }
}

fn same_root(computed: Hash, claimed: &Hash) -> Result<(), Error> {
    if computed == *claimed { Ok(()) } else { Err(Error::RootMismatch { computed, claimed: *claimed }) }
}
