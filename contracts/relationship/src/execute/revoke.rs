use cosmwasm_std::{Addr, DepsMut, Env, Response};
use medrec_api::relationship::Error;
use medrec_events::relationship::Event;

use crate::state;

/// Ends a grant from this block on.
pub fn revoke(deps: DepsMut, env: Env, sender: Addr, id: u64, number: u32) -> Result<Response, Error> {
    let Some(mut grant) = state::grant(deps.storage, id, number)? else {
        let count = state::head(deps.storage, "revoke", id)?.grants;
        return Err(Error::RevokeUnknown { id, grant: number, count });
    };
    if let Some(at) = grant.revoked_at {
        return Err(Error::RevokeAgain { id, grant: number, at });
    }
    grant.revoked_at = Some(env.block.time.seconds());
    state::save_grant(deps.storage, id, number, &grant);
    Ok(Response::new().add_event(Event::Revoked { id, grant: number, by: sender.into_string() }))
}
