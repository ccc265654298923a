use cosmwasm_std::{Addr, Binary, DepsMut, Env, Response};
use medrec_api::relationship::{Error, OPEN_SEALED, Research, Status};
use medrec_events::relationship::Event;

use super::{canonical, sealed as check_sealed};
use crate::allowance;
use crate::state::{self, Head};

/// The delegate becomes the steward of one new relationship and can open no other. The patient's address gets a fee
/// allowance, unless it has one.
pub fn open(
    mut deps: DepsMut,
    env: Env,
    sender: Addr,
    patient: String,
    sealed: Binary,
) -> Result<Response, Error> {
    check_sealed(&sealed, OPEN_SEALED)?;
    if patient == sender.as_str() {
        return Err(Error::OpenSelf { address: patient });
    }
    let head = Head {
        patient: canonical(deps.api, "patient", &patient)?,
        steward: deps.api.addr_canonicalize(sender.as_str())?,
        status: Status::Offered,
        opened_at: env.block.time.seconds(),
        opened_height: env.block.height,
        grants: 0,
        allowances: 0,
        first_patient: None,
        first_steward: None,
        research: Research::default(),
    };
    let id = state::next_id(deps.storage, "open")?;
    state::use_delegate(deps.storage, &head.steward, id);
    state::save_head(deps.storage, id, &head);
    state::save_sealed_open(deps.storage, id, &sealed);
    state::index_patient(deps.storage, &head.patient, id);
    let terms = state::config(deps.storage)?.allowance;
    let funding = allowance::grant(&mut deps, &env, &terms, &head.patient)?;
    let event = Event::Opened { id, patient, steward: sender.into_string(), sealed };
    Ok(Response::new().add_messages(funding).add_event(event))
}
