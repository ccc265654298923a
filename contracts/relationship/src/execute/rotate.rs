use cosmwasm_std::{Addr, Binary, CanonicalAddr, CosmosMsg, DepsMut, Env, Response};
use medrec_api::relationship::{Error, Party, ROTATE_SEALED};
use medrec_events::relationship::Event;

use super::{canonical, sealed as check_sealed};
use crate::allowance;
use crate::state::{self, Delegate, Head};

/// Moves the sender's side to a new address. What `open` and `accept` sealed stays bound to the first ones.
pub fn rotate(
    mut deps: DepsMut,
    env: Env,
    sender: Addr,
    id: u64,
    address: String,
    sealed: Option<Binary>,
) -> Result<Response, Error> {
    if let Some(sealed) = &sealed {
        check_sealed(sealed, ROTATE_SEALED)?;
    }
    let mut head = state::head(deps.storage, "rotate", id)?;
    let new = canonical(deps.api, "address", &address)?;
    if new == head.patient || new == head.steward {
        return Err(Error::RotateSame { address, id });
    }
    let (party, funding) = if deps.api.addr_humanize(&head.patient)? == sender {
        (Party::Patient, rotate_patient(&mut deps, &env, &mut head, id, new)?)
    } else {
        rotate_steward(&mut deps, &mut head, id, new, &address)?;
        (Party::Steward, None)
    };
    state::save_head(deps.storage, id, &head);
    Ok(Response::new().add_messages(funding).add_event(Event::Rotated { id, party, address, sealed }))
}

fn rotate_patient(
    deps: &mut DepsMut,
    env: &Env,
    head: &mut Head,
    id: u64,
    new: CanonicalAddr,
) -> Result<Option<CosmosMsg>, Error> {
    state::index_patient(deps.storage, &new, id);
    let funding = allowance::grant_extra(deps, env, head, &new)?;
    let old = std::mem::replace(&mut head.patient, new);
    head.first_patient.get_or_insert(old);
    Ok(funding)
}

/// The new delegate is used up by this, as by an `open`; its allowance came with its admission.
fn rotate_steward(
    deps: &mut DepsMut,
    head: &mut Head,
    id: u64,
    new: CanonicalAddr,
    address: &str,
) -> Result<(), Error> {
    match state::delegate(deps.storage, &new)? {
        Delegate::Admitted => state::use_delegate(deps.storage, &new, id),
        Delegate::Unknown => return Err(Error::RotateNotAdmitted { address: address.to_owned() }),
        Delegate::Used { id: used } => return Err(Error::RotateUsed { address: address.to_owned(), used }),
    }
    let old = std::mem::replace(&mut head.steward, new);
    head.first_steward.get_or_insert(old);
    Ok(())
}
