//! One proof for many leaves: RFC 6962's tree, walked from the left, where every largest subtree without a leaf of ours
//! is one hash. A proof has exactly one right length for its size and indices (wire.md section 14).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    error::Error,
    hash::Hash,
    tree::{Frontier, HashReader, level_byte, node_hash, tail_root},
};

/// Proof that the leaves at `indices` (ascending) are in the first `size` leaves of the stored log.
pub fn multi_proof<R: HashReader>(reader: &R, indices: &[u64], size: u64) -> Result<Vec<Hash>, R::Error> {
    check_indices(indices.iter().copied(), size)?;
    let mut proof = Vec::new();
    push_uncovered(reader, indices, Range { start: 0, len: size }, size, &mut proof)?;
    Ok(proof)
}

/// Whether `leaves` (index and leaf hash, ascending) are in the log of `size` entries with that root.
pub fn verify_multi(leaves: &[(u64, Hash)], size: u64, proof: &[Hash], root: &Hash) -> Result<(), Error> {
    let computed = narrow(leaves, size, proof, &[])?.0;
    if computed == *root { Ok(()) } else { Err(Error::RootMismatch { computed, claimed: *root }) }
}

/// The root that `proof` gives, and a proof of those of its leaves that are at `kept` (ascending) alone.
pub fn narrow(
    leaves: &[(u64, Hash)],
    size: u64,
    proof: &[Hash],
    kept: &[u64],
) -> Result<(Hash, Vec<Hash>), Error> {
    check_indices(leaves.iter().map(|(index, _)| *index), size)?;
    check_indices(kept.iter().copied(), size)?;
    let mut walk = Walk { proof: proof.iter(), used: 0, given: proof.len(), out: Vec::new() };
    let root = walk.hash(leaves, kept, Range { start: 0, len: size }, true)?;
    let (unused, given) = (walk.proof.len(), proof.len());
    if unused > 0 {
        return Err(Error::ProofLength { expected: given.saturating_sub(unused), actual: given });
    }
    Ok((root, walk.out))
}

/// Leaves `start..start + len`.
#[derive(Clone, Copy)]
struct Range {
    start: u64,
    len: u64,
}

impl Range {
    /// As RFC 6962 splits: the left part is the largest power of two below the whole.
    fn split(self) -> (Range, Range) {
        let left = self.len.saturating_sub(1).checked_ilog2().map_or(0, |level| 1u64 << level);
        let right = Range { start: self.start.saturating_add(left), len: self.len.saturating_sub(left) };
        (Range { start: self.start, len: left }, right)
    }

    fn has<T>(self, sorted: &[T], index: impl Fn(&T) -> u64) -> (&[T], &[T]) {
        sorted.split_at(sorted.partition_point(|one| index(one) < self.start))
    }
}

fn check_indices(indices: impl Iterator<Item = u64>, size: u64) -> Result<(), Error> {
    let mut last = None;
    for index in indices {
        if last.is_some_and(|last| last >= index) {
            return Err(Error::NotAscending { index });
        }
        if index >= size {
            return Err(Error::IndexOutside { index, size });
        }
        last = Some(index);
    }
    Ok(())
}

fn push_uncovered<R: HashReader>(
    reader: &R,
    indices: &[u64],
    range: Range,
    size: u64,
    proof: &mut Vec<Hash>,
) -> Result<(), R::Error> {
    if range.len == 0 {
        return Ok(());
    }
    if indices.is_empty() {
        proof.push(subtree(reader, range, size)?);
        return Ok(());
    }
    if range.len == 1 {
        return Ok(());
    }
    let (left, right) = range.split();
    let (on_left, on_right) = right.has(indices, |index| *index);
    push_uncovered(reader, on_left, left, size, proof)?;
    push_uncovered(reader, on_right, right, size, proof)
}

fn subtree<R: HashReader>(reader: &R, range: Range, size: u64) -> Result<Hash, R::Error> {
    if range.len.is_power_of_two() {
        let level = range.len.trailing_zeros();
        return reader.node(level_byte(level), range.start >> level);
    }
    // Only the right edge of a log is not whole.
    tail_root(reader, size, range.len)
}

/// A proof being used up, and another one being written.
struct Walk<'a> {
    proof: core::slice::Iter<'a, Hash>,
    used: usize,
    given: usize,
    out: Vec<Hash>,
}

