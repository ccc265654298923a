use cosmwasm_std::{DepsMut, Env, Response};
use medrec_api::authlog::Error;
use medrec_events::authlog::Event;

use crate::{
    attested::{self, Challenge},
    sealing, state,
};

/// Nobody answered in time: the slot is empty from the next template on, until somebody does.
pub fn withhold(deps: DepsMut, env: &Env, slot: u32) -> Result<Response, Error> {
    let log = state::log(deps.storage, slot, "withhold")?;
    let open = attested::challenge(deps.storage, slot)?;
    let Challenge { index, deadline, .. } = open.ok_or(Error::NoChallenge { operation: "withhold", slot })?;
    let now = env.block.time.seconds();
    if now <= deadline {
        return Err(Error::ChallengeRuns { slot, deadline, now });
    }
    let mut known = attested::attested(deps.storage, slot)?;
    if known.withheld {
        return Err(Error::WithheldAlready { slot });
    }
    known.withheld = true;
    attested::save(deps.storage, slot, &known);
    let template = sealing::next_template(deps.storage)?;
    attested::count(deps.storage, slot, &log.origin, (0, &medrec_merkle::root(&[])), template)?;
    Ok(Response::new().add_event(Event::Withheld { slot, index }))
}
