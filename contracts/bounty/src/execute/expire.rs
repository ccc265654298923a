use cosmwasm_std::{Binary, DepsMut, Env, Response};
use medrec_api::bounty::{Action, Error, OfferState};
use medrec_events::bounty::Event;

use crate::{
    seals,
    state::{self, Config},
};

/// Ends an offer whose time is over. What was never asked goes back into the budget; what was asked is a miss, for all
/// to see, and its price stays spent.
pub fn expire(deps: DepsMut, env: &Env, config: &Config, id: &Binary) -> Result<Response, Error> {
    let mut offer = state::find(deps.storage, "expire", id)?;
    let before = offer.standing.state;
    let taken = offer.step(Action::Expire, seals::moment(deps.as_ref(), config, env, "expire")?)?;
    state::charge(deps.storage, "expire", &offer, taken)?;
    offer.save(deps.storage, before)?;
    let (id, institution) = (id.clone(), offer.terms.institution);
    let event = if taken.state == OfferState::Missed {
        state::count(deps.storage, institution, |record| &mut record.missed)?;
        Event::Missed { offer: id, institution }
    } else {
        state::count(deps.storage, institution, |record| &mut record.released)?;
        Event::Released { offer: id, institution, released: offer.terms.terms.price }
    };
    Ok(Response::new().add_event(event))
}
