//! How many entries a relationship has: the daily map, for whoever looks (security H7), and the word in an answer.

use ed25519_dalek::Signature;
use hmac::{Hmac, Mac};
use medrec_merkle::{Hash, leaf_hash, lp, root, split_hashes, tagged_hash};
use sha2::Sha256;

use crate::{Counters, LogKey, LogSigner, TagKey};

const ID: &[u8] = b"medrec/counters/v1";
const LEAF: &str = "medrec/counters/leaf/v1";
const COUNTER: &str = "medrec/counter/v1";
/// Fewer leaves would tell that there are few relationships.
const LEAST: usize = 64;

/// Leaves of one day's map, sorted. Only the two parties of a relationship know theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterMap(Vec<Hash>);

/// A log's word on how many entries a relationship has among its first `size` (wire.md section 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCounter {
    pub counter: u64,
    pub size: u64,
    /// Seconds since 1970.
    pub at: u64,
    /// Ed25519 by the log's key.
    pub signature: [u8; 64],
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CountersError {
    #[error(
        "a counter map is leaves of 32 bytes, {LEAST} or a higher power of two of them; these are {actual} bytes"
    )]
    Length { actual: usize },
    #[error(
        "the leaves of a counter map are sorted and each stands once: leaf {place} is not above the one before"
    )]
    Order { place: usize },
    #[error("the counter map has {actual} leaves, its entry in the log says {expected}")]
    Leaves { expected: u32, actual: usize },
    #[error("the counter map does not give the root in its entry: it was altered")]
    Root,
    #[error("the counter is not signed by the key of {origin}: it was altered, or another's")]
    BadSignature { origin: String },
}

/// What the map of `day` (since 1970) holds for a relationship of `counter` entries.
pub fn counter_leaf(tag_key: &TagKey, day: u32, counter: u64) -> Hash {
    let mut mac = keyed(tag_key.as_bytes());
    mac.update(&lp(ID));
    mac.update(&day.to_be_bytes());
    let id = mac.finalize().into_bytes();
    tagged_hash(LEAF, &[id.as_slice(), &day.to_be_bytes(), &counter.to_be_bytes()])
}

impl CounterMap {
    /// Of the leaves of all relationships ([`counter_leaf`]), hidden among `random` ones: 32 fresh bytes each call.
    pub fn new(leaves: impl IntoIterator<Item = Hash>, mut random: impl FnMut() -> Hash) -> Self {
        let mut leaves: Vec<Hash> = leaves.into_iter().collect();
        let wanted = leaves.len().next_power_of_two().max(LEAST);
        leaves.resize_with(wanted, &mut random);
        leaves.sort_unstable();
        Self(leaves)
    }

    /// As served: 32 bytes a leaf.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// Reads what was served; whether it is the log's map, [`CounterMap::check`] tells.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CountersError> {
        let length = CountersError::Length { actual: bytes.len() };
        let leaves = split_hashes(bytes).map_err(|_| length.clone())?;
        if leaves.len() < LEAST || !leaves.len().is_power_of_two() {
            return Err(length);
        }
        if let Some(pair) = leaves.windows(2).position(|pair| matches!(pair, [a, b] if a >= b)) {
            return Err(CountersError::Order { place: pair.saturating_add(1) });
        }
        Ok(Self(leaves.to_vec()))
    }

    /// Whether this is the map that the entry in the log tells of.
    pub fn check(&self, entry: &Counters) -> Result<(), CountersError> {
        if u32::try_from(self.0.len()) != Ok(entry.leaves) {
            return Err(CountersError::Leaves { expected: entry.leaves, actual: self.0.len() });
        }
        if self.root() != entry.root { Err(CountersError::Root) } else { Ok(()) }
    }

    pub fn leaves(&self) -> &[Hash] {
        &self.0
    }

    /// RFC 6962 tree hash over the leaves.
    pub fn root(&self) -> Hash {
        root(&self.0.iter().map(|leaf| leaf_hash(leaf)).collect::<Vec<_>>())
    }

    /// Whether the map of `day` says that the relationship had `counter` entries.
    pub fn says(&self, tag_key: &TagKey, day: u32, counter: u64) -> bool {
        self.0.binary_search(&counter_leaf(tag_key, day, counter)).is_ok()
    }

    /// What the map of `day` says of the relationship, if it is in `counters`: one hash is computed for each tried.
    pub fn find(&self, tag_key: &TagKey, day: u32, counters: impl IntoIterator<Item = u64>) -> Option<u64> {
        counters.into_iter().find(|counter| self.says(tag_key, day, *counter))
    }
}

impl SignedCounter {
    /// Whether that log says this of the relationship.
    pub fn verify(&self, key: &LogKey, relationship_ref: &Hash) -> Result<(), CountersError> {
        let message = message(key.origin(), relationship_ref, self.counter, self.size, self.at);
        let verified = key.verify_bytes(&message, &Signature::from_bytes(&self.signature));
        verified.map_err(|_| CountersError::BadSignature { origin: key.origin().to_owned() })
    }
}

impl LogSigner {
    /// Says how many entries the relationship has among the first `size`. True it must be: two words of one log on
    /// the same convict it.
    pub fn sign_counter(&self, relationship_ref: &Hash, counter: u64, size: u64, at: u64) -> SignedCounter {
        let signature =
            self.sign_bytes(&message(self.public().origin(), relationship_ref, counter, size, at));
        SignedCounter { counter, size, at, signature }
    }
}

fn message(origin: &str, relationship_ref: &Hash, counter: u64, size: u64, at: u64) -> Hash {
    let fields: [&[u8]; 5] =
        [origin.as_bytes(), relationship_ref, &counter.to_be_bytes(), &size.to_be_bytes(), &at.to_be_bytes()];
    tagged_hash(COUNTER, &fields)
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("any length")
}
