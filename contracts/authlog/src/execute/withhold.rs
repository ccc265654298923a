use cosmwasm_std::{DepsMut, Env, Response};
use medrec_api::authlog::Error;
use medrec_events::authlog::Event;

use crate::{attested, challenges, sealing, state};

/// Nobody answered in time: the slot is empty from the next template on, until somebody does.
pub fn withhold(deps: DepsMut, env: &Env, slot: u32, challenger: u32) -> Result<Response, Error> {
    let log = state::log(deps.storage, slot, "withhold")?;
    let mut open = challenges::open(deps.storage, "withhold", slot, challenger)?;
    let (now, deadline) = (env.block.time.seconds(), open.deadline);
    if now <= deadline {
        return Err(Error::ChallengeRuns { slot, deadline, now });
    }
    if open.withheld {
        return Err(Error::WithheldAlready { slot, challenger });
    }
    open.withheld = true;
    challenges::save(deps.storage, slot, challenger, &open);
    let mut known = attested::attested(deps.storage, slot)?;
    if known.withheld == 0 {
        let template = sealing::next_template(deps.storage)?;
        attested::count(deps.storage, slot, &log.origin, (0, &medrec_merkle::root(&[])), template)?;
    }
    known.withheld = known.withheld.saturating_add(1);
    attested::save(deps.storage, slot, &known);
    Ok(Response::new().add_event(Event::Withheld { slot, challenger, index: open.index }))
}
