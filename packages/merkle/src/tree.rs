//! RFC 6962 section 2.1: hashes of leaves, nodes and trees, and a log that grows without being held in memory.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::{error::Error, hash::Hash};

/// `SHA-256(0x00 ‖ leaf)`.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Merkle tree hash over leaf hashes; of nothing: `SHA-256("")`.
pub fn root(leaf_hashes: &[Hash]) -> Hash {
    let mut nodes = leaf_hashes.to_vec();
    while nodes.len() > 1 {
        nodes = nodes
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node_hash(left, right),
                // The right-most node of a level has no partner and moves up as it is.
                [alone, ..] => *alone,
                [] => empty_root(),
            })
            .collect();
    }
    nodes.first().copied().unwrap_or_else(empty_root)
}

fn empty_root() -> Hash {
    Sha256::new().finalize().into()
}

/// Where proofs take their hashes from: tiles on disk, a database, a [`Tree`].
pub trait HashReader {
    type Error: From<Error>;

    /// Hash of the *complete* subtree over the `2^level` leaves from `index × 2^level` on.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

/// Root of the first `size` leaves of a stored log.
pub fn root_at<R: HashReader>(reader: &R, size: u64) -> Result<Hash, R::Error> {
    tail_root(reader, size, size)
}

/// Root over the last `count` of the first `size` leaves, where those `count` leaves form one subtree of the log.
pub(crate) fn tail_root<R: HashReader>(reader: &R, size: u64, count: u64) -> Result<Hash, R::Error> {
    let (mut end, mut rest, mut root) = (size, count, None);
    while rest != 0 {
        let level = rest.trailing_zeros();
        let step = 1u64 << level;
        let left = reader.node(level_byte(level), (end >> level).saturating_sub(1))?;
        root = Some(root.map_or(left, |right| node_hash(&left, &right)));
        end = end.saturating_sub(step);
        rest ^= step;
    }
    Ok(root.unwrap_or_else(empty_root))
}

/// Levels are at most 64.
pub(crate) fn level_byte(level: u32) -> u8 {
    u8::try_from(level).unwrap_or(u8::MAX)
}

/// The right edge of a growing log (a *compact range*): at most 64 hashes, enough to append and to know the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of the complete subtrees, largest (left-most) first: one for each set bit of `size`.
    nodes: Vec<Hash>,
}

impl Frontier {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes up a stored frontier again.
    pub fn from_parts(size: u64, nodes: Vec<Hash>) -> Result<Self, Error> {
        let expected = size.count_ones() as usize;
        if nodes.len() != expected {
            return Err(Error::FrontierLength { size, expected, actual: nodes.len() });
        }
        Ok(Self { size, nodes })
    }

    /// The frontier of the first `size` leaves of a stored log.
    pub fn read<R: HashReader>(reader: &R, size: u64) -> Result<Self, R::Error> {
        let levels = (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1);
        let nodes = levels.map(|level| reader.node(level_byte(level), (size >> level) ^ 1));
        Ok(Self { size, nodes: nodes.collect::<Result<_, _>>()? })
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// Appends one leaf.
    pub fn push(&mut self, leaf_hash: Hash) -> Result<(), Error> {
        self.push_with(leaf_hash, |_, _, _| ())
    }

    /// Appends one leaf and tells `store(level, index, hash)` every subtree this completes, the leaf itself
    /// (level 0) first: exactly what a [`HashReader`] is asked for later.
    pub fn push_with(&mut self, leaf_hash: Hash, mut store: impl FnMut(u8, u64, Hash)) -> Result<(), Error> {
        let size = self.size.checked_add(1).ok_or(Error::LogFull)?;
        let mut node = leaf_hash;
        store(0, self.size, node);
        for level in 1..=size.trailing_zeros() {
            let Some(left) = self.nodes.pop() else { break };
            node = node_hash(&left, &node);
            store(level_byte(level), self.size >> level, node);
        }
        self.nodes.push(node);
        self.size = size;
        Ok(())
    }

    /// Merkle tree hash of all leaves so far.
    pub fn root(&self) -> Hash {
        let right_to_left = self.nodes.iter().rev().copied();
        right_to_left.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(empty_root)
    }
}

/// A whole tree in memory: for records, manifests and tests, not for an access log.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    frontier: Frontier,
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one leaf.
    pub fn push(&mut self, leaf_hash: Hash) -> Result<(), Error> {
        let levels = &mut self.levels;
        // Nodes of a level are completed from left to right, levels from below: appending puts each in its place.
        self.frontier.push_with(leaf_hash, |level, _, hash| {
            if levels.len() <= usize::from(level) {
                levels.push(Vec::new());
            }
            if let Some(nodes) = levels.get_mut(usize::from(level)) {
                nodes.push(hash);
            }
        })
    }

    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub fn root(&self) -> Hash {
        self.frontier.root()
    }
}

impl FromIterator<Hash> for Tree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaf_hashes: I) -> Self {
        let mut tree = Self::new();
        for leaf_hash in leaf_hashes {
            // Memory ends long before 2^64 leaves.
            let _ = tree.push(leaf_hash);
        }
        tree
    }
}

impl HashReader for Tree {
    type Error = Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Error> {
        let nodes = self.levels.get(usize::from(level));
        let position = usize::try_from(index).ok();
        nodes
            .zip(position)
            .and_then(|(nodes, at)| nodes.get(at))
            .copied()
            .ok_or(Error::MissingNode { level, index })
    }
}
