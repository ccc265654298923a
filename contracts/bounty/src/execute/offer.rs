use cosmwasm_std::{Binary, Deps, DepsMut, Env, Response, Storage};
use medrec_api::{
    bounty::{
        Error, MAX_ANSWER_SECONDS, MAX_DEADLINE_SEALS, MAX_PRICE, MIN_DEADLINE_SEALS, OfferKind, OfferState,
        Terms,
    },
    validate,
};
use medrec_events::bounty::Event;

use crate::{
    seals,
    state::{self, BUDGETS, CATALOGUE_VERSIONS, CATALOGUES, Config},
};

/// Puts an offer on chain and holds its price back. The owner is decided by a seal that nobody can have begun.
pub fn offer(
    deps: DepsMut,
    env: &Env,
    config: &Config,
    institution: u32,
    id: &Binary,
    terms: Terms,
) -> Result<Response, Error> {
    if let Some(known) = state::may_find(deps.storage, id)? {
        let same = known.terms.institution == institution && known.terms.terms == terms;
        let taken = Error::OfferTaken { offer: known.id() };
        return if same { Ok(Response::new()) } else { Err(taken) };
    }
    well_formed(&terms)?;
    if let Some(earlier) = &terms.reuses {
        reusable(deps.storage, institution, &terms, earlier)?;
    }
    let catalogue = match terms.kind {
        OfferKind::Fixed { .. } => None,
        OfferKind::Open {} => Some(catalogue(deps.as_ref(), institution)?),
    };
    let budget = state::budget(deps.storage, institution)?.reserve(terms.price);
    let budget = budget.map_err(|reason| Error::OfferBudget { institution, reason })?;
    let seals = seals::count(deps.as_ref(), config, "offer")?;
    if terms.price > 0 {
        BUDGETS.save(deps.storage, institution, &budget)?;
    }

    let (height, at) = (env.block.height, env.block.time.seconds());
    let terms = state::Terms { id: id.clone(), institution, terms, catalogue, seals, height, at };
    let offer = state::add(deps.storage, terms)?;
    state::count(deps.storage, institution, |record| &mut record.offered)?;
    Ok(Response::new().add_event(event(offer)))
}

fn event(offer: state::Offer) -> Event {
    let state::Offer { number, terms: state::Terms { id, institution, terms, catalogue, seals, .. }, .. } =
        offer;
    let Terms { kind, price, commitment, claim_seals, ask_seals, answer_seconds, reuses } = terms;
    let question = match kind {
        OfferKind::Fixed { question } => Some(question),
        OfferKind::Open {} => None,
    };
    Event::Offered {
        offer: id,
        number,
        institution,
        question,
        catalogue,
        price,
        commitment,
        claim_seals,
        ask_seals,
        answer_seconds,
        reuses,
        seals,
    }
}

fn well_formed(terms: &Terms) -> Result<(), Error> {
    let (least, most) = if terms.reuses.is_some() { (0, 0) } else { (1, MAX_PRICE) };
    validate::range("price", terms.price.into(), least, most.into())?;
    validate::bytes32("commitment", &terms.commitment)?;
    for (field, seals) in [("claim_seals", terms.claim_seals), ("ask_seals", terms.ask_seals)] {
        validate::range(field, seals.into(), MIN_DEADLINE_SEALS.into(), MAX_DEADLINE_SEALS.into())?;
    }
    validate::range("answer_seconds", terms.answer_seconds.into(), 1, MAX_ANSWER_SECONDS.into())?;
    match &terms.kind {
        OfferKind::Fixed { question } => Ok(question.validate()?),
        OfferKind::Open {} => Ok(()),
    }
}

/// Costs nothing, so it gives nothing but what was paid for: the same answer to the same question of the same data set.
fn reusable(storage: &dyn Storage, institution: u32, terms: &Terms, id: &Binary) -> Result<(), Error> {
    validate::bytes32("reuses", id)?;
    let earlier = state::find(storage, "offer", id)?;
    let OfferKind::Fixed { question } = &terms.kind else {
        return Err(Error::Reuse { earlier: earlier.id(), reason: "only a fixed offer reuses an answer" });
    };
    let given = &earlier.terms;
    let refusals = [
        (given.institution != institution, "it is another institution's"),
        (earlier.standing.state != OfferState::Delivered, "it was not delivered"),
        (given.terms.reuses.is_some(), "it reuses one itself; name that one"),
        (earlier.question() != Some(question), "it was asked another question"),
        (given.terms.commitment != terms.commitment, "its noise is under another commitment"),
    ];
    match refusals.into_iter().find(|(refused, _)| *refused) {
        Some((_, reason)) => Err(Error::Reuse { earlier: earlier.id(), reason }),
        None => Ok(()),
    }
}

fn catalogue(deps: Deps, institution: u32) -> Result<u32, Error> {
    let version = CATALOGUE_VERSIONS.may_load(deps.storage, institution)?.unwrap_or_default();
    match CATALOGUES.may_load(deps.storage, (institution, version))? {
        Some(entries) if !entries.is_empty() => Ok(version),
        _ => Err(Error::OfferNoCatalogue { institution }),
    }
}
