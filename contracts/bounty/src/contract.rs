//! Entry points: role check, then dispatch.

use cosmwasm_std::{
    Binary, Deps, DepsMut, Env, MessageInfo, Response, StdResult, entry_point, to_json_binary,
};
use medrec_api::bounty::{Error, ExecuteMsg, InstantiateMsg, MigrateMsg, QueryMsg};
use medrec_events::own_log;

use crate::{
    execute,
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
        authlog: permissions::address(deps.api, "authlog", &msg.authlog)?,
    };
    state::CONFIG.save(deps.storage, &config)?;
    cw2::set_contract_version(deps.storage, CONTRACT, VERSION)?;
    Ok(Response::new())
}

#[entry_point]
pub fn execute(mut deps: DepsMut, env: Env, info: MessageInfo, msg: ExecuteMsg) -> Result<Response, Error> {
    permissions::no_funds(msg.name(), &info)?;
    let config = state::CONFIG.load(deps.storage)?;
    let won = permissions::check(deps.as_ref(), &config, &info.sender, &msg)?;
    let response = match msg {
        ExecuteMsg::SetBudget { institution, total } => {
            execute::set_budget::set_budget(deps.branch(), &config, institution, total)
        }
        ExecuteMsg::SetCatalogue { institution, entries } => {
            execute::set_catalogue::set_catalogue(deps.branch(), institution, entries)
        }
        ExecuteMsg::Offer { institution, id, terms } => {
            execute::offer::offer(deps.branch(), &env, &config, institution, &id, terms)
        }
        ExecuteMsg::Claim { offer, encryption_key } => {
            execute::claim::claim(deps.branch(), &env, &config, info.sender, won, &offer, encryption_key)
        }
        ExecuteMsg::Ask { offer, question } => {
            execute::ask::ask(deps.branch(), &env, &config, &offer, question)
        }
        ExecuteMsg::Deliver { offer, answer } => {
            execute::deliver::deliver(deps.branch(), &env, &offer, answer)
        }
        ExecuteMsg::Expire { offer } => execute::expire::expire(deps.branch(), &env, &config, &offer),
    }?;
    own_log::append(deps.storage, &response.events)?;
    Ok(response)
}

#[entry_point]
pub fn query(deps: Deps, _env: Env, msg: QueryMsg) -> Result<Binary, Error> {
    let answer: StdResult<Binary> = match msg {
        QueryMsg::Config {} => to_json_binary(&query::config(deps)?),
        QueryMsg::Budget { institution } => to_json_binary(&query::budget(deps, institution)?),
        QueryMsg::Catalogue { institution, version } => {
            to_json_binary(&query::catalogue(deps, institution, version)?)
        }
        QueryMsg::OfferById { id } => to_json_binary(&query::offer(deps, &id)?),
        QueryMsg::Offers { institution, state, start_after, limit } => {
            to_json_binary(&query::offers(deps, institution, state, start_after, limit)?)
        }
        QueryMsg::OwnedBy { researcher, start_after, limit } => {
            to_json_binary(&query::owned_by(deps, &researcher, start_after, limit)?)
        }
        QueryMsg::Record { institution } => to_json_binary(&query::record(deps, institution)?),
        QueryMsg::Records { start_after, limit } => {
            to_json_binary(&query::records(deps, start_after, limit)?)
        }
    };
    Ok(answer?)
}

#[entry_point]
pub fn migrate(deps: DepsMut, _env: Env, msg: MigrateMsg) -> Result<Response, Error> {
    match msg {
        MigrateMsg::Same {} => crate::migrate::same(deps),
    }
}
