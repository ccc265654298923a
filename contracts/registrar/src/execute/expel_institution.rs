use cosmwasm_std::{DepsMut, Response};
use medrec_api::registrar::{Error, InstitutionStatus};
use medrec_events::registrar::Event;

use super::telling;
use crate::state;

/// The institution stays listed; its id, account and log origin stay taken.
pub fn expel_institution(deps: DepsMut, id: u32) -> Result<Response, Error> {
    let mut institution = state::find_institution(deps.storage, "expel_institution", id)?;
    if institution.status == InstitutionStatus::Expelled {
        return Err(Error::ExpelAgain { id });
    }
    institution.status = InstitutionStatus::Expelled;
    state::save_institution(deps.storage, id, &institution)?;
    Ok(telling(Event::InstitutionExpelled { id }))
}
