//! Keys, indexes and records behind verbs.

use cosmwasm_schema::cw_serde;
use cosmwasm_std::{Addr, Binary, StdError, Storage};
use cw_storage_plus::{Item, Map};
use medrec_api::registrar::{Error, InstitutionStatus, RegistrationPolicy, account_key, status_key};

#[cw_serde]
pub struct Config {
    pub consortium: Addr,
    pub registration: RegistrationPolicy,
}

#[cw_serde]
pub struct Institution {
    pub status: InstitutionStatus,
    pub name: String,
    pub url: String,
    pub account: Addr,
    pub signing_key: Binary,
    pub log_origin: String,
    pub log_key: Binary,
    pub encryption_key: Binary,
}

#[cw_serde]
pub struct Person {
    pub address: Addr,
    pub encryption_key: Binary,
    pub certified_by: Option<u32>,
}

pub const CONFIG: Item<Config> = Item::new("config");
/// Newest id given; ids count from 1 and are never given again.
const NEWEST: Item<u32> = Item::new("newest");
pub const INSTITUTIONS: Map<u32, Institution> = Map::new("institutions");
pub const BY_ACCOUNT: Map<&Addr, u32> = Map::new("by_account");
pub const BY_ORIGIN: Map<&str, u32> = Map::new("by_origin");
const PERSONS: Map<&[u8], Person> = Map::new("persons");

pub fn newest(storage: &dyn Storage) -> Result<u32, Error> {
    Ok(NEWEST.may_load(storage)?.unwrap_or_default())
}

pub fn next_id(storage: &mut dyn Storage, operation: &'static str) -> Result<u32, Error> {
    let id = newest(storage)?.checked_add(1).ok_or(Error::IdsUsedUp { operation })?;
    NEWEST.save(storage, &id)?;
    Ok(id)
}

/// An institution known to exist.
pub fn institution(storage: &dyn Storage, id: u32) -> Result<Institution, StdError> {
    INSTITUTIONS.load(storage, id)
}

/// An institution somebody asks for.
pub fn find_institution(
    storage: &dyn Storage,
    operation: &'static str,
    id: u32,
) -> Result<Institution, Error> {
    match INSTITUTIONS.may_load(storage, id)? {
        Some(institution) => Ok(institution),
        None => Err(Error::NoInstitution { operation, id, newest: newest(storage)? }),
    }
}

/// Writes the record, and status and account under the raw keys that other contracts read (wire.md section 11).
pub fn save_institution(
    storage: &mut dyn Storage,
    id: u32,
    institution: &Institution,
) -> Result<(), StdError> {
    storage.set(&status_key(id), &[institution.status.byte()]);
    storage.set(&account_key(id), institution.account.as_bytes());
    INSTITUTIONS.save(storage, id, institution)
}

/// Gives an account to one institution, once.
pub fn claim_account(
    storage: &mut dyn Storage,
    operation: &'static str,
    account: &Addr,
    id: u32,
) -> Result<(), Error> {
    if let Some(id) = BY_ACCOUNT.may_load(storage, account)? {
        return Err(Error::AccountTaken { operation, account: account.to_string(), id });
    }
    Ok(BY_ACCOUNT.save(storage, account, &id)?)
}

/// Gives a log's name to one institution, for ever.
pub fn claim_origin(
    storage: &mut dyn Storage,
    operation: &'static str,
    origin: &str,
    id: u32,
) -> Result<(), Error> {
    if let Some(id) = BY_ORIGIN.may_load(storage, origin)? {
        return Err(Error::OriginTaken { operation, origin: origin.to_owned(), id });
    }
    Ok(BY_ORIGIN.save(storage, origin, &id)?)
}

pub fn person(storage: &dyn Storage, handle: &[u8]) -> Result<Option<Person>, StdError> {
    PERSONS.may_load(storage, handle)
}

pub fn save_person(storage: &mut dyn Storage, handle: &[u8], person: &Person) -> Result<(), StdError> {
    PERSONS.save(storage, handle, person)
}
