use cosmwasm_std::{Addr, Binary, DepsMut, Response};
use medrec_api::registrar::{Error, Role};
use medrec_api::validate;
use medrec_events::registrar::Event;

use super::telling;
use crate::permissions::{Certifier, certifier};
use crate::state::{self, Person};

/// Ties a handle to an address. The handle is a salted hash: nobody reads a name from it.
pub fn register_person(
    deps: DepsMut,
    sender: &Addr,
    handle: &Binary,
    person: &str,
    encryption_key: Binary,
) -> Result<Response, Error> {
    validate::bytes32("handle", handle)?;
    validate::x25519_key("encryption_key", &encryption_key)?;
    let address = validate::address(deps.api, "address", person)?;
    let certified_by = match certifier(deps.as_ref(), sender)? {
        Some(Certifier::Institution(id)) => Some(id),
        Some(Certifier::Consortium) => None,
        None => {
            let operation = "register_person";
            return Err(Error::Sender { operation, sender: sender.to_string(), needed: Role::Certifier });
        }
    };
    if let Some(known) = state::person(deps.storage, handle)? {
        return Err(Error::PersonKnown { address: known.address.into_string() });
    }
    let person = Person { address, encryption_key, certified_by };
    state::save_person(deps.storage, handle, &person)?;
    Ok(telling(Event::PersonRegistered {
        handle: handle.clone(),
        address: person.address.into_string(),
        encryption_key: person.encryption_key,
        certified_by,
    }))
}
