//! Reads. Lists are paginated.

use cosmwasm_std::{Binary, Deps, Order};
use cw_storage_plus::Bound;
use medrec_api::{
    bounty::{
        Asked, BudgetResponse, CatalogueResponse, ConfigResponse, Error, OfferResponse, OfferState,
        OffersResponse, Owner, RecordResponse, RecordsResponse,
    },
    page,
};

use crate::{
    listing, permissions,
    state::{self, CATALOGUE_VERSIONS, CATALOGUES, CONFIG, Offer, RECORDS},
};

pub fn config(deps: Deps) -> Result<ConfigResponse, Error> {
    let config = CONFIG.load(deps.storage)?;
    Ok(ConfigResponse {
        consortium: config.consortium.into(),
        registrar: config.registrar.into(),
        authlog: config.authlog.into(),
    })
}

pub fn budget(deps: Deps, institution: u32) -> Result<BudgetResponse, Error> {
    Ok(BudgetResponse { institution, budget: state::budget(deps.storage, institution)? })
}

/// A version that is not there has no entries.
pub fn catalogue(deps: Deps, institution: u32, version: Option<u32>) -> Result<CatalogueResponse, Error> {
    let version = match version {
        Some(version) => version,
        None => CATALOGUE_VERSIONS.may_load(deps.storage, institution)?.unwrap_or_default(),
    };
    let entries = CATALOGUES.may_load(deps.storage, (institution, version))?.unwrap_or_default();
    Ok(CatalogueResponse { institution, version, entries })
}

pub fn offer(deps: Deps, id: &Binary) -> Result<OfferResponse, Error> {
    Ok(answer(state::find(deps.storage, "offer_by_id", id)?))
}

pub fn offers(
    deps: Deps,
    institution: Option<u32>,
    state: Option<OfferState>,
    start_after: Option<u64>,
    limit: Option<u32>,
) -> Result<OffersResponse, Error> {
    answers(deps, listing::numbers(deps.storage, institution, state, start_after, page(limit))?)
}

pub fn owned_by(
    deps: Deps,
    researcher: &str,
    start_after: Option<u64>,
    limit: Option<u32>,
) -> Result<OffersResponse, Error> {
    let researcher = permissions::address(deps.api, "researcher", researcher)?;
    answers(deps, listing::numbers_owned(deps.storage, &researcher, start_after, page(limit))?)
}

pub fn record(deps: Deps, institution: u32) -> Result<RecordResponse, Error> {
    let record = RECORDS.may_load(deps.storage, institution)?.unwrap_or_default();
    Ok(RecordResponse { institution, record })
}

pub fn records(deps: Deps, start_after: Option<u32>, limit: Option<u32>) -> Result<RecordsResponse, Error> {
    let from = start_after.map(Bound::exclusive);
    let rows = RECORDS.range(deps.storage, from, None, Order::Ascending).take(page(limit));
    let records = rows.map(|row| row.map(|(institution, record)| RecordResponse { institution, record }));
    Ok(RecordsResponse { records: records.collect::<Result<_, _>>()? })
}

fn answers(deps: Deps, (numbers, next): listing::Page) -> Result<OffersResponse, Error> {
    let offers = numbers.into_iter().map(|number| state::by_number(deps.storage, number).map(answer));
    Ok(OffersResponse { offers: offers.collect::<Result<_, _>>()?, next })
}

fn answer(offer: Offer) -> OfferResponse {
    let deadline = offer.deadline();
    let question = offer.question().cloned();
    let Offer { number, terms, standing } = offer;
    let state::Terms { id, institution, terms, catalogue, seals, height, at } = terms;
    OfferResponse {
        number,
        id,
        institution,
        terms,
        catalogue,
        seals,
        offered_height: height,
        offered_at: at,
        state: standing.state,
        owner: standing.owner.map(owner),
        asked: standing.asked.zip(question).map(|(asked, question)| Asked {
            question,
            height: asked.height,
            at: asked.at,
            answer_by: asked.answer_by,
        }),
        delivered: standing.delivered,
        deadline,
    }
}

fn owner(owner: state::Owner) -> Owner {
    let state::Owner { researcher, encryption_key, seal, claimed_seals, claimed_height } = owner;
    Owner { researcher: researcher.into(), encryption_key, seal, claimed_seals, claimed_height }
}
