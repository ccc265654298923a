//! Lists of offers for queries: of an institution, in a state, of a researcher. No message iterates any of them.

use cosmwasm_std::{Addr, Order, StdResult, Storage};
use cw_storage_plus::{Bound, Map};
use medrec_api::bounty::{Error, OfferState};

use crate::state::Offer;

/// Rows a page looks at, at most, when it filters.
const MAX_LOOKED_AT: usize = 300;

const OF_INSTITUTION: Map<(u32, u64), ()> = Map::new("of");
/// By state and number; the institution.
const IN_STATE: Map<(u8, u64), u32> = Map::new("in");
const OWNED: Map<(&Addr, u64), ()> = Map::new("owned");

pub fn added(storage: &mut dyn Storage, offer: &Offer) -> Result<(), Error> {
    let institution = offer.terms.institution;
    OF_INSTITUTION.save(storage, (institution, offer.number), &())?;
    Ok(IN_STATE.save(storage, (offer.standing.state as u8, offer.number), &institution)?)
}

pub fn moved(storage: &mut dyn Storage, offer: &Offer, before: OfferState) -> Result<(), Error> {
    IN_STATE.remove(storage, (before as u8, offer.number));
    let place = (offer.standing.state as u8, offer.number);
    Ok(IN_STATE.save(storage, place, &offer.terms.institution)?)
}

pub fn owned(storage: &mut dyn Storage, researcher: &Addr, number: u64) -> Result<(), Error> {
    Ok(OWNED.save(storage, (researcher, number), &())?)
}

/// Numbers of a page, and where the next one starts.
pub type Page = (Vec<u64>, Option<u64>);

/// Offers of an institution, in a state, or both.
pub fn numbers(
    storage: &dyn Storage,
    institution: Option<u32>,
    state: Option<OfferState>,
    start_after: Option<u64>,
    limit: usize,
) -> Result<Page, Error> {
    let from = start_after.map(Bound::exclusive);
    match (state, institution) {
        (Some(state), wanted) => {
            let rows = IN_STATE.prefix(state as u8).range(storage, from, None, Order::Ascending);
            let matches = |of: &u32| wanted.is_none_or(|wanted| wanted == *of);
            page(rows.map(|row| row.map(|(number, of)| (number, matches(&of)))), limit)
        }
        (None, Some(institution)) => {
            let rows = OF_INSTITUTION.prefix(institution).keys(storage, from, None, Order::Ascending);
            page(rows.map(|number| number.map(|number| (number, true))), limit)
        }
        (None, None) => {
            let rows = crate::state::TERMS.keys(storage, from, None, Order::Ascending);
            page(rows.map(|number| number.map(|number| (number, true))), limit)
        }
    }
}

pub fn numbers_owned(
    storage: &dyn Storage,
    researcher: &Addr,
    start_after: Option<u64>,
    limit: usize,
) -> Result<Page, Error> {
    let from = start_after.map(Bound::exclusive);
    let rows = OWNED.prefix(researcher).keys(storage, from, None, Order::Ascending);
    page(rows.map(|number| number.map(|number| (number, true))), limit)
}

/// Takes what matches until the page is full or enough was looked at.
fn page(mut rows: impl Iterator<Item = StdResult<(u64, bool)>>, limit: usize) -> Result<Page, Error> {
    let (mut found, mut last, mut looked_at) = (Vec::new(), None, 0_usize);
    while found.len() < limit && looked_at < MAX_LOOKED_AT {
        let Some(row) = rows.next() else { return Ok((found, None)) };
        let (number, matches) = row?;
        if matches {
            found.push(number);
        }
        last = Some(number);
        looked_at = looked_at.saturating_add(1);
    }
    let more = rows.next().transpose()?.is_some();
    Ok((found, last.filter(|_| more)))
}
