use cosmwasm_std::{DepsMut, Response};
use medrec_api::bounty::{CatalogueEntry, Error, validate_catalogue};
use medrec_events::bounty::{Catalogue, Event};

use crate::state::{CATALOGUE_VERSIONS, CATALOGUES};

/// What open offers from now on may be asked. Offers that stand keep theirs: an institution that took an entry back
/// could else leave an owner nothing to ask.
pub fn set_catalogue(
    deps: DepsMut,
    institution: u32,
    entries: Vec<CatalogueEntry>,
) -> Result<Response, Error> {
    validate_catalogue(&entries)?;
    let newest = CATALOGUE_VERSIONS.may_load(deps.storage, institution)?.unwrap_or_default();
    let present = CATALOGUES.may_load(deps.storage, (institution, newest))?.unwrap_or_default();
    if present == entries {
        return Err(Error::CatalogueSame { institution });
    }
    let used_up = Error::NumbersUsedUp { operation: "set_catalogue", institution };
    let version = newest.checked_add(1).ok_or(used_up)?;
    CATALOGUES.save(deps.storage, (institution, version), &entries)?;
    CATALOGUE_VERSIONS.save(deps.storage, institution, &version)?;
    let entries = Catalogue(entries);
    Ok(Response::new().add_event(Event::CatalogueSet { institution, version, entries }))
}
