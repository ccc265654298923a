//! The next template: everything that is sealed, as it stands in this block.

use cosmwasm_std::{Deps, DepsMut, Env};
use medrec_api::{authlog::Error, registrar::LOG_KEY};
use medrec_merkle::{Hash, root};
use medrec_pow::U256;
use medrec_seals::{Retarget, own_log};

use crate::{
    heads::HeadsTree,
    sealing::{self, Code, Settings, Template},
};

/// What the template follows.
pub struct Before<'a> {
    pub number: u64,
    /// Id of the seal before.
    pub previous: Hash,
    pub retarget: Retarget,
    /// Of all seals so far.
    pub work: U256,
    /// The list of codes of the template before.
    pub codes: Option<(u32, &'a [Code])>,
}

/// Reads heads, watched logs and codes; a list of codes that changed is stored under the next number.
pub fn freeze(
    deps: DepsMut,
    env: &Env,
    operation: &'static str,
    settings: &Settings,
    before: Before,
) -> Result<Template, Error> {
    let Before { number, previous, retarget, work, codes: known } = before;
    let (list, known) = known.map_or((0, &[][..]), |(list, codes)| (list, codes));
    let (mut codes, mut logs) = (Vec::new(), Vec::new());
    for contract in &settings.watched {
        codes.push(code(deps.as_ref(), operation, contract, known)?);
        // The authlog keeps none: its events are what the seals are about.
        let own = contract == env.contract.address.as_str();
        logs.push(if own { (0, root(&[])) } else { log(deps.as_ref(), operation, contract)? });
    }
    let list = if codes == known && list > 0 {
        list
    } else {
        let list = list.saturating_add(1);
        sealing::save_codes(deps.storage, list, &codes);
        list
    };
    let heads = HeadsTree::new(deps.storage).root()?;
    let frozen_at = env.block.time.seconds();
    Ok(Template { number, previous, frozen_at, heads, retarget, work, list, logs, codes })
}

/// Refuses what is no contract, or whose log cannot be read: it would stop the seals.
pub fn exists(deps: Deps, operation: &'static str, contract: &str) -> Result<(), Error> {
    code(deps, operation, contract, &[])?;
    log(deps, operation, contract)?;
    Ok(())
}

/// A checksum is asked for once a code.
fn code(deps: Deps, operation: &'static str, contract: &str, known: &[Code]) -> Result<Code, Error> {
    let refused = |reason: String| Error::Watched { operation, contract: contract.to_owned(), reason };
    let info = deps.querier.query_wasm_contract_info(contract);
    let id = info.map_err(|error| refused(error.to_string()))?.code_id;
    let same = known.iter().find(|code| code.contract == contract && code.id == id);
    if let Some(code) = same {
        return Ok(code.clone());
    }
    let info = deps.querier.query_wasm_code_info(id).map_err(|error| refused(error.to_string()))?;
    let checksum = info.checksum.as_slice().try_into();
    let checksum = checksum.map_err(|_| refused("its code has no checksum of 32 bytes".to_owned()))?;
    Ok(Code { contract: contract.to_owned(), id, checksum })
}

/// Size and root of the contract's own log.
fn log(deps: Deps, operation: &'static str, contract: &str) -> Result<(u64, Hash), Error> {
    let refused = |reason: String| Error::Watched { operation, contract: contract.to_owned(), reason };
    let row = deps.querier.query_wasm_raw(contract, LOG_KEY).map_err(|error| refused(error.to_string()))?;
    own_log(row.as_deref()).map_err(|error| refused(error.to_string()))
}
