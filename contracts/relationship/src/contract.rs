//! Entry points: role check, then dispatch.

use cosmwasm_std::{Addr, Binary, Deps, DepsMut, Env, MessageInfo, Response, entry_point};
use medrec_api::relationship::{Error, ExecuteMsg, InstantiateMsg, MigrateMsg, QueryMsg};
use medrec_events::own_log;

use crate::{execute, migrate as migration, permissions, query as reads};

#[entry_point]
pub fn instantiate(
    mut deps: DepsMut,
    _env: Env,
    info: MessageInfo,
    msg: InstantiateMsg,
) -> Result<Response, Error> {
    permissions::pool_only("instantiate", &info, &msg.allowance.denom)?;
    let response = execute::instantiate(deps.branch(), msg)?;
    own_log::append(deps.storage, &response.events)?;
    Ok(response)
}

#[entry_point]
pub fn execute(mut deps: DepsMut, env: Env, info: MessageInfo, msg: ExecuteMsg) -> Result<Response, Error> {
    permissions::funds(deps.as_ref(), &msg, &info)?;
    permissions::check(deps.as_ref(), &env, &info.sender, &msg)?;
    let response = dispatch(deps.branch(), env, info.sender, msg)?;
    own_log::append(deps.storage, &response.events)?;
    Ok(response)
}

fn dispatch(deps: DepsMut, env: Env, sender: Addr, msg: ExecuteMsg) -> Result<Response, Error> {
    match msg {
        ExecuteMsg::Admit { delegates } => execute::admit(deps, env, delegates),
        ExecuteMsg::Open { patient, sealed } => execute::open(deps, env, sender, patient, sealed),
        ExecuteMsg::Accept { id, sealed } => execute::accept(deps, sender, id, sealed),
        ExecuteMsg::Reject { id } => execute::reject(deps, id),
        ExecuteMsg::Close { id } => execute::close(deps, &env, sender, id),
        ExecuteMsg::Rotate { id, address, sealed } => execute::rotate(deps, env, sender, id, address, sealed),
        ExecuteMsg::Grant { id, viewer, kind, tags, from, until, sealed } => {
            let terms = execute::Terms { viewer, kind, tags, from, until, sealed };
            execute::grant(deps, env, sender, id, terms)
        }
        ExecuteMsg::Revoke { id, grant } => execute::revoke(deps, env, sender, id, grant),
        ExecuteMsg::SetResearch { id, categories } => execute::set_research(deps, &env, id, categories),
        ExecuteMsg::SetSponsor { sponsor } => execute::set_sponsor(deps, sponsor),
    }
}

#[entry_point]
pub fn query(deps: Deps, _env: Env, msg: QueryMsg) -> Result<Binary, Error> {
    reads::answer(deps, msg)
}

#[entry_point]
pub fn migrate(deps: DepsMut, _env: Env, msg: MigrateMsg) -> Result<Response, Error> {
    match msg {
        MigrateMsg::Same {} => migration::same(deps),
    }
}
