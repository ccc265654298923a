//! Keys and indexes behind verbs. Records are bytes, not JSON: the chain charges 30 gas a byte written.
//!
//! A key is one namespace byte and fixed-length parts; an address within a key is preceded by its length, so that
//! none is the start of another.

mod records;

pub use records::{Grant, Head};

use cosmwasm_schema::cw_serde;
use cosmwasm_std::{Addr, CanonicalAddr, Order, StdError, Storage};
use cw_storage_plus::Item;
use medrec_api::relationship::{Allowance, Error};

#[cw_serde]
pub struct Config {
    pub consortium: Addr,
    pub sponsor: Addr,
    pub allowance: Allowance,
}

const CONFIG: Item<Config> = Item::new("config");
const NEWEST: u8 = 1;
const HEADS: u8 = 2;
const SEALED_OPEN: u8 = 3;
const SEALED_ACCEPT: u8 = 4;
const OF_PATIENT: u8 = 5;
const DELEGATES: u8 = 6;
const ALLOWANCES: u8 = 7;
const GRANTS: u8 = 8;
const OF_VIEWER: u8 = 9;
const CARERS: u8 = 10;
const SEALINGS: u8 = 11;
/// An index entry says all in its key, and the chain refuses empty values.
const PRESENT: [u8; 1] = [1];
/// A delegate that has opened nothing; ids count from 1.
const UNUSED: u64 = 0;

fn key(namespace: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![namespace];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// Length and bytes. The chain knows no address over 255 bytes.
fn sized(address: &CanonicalAddr) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(address.len()).unwrap_or(u8::MAX)];
    bytes.extend_from_slice(address);
    bytes
}

fn u64_at(storage: &dyn Storage, key: &[u8], item: &'static str) -> Result<Option<u64>, Error> {
    let Some(bytes) = storage.get(key) else { return Ok(None) };
    <[u8; 8]>::try_from(bytes.as_slice())
        .map(|bytes| Some(u64::from_be_bytes(bytes)))
        .map_err(|_| Error::Damaged { item })
}

pub fn config(storage: &dyn Storage) -> Result<Config, StdError> {
    CONFIG.load(storage)
}

pub fn save_config(storage: &mut dyn Storage, config: &Config) -> Result<(), StdError> {
    CONFIG.save(storage, config)
}

// --- relationships -----------------------------------------------------------

/// The id given last; ids count from 1.
pub fn newest(storage: &dyn Storage) -> Result<u64, Error> {
    Ok(u64_at(storage, &key(NEWEST, &[]), "newest id")?.unwrap_or_default())
}

pub fn next_id(storage: &mut dyn Storage, operation: &'static str) -> Result<u64, Error> {
    let id = newest(storage)?.checked_add(1).ok_or(Error::IdsUsedUp { operation })?;
    storage.set(&key(NEWEST, &[]), &id.to_be_bytes());
    Ok(id)
}

pub fn head(storage: &dyn Storage, operation: &'static str, id: u64) -> Result<Head, Error> {
    match storage.get(&key(HEADS, &[&id.to_be_bytes()])) {
        Some(bytes) => Head::decode(&bytes),
        None => Err(Error::NoRelationship { operation, id, newest: newest(storage)? }),
    }
}

pub fn save_head(storage: &mut dyn Storage, id: u64, head: &Head) {
    storage.set(&key(HEADS, &[&id.to_be_bytes()]), &head.encode());
}

pub fn sealed_open(storage: &dyn Storage, id: u64) -> Option<Vec<u8>> {
    storage.get(&key(SEALED_OPEN, &[&id.to_be_bytes()]))
}

pub fn save_sealed_open(storage: &mut dyn Storage, id: u64, sealed: &[u8]) {
    storage.set(&key(SEALED_OPEN, &[&id.to_be_bytes()]), sealed);
}

pub fn sealed_accept(storage: &dyn Storage, id: u64) -> Option<Vec<u8>> {
    storage.get(&key(SEALED_ACCEPT, &[&id.to_be_bytes()]))
}

pub fn save_sealed_accept(storage: &mut dyn Storage, id: u64, sealed: &[u8]) {
    storage.set(&key(SEALED_ACCEPT, &[&id.to_be_bytes()]), sealed);
}

/// This address is (and stays listed as) patient of the relationship.
pub fn index_patient(storage: &mut dyn Storage, patient: &CanonicalAddr, id: u64) {
    storage.set(&key(OF_PATIENT, &[&sized(patient), &id.to_be_bytes()]), &PRESENT);
}

/// Ids after `start_after` whose patient is or was this address, ascending, at most `limit`.
pub fn of_patient(
    storage: &dyn Storage,
    patient: &CanonicalAddr,
    start_after: u64,
    limit: usize,
) -> Result<Vec<u64>, Error> {
    let prefix = key(OF_PATIENT, &[&sized(patient)]);
    let Some(first) = start_after.checked_add(1) else { return Ok(Vec::new()) };
    let start = [prefix.as_slice(), &first.to_be_bytes()].concat();
    let end = [prefix.as_slice(), &u64::MAX.to_be_bytes()].concat();
    storage
        .range(Some(&start), Some(&end), Order::Ascending)
        .take(limit)
        .map(|(key, _)| tail::<8>(&key, "index of patients").map(u64::from_be_bytes))
        .collect()
}

