//! Is the sender who the message needs?

use cosmwasm_std::{Addr, Deps, MessageInfo};
use medrec_api::registrar::{Error, ExecuteMsg, InstitutionStatus, RegistrationPolicy, Role, role};

use crate::state;

/// Funds sent here would be nobody's.
pub fn no_funds(operation: &'static str, info: &MessageInfo) -> Result<(), Error> {
    match info.funds.first() {
        None => Ok(()),
        Some(coin) => Err(Error::Funds { operation, found: coin.to_string() }),
    }
}

/// Refuses a sender who has not the role the message needs.
pub fn check(deps: Deps, sender: &Addr, msg: &ExecuteMsg) -> Result<(), Error> {
    let operation = msg.name();
    let needed = role(msg);
    let allowed = match needed {
        Role::Consortium => state::CONFIG.load(deps.storage)?.consortium == *sender,
        Role::Certifier => certifier(deps, sender)?.is_some(),
        Role::Institution => institution(deps, sender)?.is_some(),
        Role::Withdrawer => match msg {
            ExecuteMsg::WithdrawResearcher { account } => withdraws(deps, sender, operation, account)?,
            _ => false,
        },
        Role::Person => match msg {
            ExecuteMsg::RotatePerson { handle, .. } => {
                let person = state::person(deps.storage, handle)?.ok_or(Error::NoPerson { operation })?;
                person.address == *sender
            }
            _ => false,
        },
    };
    if allowed { Ok(()) } else { Err(Error::Sender { operation, sender: sender.to_string(), needed }) }
}

/// Who certifies persons under the policy in force.
pub enum Certifier {
    Consortium,
    Institution(u32),
}

/// As whom the sender may register persons, if at all.
pub fn certifier(deps: Deps, sender: &Addr) -> Result<Option<Certifier>, Error> {
    let config = state::CONFIG.load(deps.storage)?;
    Ok(match config.registration {
        RegistrationPolicy::Consortium => (config.consortium == *sender).then_some(Certifier::Consortium),
        RegistrationPolicy::Institutions => institution(deps, sender)?.map(Certifier::Institution),
    })
}

/// The active institution whose present account this is.
pub fn institution(deps: Deps, account: &Addr) -> Result<Option<u32>, Error> {
    Ok(match state::BY_ACCOUNT.may_load(deps.storage, account)? {
        Some(id) if state::institution(deps.storage, id)?.status == InstitutionStatus::Active => Some(id),
        _ => None,
    })
}

/// The consortium withdraws too: an institution that is expelled withdraws nobody.
fn withdraws(deps: Deps, sender: &Addr, operation: &'static str, account: &str) -> Result<bool, Error> {
    let researcher = state::find_researcher(deps, operation, account)?;
    Ok(institution(deps, sender)? == Some(researcher.certified_by)
        || state::CONFIG.load(deps.storage)?.consortium == *sender)
}
