use cosmwasm_std::{DepsMut, Response};
use medrec_api::registrar::{Error, InstitutionStatus, NewInstitution};
use medrec_api::validate;
use medrec_events::registrar::Event;

use super::telling;
use crate::state::{self, Institution, Owner};

/// A new institution under a new id. Account and log origin are its own alone.
pub fn admit_institution(deps: DepsMut, new: NewInstitution) -> Result<Response, Error> {
    let operation = "admit_institution";
    validate::name("name", &new.name)?;
    validate::url("url", &new.url)?;
    validate::origin("log_origin", &new.log_origin)?;
    validate::ed25519_key("signing_key", &new.signing_key)?;
    validate::ed25519_key("log_key", &new.log_key)?;
    validate::x25519_key("encryption_key", &new.encryption_key)?;
    let account = validate::address(deps.api, "account", &new.account)?;

    let id = state::next_id(deps.storage, operation)?;
    state::claim_account(deps.storage, operation, &account, id)?;
    state::claim_origin(deps.storage, operation, &new.log_origin, id)?;
    state::claim_key(deps.storage, operation, "signing_key", &new.signing_key, Owner::Institution)?;
    state::claim_key(deps.storage, operation, "log_key", &new.log_key, Owner::Institution)?;
    let institution = Institution {
        status: InstitutionStatus::Active,
        name: new.name,
        url: new.url,
        account,
        signing_key: new.signing_key,
        log_origin: new.log_origin,
        log_key: new.log_key,
        encryption_key: new.encryption_key,
    };
    state::save_institution(deps.storage, id, &institution)?;
    Ok(telling(Event::InstitutionAdmitted {
        id,
        name: institution.name,
        url: institution.url,
        account: institution.account.into_string(),
        signing_key: institution.signing_key,
        log_origin: institution.log_origin,
        log_key: institution.log_key,
        encryption_key: institution.encryption_key,
    }))
}
