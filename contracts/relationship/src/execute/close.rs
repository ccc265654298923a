use cosmwasm_std::{Addr, DepsMut, Env, Response};
use medrec_api::relationship::{Error, Status};
use medrec_events::relationship::Event;

use crate::state;

/// Ends grants, filing and research. The patient still reads, and both sides still rotate.
pub fn close(deps: DepsMut, env: &Env, sender: Addr, id: u64) -> Result<Response, Error> {
    let mut head = state::head(deps.storage, "close", id)?;
    head.status = Status::Closed;
    if head.research.categories != 0 {
        head.research = super::from_next_block(env, 0);
    }
    state::save_head(deps.storage, id, &head);
    Ok(Response::new().add_event(Event::Closed { id, by: sender.into_string() }))
}
