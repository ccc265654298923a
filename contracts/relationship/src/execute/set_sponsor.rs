use cosmwasm_std::{DepsMut, Response};
use medrec_api::relationship::Error;
use medrec_api::validate;
use medrec_events::relationship::Event;

use crate::state;

/// Another key admits delegates from now on.
pub fn set_sponsor(deps: DepsMut, sponsor: String) -> Result<Response, Error> {
    let mut config = state::config(deps.storage)?;
    let new = validate::address(deps.api, "sponsor", &sponsor)?;
    if new == config.sponsor {
        return Err(Error::SponsorSame { sponsor });
    }
    config.sponsor = new;
    state::save_config(deps.storage, &config)?;
    Ok(Response::new().add_event(Event::SponsorChanged { sponsor }))
}
