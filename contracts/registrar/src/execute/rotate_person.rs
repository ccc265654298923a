use cosmwasm_std::{Binary, DepsMut, Response};
use medrec_api::registrar::Error;
use medrec_api::validate;
use medrec_events::registrar::Event;

use super::telling;
use crate::state;

/// Moves a handle to a new address and key. Who certified it stays.
pub fn rotate_person(
    deps: DepsMut,
    handle: &Binary,
    new_address: &str,
    encryption_key: Binary,
) -> Result<Response, Error> {
    validate::x25519_key("encryption_key", &encryption_key)?;
    let address = validate::address(deps.api, "address", new_address)?;
    let mut person =
        state::person(deps.storage, handle)?.ok_or(Error::NoPerson { operation: "rotate_person" })?;
    if person.address == address && person.encryption_key == encryption_key {
        return Err(Error::RotateSame { address: address.into_string() });
    }
    person.address = address;
    person.encryption_key = encryption_key;
    state::save_person(deps.storage, handle, &person)?;
    Ok(telling(Event::PersonRotated {
        handle: handle.clone(),
        address: person.address.into_string(),
        encryption_key: person.encryption_key,
    }))
}
