//! Is the sender who the message needs? Within a relationship `medrec_rules::may_act` decides.

use cosmwasm_std::{Addr, Deps, Env, MessageInfo};
use medrec_api::relationship::{Error, ExecuteMsg, GrantKind, Role, role};
use medrec_rules::{ActRefusal, Action, Relationship, may_act};

use crate::state::{self, Delegate};

/// The consortium fills the pool that pays everybody's fees (ADR 004); other funds would be nobody's.
pub fn funds(deps: Deps, msg: &ExecuteMsg, info: &MessageInfo) -> Result<(), Error> {
    match (role(msg), info.funds.first()) {
        (_, None) => Ok(()),
        (Role::Consortium, Some(_)) => {
            let denom = state::config(deps.storage)?.allowance.denom;
            pool_only(msg.name(), info, &denom)
        }
        (_, Some(coin)) => Err(Error::Funds { operation: msg.name(), found: coin.to_string() }),
    }
}

/// Takes no funds but those that fees are paid in.
pub fn pool_only(operation: &'static str, info: &MessageInfo, denom: &str) -> Result<(), Error> {
    match info.funds.iter().find(|coin| coin.denom != denom) {
        None => Ok(()),
        Some(coin) => Err(Error::Funds { operation, found: coin.to_string() }),
    }
}

/// Refuses a sender who has not the role the message needs, and a relationship whose status forbids the message.
pub fn check(deps: Deps, env: &Env, sender: &Addr, msg: &ExecuteMsg) -> Result<(), Error> {
    let needed = role(msg);
    let allowed = match needed {
        Role::Consortium => state::config(deps.storage)?.consortium == *sender,
        Role::Sponsor => state::config(deps.storage)?.sponsor == *sender,
        Role::Delegate => delegate(deps, sender)?,
        Role::Patient | Role::PatientOrCarer | Role::PatientOrSteward => {
            return side(deps, env, sender, msg, needed);
        }
    };
    if allowed { Ok(()) } else { Err(refused(sender, msg, needed)) }
}

fn refused(sender: &Addr, msg: &ExecuteMsg, needed: Role) -> Error {
    Error::Sender { operation: msg.name(), sender: sender.to_string(), needed }
}

fn delegate(deps: Deps, sender: &Addr) -> Result<bool, Error> {
    match state::delegate(deps.storage, &deps.api.addr_canonicalize(sender.as_str())?)? {
        Delegate::Admitted => Ok(true),
        Delegate::Unknown => Ok(false),
        Delegate::Used { id } => Err(Error::OpenUsed { delegate: sender.to_string(), id }),
    }
}

fn side(deps: Deps, env: &Env, sender: &Addr, msg: &ExecuteMsg, needed: Role) -> Result<(), Error> {
    let operation = msg.name();
    let (id, action) = match msg {
        ExecuteMsg::Accept { id, .. } => (*id, Action::Accept),
        ExecuteMsg::Reject { id } => (*id, Action::Reject),
        ExecuteMsg::Close { id } => (*id, Action::Close),
        ExecuteMsg::Rotate { id, .. } => (*id, Action::Rotate),
        ExecuteMsg::SetResearch { id, .. } => (*id, Action::Research),
        ExecuteMsg::Grant { id, kind, .. } => (*id, Action::Grant(*kind)),
        ExecuteMsg::Revoke { id, grant } => {
            let head = state::head(deps.storage, operation, *id)?;
            let found = state::grant(deps.storage, *id, *grant)?.ok_or(Error::RevokeUnknown {
                id: *id,
                grant: *grant,
                count: head.grants,
            })?;
            (*id, Action::Revoke(found.kind))
        }
        ExecuteMsg::Admit { .. } | ExecuteMsg::Open { .. } | ExecuteMsg::SetSponsor { .. } => {
            return Err(refused(sender, msg, needed));
        }
    };
    let head = state::head(deps.storage, operation, id)?;
    let patient = deps.api.addr_humanize(&head.patient)?;
    let steward = deps.api.addr_humanize(&head.steward)?;
    let relationship =
        Relationship { patient: patient.as_str(), steward: steward.as_str(), status: head.status };
    // A carer's grant is looked up only for somebody who is no side himself.
    let carer = if *sender == patient || *sender == steward {
        None
    } else {
        state::carer(deps.storage, id, &deps.api.addr_canonicalize(sender.as_str())?)?
    };
    let carer =
        carer.as_ref().map(|(number, grant)| grant.for_rules(*number, sender.as_str())).transpose()?;
    match may_act(&relationship, &carer, sender.as_str(), action, env.block.time.seconds()) {
        Ok(_) => Ok(()),
        Err(ActRefusal::Status { action, status }) => Err(Error::WrongStatus { action, id, status }),
        Err(ActRefusal::Sender(Action::Revoke(GrantKind::Act))) => Err(refused(sender, msg, Role::Patient)),
        Err(ActRefusal::Sender(_)) => Err(refused(sender, msg, needed)),
    }
}
