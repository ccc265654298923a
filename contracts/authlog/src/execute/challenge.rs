use cosmwasm_std::{Addr, DepsMut, Env, Response};
use medrec_api::authlog::Error;
use medrec_events::authlog::Event;

use crate::{
    attested,
    challenges::{self, Challenge},
    permissions::Standing,
    sealing, state,
};

/// Asks for one entry of the attested head; one challenge a log and institution at a time.
pub fn challenge(
    deps: DepsMut,
    env: &Env,
    (sender, standing): (&Addr, &Standing),
    (slot, index): (u32, u64),
) -> Result<Response, Error> {
    state::log(deps.storage, slot, "challenge")?;
    let settings = sealing::settings_for(deps.storage, "challenge")?;
    let challenger = standing.institution;
    if let Some(Challenge { index, deadline, .. }) = challenges::challenge(deps.storage, slot, challenger)? {
        return Err(Error::ChallengeOpen { slot, challenger, index, deadline });
    }
    let known = attested::attested(deps.storage, slot)?;
    if index >= known.size {
        return Err(Error::ChallengeOutside { slot, index, attested: known.size });
    }
    let deadline = env.block.time.seconds().saturating_add(settings.challenge_seconds);
    let open = Challenge { withheld: false, index, size: known.size, root: known.root, deadline };
    challenges::save(deps.storage, slot, challenger, &open);
    let by = sender.to_string();
    Ok(Response::new().add_event(Event::Challenged { slot, challenger, index, deadline, by }))
}
