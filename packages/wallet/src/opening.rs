//! Both ends of opening a relationship, and the secrets that come of it (wire.md section 4).

use medrec_accesslog::{Place, Root};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::key::hkdf32;
use crate::{Error, Key, PublicKey, SecretKey, info, seal};

const OPEN: &str = "medrec/open/v1";
const ACCEPT: &str = "medrec/accept/v1";
const STEWARD_PART: &str = "medrec/open/steward-part/v1";
const PATIENT_PART: &str = "medrec/ratchet/patient-part/v1";
/// `pk_s [32] ‖ u32(institution)`.
const OFFER_BYTES: usize = 36;

/// The relationship contract on its chain; every sealing is bound to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractRef {
    pub chain_id: String,
    /// Bech32.
    pub address: String,
}

impl ContractRef {
    /// Where the ratchet of one relationship lives.
    pub fn place<'a>(&'a self, relationship: u64, log_origin: &'a str) -> Place<'a> {
        Place { chain_id: &self.chain_id, contract: &self.address, relationship, log_origin }
    }
}

/// Half of what starts a relationship's ratchet, 32 bytes.
pub type Part = Zeroizing<[u8; 32]>;

/// What the steward puts on the chain and keeps when he opens.
#[derive(Debug)]
pub struct Opening {
    /// `open.sealed`.
    pub sealed: Vec<u8>,
    pub steward_part: Part,
}

/// What the patient reads in `open.sealed`.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The steward's X25519 key of this relationship alone.
    pub steward_key: PublicKey,
    /// Id in the registrar.
    pub institution: u32,
    pub steward_part: Part,
}

/// Steward: seals the opening to the patient's encryption key from her card. `steward` and `patient` are the
/// addresses the `open` transaction names.
pub fn open(
    rng: &mut dyn CryptoRngCore,
    contract: &ContractRef,
    steward: &str,
    patient: &str,
    patient_key: &PublicKey,
    steward_key: &PublicKey,
    institution: u32,
) -> Result<Opening, Error> {
    let mut plaintext = steward_key.as_bytes().to_vec();
    plaintext.extend_from_slice(&institution.to_be_bytes());
    let info = open_info(contract, steward, patient);
    let (sealed, steward_part) =
        seal::seal_and_export(rng, "the opening", patient_key, &info, &plaintext, STEWARD_PART)?;
    Ok(Opening { sealed, steward_part })
}

/// Patient: reads an opening with the key of the address it names.
pub fn read_offer(contract: &ContractRef, steward: &str, key: &Key, sealed: &[u8]) -> Result<Offer, Error> {
    let info = open_info(contract, steward, key.address());
    let (plaintext, steward_part) =
        seal::open_and_export("the opening", &key.encryption_key()?, &info, sealed, STEWARD_PART)?;
    let wrong = || Error::Length { what: "opening", expected: OFFER_BYTES, got: plaintext.len() };
    let (steward_key, institution) = plaintext.split_first_chunk::<32>().ok_or_else(wrong)?;
    let institution: [u8; 4] = institution.try_into().map_err(|_| wrong())?;
    let steward_key = PublicKey::from_bytes(*steward_key)?;
    Ok(Offer { steward_key, institution: u32::from_be_bytes(institution), steward_part })
}

/// The patient's part: her words alone give it back. `steward` is the address that opened.
pub fn patient_part(contract: &ContractRef, steward: &str, key: &Key) -> Result<Part, Error> {
    let bound = info("", &[contract.chain_id.as_bytes(), contract.address.as_bytes(), steward.as_bytes()]);
    hkdf32(key.secret().as_slice(), PATIENT_PART, &bound)
}

/// What both ends start the ratchet and the tags from.
pub fn root(patient_part: &Part, steward_part: &Part) -> Root {
    Root::from_parts(patient_part, steward_part)
}

/// Patient: everything a relationship needs, from her words and the chain alone. `steward` and the key's address
/// are those the relationship was opened with.
pub fn restore(
    contract: &ContractRef,
    steward: &str,
    key: &Key,
    sealed_open: &[u8],
) -> Result<(Offer, Root), Error> {
    let offer = read_offer(contract, steward, key, sealed_open)?;
    let root = root(&patient_part(contract, steward, key)?, &offer.steward_part);
    Ok((offer, root))
}

/// Patient: `accept.sealed`, her part sealed to the steward's key of this relationship.
pub fn accept(
    rng: &mut dyn CryptoRngCore,
    contract: &ContractRef,
    relationship: u64,
    offer: &Offer,
    patient_part: &Part,
) -> Result<Vec<u8>, Error> {
    let info = accept_info(contract, relationship);
    seal::seal(rng, "the acceptance", &offer.steward_key, &info, &[], patient_part.as_slice())
}

/// Steward: reads the patient's part with his secret key of this relationship.
pub fn read_acceptance(
    contract: &ContractRef,
    relationship: u64,
    key: &SecretKey,
    sealed: &[u8],
) -> Result<Part, Error> {
    let plaintext = seal::open("the acceptance", key, &accept_info(contract, relationship), &[], sealed)?;
    let mut part = Part::default();
    if plaintext.len() != part.len() {
        return Err(Error::Length { what: "patient's part", expected: part.len(), got: plaintext.len() });
    }
    part.copy_from_slice(&plaintext);
    Ok(part)
}

fn open_info(contract: &ContractRef, steward: &str, patient: &str) -> Vec<u8> {
    let ContractRef { chain_id, address } = contract;
    info(OPEN, &[chain_id.as_bytes(), address.as_bytes(), steward.as_bytes(), patient.as_bytes()])
}

/// `u64(relationship)` is written bare, as a fixed-length field.
fn accept_info(contract: &ContractRef, relationship: u64) -> Vec<u8> {
    let mut out = info(ACCEPT, &[contract.chain_id.as_bytes(), contract.address.as_bytes()]);
    out.extend_from_slice(&relationship.to_be_bytes());
    out
}
