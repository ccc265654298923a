use cosmwasm_std::{Addr, DepsMut, Response};
use medrec_api::relationship::{Error, Status};
use medrec_events::relationship::Event;

use crate::state;

/// Ends grants and filing. The patient still reads, and both sides still rotate.
pub fn close(deps: DepsMut, sender: Addr, id: u64) -> Result<Response, Error> {
    let mut head = state::head(deps.storage, "close", id)?;
    head.status = Status::Closed;
    state::save_head(deps.storage, id, &head);
    Ok(Response::new().add_event(Event::Closed { id, by: sender.into_string() }))
}
