use cosmwasm_std::{Addr, Binary, DepsMut, Env, Response};
use medrec_api::{
    bounty::{Action, Error, Moment, OfferState},
    validate,
};
use medrec_events::bounty::Event;

use super::ask;
use crate::{
    listing, seals,
    state::{self, Config, Owner},
};

/// The owner takes the offer and says to which key answers are sealed. A fixed question is asked by it. `won`: the seal
/// that makes him the owner, while nobody has claimed.
pub fn claim(
    deps: DepsMut,
    env: &Env,
    config: &Config,
    sender: Addr,
    won: Option<u64>,
    id: &Binary,
    encryption_key: Binary,
) -> Result<Response, Error> {
    validate::x25519_key("encryption_key", &encryption_key)?;
    let mut offer = state::find(deps.storage, "claim", id)?;
    let wrong = Error::WrongState { operation: "claim", offer: offer.id(), state: offer.standing.state };
    if let Some(owner) = &offer.standing.owner {
        let same = owner.encryption_key == encryption_key;
        return if same { Ok(Response::new()) } else { Err(Error::ClaimKey { offer: offer.id() }) };
    }
    let seal = won.ok_or(wrong)?;

    let now = seals::moment(deps.as_ref(), config, env, "claim")?;
    let taken = offer.step(Action::Claim, now)?;
    let Moment { seals: claimed_seals, .. } = now;
    offer.standing.owner = Some(Owner {
        researcher: sender.clone(),
        encryption_key: encryption_key.clone(),
        seal,
        claimed_seals,
        claimed_height: env.block.height,
    });
    let institution = offer.terms.institution;
    let mut response = Response::new().add_event(Event::Owned {
        offer: offer.terms.id.clone(),
        institution,
        owner: sender.to_string(),
        encryption_key,
        seal,
        seals: claimed_seals,
    });
    if taken.state == OfferState::Asked {
        response = response.add_event(ask::asked(&mut offer, env, None)?);
    }
    state::charge(deps.storage, "claim", &offer, taken)?;
    listing::owned(deps.storage, &sender, offer.number)?;
    offer.save(deps.storage, OfferState::Offered)?;
    Ok(response)
}
