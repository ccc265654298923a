use cosmwasm_std::{Addr, DepsMut, Env, Response};
use medrec_api::registrar::{Error, NewResearcher, ResearcherStatus, Role, certificate};
use medrec_api::validate;
use medrec_events::registrar::Event;

use super::telling;
use crate::permissions;
use crate::state::{self, BY_ACCOUNT, Owner, RESEARCHERS, Researcher};

/// Bytes of an Ed25519 signature.
const SIGNATURE_LEN: usize = 64;

/// The sender's institution vouches for a researcher, who may mine and cosign from now on. Account and key are his
/// alone, for ever.
pub fn certify_researcher(
    deps: DepsMut,
    env: &Env,
    sender: &Addr,
    new: NewResearcher,
) -> Result<Response, Error> {
    let operation = "certify_researcher";
    validate::name("name", &new.name)?;
    validate::ed25519_key("key", &new.key)?;
    validate::x25519_key("encryption_key", &new.encryption_key)?;
    validate::length("certificate", new.certificate.len(), SIGNATURE_LEN, SIGNATURE_LEN)?;
    let account = validate::address(deps.api, "account", &new.account)?;
    let Some(id) = permissions::institution(deps.as_ref(), sender)? else {
        return Err(Error::Sender { operation, sender: sender.to_string(), needed: Role::Institution });
    };
    if let Some(id) = BY_ACCOUNT.may_load(deps.storage, &account)? {
        return Err(Error::ResearcherIsInstitution { account: account.into_string(), id });
    }
    if let Some(known) = RESEARCHERS.may_load(deps.storage, &account)? {
        let certified_by = known.certified_by;
        return Err(Error::ResearcherKnown { account: account.into_string(), certified_by });
    }
    let signing_key = state::institution(deps.storage, id)?.signing_key;
    let signed = certificate(&env.block.chain_id, env.contract.address.as_str(), id, &new);
    // A key that is no point is an error of the call, not an answer.
    if !deps.api.ed25519_verify(&signed, &new.certificate, &signing_key).unwrap_or(false) {
        return Err(Error::Certificate { account: account.into_string(), id });
    }
    state::claim_key(deps.storage, operation, "key", &new.key, Owner::Researcher)?;
    let researcher = Researcher {
        status: ResearcherStatus::Active,
        certified_by: id,
        name: new.name,
        key: new.key,
        encryption_key: new.encryption_key,
        certificate: new.certificate,
    };
    state::save_researcher(deps.storage, &account, &researcher)?;
    Ok(telling(Event::ResearcherCertified {
        account: account.into_string(),
        certified_by: id,
        name: researcher.name,
        key: researcher.key,
        encryption_key: researcher.encryption_key,
        certificate: researcher.certificate,
    }))
}
