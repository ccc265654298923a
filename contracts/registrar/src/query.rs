//! Reads. Every list is a page.

use cosmwasm_std::{Binary, Deps, Order, to_json_binary};
use cw_storage_plus::Bound;
use medrec_api::page;
use medrec_api::registrar::{
    ConfigResponse, Error, InstitutionResponse, InstitutionsResponse, PersonResponse, QueryMsg,
    ResearcherResponse, ResearchersResponse,
};
use medrec_api::validate;

use crate::state::{self, BY_ACCOUNT, CONFIG, INSTITUTIONS, Institution, RESEARCHERS, Researcher};

pub fn answer(deps: Deps, msg: QueryMsg) -> Result<Binary, Error> {
    let answer = match msg {
        QueryMsg::Config {} => to_json_binary(&config(deps)?),
        QueryMsg::Institution { id } => to_json_binary(&institution(deps, id)?),
        QueryMsg::Institutions { start_after, limit } => {
            to_json_binary(&institutions(deps, start_after, limit)?)
        }
        QueryMsg::InstitutionByAccount { account } => to_json_binary(&by_account(deps, &account)?),
        QueryMsg::Person { handle } => to_json_binary(&person(deps, handle)?),
        QueryMsg::Researcher { account } => to_json_binary(&researcher(deps, account)?),
        QueryMsg::Researchers { start_after, limit } => {
            to_json_binary(&researchers(deps, start_after.as_deref(), limit)?)
        }
    };
    Ok(answer?)
}

fn config(deps: Deps) -> Result<ConfigResponse, Error> {
    let config = CONFIG.load(deps.storage)?;
    Ok(ConfigResponse { consortium: config.consortium.into_string(), registration: config.registration })
}

fn institution(deps: Deps, id: u32) -> Result<InstitutionResponse, Error> {
    Ok(response(id, state::find_institution(deps.storage, "institution", id)?))
}

fn institutions(
    deps: Deps,
    start_after: Option<u32>,
    limit: Option<u32>,
) -> Result<InstitutionsResponse, Error> {
    let institutions = INSTITUTIONS
        .range(deps.storage, start_after.map(Bound::exclusive), None, Order::Ascending)
        .take(page(limit))
        .map(|item| item.map(|(id, institution)| response(id, institution)))
        .collect::<Result<_, _>>()?;
    Ok(InstitutionsResponse { institutions })
}

fn by_account(deps: Deps, account: &str) -> Result<InstitutionResponse, Error> {
    let found = validate::address(deps.api, "account", account)?;
    match BY_ACCOUNT.may_load(deps.storage, &found)? {
        Some(id) => institution(deps, id),
        None => Err(Error::NoAccount { account: found.into_string() }),
    }
}

fn person(deps: Deps, handle: Binary) -> Result<PersonResponse, Error> {
    let person = state::person(deps.storage, &handle)?.ok_or(Error::NoPerson { operation: "person" })?;
    Ok(PersonResponse {
        handle,
        address: person.address.into_string(),
        encryption_key: person.encryption_key,
        certified_by: person.certified_by,
    })
}

fn researcher(deps: Deps, account: String) -> Result<ResearcherResponse, Error> {
    let researcher = state::find_researcher(deps, "researcher", &account)?;
    Ok(researcher_response(account, researcher))
}

fn researchers(
    deps: Deps,
    start_after: Option<&str>,
    limit: Option<u32>,
) -> Result<ResearchersResponse, Error> {
    let after = start_after.map(|after| validate::address(deps.api, "start_after", after)).transpose()?;
    let researchers = RESEARCHERS
        .range(deps.storage, after.as_ref().map(Bound::exclusive), None, Order::Ascending)
        .take(page(limit))
        .map(|item| item.map(|(account, found)| researcher_response(account.into_string(), found)))
        .collect::<Result<_, _>>()?;
    Ok(ResearchersResponse { researchers })
}

fn researcher_response(account: String, researcher: Researcher) -> ResearcherResponse {
    ResearcherResponse {
        account,
        status: researcher.status,
        certified_by: researcher.certified_by,
        name: researcher.name,
        key: researcher.key,
        encryption_key: researcher.encryption_key,
        certificate: researcher.certificate,
    }
}

fn response(id: u32, institution: Institution) -> InstitutionResponse {
    InstitutionResponse {
        id,
        status: institution.status,
        name: institution.name,
        url: institution.url,
        account: institution.account.into_string(),
        signing_key: institution.signing_key,
        log_origin: institution.log_origin,
        log_key: institution.log_key,
        encryption_key: institution.encryption_key,
    }
}
