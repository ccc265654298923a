//! What cosigners, logs and the institutions of researchers sign.

use alloc::{format, string::String};

use base64::{Engine, engine::general_purpose::STANDARD};
use medrec_merkle::{Hash, tagged_hash};

/// C2SP tlog-checkpoint without extension lines: what a log signs (wire.md section 10).
pub fn checkpoint_text(origin: &str, size: u64, root: &Hash) -> String {
    format!("{origin}\n{size}\n{}\n", STANDARD.encode(root))
}

/// C2SP tlog-cosignature: what a cosigner signs; `time` in seconds since 1970 (pow.md section 6).
pub fn cosignature_text(time: u64, origin: &str, size: u64, root: &Hash) -> String {
    format!("cosignature/v1\ntime {time}\n{}", checkpoint_text(origin, size, root))
}

/// What a log signs of an entry before its anchor (wire.md section 7).
pub fn promise_hash(origin: &str, index: u64, leaf: &Hash, at: u64, by: u64) -> Hash {
    let (index, at, by) = (index.to_be_bytes(), at.to_be_bytes(), by.to_be_bytes());
    tagged_hash("medrec/promise/v1", &[origin.as_bytes(), &index, leaf, &at, &by])
}

/// Who becomes a researcher, and where.
#[derive(Debug, Clone, Copy)]
pub struct Certified<'a> {
    pub chain_id: &'a str,
    /// The registrar's address.
    pub registrar: &'a str,
    pub institution: u32,
    pub account: &'a str,
    pub name: &'a str,
    /// Ed25519.
    pub key: &'a [u8],
    /// X25519.
    pub encryption_key: &'a [u8],
}

/// What an institution signs to certify a researcher (wire.md section 11).
pub fn certificate_hash(certified: &Certified) -> Hash {
    // Destructured, so that a new field does not go unsigned.
    let Certified { chain_id, registrar, institution, account, name, key, encryption_key } = *certified;
    let fields: [&[u8]; 7] = [
        chain_id.as_bytes(),
        registrar.as_bytes(),
        &institution.to_be_bytes(),
        account.as_bytes(),
        name.as_bytes(),
        key,
        encryption_key,
    ];
    tagged_hash("medrec/researcher/v1", &fields)
}
