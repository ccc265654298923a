//! ADR-036 signatures: what a Cosmos wallet's `signArbitrary` signs.
//!
//! The verifier rebuilds the document itself and never takes one from a client.

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use bech32::{Bech32, Hrp};
use k256::ecdsa::signature::{Signer as _, Verifier as _};
use k256::ecdsa::{Signature, SigningKey, VerifyingKey};
use ripemd::Ripemd160;
use sha2::{Digest, Sha256};

use crate::{Error, PREFIX};

/// Address of a compressed secp256k1 public key: bech32 of RIPEMD-160(SHA-256(key)).
pub fn address(public_key: &[u8; 33]) -> Result<String, Error> {
    let hash = Ripemd160::digest(Sha256::digest(public_key));
    let prefix = Hrp::parse(PREFIX).map_err(|e| Error::Address(e.to_string()))?;
    bech32::encode::<Bech32>(prefix, &hash).map_err(|e| Error::Address(e.to_string()))
}

/// Whether `text` is an account or contract address of this chain (20 or 32 bytes).
pub fn check_address(text: &str) -> Result<(), Error> {
    let wrong = || Error::Address(text.chars().take(80).collect());
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(text).map_err(|_| wrong())?;
    let lower = text.bytes().all(|b| !b.is_ascii_uppercase());
    let length = checked.byte_iter().count();
    if checked.hrp().as_str() == PREFIX && lower && (length == 20 || length == 32) {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// The sign document: amino JSON, keys sorted, no spaces. Base64 and bech32 need no JSON escaping.
pub fn document(signer: &str, data: &[u8]) -> String {
    format!(
        concat!(
            r#"{{"account_number":"0","chain_id":"","fee":{{"amount":[],"gas":"0"}},"memo":"","msgs":["#,
            r#"{{"type":"sign/MsgSignData","value":{{"data":"{}","signer":"{}"}}}}],"sequence":"0"}}"#
        ),
        B64.encode(data),
        signer
    )
}

/// Signs `data` in the name of `signer`; low-S, deterministic (RFC 6979).
pub fn sign(key: &SigningKey, signer: &str, data: &[u8]) -> [u8; 64] {
    let signature: Signature = key.sign(document(signer, data).as_bytes());
    signature.normalize_s().unwrap_or(signature).to_bytes().into()
}

/// Checks a signature over `data` and returns the signer's address, which is that of `public_key`.
pub fn verify(public_key: &[u8; 33], data: &[u8], signature: &[u8; 64]) -> Result<String, Error> {
    let what = "the request";
    let key = VerifyingKey::from_sec1_bytes(public_key)
        .map_err(|_| Error::PublicKey { what: "keyid", reason: "not a compressed secp256k1 point" })?;
    let signature = Signature::from_slice(signature)
        .map_err(|_| Error::Signature { what, reason: "not a secp256k1 signature" })?;
    if signature.normalize_s().is_some() {
        return Err(Error::Signature { what, reason: "its S is high" });
    }
    let signer = address(public_key)?;
    key.verify(document(&signer, data).as_bytes(), &signature)
        .map_err(|_| Error::Signature { what, reason: "it does not fit key and content" })?;
    Ok(signer)
}
