use cosmwasm_std::{DepsMut, Response};
use medrec_api::relationship::{Error, Status};
use medrec_events::relationship::Event;

use crate::state;

/// The patient declines; nothing is ever filed.
pub fn reject(deps: DepsMut, id: u64) -> Result<Response, Error> {
    let mut head = state::head(deps.storage, "reject", id)?;
    head.status = Status::Rejected;
    state::save_head(deps.storage, id, &head);
    Ok(Response::new().add_event(Event::Rejected { id }))
}
