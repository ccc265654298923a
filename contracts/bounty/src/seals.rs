//! What is asked of the authlog, by its documented raw keys: how many seals there are, and who won one.

use cosmwasm_std::{Addr, Deps};
use medrec_api::{
    authlog::{SEAL_COUNT_KEY, sealed_by_key},
    bounty::{Error, Moment, owning_seals},
};

use crate::{
    permissions,
    state::{Config, Terms},
};

/// Seals there are. An authlog that does not answer is told from one without seals.
pub fn count(deps: Deps, config: &Config, operation: &'static str) -> Result<u64, Error> {
    let unreadable = Error::Authlog { operation, item: "number of seals" };
    let Ok(row) = deps.querier.query_wasm_raw(&config.authlog, SEAL_COUNT_KEY) else {
        return Err(unreadable);
    };
    match row {
        None => Ok(0),
        Some(row) => row.try_into().map(u64::from_be_bytes).map_err(|_| unreadable),
    }
}

/// Seals and block time.
pub fn moment(
    deps: Deps,
    config: &Config,
    env: &cosmwasm_std::Env,
    operation: &'static str,
) -> Result<Moment, Error> {
    Ok(Moment { seals: count(deps, config, operation)?, time: env.block.time.seconds() })
}

/// Who won seal `number`, which is there.
fn miner(deps: Deps, config: &Config, operation: &'static str, number: u64) -> Result<Addr, Error> {
    let row = deps.querier.query_wasm_raw(&config.authlog, sealed_by_key(number)).ok().flatten();
    row.and_then(|row| String::from_utf8(row).ok())
        .map(Addr::unchecked)
        .ok_or(Error::Authlog { operation, item: "miner of a seal" })
}

/// The researcher who may claim now, and his seal: the first miner from seal s + 2 on who counts (security H20, L3).
pub fn owner(deps: Deps, config: &Config, id: &str, terms: &Terms) -> Result<(Addr, u64), Error> {
    let (operation, seals) = ("claim", count(deps, config, "claim")?);
    let range = owning_seals(terms.seals);
    for seal in range.clone() {
        if seal > seals {
            return Err(Error::ClaimEarly { offer: id.to_owned(), seal, seals });
        }
        let miner = miner(deps, config, operation, seal)?;
        if permissions::researcher_counts(deps, config, &miner) {
            return Ok((miner, seal));
        }
    }
    Err(Error::ClaimNobody { offer: id.to_owned(), from: range.start, to: range.end.saturating_sub(1) })
}
