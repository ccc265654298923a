use cosmwasm_std::{DepsMut, Env, Response};
use medrec_api::{
    authlog::{Error, MAX_LOGS},
    registrar::{InstitutionResponse, QueryMsg},
    validate,
};
use medrec_events::authlog::Event;

use crate::state::{COUNT, Config, LOGS, Log, SLOT_OF, count};

/// Gives an institution's log the next free slot; origin and key are learnt from the registrar here and never
/// again, so nobody can put another key under an anchored log.
pub fn admit_log(deps: DepsMut, env: &Env, config: &Config, institution: u32) -> Result<Response, Error> {
    if let Some(slot) = SLOT_OF.may_load(deps.storage, institution)? {
        return Err(Error::AdmittedAlready { institution, slot });
    }
    let slot = count(deps.storage)?;
    if slot >= MAX_LOGS {
        return Err(Error::SlotsFull { max: MAX_LOGS });
    }
    let question = QueryMsg::Institution { id: institution };
    let known: InstitutionResponse = deps.querier.query_wasm_smart(&config.registrar, &question)?;
    validate::origin("log_origin", &known.log_origin)?;
    validate::ed25519_key("log_key", &known.log_key)?;

    let InstitutionResponse { log_origin: origin, log_key: key, .. } = known;
    let admitted_at = env.block.time.seconds();
    let log = Log { institution, origin: origin.clone(), key: key.clone(), admitted_at };
    LOGS.save(deps.storage, slot, &log)?;
    SLOT_OF.save(deps.storage, institution, &slot)?;
    COUNT.save(deps.storage, &slot.saturating_add(1))?;
    Ok(Response::new().add_event(Event::LogAdmitted { slot, institution, origin, key }))
}
