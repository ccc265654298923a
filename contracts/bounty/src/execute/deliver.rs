use cosmwasm_std::{Binary, DepsMut, Env, Response};
use medrec_api::{
    bounty::{Action, Delivered, Error, MAX_ANSWER, MIN_ANSWER, Moment, OfferState},
    validate,
};
use medrec_events::bounty::Event;
use sha2::{Digest, Sha256};

use crate::state;

/// The sealed answer travels inside: what is delivered is there for its owner to open, or to dispute (security H21).
pub fn deliver(deps: DepsMut, env: &Env, id: &Binary, answer: Binary) -> Result<Response, Error> {
    validate::length("answer", answer.len(), MIN_ANSWER, MAX_ANSWER)?;
    let hash = Binary::from(Sha256::digest(&answer).as_slice());
    let mut offer = state::find(deps.storage, "deliver", id)?;
    if let Some(known) = &offer.standing.delivered {
        let (offer, delivered, found) = (offer.id(), known.hash.to_hex(), hash.to_hex());
        let other = Error::DeliverOther { offer, delivered, found };
        return if known.hash == hash { Ok(Response::new()) } else { Err(other) };
    }
    let (height, at) = (env.block.height, env.block.time.seconds());
    // An answer is due by block time: no number of seals is looked at.
    offer.step(Action::Deliver, Moment { seals: 0, time: at })?;
    offer.standing.delivered = Some(Delivered { hash: hash.clone(), height, at });
    offer.save(deps.storage, OfferState::Asked)?;
    let institution = offer.terms.institution;
    state::count(deps.storage, institution, |record| &mut record.delivered)?;
    let event = Event::Delivered { offer: id.clone(), institution, hash, answer };
    Ok(Response::new().add_event(event))
}
