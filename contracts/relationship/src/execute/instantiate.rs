use cosmwasm_std::{DepsMut, Response};
use cw2::set_contract_version;
use medrec_api::relationship::{Allowance, Error, InstantiateMsg};
use medrec_api::validate::{self, Invalid};

use crate::migrate::{CONTRACT, VERSION};
use crate::state::{self, Config};

/// Shortest and longest life of a fee allowance: an hour, ten years.
const LIFETIME: (u128, u128) = (3_600, 315_576_000);

pub fn instantiate(deps: DepsMut, msg: InstantiateMsg) -> Result<Response, Error> {
    set_contract_version(deps.storage, CONTRACT, VERSION)?;
    check_allowance(&msg.allowance)?;
    let config = Config {
        consortium: validate::address(deps.api, "consortium", &msg.consortium)?,
        sponsor: validate::address(deps.api, "sponsor", &msg.sponsor)?,
        allowance: msg.allowance,
    };
    state::save_config(deps.storage, &config)?;
    Ok(Response::new())
}

fn check_allowance(allowance: &Allowance) -> Result<(), Invalid> {
    validate::length("allowance.denom", allowance.denom.len(), 3, 128)?;
    validate::range("allowance.spend_limit", allowance.spend_limit.u128(), 1, u128::MAX)?;
    validate::range("allowance.lifetime", allowance.lifetime.into(), LIFETIME.0, LIFETIME.1)
}
