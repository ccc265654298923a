//! What is stored of logs: what was learnt once, the newest head, a fork. Beside it the configuration. More is in
//! `crate::{heads, attested, sealing}`.
//!
//! A head is written by every anchor, so it is plain bytes: JSON would cost 4,000 gas more.

use cosmwasm_schema::cw_serde;
use cosmwasm_std::{Addr, Binary, Storage};
use cw_storage_plus::{Item, Map};
use medrec_api::authlog::{Error, Fork, GrowthCap};
use medrec_merkle::Hash;

use crate::rows::Row;

#[cw_serde]
pub struct Config {
    pub consortium: Addr,
    pub registrar: Addr,
    pub growth: GrowthCap,
}

pub const CONFIG: Item<Config> = Item::new("config");

/// What `admit_log` learns from the registrar, once and for ever.
#[cw_serde]
pub struct Log {
    pub institution: u32,
    pub origin: String,
    /// Ed25519, signs checkpoints.
    pub key: Binary,
    /// Block time of admission, seconds.
    pub admitted_at: u64,
}

/// By slot.
pub const LOGS: Map<u32, Log> = Map::new("log");
/// Number of logs, which is the next free slot.
pub const COUNT: Item<u32> = Item::new("count");
/// Slot by institution.
pub const SLOT_OF: Map<u32, u32> = Map::new("slot_of");

/// The newest anchor of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: Hash,
    pub signature: [u8; 64],
    pub height: u64,
    /// Block time, seconds.
    pub at: u64,
    /// Entries counted against the growth cap (`crate::growth`).
    pub debt: u64,
    /// Size and root that were anchored before; none if that was nothing.
    pub before: Option<(u64, Hash)>,
}

/// Evidence against a log's key, by slot.
pub const FORKS: Map<u32, Fork> = Map::new("fork");

/// By slot; rows in the layout of [`Head::to_bytes`].
const HEADS: Map<u32, Vec<u8>> = Map::new("head");

impl Head {
    fn to_bytes(&self) -> Vec<u8> {
        let numbers = [self.height.to_be_bytes(), self.at.to_be_bytes(), self.debt.to_be_bytes()].concat();
        let mut row = [&self.size.to_be_bytes()[..], &self.root, &self.signature, &numbers].concat();
        if let Some((size, root)) = &self.before {
            row.extend(size.to_be_bytes());
            row.extend(root);
        }
        row
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut row = Row::new(bytes);
        let (size, root, signature) = (row.u64()?, row.hash()?, row.chunk()?);
        let (height, at, debt) = (row.u64()?, row.u64()?, row.u64()?);
        let before = if row.ended() { None } else { Some((row.u64()?, row.hash()?)) };
        row.end(Self { size, root, signature, height, at, debt, before })
    }
}

pub fn count(storage: &dyn Storage) -> Result<u32, Error> {
    Ok(COUNT.may_load(storage)?.unwrap_or(0))
}

pub fn log(storage: &dyn Storage, slot: u32, operation: &'static str) -> Result<Log, Error> {
    match LOGS.may_load(storage, slot)? {
        Some(log) => Ok(log),
        None => Err(Error::NoLog { operation, slot, count: count(storage)? }),
    }
}

/// None before the first anchor.
pub fn head(storage: &dyn Storage, slot: u32) -> Result<Option<Head>, Error> {
    match storage.get(&HEADS.key(slot)) {
        None => Ok(None),
        Some(bytes) => Head::from_bytes(&bytes).map(Some).ok_or(Error::Damaged { item: "head" }),
    }
}

pub fn save_head(storage: &mut dyn Storage, slot: u32, head: &Head) {
    storage.set(&HEADS.key(slot), &head.to_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back() {
        let before = Some((7, [9; 32]));
        let head = Head {
            size: 1 << 40,
            root: [2; 32],
            signature: [3; 64],
            height: 4,
            at: 5,
            debt: u64::MAX,
            before,
        };
        let bytes = head.to_bytes();
        assert_eq!(bytes.len(), 168);
        assert_eq!(Head::from_bytes(&bytes), Some(head.clone()));
        // As rows were before heads knew the one before.
        assert_eq!(Head::from_bytes(&bytes[..128]), Some(Head { before: None, ..head }));
        for end in (0..168).filter(|end| *end != 128) {
            assert_eq!(Head::from_bytes(&bytes[..end]), None);
        }
        assert_eq!(Head::from_bytes(&[bytes, vec![0]].concat()), None);
    }
}
