//! What a response is made from, before and after a crash alike. It is durable with its entry; the response itself
//! is made and sealed outside the transaction, so that many are sealed at once.

use medrec_gate::{Mark, Reason, Refusal, VerifiedRequest};
use medrec_merkle::Hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Error;
use crate::store::Vault;

const PLACE: &str = "requests/kept";

/// A response but for its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kept {
    Read(Box<Read>),
    Entries {
        start_after: Option<u64>,
    },
    /// A receipt: what opens the entry the request led to.
    Deed {
        blind: [u8; 32],
        body: Vec<u8>,
    },
    Refused {
        reason: Reason,
    },
    /// A stream: it is not given twice.
    Notices,
}

/// A read that was permitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    pub scope: String,
    pub scope_hash: Hash,
    pub grant: Option<u32>,
    /// Height the permission was decided at.
    pub height: u64,
    pub at: u64,
    pub manifest: Hash,
    pub records: Vec<Record>,
    /// What opens the entry of this read.
    pub blind: [u8; 32],
    pub body: Vec<u8>,
}

/// A record of the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub id: [u8; 16],
    pub version: u32,
    pub version_key: [u8; 32],
    pub resource: Value,
    /// Index of the entry that filed this version.
    pub filed: u64,
    pub marked: Option<Marked>,
}

/// What the patient said last of this version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    pub mark: Mark,
    pub index: u64,
    pub blind: [u8; 32],
    pub body: Vec<u8>,
}

impl Kept {
    /// Sealed so that only the store key and the request together open it.
    pub fn seal(&self, vault: &Vault, request: &VerifiedRequest) -> Result<Vec<u8>, Error> {
        let plain =
            zeroize::Zeroizing::new(serde_json::to_vec(self).map_err(|e| Error::Kept(e.to_string()))?);
        Ok(vault.with(&request.signature).seal(PLACE, &plain)?)
    }

    /// Reverse of [`Kept::seal`]; refused for a request that was signed anew.
    pub fn open(vault: &Vault, request: &VerifiedRequest, sealed: &[u8]) -> Result<Self, Refusal> {
        let plain = vault.with(&request.signature).open_bytes(PLACE, sealed);
        let plain = plain.map_err(|_| Refusal::new(Reason::Replayed, "signed anew with a used nonce"))?;
        serde_json::from_slice(&plain)
            .map_err(|_| Refusal::new(Reason::Unavailable, "kept by another version of the relayer"))
    }
}
