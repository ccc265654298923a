//! Is the sender who the message needs? The role table of `medrec_api::authlog`, checked before any message is looked into.

use cosmwasm_std::{Addr, Api, Deps, MessageInfo, Storage};
use medrec_api::{
    authlog::{Cosigner, Error, ExecuteMsg, Role, role},
    registrar::{InstitutionStatus, Registry},
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

/// In whose name a cosigner or researcher speaks.
pub struct Standing {
    /// The cosigner's own, or the one that certified the researcher.
    pub institution: u32,
    /// Ed25519: the researcher's, or of the institution's log. Nobody's in messages of other roles.
    pub key: Vec<u8>,
}

/// Refuses a sender who has not the role the message needs.
pub fn check(deps: Deps, config: &Config, sender: &Addr, msg: &ExecuteMsg) -> Result<Standing, Error> {
    let operation = msg.name();
    let nobody = || Standing { institution: 0, key: Vec::new() };
    let standing = match role(msg) {
        Role::Anybody => Some(nobody()),
        Role::Consortium => (*sender == config.consortium).then(nobody),
        Role::Institution => {
            let institution = institution_of(deps.storage, msg)?;
            is_account_of(deps, config, operation, institution, sender)?.then(nobody)
        }
        Role::Researcher => researcher(deps, config, operation, sender)?,
        Role::Cosigner => cosigner(deps, config, sender, msg)?,
    };
    standing.ok_or_else(|| Error::Sender { operation, sender: sender.to_string(), needed: role(msg) })
}

/// Whether this is the account of an institution, which is active.
fn is_account_of(
    deps: Deps,
    config: &Config,
    operation: &'static str,
    institution: u32,
    sender: &Addr,
) -> Result<bool, Error> {
    is_active(deps, config, operation, institution)?;
    Ok(registry(deps, config).is_account(institution, sender))
}

fn cosigner(deps: Deps, config: &Config, sender: &Addr, msg: &ExecuteMsg) -> Result<Option<Standing>, Error> {
    let operation = msg.name();
    match msg {
        ExecuteMsg::Cosign { cosigner: named, .. } | ExecuteMsg::Challenge { challenger: named, .. } => {
            match named {
                Cosigner::Researcher { account } if account != sender.as_str() => Ok(None),
                Cosigner::Researcher { .. } => researcher(deps, config, operation, sender),
                Cosigner::Institution { id } => {
                    if !is_account_of(deps, config, operation, *id, sender)? {
                        return Ok(None);
                    }
                    let slot = state::SLOT_OF.may_load(deps.storage, *id)?;
                    let slot = slot.ok_or(Error::NoLogOf { operation, institution: *id })?;
                    let key = state::log(deps.storage, slot, operation)?.key.into();
                    Ok(Some(Standing { institution: *id, key }))
                }
            }
        }
        // Unreachable by the role table.
        _ => Ok(None),
    }
}

fn researcher(
    deps: Deps,
    config: &Config,
    operation: &'static str,
    sender: &Addr,
) -> Result<Option<Standing>, Error> {
    let Some(row) = registry(deps, config).researcher(sender) else { return Ok(None) };
    is_active(deps, config, operation, row.certified_by)?;
    Ok(Some(Standing { institution: row.certified_by, key: row.key.to_vec() }))
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

fn is_active(deps: Deps, config: &Config, operation: &'static str, institution: u32) -> Result<(), Error> {
    match registry(deps, config).status(institution) {
        Some(InstitutionStatus::Active) => Ok(()),
        Some(InstitutionStatus::Expelled) => Err(Error::InstitutionExpelled { operation, institution }),
        None => Err(Error::NoInstitution { operation, institution }),
    }
}

fn registry<'a>(deps: Deps<'a>, config: &'a Config) -> Registry<'a> {
    Registry::new(deps.querier, &config.registrar)
}