fn tail<const N: usize>(key: &[u8], item: &'static str) -> Result<[u8; N], Error> {
    key.last_chunk::<N>().copied().ok_or(Error::Damaged { item })
}

// --- delegates and allowances ------------------------------------------------

pub enum Delegate {
    Unknown,
    Admitted,
    Used { id: u64 },
}

pub fn delegate(storage: &dyn Storage, address: &CanonicalAddr) -> Result<Delegate, Error> {
    Ok(match u64_at(storage, &key(DELEGATES, &[address]), "delegate")? {
        None => Delegate::Unknown,
        Some(UNUSED) => Delegate::Admitted,
        Some(id) => Delegate::Used { id },
    })
}

pub fn admit_delegate(storage: &mut dyn Storage, address: &CanonicalAddr) {
    storage.set(&key(DELEGATES, &[address]), &UNUSED.to_be_bytes());
}

pub fn use_delegate(storage: &mut dyn Storage, address: &CanonicalAddr, id: u64) {
    storage.set(&key(DELEGATES, &[address]), &id.to_be_bytes());
}

/// When the last fee allowance to this address ends, seconds.
pub fn allowance_end(storage: &dyn Storage, address: &CanonicalAddr) -> Result<Option<u64>, Error> {
    u64_at(storage, &key(ALLOWANCES, &[address]), "allowance")
}

pub fn save_allowance_end(storage: &mut dyn Storage, address: &CanonicalAddr, end: u64) {
    storage.set(&key(ALLOWANCES, &[address]), &end.to_be_bytes());
}

// --- grants --------------------------------------------------------------------

fn grant_key(id: u64, number: u32) -> Vec<u8> {
    key(GRANTS, &[&id.to_be_bytes(), &number.to_be_bytes()])
}

pub fn grant(storage: &dyn Storage, id: u64, number: u32) -> Result<Option<Grant>, Error> {
    storage.get(&grant_key(id, number)).map(|bytes| Grant::decode(&bytes)).transpose()
}

pub fn save_grant(storage: &mut dyn Storage, id: u64, number: u32, grant: &Grant) {
    storage.set(&grant_key(id, number), &grant.encode());
}

pub fn index_viewer(storage: &mut dyn Storage, viewer: &CanonicalAddr, id: u64, number: u32) {
    let parts: [&[u8]; 3] = [&sized(viewer), &id.to_be_bytes(), &number.to_be_bytes()];
    storage.set(&key(OF_VIEWER, &parts), &PRESENT);
}

/// (relationship, grant) after `start_after` given to this viewer, ascending, at most `limit`.
pub fn of_viewer(
    storage: &dyn Storage,
    viewer: &CanonicalAddr,
    start_after: Option<(u64, u32)>,
    limit: usize,
) -> Result<Vec<(u64, u32)>, Error> {
    let prefix = key(OF_VIEWER, &[&sized(viewer)]);
    let (id, number) = start_after.unwrap_or_default();
    let after = [prefix.as_slice(), &id.to_be_bytes(), &number.to_be_bytes()].concat();
    let end = [prefix.as_slice(), &u64::MAX.to_be_bytes(), &u32::MAX.to_be_bytes()].concat();
    storage
        .range(Some(&after), Some(&end), Order::Ascending)
        .filter(|(key, _)| *key != after)
        .take(limit)
        .map(|(key, _)| {
            let [a, b, c, d, e, f, g, h, number @ ..] = tail::<12>(&key, "index of viewers")?;
            Ok((u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes(number)))
        })
        .collect()
}

/// The last grant that made this address a carer of the relationship, in force or not.
pub fn carer(storage: &dyn Storage, id: u64, address: &CanonicalAddr) -> Result<Option<(u32, Grant)>, Error> {
    let item = "index of carers";
    let Some(bytes) = storage.get(&key(CARERS, &[&id.to_be_bytes(), address])) else { return Ok(None) };
    let number = <[u8; 4]>::try_from(bytes.as_slice()).map_err(|_| Error::Damaged { item })?;
    let number = u32::from_be_bytes(number);
    let grant = grant(storage, id, number)?.ok_or(Error::Damaged { item })?;
    Ok(Some((number, grant)))
}

pub fn index_carer(storage: &mut dyn Storage, id: u64, address: &CanonicalAddr, number: u32) {
    storage.set(&key(CARERS, &[&id.to_be_bytes(), address]), &number.to_be_bytes());
}

/// The start of a sealed text: half of HPKE's fresh public key, so never the same twice but in a repeated message.
fn sealing_key(id: u64, sealed: &[u8]) -> Vec<u8> {
    key(SEALINGS, &[&id.to_be_bytes(), sealed.get(..16).unwrap_or(sealed)])
}

/// The grant of this relationship that was made with this sealed text.
pub fn sealing(storage: &dyn Storage, id: u64, sealed: &[u8]) -> Result<Option<u32>, Error> {
    let Some(bytes) = storage.get(&sealing_key(id, sealed)) else { return Ok(None) };
    let number = <[u8; 4]>::try_from(bytes.as_slice());
    number.map(|number| Some(u32::from_be_bytes(number))).map_err(|_| Error::Damaged { item: "sealings" })
}

pub fn index_sealing(storage: &mut dyn Storage, id: u64, sealed: &[u8], number: u32) {
    storage.set(&sealing_key(id, sealed), &number.to_be_bytes());
}
