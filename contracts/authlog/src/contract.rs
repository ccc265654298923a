//! Entry points: role check, then dispatch.

use cosmwasm_std::{
    Binary, Deps, DepsMut, Env, MessageInfo, Response, StdResult, entry_point, to_json_binary,
};
use medrec_api::authlog::{Error, ExecuteMsg, InstantiateMsg, MigrateMsg, QueryMsg};

use crate::{
    execute::{self, anchor::Offer},
    migrate::{CONTRACT, VERSION},
    permissions, query,
    state::{self, Config},
};

#[entry_point]
pub fn instantiate(
    deps: DepsMut,
    _env: Env,
    info: MessageInfo,
    msg: InstantiateMsg,
) -> Result<Response, Error> {
    permissions::no_funds("instantiate", &info)?;
    let config = Config {
        consortium: permissions::address(deps.api, "consortium", &msg.consortium)?,
        registrar: permissions::address(deps.api, "registrar", &msg.registrar)?,
        growth: execute::set_growth_cap::valid(msg.growth)?,
    };
    state::CONFIG.save(deps.storage, &config)?;
    cw2::set_contract_version(deps.storage, CONTRACT, VERSION)?;
    Ok(Response::new())
}

#[entry_point]
pub fn execute(deps: DepsMut, env: Env, info: MessageInfo, msg: ExecuteMsg) -> Result<Response, Error> {
    permissions::no_funds(msg.name(), &info)?;
    let config = state::CONFIG.load(deps.storage)?;
    permissions::check(deps.as_ref(), &config, &info.sender, &msg)?;
    match msg {
        ExecuteMsg::AdmitLog { institution } => {
            execute::admit_log::admit_log(deps, &env, &config, institution)
        }
        ExecuteMsg::Anchor { slot, size, root, signature, proof } => {
            execute::anchor::anchor(deps, &env, &config, Offer { slot, size, root, signature, proof })
        }
        ExecuteMsg::SetGrowthCap { growth } => execute::set_growth_cap::set_growth_cap(deps, config, growth),
        // Replaced by the next commits of this branch.
        other => Err(Error::Unbuilt { operation: other.name() }),
    }
}

#[entry_point]
pub fn query(deps: Deps, _env: Env, msg: QueryMsg) -> Result<Binary, Error> {
    let answer: StdResult<Binary> = match msg {
        QueryMsg::Config {} => to_json_binary(&query::config(deps)?),
        QueryMsg::Log { slot } => to_json_binary(&query::log(deps, slot)?),
        QueryMsg::LogOf { institution } => to_json_binary(&query::log_of(deps, institution)?),
        QueryMsg::Logs { start_after, limit } => to_json_binary(&query::logs(deps, start_after, limit)?),
        QueryMsg::Heads {} => to_json_binary(&query::heads(deps)?),
        QueryMsg::HeadProof { slot } => to_json_binary(&query::head_proof(deps, slot)?),
        _ => return Err(Error::Unbuilt { operation: "query" }),
    };
    Ok(answer?)
}

#[entry_point]
pub fn migrate(deps: DepsMut, _env: Env, msg: MigrateMsg) -> Result<Response, Error> {
    match msg {
        MigrateMsg::Same {} => crate::migrate::same(deps),
    }
}
