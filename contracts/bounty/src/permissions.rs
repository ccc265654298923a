//! Is the sender who the message needs? The role table of `medrec_api::bounty`, checked before any message is looked into.

use cosmwasm_std::{Addr, Api, Deps, MessageInfo};
use medrec_api::{
    bounty::{Error, ExecuteMsg, OfferState, role},
    registrar::{InstitutionStatus, Registry},
    validate,
};

use crate::{
    seals,
    state::{self, Config},
};

/// Funds sent here would be nobody's.
pub fn no_funds(operation: &'static str, info: &MessageInfo) -> Result<(), Error> {
    match info.funds.first() {
        None => Ok(()),
        Some(found) => Err(Error::Funds { operation, found: found.to_string() }),
    }
}

/// Reads an address of a message.
pub fn address(api: &dyn Api, field: &'static str, text: &str) -> Result<Addr, Error> {
    Ok(validate::address(api, field, text)?)
}

/// Refuses a sender who has not the role the message needs. For a first claim: the seal that makes him the owner.
pub fn check(deps: Deps, config: &Config, sender: &Addr, msg: &ExecuteMsg) -> Result<Option<u64>, Error> {
    let operation = msg.name();
    let mut won = None;
    let holds = match msg {
        ExecuteMsg::SetBudget { .. } => *sender == config.consortium,
        ExecuteMsg::SetCatalogue { institution, .. } | ExecuteMsg::Offer { institution, .. } => {
            speaks_for(deps, config, operation, *institution, sender)?
        }
        ExecuteMsg::Deliver { offer, .. } => {
            let offer = state::find(deps.storage, operation, offer)?;
            speaks_for(deps, config, operation, offer.terms.institution, sender)?
        }
        ExecuteMsg::Claim { offer: id, .. } | ExecuteMsg::Ask { offer: id, .. } => {
            let offer = state::find(deps.storage, operation, id)?;
            let open_to_claims = offer.standing.state == OfferState::Offered;
            match &offer.standing.owner {
                Some(owner) => owner.researcher == *sender && researcher_counts(deps, config, sender),
                None if open_to_claims && operation == "claim" => {
                    let (owner, seal) = seals::owner(deps, config, &id.to_hex(), &offer.terms)?;
                    won = Some(seal);
                    owner == *sender
                }
                None => false,
            }
        }
        ExecuteMsg::Expire { .. } => true,
    };
    if holds {
        Ok(won)
    } else {
        Err(Error::Sender { operation, sender: sender.to_string(), needed: role(msg) })
    }
}

fn speaks_for(
    deps: Deps,
    config: &Config,
    operation: &'static str,
    institution: u32,
    sender: &Addr,
) -> Result<bool, Error> {
    let registry = registry(deps, config);
    match registry.status(institution) {
        Some(InstitutionStatus::Active) => Ok(registry.is_account(institution, sender)),
        Some(InstitutionStatus::Expelled) => Err(Error::InstitutionExpelled { operation, institution }),
        None => Err(Error::NoInstitution { operation, institution }),
    }
}

/// Is he certified now, by an institution that is active now?
pub fn researcher_counts(deps: Deps, config: &Config, account: &Addr) -> bool {
    let registry = registry(deps, config);
    let row = registry.researcher(account);
    row.is_some_and(|row| registry.status(row.certified_by) == Some(InstitutionStatus::Active))
}

pub fn registry<'a>(deps: Deps<'a>, config: &'a Config) -> Registry<'a> {
    Registry::new(deps.querier, &config.registrar)
}
