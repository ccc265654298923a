//! A log as far as it is here, and proofs from it.

use std::sync::Arc;

use medrec_accesslog::{BUNDLE, LogKey, SignedCheckpoint};
use medrec_merkle::{Hash, HashReader, Tree, leaf_hash};
use medrec_mirror::{BUNDLE_LEVEL, Progress};

use super::region::Region;

/// What is here of one log, at one moment. All of it was checked. A clone shares the memory.
#[derive(Clone)]
pub struct View {
    pub key: LogKey,
    pub progress: Progress,
    pub entries: Region,
    /// Over the hashes of full bundles.
    pub bundles: Arc<Tree>,
}

impl View {
    /// Nothing is here yet.
    pub fn empty(key: LogKey) -> Self {
        Self { key, progress: Progress::default(), entries: Region::default(), bundles: Arc::default() }
    }

    /// Entries that are here.
    pub fn len(&self) -> u64 {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Root of the first `size` entries.
    pub fn root(&self, size: u64) -> Result<Hash, medrec_merkle::Error> {
        medrec_merkle::root_at(self, size)
    }

    /// Proof that entry `index` is among the first `size`.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, medrec_merkle::Error> {
        medrec_merkle::inclusion_proof(self, index, size)
    }

    /// Proof that the first `old` entries are the start of the first `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, medrec_merkle::Error> {
        medrec_merkle::consistency_proof(self, old, new)
    }

    /// The newest head that is here whole, as the log signed it.
    pub fn checkpoint(&self) -> Option<SignedCheckpoint> {
        self.progress.checkpoint(&self.key).ok().flatten()
    }

    /// Leaf hashes of `count` entries from `first` on; none if they are not all here.
    pub fn leaves(&self, first: u64, count: u64) -> Option<Vec<Hash>> {
        let range = first..first.checked_add(count)?;
        range.map(|index| self.entries.get(index).map(|entry| leaf_hash(entry))).collect()
    }
}

/// Below a bundle hashes are made from its entries, which costs at most 256 of them; above they are kept.
impl HashReader for View {
    type Error = medrec_merkle::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, medrec_merkle::Error> {
        let missing = medrec_merkle::Error::MissingNode { level, index };
        if let Some(above) = level.checked_sub(BUNDLE_LEVEL) {
            return self.bundles.node(above, index).map_err(|_| missing);
        }
        let count = 1u64 << level;
        let leaves = index.checked_mul(count).and_then(|first| self.leaves(first, count));
        leaves.map(|leaves| medrec_merkle::root(&leaves)).ok_or(missing)
    }
}

/// Entries in full bundles, and entries behind them, of a log of `size`.
pub fn split(size: u64) -> (u64, u64) {
    let rest = size % BUNDLE;
    (size.saturating_sub(rest), rest)
}
