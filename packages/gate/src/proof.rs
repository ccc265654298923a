//! Entries of the log as they travel in answers (wire.md section 9): where they stand, and what opens them.

use medrec_accesslog::{Body, ENTRY_LEN, Entry, Promise, SignedCounter, VerifyError, check_disclosed};
use medrec_merkle::Hash;
use serde::{Deserialize, Serialize};

use crate::encoding::{b64, hex_fixed};

/// An entry of the log and its inclusion in the answer's checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    pub index: u64,
    #[serde(with = "b64::fixed")]
    pub entry: [u8; ENTRY_LEN],
    #[serde(with = "b64::hashes")]
    pub proof: Vec<Hash>,
}

/// A proven entry with what opens it to somebody who has no key of the relationship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disclosed {
    pub index: u64,
    #[serde(with = "b64::fixed")]
    pub entry: [u8; ENTRY_LEN],
    #[serde(with = "b64::hashes")]
    pub proof: Vec<Hash>,
    #[serde(with = "b64::fixed")]
    pub blind: [u8; 32],
    /// CBOR.
    #[serde(with = "b64")]
    pub body: Vec<u8>,
}

/// A disclosed entry written for this very request, with the log's promise of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promised {
    pub index: u64,
    #[serde(with = "b64::fixed")]
    pub entry: [u8; ENTRY_LEN],
    #[serde(with = "b64::hashes")]
    pub proof: Vec<Hash>,
    #[serde(with = "b64::fixed")]
    pub blind: [u8; 32],
    /// CBOR.
    #[serde(with = "b64")]
    pub body: Vec<u8>,
    #[serde(with = "PromiseJson")]
    pub promise: Promise,
}

impl Proven {
    pub fn entry(&self) -> Entry {
        Entry::from_bytes(self.entry)
    }
}

impl Disclosed {
    pub fn entry(&self) -> Entry {
        Entry::from_bytes(self.entry)
    }

    /// What the entry says, if blind and body are the entry's.
    pub fn opened(&self) -> Result<Body, VerifyError> {
        check_disclosed(&self.entry(), &self.blind, &self.body)
    }
}

impl Promised {
    pub fn entry(&self) -> Entry {
        Entry::from_bytes(self.entry)
    }

    /// What the entry says, if blind and body are the entry's.
    pub fn opened(&self) -> Result<Body, VerifyError> {
        check_disclosed(&self.entry(), &self.blind, &self.body)
    }
}

/// JSON of a promise.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Promise", deny_unknown_fields)]
pub struct PromiseJson {
    index: u64,
    #[serde(with = "hex_fixed")]
    leaf: Hash,
    at: u64,
    by: u64,
    #[serde(with = "b64::fixed")]
    signature: [u8; 64],
}

/// JSON of a relationship's counter.
#[derive(Serialize, Deserialize)]
#[serde(remote = "SignedCounter", deny_unknown_fields)]
pub struct CounterJson {
    counter: u64,
    size: u64,
    at: u64,
    #[serde(with = "b64::fixed")]
    signature: [u8; 64],
}
