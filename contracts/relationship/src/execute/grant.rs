use cosmwasm_std::{Addr, Binary, DepsMut, Env, Response};
use medrec_api::relationship::{Error, GRANT_SEALED, GrantKind};
use medrec_api::validate;
use medrec_events::relationship::Event;
use medrec_rules::GrantTags;

use super::{canonical, sealed as check_sealed};
use crate::allowance;
use crate::state::{self, Grant};

/// The year 9999: later ends are no dates, and lose digits in JavaScript.
const LAST_SECOND: u128 = 253_402_300_799;

/// What is granted, as the message says it.
pub struct Terms {
    pub viewer: String,
    pub kind: GrantKind,
    pub tags: Binary,
    pub from: Option<u64>,
    pub until: u64,
    pub sealed: Binary,
}

/// Lets a viewer read, or makes a carer, within a window.
pub fn grant(mut deps: DepsMut, env: Env, sender: Addr, id: u64, terms: Terms) -> Result<Response, Error> {
    let Terms { viewer, kind, tags, from, until, sealed } = terms;
    check_sealed(&sealed, GRANT_SEALED)?;
    let tags = GrantTags::parse(&tags)?;
    let from = window(env.block.time.seconds(), from, until)?;
    let mut head = state::head(deps.storage, "grant", id)?;
    let address = canonical(deps.api, "viewer", &viewer)?;
    if address == head.patient || address == head.steward {
        return Err(Error::GrantParty { viewer, id });
    }
    if let Some(grant) = state::sealing(deps.storage, id, &sealed)? {
        return Err(Error::GrantRepeated { id, grant });
    }
    let number = head.grants;
    head.grants = number.checked_add(1).ok_or(Error::IdsUsedUp { operation: "grant" })?;
    let mut funding = None;
    if kind == GrantKind::Act {
        if let Some((grant, until)) = present_carer(&deps, &env, id, &address)? {
            return Err(Error::GrantCarer { viewer, id, grant, until });
        }
        state::index_carer(deps.storage, id, &address, number);
        funding = allowance::grant_extra(&mut deps, &env, &mut head, &address)?;
    }
    state::save_head(deps.storage, id, &head);
    state::index_sealing(deps.storage, id, &sealed, number);
    state::index_viewer(deps.storage, &address, id, number);
    let record = Grant {
        viewer: address,
        kind,
        tags: tags.to_bytes(),
        from,
        until,
        revoked_at: None,
        sealed: sealed.to_vec(),
    };
    state::save_grant(deps.storage, id, number, &record);
    let by = sender.into_string();
    let event = Event::Granted { id, grant: number, by, viewer, kind, tags, from, until, sealed };
    Ok(Response::new().add_messages(funding).add_event(event))
}

/// Checks `[from, until)` and fills in its start.
fn window(now: u64, from: Option<u64>, until: u64) -> Result<u64, Error> {
    validate::range("until", until.into(), 1, LAST_SECOND)?;
    let from = from.unwrap_or(now);
    if until <= now {
        return Err(Error::GrantPast { until, now });
    }
    if from >= until {
        return Err(Error::GrantWindow { from, until });
    }
    Ok(from)
}

/// Number and end of the grant that makes this address a carer now or will do so.
fn present_carer(
    deps: &DepsMut,
    env: &Env,
    id: u64,
    address: &cosmwasm_std::CanonicalAddr,
) -> Result<Option<(u32, u64)>, Error> {
    let found = state::carer(deps.storage, id, address)?;
    Ok(found
        .filter(|(_, grant)| grant.revoked_at.is_none() && env.block.time.seconds() < grant.until)
        .map(|(number, grant)| (number, grant.until)))
}
