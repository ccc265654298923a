use cosmwasm_std::{DepsMut, Response};
use cw2::set_contract_version;
use medrec_api::registrar::{Error, InstantiateMsg, MAX_GENESIS};
use medrec_api::validate;

use super::admit_institution;
use crate::migrate::{CONTRACT, VERSION};
use crate::state::{CONFIG, Config};

/// The consortium, the policy, and the institutions of genesis in their order.
pub fn instantiate(mut deps: DepsMut, msg: InstantiateMsg) -> Result<Response, Error> {
    set_contract_version(deps.storage, CONTRACT, VERSION)?;
    let consortium = validate::address(deps.api, "consortium", &msg.consortium)?;
    CONFIG.save(deps.storage, &Config { consortium, registration: msg.registration })?;
    validate::count("institutions", msg.institutions.len(), 0, MAX_GENESIS)?;
    let mut events = Vec::with_capacity(msg.institutions.len());
    for institution in msg.institutions {
        events.extend(admit_institution(deps.branch(), institution)?.events);
    }
    Ok(Response::new().add_events(events))
}
