//! From one version to the next.

use cosmwasm_std::{DepsMut, Response};
use medrec_api::bounty::Error;

pub const CONTRACT: &str = "medrec:bounty";
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Versions whose state this code reads as it stands.
const SAME_STATE: &[&str] = &["0.1.0"];

/// New code over state of the same shape.
pub fn same(deps: DepsMut) -> Result<Response, Error> {
    let stored = cw2::get_contract_version(deps.storage)?;
    if stored.contract != CONTRACT || !SAME_STATE.contains(&stored.version.as_str()) {
        return Err(Error::MigrateFrom {
            expected: format!("{CONTRACT} {VERSION}"),
            found: format!("{} {}", stored.contract, stored.version),
        });
    }
    cw2::set_contract_version(deps.storage, CONTRACT, VERSION)?;
    Ok(Response::new())
}
