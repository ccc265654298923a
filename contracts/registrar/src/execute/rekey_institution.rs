use cosmwasm_std::{Binary, DepsMut, Response};
use medrec_api::registrar::{Error, InstitutionStatus};
use medrec_api::validate;
use medrec_events::registrar::Event;

use super::telling;
use crate::state::{self, BY_ACCOUNT, Owner};

/// What `rekey_institution` replaces; none: stays.
pub struct Rekey {
    pub url: Option<String>,
    pub account: Option<String>,
    pub signing_key: Option<Binary>,
    pub encryption_key: Option<Binary>,
}

pub fn rekey_institution(deps: DepsMut, id: u32, changes: Rekey) -> Result<Response, Error> {
    let operation = "rekey_institution";
    let before = state::find_institution(deps.storage, operation, id)?;
    if before.status == InstitutionStatus::Expelled {
        return Err(Error::InstitutionExpelled { operation, id });
    }
    let mut after = before.clone();
    if let Some(url) = changes.url {
        validate::url("url", &url)?;
        after.url = url;
    }
    if let Some(key) = changes.signing_key {
        validate::ed25519_key("signing_key", &key)?;
        state::claim_key(deps.storage, operation, "signing_key", &key, Owner::Institution)?;
        after.signing_key = key;
    }
    if let Some(key) = changes.encryption_key {
        validate::x25519_key("encryption_key", &key)?;
        after.encryption_key = key;
    }
    if let Some(account) = changes.account {
        after.account = validate::address(deps.api, "account", &account)?;
    }
    if after == before {
        return Err(Error::RekeyNothing { id });
    }
    if after.account != before.account {
        state::claim_account(deps.storage, operation, &after.account, id)?;
        BY_ACCOUNT.remove(deps.storage, &before.account);
    }
    state::save_institution(deps.storage, id, &after)?;
    Ok(telling(Event::InstitutionRekeyed {
        id,
        url: after.url,
        account: after.account.into_string(),
        signing_key: after.signing_key,
        encryption_key: after.encryption_key,
    }))
}
