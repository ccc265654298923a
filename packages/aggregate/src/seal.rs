//! The signed form, padded: its size says nothing.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::{Answer, Error};

/// What the institution's signing key signs: `H(domain; chain id, bounty contract, CBOR)`.
pub const ANSWER_DOMAIN: &str = "medrec/research-answer/v1";
/// HPKE info of an answer sealed to an owner, followed by chain id, bounty contract, offer id and owner.
pub const SEAL_DOMAIN: &str = "medrec/research-seal/v1";
/// Bytes of every answer and every refusal before it is sealed.
pub const PLAIN_LEN: usize = 1_536;

const SIGNATURE: usize = 64;
const LENGTH: usize = 2;

fn digest(chain_id: &str, contract: &str, cbor: &[u8]) -> [u8; 32] {
    medrec_merkle::tagged_hash(ANSWER_DOMAIN, &[chain_id.as_bytes(), contract.as_bytes(), cbor])
}

/// `u16(length) ‖ CBOR ‖ signature [64] ‖ zero bytes`, [`PLAIN_LEN`] in all.
pub fn sign(answer: &Answer, key: &SigningKey, chain_id: &str, contract: &str) -> Result<Vec<u8>, Error> {
    let cbor = answer.to_cbor()?;
    let signature = key.sign(&digest(chain_id, contract, &cbor));
    pad(&cbor, &signature.to_bytes())
}

/// As [`sign`], of a signature that is there.
pub fn pad(cbor: &[u8], signature: &[u8; SIGNATURE]) -> Result<Vec<u8>, Error> {
    let max = PLAIN_LEN.saturating_sub(LENGTH).saturating_sub(SIGNATURE);
    let length = u16::try_from(cbor.len()).ok().filter(|_| cbor.len() <= max);
    let length = length.ok_or(Error::TooLong { found: cbor.len(), max })?;
    let mut plain = Vec::with_capacity(PLAIN_LEN);
    plain.extend_from_slice(&length.to_be_bytes());
    plain.extend_from_slice(cbor);
    plain.extend_from_slice(signature);
    plain.resize(PLAIN_LEN, 0);
    Ok(plain)
}

/// The answer, if the institution signed it for this contract of this chain and nothing else is in the bytes.
pub fn unpad(plain: &[u8], key: &VerifyingKey, chain_id: &str, contract: &str) -> Result<Answer, Error> {
    if plain.len() != PLAIN_LEN {
        return Err(Error::Length { expected: PLAIN_LEN, found: plain.len() });
    }
    let cut = || Error::Malformed("it ends in the middle".to_owned());
    let (length, rest) = plain.split_first_chunk::<LENGTH>().ok_or_else(cut)?;
    let (cbor, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into()).ok_or_else(cut)?;
    let (signature, padding) = rest.split_first_chunk::<SIGNATURE>().ok_or_else(cut)?;
    if padding.iter().any(|byte| *byte != 0) {
        return Err(Error::Malformed("there is something in its padding".to_owned()));
    }
    let answer = Answer::from_cbor(cbor)?;
    let signature = Signature::from_bytes(signature);
    key.verify_strict(&digest(chain_id, contract, cbor), &signature)
        .map_err(|_| Error::Signature { institution: answer.institution })?;
    Ok(answer)
}
