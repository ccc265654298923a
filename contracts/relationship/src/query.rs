//! Reads. Every list is a page.

use std::collections::BTreeSet;

use cosmwasm_std::{Binary, CanonicalAddr, Deps, to_json_binary};
use medrec_api::page;
use medrec_api::relationship::{
    ConfigResponse, DelegateResponse, DelegateStatus, Error, GrantResponse, GrantsResponse, MAX_ADDRESSES,
    MAX_IDS, QueryMsg, RelationshipResponse, RelationshipsResponse,
};
use medrec_api::validate;

use crate::execute::canonical;
use crate::state::{self, Delegate};

pub fn answer(deps: Deps, msg: QueryMsg) -> Result<Binary, Error> {
    let answer = match msg {
        QueryMsg::Config {} => to_json_binary(&config(deps)?),
        QueryMsg::Relationship { id } => to_json_binary(&relationship(deps, id)?),
        QueryMsg::Relationships { addresses, start_after, limit } => {
            to_json_binary(&relationships(deps, &addresses, start_after, limit)?)
        }
        QueryMsg::AllRelationships { start_after, limit } => {
            to_json_binary(&all_relationships(deps, start_after, limit)?)
        }
        QueryMsg::Grants { ids, start_after, limit } => {
            to_json_binary(&grants(deps, ids, start_after, limit)?)
        }
        QueryMsg::GrantsTo { viewer, start_after, limit } => {
            to_json_binary(&grants_to(deps, &viewer, start_after, limit)?)
        }
        QueryMsg::Delegate { address } => to_json_binary(&delegate(deps, &address)?),
    };
    Ok(answer?)
}

fn config(deps: Deps) -> Result<ConfigResponse, Error> {
    let config = state::config(deps.storage)?;
    Ok(ConfigResponse {
        consortium: config.consortium.into_string(),
        sponsor: config.sponsor.into_string(),
        allowance: config.allowance,
    })
}

fn relationship(deps: Deps, id: u64) -> Result<RelationshipResponse, Error> {
    let head = state::head(deps.storage, "relationship", id)?;
    let patient = humanized(deps, &head.patient)?;
    let steward = humanized(deps, &head.steward)?;
    let first = |first: &Option<CanonicalAddr>, present: &str| match first {
        Some(address) => humanized(deps, address),
        None => Ok(present.to_owned()),
    };
    Ok(RelationshipResponse {
        id,
        status: head.status,
        opened_at: head.opened_at,
        opened_height: head.opened_height,
        first_patient: first(&head.first_patient, &patient)?,
        first_steward: first(&head.first_steward, &steward)?,
        patient,
        steward,
        sealed_open: state::sealed_open(deps.storage, id).unwrap_or_default().into(),
        sealed_accept: state::sealed_accept(deps.storage, id).map(Into::into),
        grants: head.grants,
        research: head.research,
    })
}

fn relationships(
    deps: Deps,
    addresses: &[String],
    start_after: Option<u64>,
    limit: Option<u32>,
) -> Result<RelationshipsResponse, Error> {
    validate::count("addresses", addresses.len(), 1, MAX_ADDRESSES)?;
    let limit = page(limit);
    // The first `limit` of each address hold the first `limit` of all.
    let mut ids = BTreeSet::new();
    for address in addresses {
        let patient = canonical(deps.api, "addresses", address)?;
        ids.extend(state::of_patient(deps.storage, &patient, start_after.unwrap_or_default(), limit)?);
    }
    let found = ids.into_iter().take(limit).map(|id| relationship(deps, id));
    Ok(RelationshipsResponse { relationships: found.collect::<Result<_, _>>()? })
}

fn all_relationships(
    deps: Deps,
    start_after: Option<u64>,
    limit: Option<u32>,
) -> Result<RelationshipsResponse, Error> {
    // Ids have no gaps.
    let first = start_after.unwrap_or_default().saturating_add(1);
    let found = (first..=state::newest(deps.storage)?).take(page(limit)).map(|id| relationship(deps, id));
    Ok(RelationshipsResponse { relationships: found.collect::<Result<_, _>>()? })
}

fn grants(
    deps: Deps,
    ids: Vec<u64>,
    start_after: Option<(u64, u32)>,
    limit: Option<u32>,
) -> Result<GrantsResponse, Error> {
    validate::count("ids", ids.len(), 1, MAX_IDS)?;
    let limit = page(limit);
    let mut grants = Vec::new();
    for id in ids.into_iter().collect::<BTreeSet<_>>() {
        let count = state::head(deps.storage, "grants", id)?.grants;
        let first = match start_after {
            Some((after, _)) if id < after => count,
            Some((after, number)) if id == after => number.saturating_add(1),
            _ => 0,
        };
        // Numbers have no gaps.
        for number in (first..count).take(limit.saturating_sub(grants.len())) {
            grants.push(grant(deps, id, number)?);
        }
    }
    Ok(GrantsResponse { grants })
}

fn grants_to(
    deps: Deps,
    viewer: &str,
    start_after: Option<(u64, u32)>,
    limit: Option<u32>,
) -> Result<GrantsResponse, Error> {
    let viewer = canonical(deps.api, "viewer", viewer)?;
    let found = state::of_viewer(deps.storage, &viewer, start_after, page(limit))?;
    let found = found.into_iter().map(|(id, number)| grant(deps, id, number));
    Ok(GrantsResponse { grants: found.collect::<Result<_, _>>()? })
}

fn grant(deps: Deps, id: u64, number: u32) -> Result<GrantResponse, Error> {
    let grant = state::grant(deps.storage, id, number)?.ok_or(Error::Damaged { item: "grant" })?;
    Ok(GrantResponse {
        id,
        grant: number,
        viewer: humanized(deps, &grant.viewer)?,
        kind: grant.kind,
        tags: Binary::new(grant.tags.to_vec()),
        from: grant.from,
        until: grant.until,
        sealed: Binary::new(grant.sealed),
        revoked_at: grant.revoked_at,
    })
}

fn delegate(deps: Deps, address: &str) -> Result<DelegateResponse, Error> {
    let status = match state::delegate(deps.storage, &canonical(deps.api, "address", address)?)? {
        Delegate::Unknown => DelegateStatus::Unknown,
        Delegate::Admitted => DelegateStatus::Admitted,
        Delegate::Used { id } => DelegateStatus::Used { id },
    };
    Ok(DelegateResponse { status })
}

fn humanized(deps: Deps, address: &CanonicalAddr) -> Result<String, Error> {
    Ok(deps.api.addr_humanize(address)?.into_string())
}
