use cosmwasm_std::{Addr, DepsMut, Env, Response};
use medrec_api::authlog::Error;
use medrec_events::authlog::Event;

use crate::{
    attested::{self, Challenge},
    sealing, state,
};

/// Asks for one entry of the attested head; one challenge a log at a time.
pub fn challenge(
    deps: DepsMut,
    env: &Env,
    sender: &Addr,
    (slot, index): (u32, u64),
) -> Result<Response, Error> {
    state::log(deps.storage, slot, "challenge")?;
    let settings = sealing::settings_for(deps.storage, "challenge")?;
    if let Some(Challenge { index, deadline, .. }) = attested::challenge(deps.storage, slot)? {
        return Err(Error::ChallengeOpen { slot, index, deadline });
    }
    let known = attested::attested(deps.storage, slot)?;
    if index >= known.size {
        return Err(Error::ChallengeOutside { slot, index, attested: known.size });
    }
    let deadline = env.block.time.seconds().saturating_add(settings.challenge_seconds);
    let open = Challenge { index, size: known.size, root: known.root, deadline };
    attested::save_challenge(deps.storage, slot, &open);
    let by = sender.to_string();
    Ok(Response::new().add_event(Event::Challenged { slot, index, deadline, by }))
}
