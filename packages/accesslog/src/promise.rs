//! What a log's key says of an entry before its anchor (security H18).

use ed25519_dalek::Signature;
use medrec_merkle::Hash;
use medrec_seals::promise_hash;

use crate::{Entry, LogKey, LogSigner};

/// This entry stands at this index and is under an anchor in time. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    pub index: u64,
    pub leaf: Hash,
    /// When it was given.
    pub at: u64,
    /// The latest time of the anchor.
    pub by: u64,
    /// Ed25519 by the log's key.
    pub signature: [u8; 64],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromiseError {
    #[error(
        "the promise of entry {index} is not signed by the key of {origin}: it was altered, or another's"
    )]
    BadSignature { origin: String, index: u64 },
    #[error("the promise is of entry {promised}, the entry shown is {shown}")]
    OtherIndex { promised: u64, shown: u64 },
    #[error("another entry was promised at index {index}: keep promise and entry, they are evidence")]
    OtherEntry { index: u64 },
    #[error("the promise of entry {index} ends at {by}, before it was given at {at}")]
    Window { index: u64, at: u64, by: u64 },
}

impl Promise {
    /// Whether this is a promise of `entry` at `index`, by that log.
    pub fn verify(&self, key: &LogKey, index: u64, entry: &Entry) -> Result<(), PromiseError> {
        if self.index != index {
            return Err(PromiseError::OtherIndex { promised: self.index, shown: index });
        }
        self.verify_signature(key)?;
        if self.leaf != entry.leaf_hash() {
            return Err(PromiseError::OtherEntry { index });
        }
        Ok(())
    }

    /// Whether that log gave this promise, whatever entry it is of.
    pub fn verify_signature(&self, key: &LogKey) -> Result<(), PromiseError> {
        let (index, at, by) = (self.index, self.at, self.by);
        if by < at {
            return Err(PromiseError::Window { index, at, by });
        }
        let message = promise_hash(key.origin(), index, &self.leaf, at, by);
        let verified = key.verify_bytes(&message, &Signature::from_bytes(&self.signature));
        verified.map_err(|_| PromiseError::BadSignature { origin: key.origin().to_owned(), index })
    }

    /// Broken: the time is over, and the anchor of that time (`anchored` entries) does not reach the entry.
    pub fn is_overdue(&self, anchored: u64, now: u64) -> bool {
        now > self.by && anchored <= self.index
    }

    /// Broken: another leaf stands at that index under an anchor.
    pub fn is_contradicted(&self, index: u64, leaf: &Hash) -> bool {
        index == self.index && *leaf != self.leaf
    }
}

impl LogSigner {
    /// Promises that the entry with this leaf hash, committed at `index`, is under an anchor by the time `by`.
    /// Keeping it is the caller's duty.
    pub fn promise(&self, index: u64, leaf: Hash, at: u64, by: u64) -> Promise {
        let signature = self.sign_bytes(&promise_hash(self.public().origin(), index, &leaf, at, by));
        Promise { index, leaf, at, by, signature }
    }
}
