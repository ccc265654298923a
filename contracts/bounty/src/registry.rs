//! What is asked of the registrar, by its documented raw keys (wire.md section 11). Nothing of it is copied here: who is
//! expelled, withdrawn or re-keyed is so from that very block.

use cosmwasm_std::{Addr, Deps};
use medrec_api::{
    bounty::Error,
    registrar::{InstitutionStatus, ResearcherStatus, account_key, researcher_key, status_key},
};

use crate::state::Config;

/// Refuses an institution that is not known, or expelled.
pub fn active(deps: Deps, config: &Config, operation: &'static str, institution: u32) -> Result<(), Error> {
    match raw(deps, config, &status_key(institution)).as_deref() {
        Some([status]) if *status == InstitutionStatus::Active.byte() => Ok(()),
        Some(_) => Err(Error::InstitutionExpelled { operation, institution }),
        None => Err(Error::NoInstitution { operation, institution }),
    }
}

pub fn is_known(deps: Deps, config: &Config, institution: u32) -> bool {
    raw(deps, config, &status_key(institution)).is_some()
}

pub fn is_account(deps: Deps, config: &Config, institution: u32, sender: &Addr) -> bool {
    raw(deps, config, &account_key(institution)).as_deref() == Some(sender.as_bytes())
}

/// Is he certified now, by an institution that is active now?
pub fn researcher_counts(deps: Deps, config: &Config, account: &Addr) -> bool {
    let row = raw(deps, config, &researcher_key(account.as_str())).unwrap_or_default();
    let Some(([status, institution @ ..], _key)) = row.split_first_chunk::<5>() else { return false };
    let institution = u32::from_be_bytes(*institution);
    *status == ResearcherStatus::Active.byte() && active(deps, config, "", institution).is_ok()
}

/// A failing query is as good as an absent key: refused.
fn raw(deps: Deps, config: &Config, key: &[u8]) -> Option<Vec<u8>> {
    deps.querier.query_wasm_raw(&config.registrar, key).ok().flatten()
}
