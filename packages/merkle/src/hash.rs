use alloc::vec::Vec;

use sha2::{Digest, Sha256};

use crate::error::Error;

/// SHA-256 output.
pub type Hash = [u8; 32];

/// `u32(len) ‖ bytes`: a field that cannot run into its neighbour (wire.md section 1).
pub fn lp(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().saturating_add(4));
    push_lp(&mut out, bytes);
    out
}

/// Appends `lp(bytes)` to `out`.
pub fn push_lp(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&length(bytes));
    out.extend_from_slice(bytes);
}

/// `H(domain; f1, …, fn) = SHA-256(lp(domain) ‖ lp(f1) ‖ … ‖ lp(fn))`.
pub fn tagged_hash(domain: &str, fields: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for field in core::iter::once(&domain.as_bytes()).chain(fields) {
        hasher.update(length(field));
        hasher.update(field);
    }
    hasher.finalize().into()
}

/// Concatenated hashes, as proofs travel in messages, seen as hashes.
pub fn split_hashes(bytes: &[u8]) -> Result<&[Hash], Error> {
    match bytes.as_chunks() {
        (hashes, []) => Ok(hashes),
        _ => Err(Error::ProofBytes { actual: bytes.len() }),
    }
}

/// No field comes near 4 GiB: every format bounds its fields far below.
fn length(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes()
}
