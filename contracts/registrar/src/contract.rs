//! Entry points: role check, then dispatch.

use cosmwasm_std::{Addr, Binary, Deps, DepsMut, Env, MessageInfo, Response, entry_point};
use medrec_api::registrar::{Error, ExecuteMsg, InstantiateMsg, MigrateMsg, QueryMsg};
use medrec_events::own_log;

use crate::{execute, migrate as migration, permissions, query as reads};

#[entry_point]
pub fn instantiate(
    mut deps: DepsMut,
    _env: Env,
    info: MessageInfo,
    msg: InstantiateMsg,
) -> Result<Response, Error> {
    permissions::no_funds("instantiate", &info)?;
    let response = execute::instantiate(deps.branch(), msg)?;
    own_log::append(deps.storage, &response.events)?;
    Ok(response)
}

#[entry_point]
pub fn execute(mut deps: DepsMut, env: Env, info: MessageInfo, msg: ExecuteMsg) -> Result<Response, Error> {
    permissions::no_funds(msg.name(), &info)?;
    permissions::check(deps.as_ref(), &info.sender, &msg)?;
    let response = dispatch(deps.branch(), &env, &info.sender, msg)?;
    own_log::append(deps.storage, &response.events)?;
    Ok(response)
}

fn dispatch(deps: DepsMut, env: &Env, sender: &Addr, msg: ExecuteMsg) -> Result<Response, Error> {
    match msg {
        ExecuteMsg::AdmitInstitution { institution } => execute::admit_institution(deps, institution),
        ExecuteMsg::ExpelInstitution { id } => execute::expel_institution(deps, id),
        ExecuteMsg::RekeyInstitution { id, url, account, signing_key, encryption_key } => {
            let changes = execute::Rekey { url, account, signing_key, encryption_key };
            execute::rekey_institution(deps, id, changes)
        }
        ExecuteMsg::RegisterPerson { handle, address, encryption_key } => {
            execute::register_person(deps, sender, &handle, &address, encryption_key)
        }
        ExecuteMsg::RotatePerson { handle, address, encryption_key } => {
            execute::rotate_person(deps, &handle, &address, encryption_key)
        }
        ExecuteMsg::SetRegistrationPolicy { registration } => {
            execute::set_registration_policy(deps, registration)
        }
        ExecuteMsg::CertifyResearcher { researcher } => {
            execute::certify_researcher(deps, env, sender, researcher)
        }
        ExecuteMsg::WithdrawResearcher { account } => execute::withdraw_researcher(deps, &account),
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
