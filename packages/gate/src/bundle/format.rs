//! The file: JSON, unknown fields refused.

use medrec_accesslog::{ENTRY_LEN, Entry, EntryKey, LogKey, SignedCounter};
use medrec_merkle::Hash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::encoding::{b64, hex_fixed};
use crate::proof::CounterJson;
use crate::seals::{Run, SealedHead};
use crate::{Error, Header, Mark};

/// The first field of every bundle.
pub const FORMAT: &str = "medrec/bundle/v1";
/// A larger file is refused unread.
pub const MAX_BYTES: usize = 256 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    pub format: String,
    pub content: Content,
    /// One for each part, by the key of its patient.
    pub signatures: Vec<Signed>,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Seconds since 1970, by the exporter's clock.
    pub made_at: u64,
    pub chain: ChainFacts,
    pub parts: Vec<Part>,
    /// Seals by proof of work, up to the newest one.
    pub seals: Run,
}

/// Whose anchors these are: chain id and addresses of its contracts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainFacts {
    pub chain_id: String,
    pub registrar: String,
    pub relationship: String,
    pub authlog: String,
}

/// One relationship.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub relationship: u64,
    /// Address of the patient: the exporter signs with its key.
    pub patient: String,
    pub institution: InstitutionFacts,
    /// Signed note.
    pub checkpoint: String,
    pub anchor: AnchorFacts,
    /// From anchor to checkpoint.
    #[serde(with = "b64::hashes")]
    pub consistency: Vec<Hash>,
    /// All entries in the checkpoint.
    #[serde(with = "b64::hashes")]
    pub proof: Vec<Hash>,
    /// Heads of the log under seals, the smallest first; each covers entries that those before it do not.
    pub sealed: Vec<SealedHead>,
    /// Every entry of the relationship is here; else a selection.
    pub whole: bool,
    pub counter: Option<Counted>,
    /// In the order of the log.
    pub entries: Vec<Shown>,
    pub answers: Vec<Answered>,
}

/// The institution's signed counter of the relationship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Counted(#[serde(with = "CounterJson")] pub SignedCounter);

/// What the registrar said of the institution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstitutionFacts {
    pub id: u32,
    pub name: String,
    pub url: String,
    #[serde(with = "b64::fixed")]
    pub signing_key: [u8; 32],
    pub log_origin: String,
    #[serde(with = "b64::fixed")]
    pub log_key: [u8; 32],
}

/// What the chain had of the log. Size 0: nothing yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorFacts {
    pub size: u64,
    #[serde(with = "hex_fixed")]
    pub root: Hash,
    /// Height and block time, seconds since 1970; 0 before the first anchor.
    pub height: u64,
    pub at: u64,
}

/// An entry with the key that opens it and no other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// Place in the relationship.
    pub counter: u64,
    /// Place in the log.
    pub index: u64,
    #[serde(with = "b64::fixed")]
    pub entry: [u8; ENTRY_LEN],
    #[serde(with = "b64::fixed")]
    pub key: [u8; 32],
}

/// An answer of the institution: one scope as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    pub header: Header,
    /// Of the header, by the institution.
    #[serde(with = "b64::fixed")]
    pub signature: [u8; 64],
    /// All of the answer, in its order; those not shown with their commitment alone.
    pub records: Vec<RecordListed>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordListed {
    #[serde(with = "hex_fixed")]
    pub id: [u8; 16],
    pub version: u32,
    #[serde(with = "hex_fixed")]
    pub commitment: Hash,
    pub mark: Option<Mark>,
    /// Counter of the entry that filed it; null where it is not shown.
    pub filed: Option<u64>,
    /// Null where only its filing is shown.
    pub content: Option<Contents>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    /// FHIR R4 resource.
    pub resource: Value,
    #[serde(with = "b64::fixed")]
    pub version_key: [u8; 32],
}

/// ADR-036 signature over the digest of the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    pub relationship: u64,
    #[serde(with = "b64::fixed")]
    pub public_key: [u8; 33],
    #[serde(with = "b64::fixed")]
    pub signature: [u8; 64],
}

impl Bundle {
    /// Reads a file. Errors say where, never what.
    pub fn parse(bytes: &[u8]) -> Result<Bundle, Error> {
        if bytes.len() > MAX_BYTES {
            let (got, most) = (bytes.len(), MAX_BYTES);
            return Err(Error::Bundle(format!("it has {got} bytes, {most} are the most that is read")));
        }
        let bundle: Bundle = serde_json::from_slice(bytes).map_err(|e| {
            Error::Bundle(format!("it is not one, or damaged: line {} column {}", e.line(), e.column()))
        })?;
        match bundle.format.as_str() {
            FORMAT => Ok(bundle),
            _ => Err(Error::Bundle(format!("it has another format; this program knows {FORMAT}"))),
        }
    }
}

impl Shown {
    pub fn entry(&self) -> Entry {
        Entry::from_bytes(self.entry)
    }

    pub fn key(&self) -> EntryKey {
        EntryKey::from_bytes(self.key)
    }
}

impl InstitutionFacts {
    pub fn log_key(&self) -> Result<LogKey, medrec_accesslog::CheckpointError> {
        LogKey::new(&self.log_origin, &self.log_key)
    }
}
