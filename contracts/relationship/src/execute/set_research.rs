use cosmwasm_std::{DepsMut, Env, Response};
use medrec_api::relationship::Error;
use medrec_events::relationship::Event;

use super::from_next_block;
use crate::state;

/// The patient chooses what research may count of this relationship, from the next block on.
pub fn set_research(deps: DepsMut, env: &Env, id: u64, categories: u8) -> Result<Response, Error> {
    let mut head = state::head(deps.storage, "set_research", id)?;
    if head.research.categories == categories {
        return Err(Error::ResearchSame { id, categories });
    }
    head.research = from_next_block(env, categories);
    state::save_head(deps.storage, id, &head);
    Ok(Response::new().add_event(Event::ResearchChosen { id, categories }))
}
