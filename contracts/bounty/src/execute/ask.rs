use cosmwasm_std::{Binary, DepsMut, Env, Response};
use medrec_api::bounty::{Action, Error, OfferState, Question, permits};
use medrec_events::bounty::Event;

use crate::{
    seals,
    state::{self, Asked, CATALOGUES, Config, Offer},
};

/// The owner of an open offer puts his question; its price is spent with that, whatever becomes of it (security H8).
pub fn ask(
    deps: DepsMut,
    env: &Env,
    config: &Config,
    id: &Binary,
    question: Question,
) -> Result<Response, Error> {
    let mut offer = state::find(deps.storage, "ask", id)?;
    if offer.terms.is_open() && offer.standing.asked.is_some() {
        let same = offer.question() == Some(&question);
        return if same { Ok(Response::new()) } else { Err(Error::AskOther { offer: offer.id() }) };
    }
    question.validate()?;
    let taken = offer.step(Action::Ask, seals::moment(deps.as_ref(), config, env, "ask")?)?;
    let (institution, version) = (offer.terms.institution, offer.terms.catalogue.unwrap_or_default());
    let entries = CATALOGUES.may_load(deps.storage, (institution, version))?.unwrap_or_default();
    if permits(&entries, &question).is_none() {
        return Err(Error::AskOutside { institution, version });
    }
    let event = asked(&mut offer, env, Some(question))?;
    state::charge(deps.storage, "ask", &offer, taken)?;
    offer.save(deps.storage, OfferState::Owned)?;
    Ok(Response::new().add_event(event))
}

/// From here on the answer is due. `question`: of an open offer.
pub fn asked(offer: &mut Offer, env: &Env, question: Option<Question>) -> Result<Event, Error> {
    let (height, at) = (env.block.height, env.block.time.seconds());
    let answer_by = at.saturating_add(offer.terms.terms.answer_seconds);
    offer.standing.asked = Some(Asked { question, height, at, answer_by });
    let question = offer.question().cloned().ok_or(Error::Damaged { item: "question of an offer" })?;
    let (id, institution) = (offer.terms.id.clone(), offer.terms.institution);
    Ok(Event::Asked { offer: id, institution, question, spent: offer.terms.terms.price, answer_by })
}
