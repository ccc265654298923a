use cosmwasm_std::{DepsMut, Response};
use medrec_api::registrar::{Error, RegistrationPolicy};
use medrec_events::registrar::Event;

use super::telling;
use crate::state::CONFIG;

pub fn set_registration_policy(deps: DepsMut, registration: RegistrationPolicy) -> Result<Response, Error> {
    let mut config = CONFIG.load(deps.storage)?;
    if config.registration == registration {
        return Err(Error::PolicySame { found: registration });
    }
    config.registration = registration;
    CONFIG.save(deps.storage, &config)?;
    Ok(telling(Event::PolicyChanged { registration }))
}
