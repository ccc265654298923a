//! Keys, indexes and records behind verbs.

use cosmwasm_schema::cw_serde;
use cosmwasm_std::{Addr, Binary, Deps, StdError, Storage};
use cw_storage_plus::{Item, Map};
use medrec_api::registrar::{
    Error, InstitutionStatus, RegistrationPolicy, ResearcherRow, ResearcherStatus, account_key,
    researcher_key, status_key,
};
use medrec_api::validate;

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

#[cw_serde]
pub struct Researcher {
    pub status: ResearcherStatus,
    pub certified_by: u32,
    pub name: String,
    pub key: Binary,
    pub encryption_key: Binary,
    pub certificate: Binary,
}

/// Whose a signing key is.
#[cw_serde]
#[derive(Copy)]
pub enum Owner {
    Institution,
    Researcher,
}

pub const CONFIG: Item<Config> = Item::new("config");
/// Newest id given; ids count from 1 and are never given again.
const NEWEST: Item<u32> = Item::new("newest");
pub const INSTITUTIONS: Map<u32, Institution> = Map::new("institutions");
pub const BY_ACCOUNT: Map<&Addr, u32> = Map::new("by_account");
pub const BY_ORIGIN: Map<&str, u32> = Map::new("by_origin");
pub const RESEARCHERS: Map<&Addr, Researcher> = Map::new("researchers");
/// Keys that sign heads and seals: a signature must not pass as that of two.
const KEYS: Map<&[u8], Owner> = Map::new("keys");
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

/// Gives an account to one institution, once; a researcher's is his for ever.
pub fn claim_account(
    storage: &mut dyn Storage,
    operation: &'static str,
    account: &Addr,
    id: u32,
) -> Result<(), Error> {
    if let Some(id) = BY_ACCOUNT.may_load(storage, account)? {
        return Err(Error::AccountTaken { operation, account: account.to_string(), id });
    }
    if RESEARCHERS.has(storage, account) {
        return Err(Error::AccountOfResearcher { operation, account: account.to_string() });
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

/// Gives a signing key away, for ever. Institutions may share keys among themselves, nobody with a researcher.
pub fn claim_key(
    storage: &mut dyn Storage,
    operation: &'static str,
    field: &'static str,
    key: &[u8],
    owner: Owner,
) -> Result<(), Error> {
    match (KEYS.may_load(storage, key)?, owner) {
        (None, _) => Ok(KEYS.save(storage, key, &owner)?),
        (Some(Owner::Institution), Owner::Institution) => Ok(()),
        (Some(_), _) => Err(Error::KeyTaken { operation, field }),
    }
}

/// A researcher somebody asks for.
pub fn find_researcher(deps: Deps, operation: &'static str, account: &str) -> Result<Researcher, Error> {
    let account = validate::address(deps.api, "account", account)?;
    let found = RESEARCHERS.may_load(deps.storage, &account)?;
    found.ok_or_else(|| Error::NoResearcher { operation, account: account.into_string() })
}

/// Writes the record, and the row that other contracts read raw (wire.md section 11).
pub fn save_researcher(
    storage: &mut dyn Storage,
    account: &Addr,
    researcher: &Researcher,
) -> Result<(), StdError> {
    let Researcher { status, certified_by, .. } = *researcher;
    let row = ResearcherRow { status, certified_by, key: researcher.key.to_array()? };
    storage.set(&researcher_key(account.as_str()), &row.to_bytes());
    RESEARCHERS.save(storage, account, researcher)
}
