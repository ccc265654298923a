//! What is sealed; `docs/spec/pow.md` section 7.

use alloc::vec::Vec;

use medrec_merkle::{Frontier, Hash, heads::Node, push_lp, root, tagged_hash};

use crate::error::Error;

/// A contract's own log and code as a seal covers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched<'a> {
    /// Its address.
    pub contract: &'a str,
    /// Events of its own log; 0 if it keeps none.
    pub size: u64,
    /// RFC 6962 root of its own log.
    pub root: Hash,
    /// SHA-256 of its wasm.
    pub checksum: Hash,
}

/// `H("medrec/sealed/v1"; heads hash, u64(entries), contract 1, …)`, contract = lp(address) ‖ u64(log size) ‖ log root ‖
/// code checksum.
pub fn sealed_root<'a>(heads: &Node, watched: impl IntoIterator<Item = Watched<'a>>) -> Hash {
    let contracts: Vec<Vec<u8>> = watched.into_iter().map(|one| contract(&one)).collect();
    let entries = heads.sum.to_be_bytes();
    let mut fields: Vec<&[u8]> = Vec::with_capacity(contracts.len().saturating_add(2));
    fields.extend([&heads.hash[..], &entries]);
    fields.extend(contracts.iter().map(Vec::as_slice));
    tagged_hash("medrec/sealed/v1", &fields)
}

fn contract(watched: &Watched) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(watched.contract.len().saturating_add(76));
    push_lp(&mut bytes, watched.contract.as_bytes());
    bytes.extend(watched.size.to_be_bytes());
    bytes.extend(watched.root);
    bytes.extend(watched.checksum);
    bytes
}

/// Size and root of a contract's own log, from the row under its raw key `log` (wire.md section 15); a contract without
/// the row keeps none.
pub fn own_log(row: Option<&[u8]>) -> Result<(u64, Hash), Error> {
    let Some(row) = row else { return Ok((0, root(&[]))) };
    let damaged = Error::OwnLog { found: row.len() };
    let (size, hashes) = row.split_first_chunk().ok_or_else(|| damaged.clone())?;
    let hashes = medrec_merkle::split_hashes(hashes).map_err(|_| damaged.clone())?;
    let frontier = Frontier::from_parts(u64::from_be_bytes(*size), hashes.to_vec()).map_err(|_| damaged)?;
    Ok((frontier.size(), frontier.root()))
}
