use cosmwasm_std::{Addr, Binary, DepsMut, Response};
use medrec_api::relationship::{Error, OPEN_SEALED, Status};
use medrec_events::relationship::Event;

use super::sealed as check_sealed;
use crate::state;

/// The patient, or a carer in her name, takes the offer; from now on grants count and records are filed.
pub fn accept(deps: DepsMut, sender: Addr, id: u64, sealed: Binary) -> Result<Response, Error> {
    check_sealed(&sealed, OPEN_SEALED)?;
    let mut head = state::head(deps.storage, "accept", id)?;
    head.status = Status::Active;
    state::save_head(deps.storage, id, &head);
    state::save_sealed_accept(deps.storage, id, &sealed);
    Ok(Response::new().add_event(Event::Accepted { id, by: sender.into_string(), sealed }))
}
