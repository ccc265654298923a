//! The typed answer, signed by the institution and sealed to the request's reply key (wire.md section 9).

use ed25519_dalek::{Signature, Signer as _, SigningKey};
use medrec_accesslog::SignedCounter;
use medrec_merkle::{Hash, leaf_hash, push_lp, root, tagged_hash};
use medrec_wallet::{ContractRef, PublicKey, SecretKey, card::ed25519_key, seal};
use rand_core::CryptoRngCore;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::Error;
use crate::encoding::{b64, hex_fixed};
use crate::proof::{CounterJson, Disclosed, Promised, Proven};

/// Media type of an answer.
pub const CONTENT_TYPE: &str = "application/vnd.medrec.answer";
const SEAL: &str = "medrec/answer/v1";
const HEADER: &str = "medrec/answer-header/v1";
const MANIFEST: &str = "medrec/manifest/v1";

/// What the institution signs of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Hash of the request.
    #[serde(with = "hex_fixed")]
    pub request: Hash,
    pub relationship: u64,
    pub scope: String,
    #[serde(with = "hex_fixed")]
    pub scope_hash: Hash,
    pub purpose: String,
    /// The grant the read rests on; none for the patient.
    pub grant: Option<u32>,
    /// Chain height the permission was decided at.
    pub height: u64,
    /// Seconds since 1970.
    pub at: u64,
    pub count: u32,
    /// All of the scope.
    pub complete: bool,
    #[serde(with = "hex_fixed")]
    pub manifest: Hash,
    /// Next entry of the relationship.
    pub counter: u64,
}

/// A record with everything that proves it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    #[serde(with = "hex_fixed")]
    pub id: [u8; 16],
    pub version: u32,
    /// FHIR R4 resource.
    pub resource: Value,
    #[serde(with = "b64::fixed")]
    pub version_key: [u8; 32],
    pub mark: Option<Mark>,
    /// The entry in which she said so; none without a mark.
    pub marked: Option<Disclosed>,
    /// The entry that filed it.
    pub filed: Proven,
}

/// What the patient said last of a version of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Acknowledged,
    Disputed,
}

impl Mark {
    /// The byte in a manifest's leaf; 0 is none.
    pub const fn byte(mark: Option<Mark>) -> u8 {
        match mark {
            None => 0,
            Some(Mark::Acknowledged) => 1,
            Some(Mark::Disputed) => 2,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Mark::Acknowledged => "acknowledged",
            Mark::Disputed => "disputed",
        }
    }
}

/// Answer to a read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub header: Header,
    /// Ed25519 by the institution's `signing_key` over the header.
    #[serde(with = "b64::fixed")]
    pub signature: [u8; 64],
    pub records: Vec<Record>,
    /// The entry written for this very read.
    pub read: Promised,
    /// Signed note.
    pub checkpoint: String,
}

/// Answer to `entries`: entries of the relationship in the order of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entries {
    pub entries: Vec<Proven>,
    /// How many entries the relationship has in all.
    #[serde(with = "CounterJson")]
    pub counter: SignedCounter,
    /// Signed note.
    pub checkpoint: String,
}

/// Answer to `revoke`, `acknowledge` and `dispute`: the entry the request led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub entry: Promised,
    /// Signed note.
    pub checkpoint: String,
}

impl Header {
    /// Signs this header for its contract.
    pub fn sign(&self, contract: &ContractRef, key: &SigningKey) -> Result<[u8; 64], Error> {
        Ok(key.sign(&self.digest(contract)?).to_bytes())
    }

    /// Whether the institution signed it.
    pub fn verify(
        &self,
        contract: &ContractRef,
        signing_key: &[u8],
        signature: &[u8; 64],
    ) -> Result<(), Error> {
        let key = ed25519_key(signing_key)?;
        let verified = key.verify_strict(&self.digest(contract)?, &Signature::from_bytes(signature));
        verified.map_err(|_| Error::Answer("the institution did not sign its header".into()))
    }

    fn digest(&self, contract: &ContractRef) -> Result<Hash, Error> {
        let json = serde_json::to_value(self).map_err(|e| Error::Answer(format!("header: {e}")))?;
        let jcs = medrec_record::jcs(&json).map_err(|e| Error::Answer(format!("header: {e}")))?;
        Ok(tagged_hash(HEADER, &[contract.chain_id.as_bytes(), contract.address.as_bytes(), jcs.as_bytes()]))
    }
}

/// What a manifest says of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    pub id: &'a [u8; 16],
    pub version: u32,
    pub commitment: &'a Hash,
    pub mark: Option<Mark>,
}

/// Root over an answer's records, in their order.
pub fn manifest<'a>(records: impl IntoIterator<Item = Listed<'a>>) -> Hash {
    let leaf = |listed: Listed<'_>| {
        let mut leaf = Vec::with_capacity(80);
        push_lp(&mut leaf, MANIFEST.as_bytes());
        leaf.extend_from_slice(listed.id);
        leaf.extend_from_slice(&listed.version.to_be_bytes());
        leaf.extend_from_slice(listed.commitment);
        leaf.push(Mark::byte(listed.mark));
        leaf_hash(&leaf)
    };
    root(&records.into_iter().map(leaf).collect::<Vec<_>>())
}

/// Seals an answer (or entries, or a receipt) to the reply key, bound to the request.
pub fn seal<T: Serialize>(
    rng: &mut dyn CryptoRngCore,
    reply_key: &PublicKey,
    request: &Hash,
    answer: &T,
) -> Result<Vec<u8>, Error> {
    let plain = serde_json::to_vec(answer).map_err(|e| Error::Answer(e.to_string()))?;
    Ok(seal::seal(rng, "the answer", reply_key, SEAL.as_bytes(), request, &plain)?)
}

/// Opens what [`seal`] made for this request.
pub fn open<T: DeserializeOwned>(key: &SecretKey, request: &Hash, sealed: &[u8]) -> Result<T, Error> {
    let plain = seal::open("the answer", key, SEAL.as_bytes(), request, sealed)?;
    // serde_json's errors name place and field, never content.
    serde_json::from_slice(&plain)
        .map_err(|e| Error::Answer(format!("unreadable: line {} column {}", e.line(), e.column())))
}
