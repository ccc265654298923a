//! Is the sender who the message needs? The role table of `medrec_api::authlog`, checked before any message is looked into.

use cosmwasm_std::{Addr, Api, Deps, MessageInfo, Storage};
use medrec_api::{
    authlog::{Error, ExecuteMsg, Role, role},
    registrar::{InstitutionStatus, account_key, status_key},
    validate::Invalid,
};

use crate::state::{self, Config};

/// Funds sent here would be nobody's.
pub fn no_funds(operation: &'static str, info: &MessageInfo) -> Result<(), Error> {
    match info.funds.first() {
        None => Ok(()),
        Some(found) => Err(Error::Funds { operation, found: found.to_string() }),
    }
}

/// Reads an address of a message.
pub fn address(api: &dyn Api, field: &'static str, text: &str) -> Result<Addr, Error> {
    let invalid = |reason| Invalid::Address { field, found: text.to_owned(), reason };
    Ok(api.addr_validate(text).map_err(|error| invalid(error.to_string()))?)
}

/// Refuses a sender who has not the role the message needs.
pub fn check(deps: Deps, config: &Config, sender: &Addr, msg: &ExecuteMsg) -> Result<(), Error> {
    let operation = msg.name();
    let holds = match role(msg) {
        Role::Cosigner | Role::Researcher | Role::Anybody => false,
        Role::Consortium => *sender == config.consortium,
        Role::Institution => {
            let institution = institution_of(deps.storage, msg)?;
            is_active(deps, config, operation, institution)?;
            raw(deps, config, &account_key(institution)).as_deref() == Some(sender.as_bytes())
        }
    };
    if holds {
        Ok(())
    } else {
        Err(Error::Sender { operation, sender: sender.to_string(), needed: role(msg) })
    }
}

/// The institution in whose name a message of [`Role::Institution`] speaks.
fn institution_of(storage: &dyn Storage, msg: &ExecuteMsg) -> Result<u32, Error> {
    match msg {
        ExecuteMsg::AdmitLog { institution } => Ok(*institution),
        ExecuteMsg::Anchor { slot, .. } => Ok(state::log(storage, *slot, msg.name())?.institution),
        // Unreachable by the role table; nobody is institution 0.
        _ => Ok(0),
    }
}

/// By the registrar's raw keys (wire.md section 11): two raw reads cost a third of one smart query, and an account
/// that was re-keyed holds from its very block, as nothing of it is copied here.
fn is_active(deps: Deps, config: &Config, operation: &'static str, institution: u32) -> Result<(), Error> {
    match raw(deps, config, &status_key(institution)).as_deref() {
        Some([status]) if *status == InstitutionStatus::Active.byte() => Ok(()),
        Some(_) => Err(Error::InstitutionExpelled { operation, institution }),
        None => Err(Error::NoInstitution { operation, institution }),
    }
}

/// A failing query is as good as an absent key: refused.
fn raw(deps: Deps, config: &Config, key: &[u8]) -> Option<Vec<u8>> {
    deps.querier.query_wasm_raw(&config.registrar, key).ok().flatten()
}
