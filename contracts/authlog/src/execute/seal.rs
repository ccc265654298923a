use cosmwasm_std::{Addr, Binary, DepsMut, Env, Response};
use medrec_api::{
    Base85,
    authlog::{Error, MAX_RECALLS},
    validate,
};
use medrec_events::authlog::Event;
use medrec_pow::U256;
use medrec_seals::{Retarget, Seal, verify};

use super::SIGNATURE_LEN;
use crate::{
    freeze::{self, Before},
    permissions::Standing,
    sealing::{self, Found, Settings, Template},
};

/// The message as it came.
pub struct Submission {
    pub nonce: u64,
    pub signature: Binary,
    pub recalls: Base85,
}

/// The first valid one seals the template and freezes the next.
pub fn seal(
    deps: DepsMut,
    env: &Env,
    (miner, standing): (&Addr, &Standing),
    submission: &Submission,
) -> Result<Response, Error> {
    let Submission { nonce, signature, recalls } = submission;
    validate::length("signature", signature.len(), SIGNATURE_LEN, SIGNATURE_LEN)?;
    validate::length("recalls", recalls.len(), 0, MAX_RECALLS)?;
    let template = sealing::template(deps.storage, "seal")?;
    let number = template.number;

    let header = template.header(&env.block.chain_id, &env.contract.address, miner.as_str());
    let refused = |reason: medrec_seals::Error| Error::Seal {
        number,
        miner: miner.to_string(),
        reason: reason.to_string(),
    };
    let Seal { mix, id } = verify(&header, &template.heads, *nonce, recalls).map_err(refused)?;
    match deps.api.ed25519_verify(&id, signature, &standing.key) {
        Ok(true) => {}
        _ => return Err(Error::SealSignature { number, id: Binary::from(id).to_hex() }),
    }

    let settings = sealing::settings_for(deps.storage, "seal")?;
    let retarget = retarget(env, &settings, &template)?;
    let work = template.work.checked_add(&template.retarget.target.work()).unwrap_or(U256::MAX);
    let codes = Some((template.list, &template.codes[..]));
    let next = number.checked_add(1).ok_or(Error::SealsUsedUp)?;
    let before = Before { number: next, previous: id, retarget, work, codes };
    let storage = &mut *deps.storage;
    let deps = DepsMut { storage, api: deps.api, querier: deps.querier };
    let after = freeze::freeze(deps, env, "seal", &settings, before)?;
    let found = Found {
        nonce: *nonce,
        mix,
        signature: signature.to_array().map_err(Error::from)?,
        height: env.block.height,
    };
    sealing::save_seal(storage, number, miner, &found, &after);

    let (entries, miner) = (template.heads.sum, miner.to_string());
    Ok(Response::new().add_event(Event::Sealed { number, id: id.into(), miner, entries }))
}

/// Rules that were set meanwhile start with the next template.
fn retarget(env: &Env, settings: &Settings, sealed: &Template) -> Result<Retarget, Error> {
    let next = sealed.number.saturating_add(1);
    if settings.from == next {
        return Ok(Retarget::start(&settings.rules));
    }
    let seconds = env.block.time.seconds().saturating_sub(sealed.frozen_at);
    Ok(sealed.retarget.next(&settings.rules, seconds))
}
