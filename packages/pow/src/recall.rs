//! A try: eight entries of the logs, each drawn by what the ones before it made of the nonce.

use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::target::Target;

/// SHA-256 output.
pub type Hash = [u8; 32];

/// Entries a try reads, one after the other. With one, who holds half of the logs mines at 93 % of the full rate,
/// with eight at 3 % (docs/threat-model.md).
pub const RECALLS: usize = 8;
/// Bytes of an entry of an access log.
pub const ENTRY_BYTES: usize = 512;

/// What a try starts from: `SHA-256(header hash ‖ u64(nonce))`.
pub fn first_mix(header: &Hash, nonce: u64) -> Hash {
    let mut bytes = [0; 40];
    let (front, back) = bytes.split_at_mut(32);
    front.copy_from_slice(header);
    back.copy_from_slice(&nonce.to_be_bytes());
    Sha256::digest(bytes).into()
}

/// Number of the entry that a mix recalls, among the `entries` of all logs; None if there are none.
///
/// The mix's first 128 bits, modulo `entries`: uniform to within 2^-64.
pub fn recalled(mix: &Hash, entries: u64) -> Option<u64> {
    let (head, _) = mix.split_first_chunk::<16>()?;
    let number = u128::from_be_bytes(*head).checked_rem(u128::from(entries))?;
    u64::try_from(number).ok()
}

/// The next mix: `SHA-256(mix ‖ entry)`.
pub fn advance(mix: &Hash, entry: &[u8; ENTRY_BYTES]) -> Hash {
    Sha256::new().chain_update(mix).chain_update(entry).finalize().into()
}

/// Follows a try through its recalls and holds the last mix against the target.
///
/// `entry` gives the entry of a number, having proved it; its error ends the check. While the logs have no entries,
/// each recall is 512 zero bytes and `entry` is not asked.
pub fn check<E: From<Error>>(
    header: &Hash,
    nonce: u64,
    entries: u64,
    target: &Target,
    mut entry: impl FnMut(usize, u64) -> Result<[u8; ENTRY_BYTES], E>,
) -> Result<Hash, E> {
    let mut mix = first_mix(header, nonce);
    for step in 0..RECALLS {
        let bytes = match recalled(&mix, entries) {
            Some(number) => entry(step, number)?,
            None => [0; ENTRY_BYTES],
        };
        mix = advance(&mix, &bytes);
    }
    target.reached_by(&mix)?;
    Ok(mix)
}

/// What the next seal's header names: `H("medrec/seal/v1"; header hash, u64(nonce), last mix)`.
pub fn seal_id(header: &Hash, nonce: u64, mix: &Hash) -> Hash {
    tagged("medrec/seal/v1", &[header, &nonce.to_be_bytes(), mix])
}

/// A tagged hash (wire.md section 1).
pub(crate) fn tagged(domain: &str, fields: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for field in core::iter::once(&domain.as_bytes()).chain(fields) {
        // No field comes near 4 GiB.
        hasher.update(u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        hasher.update(field);
    }
    hasher.finalize().into()
}
