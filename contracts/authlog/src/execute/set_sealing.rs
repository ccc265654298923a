use cosmwasm_std::{DepsMut, Env, Response};
use medrec_api::{
    authlog::{Error, MAX_WATCHED, Sealing},
    validate,
};
use medrec_events::authlog::Event;
use medrec_pow::{Target, U256};
use medrec_seals::{Retarget, Rules};

use crate::{
    freeze::{self, Before},
    sealing::{self, Settings},
};

/// Rules of the seals. The first ones freeze template 1, later ones wait for the next template, which then has their
/// anchor target.
pub fn set_sealing(deps: DepsMut, env: &Env, sealing: Sealing) -> Result<Response, Error> {
    let first = sealing::settings(deps.storage)?.is_none();
    let from = sealing::next_template(deps.storage)?;
    let settings = valid(&deps, sealing, from)?;
    sealing::save_settings(deps.storage, &settings);
    if first {
        let retarget = Retarget::start(&settings.rules);
        let before = Before { number: from, previous: [0; 32], retarget, work: U256::ZERO, codes: None };
        let storage = &mut *deps.storage;
        let deps = DepsMut { storage, api: deps.api, querier: deps.querier };
        let template = freeze::freeze(deps, env, "set_sealing", &settings, before)?;
        sealing::save_first(storage, &template);
    }
    Ok(Response::new().add_event(event(&settings)))
}

fn valid(deps: &DepsMut, sealing: Sealing, from: u64) -> Result<Settings, Error> {
    let Sealing { interval, half_life, anchor, easiest, hardest, challenge_seconds, watched } = sealing;
    let target = |field, bytes| {
        Target::from_be_bytes(&validate::bytes32(field, bytes)?)
            .map_err(|error| Error::Rules { reason: format!("{field}: {error}") })
    };
    let rules = Rules {
        interval,
        half_life,
        anchor: target("anchor", &anchor)?,
        easiest: target("easiest", &easiest)?,
        hardest: target("hardest", &hardest)?,
    };
    rules.check().map_err(|error| Error::Rules { reason: error.to_string() })?;
    validate::range("challenge_seconds", challenge_seconds.into(), 1, u32::MAX.into())?;
    validate::count("watched", watched.len(), 0, MAX_WATCHED)?;
    for (at, contract) in watched.iter().enumerate() {
        validate::address(deps.api, "watched", contract)?;
        if watched.iter().take(at).any(|before| before == contract) {
            return Err(Error::WatchedTwice { contract: contract.clone() });
        }
        freeze::exists(deps.as_ref(), "set_sealing", contract)?;
    }
    Ok(Settings { rules, challenge_seconds, from, watched })
}

fn event(settings: &Settings) -> Event {
    let Settings { rules, challenge_seconds, from, .. } = settings;
    let Rules { interval, half_life, anchor, easiest, hardest } = *rules;
    Event::SealingSet {
        from: *from,
        interval,
        half_life,
        anchor: anchor.to_be_bytes().into(),
        easiest: easiest.to_be_bytes().into(),
        hardest: hardest.to_be_bytes().into(),
        challenge_seconds: *challenge_seconds,
    }
}
