//! Entry points: role check, then dispatch.

use cosmwasm_std::{
    Binary, Deps, DepsMut, Env, MessageInfo, Response, StdResult, entry_point, to_json_binary,
};
use medrec_api::authlog::{Error, ExecuteMsg, InstantiateMsg, MigrateMsg, QueryMsg};

use crate::{
    execute::{self, anchor::Offer, seal::Submission},
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
    let standing = permissions::check(deps.as_ref(), &config, &info.sender, &msg)?;
    match msg {
        ExecuteMsg::AdmitLog { institution } => {
            execute::admit_log::admit_log(deps, &env, &config, institution)
        }
        ExecuteMsg::Anchor { slot, size, root, signature, proof } => {
            execute::anchor::anchor(deps, &env, &config, Offer { slot, size, root, signature, proof })
        }
        ExecuteMsg::SetGrowthCap { growth } => execute::set_growth_cap::set_growth_cap(deps, config, growth),
        ExecuteMsg::SetSealing { sealing } => execute::set_sealing::set_sealing(deps, &env, sealing),
        ExecuteMsg::Cosign { cosigner, heads } => execute::cosign::cosign(deps, &standing, &cosigner, &heads),
        ExecuteMsg::Challenge { challenger: _, slot, index } => {
            execute::challenge::challenge(deps, &env, (&info.sender, &standing), (slot, index))
        }
        ExecuteMsg::Answer { slot, challenger, entry, proof } => {
            execute::answer::answer(deps, (slot, challenger), &entry, &proof)
        }
        ExecuteMsg::Withhold { slot, challenger } => {
            execute::withhold::withhold(deps, &env, slot, challenger)
        }
        ExecuteMsg::Seal { nonce, signature, recalls } => {
            let submission = Submission { nonce, signature, recalls };
            execute::seal::seal(deps, &env, (&info.sender, &standing), &submission)
        }
        ExecuteMsg::Report { slot, conflict } => execute::report::report(deps, &env, slot, &conflict),
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
        QueryMsg::Attested { slot } => to_json_binary(&query::seals::attested(deps, slot)?),
        QueryMsg::Sealing {} => to_json_binary(&query::seals::sealing(deps)?),
        QueryMsg::Sealings { start_after, limit } => {
            to_json_binary(&query::seals::sealings(deps, start_after, limit)?)
        }
        QueryMsg::Template {} => to_json_binary(&query::seals::template(deps)?),
        QueryMsg::Seal { number } => to_json_binary(&query::seals::seal(deps, number)?),
        QueryMsg::Seals { start_after, limit } => {
            to_json_binary(&query::seals::seals(deps, start_after, limit)?)
        }
        QueryMsg::SealedHeads { number, start_after, limit } => {
            to_json_binary(&query::seals::sealed_heads(deps, number, start_after, limit)?)
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