impl Walk<'_> {
    /// Hash of a subtree. `write`: nothing above it went into the new proof yet.
    fn hash(
        &mut self,
        leaves: &[(u64, Hash)],
        kept: &[u64],
        range: Range,
        write: bool,
    ) -> Result<Hash, Error> {
        let whole = write && kept.is_empty() && range.len > 0;
        let below = write && !whole;
        let hash = match (leaves, range.len) {
            (_, 0) => crate::root(&[]),
            ([], _) => self.next()?,
            ([(_, leaf), ..], 1) => *leaf,
            _ => {
                let (left, right) = range.split();
                let (ours_left, ours_right) = right.has(leaves, |(index, _)| *index);
                let (kept_left, kept_right) = right.has(kept, |index| *index);
                let left = self.hash(ours_left, kept_left, left, below)?;
                let right = self.hash(ours_right, kept_right, right, below)?;
                node_hash(&left, &right)
            }
        };
        if leaves.is_empty() && !kept.is_empty() {
            return Err(Error::MissingNode { level: 0, index: range.start });
        }
        if whole {
            self.out.push(hash);
        }
        Ok(hash)
    }

    fn next(&mut self) -> Result<Hash, Error> {
        let missing = Error::ProofLength { expected: self.used.saturating_add(1), actual: self.given };
        self.used = self.used.saturating_add(1);
        self.proof.next().copied().ok_or(missing)
    }
}

/// A growing log of which only some leaves matter: keeps those, and one hash for every largest complete subtree
/// without any of them. Enough for [`multi_proof`] at its present size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SparseTree {
    frontier: Frontier,
    /// For each node of the frontier: whether a leaf of ours is below it.
    ours: Vec<bool>,
    /// By level and index.
    kept: BTreeMap<(u8, u64), Hash>,
}

impl SparseTree {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up what [`SparseTree::parts`] gave.
    pub fn from_parts(
        frontier: Frontier,
        ours: Vec<bool>,
        kept: BTreeMap<(u8, u64), Hash>,
    ) -> Result<Self, Error> {
        let (expected, actual) = (frontier.nodes().len(), ours.len());
        if expected != actual {
            return Err(Error::FrontierLength { size: frontier.size(), expected, actual });
        }
        Ok(Self { frontier, ours, kept })
    }

    /// To be stored.
    pub fn parts(&self) -> (&Frontier, &[bool], &BTreeMap<(u8, u64), Hash>) {
        (&self.frontier, &self.ours, &self.kept)
    }

    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Appends one leaf; `ours`: it is to be proved.
    pub fn push(&mut self, leaf_hash: Hash, ours: bool) -> Result<(), Error> {
        let size = self.size();
        let mut is_ours = ours;
        let merges = size.checked_add(1).ok_or(Error::LogFull)?.trailing_zeros();
        if ours {
            self.kept.insert((0, size), leaf_hash);
        }
        let mut right = leaf_hash;
        for level in 0..merges {
            let left_hash = self.frontier.nodes().iter().rev().nth(level as usize).copied();
            let (Some(left), Some(left_is_ours)) = (left_hash, self.ours.pop()) else { break };
            let index = size >> level;
            // Of two of which one only is ours, the other has to be told in a proof.
            match (left_is_ours, is_ours) {
                (true, false) => self.kept.insert((level_byte(level), index), right),
                (false, true) => self.kept.insert((level_byte(level), index ^ 1), left),
                _ => None,
            };
            right = node_hash(&left, &right);
            is_ours |= left_is_ours;
        }
        self.ours.push(is_ours);
        self.frontier.push(leaf_hash)
    }

    /// Hash of a complete subtree, by what is kept or below.
    fn find(&self, level: u8, index: u64) -> Option<Hash> {
        if let Some(hash) = self.kept.get(&(level, index)) {
            return Some(*hash);
        }
        let size = self.frontier.size();
        let shift = u32::from(level);
        // A node of the frontier: the level is in the size, and it is the last of its level.
        if size.checked_shr(shift).unwrap_or(0) & 1 == 1 && (size >> shift) ^ 1 == index {
            let above = size.checked_shr(shift.saturating_add(1)).unwrap_or(0).count_ones() as usize;
            return self.frontier.nodes().get(above).copied();
        }
        let below = level.checked_sub(1)?;
        let left = self.find(below, index.checked_mul(2)?)?;
        let right = self.find(below, index.checked_mul(2)?.checked_add(1)?)?;
        Some(node_hash(&left, &right))
    }
}

impl HashReader for SparseTree {
    type Error = Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Error> {
        self.find(level, index).ok_or(Error::MissingNode { level, index })
    }
}
