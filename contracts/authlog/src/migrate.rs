//! From one version to the next. State is as version 0.1.0 wrote it.

use cosmwasm_std::{DepsMut, Response};
use medrec_api::authlog::{Error, MigrateMsg};

pub const CONTRACT: &str = "medrec:authlog";
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub fn migrate(deps: DepsMut, msg: MigrateMsg) -> Result<Response, Error> {
    let MigrateMsg::Same {} = msg;
    let written_by = cw2::get_contract_version(deps.storage)?;
    if written_by.contract != CONTRACT || number(&written_by.version) > number(VERSION) {
        return Err(Error::MigrateFrom {
            expected: format!("{CONTRACT} {VERSION}"),
            found: format!("{} {}", written_by.contract, written_by.version),
        });
    }
    cw2::set_contract_version(deps.storage, CONTRACT, VERSION)?;
    Ok(Response::new())
}

/// `1.10.0` is newer than `1.9.0`.
fn number(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
}
