use std::collections::BTreeSet;

use cosmwasm_std::{DepsMut, Env, Response};
use medrec_api::relationship::{Error, MAX_DELEGATES};
use medrec_api::validate;
use medrec_events::relationship::Event;

use super::canonical;
use crate::allowance;
use crate::state::{self, Delegate};

/// Delegates of all institutions, shuffled into one message, so that none is seen beside its `open` (security H5,
/// H11). Each gets a fee allowance.
pub fn admit(mut deps: DepsMut, env: Env, delegates: Vec<String>) -> Result<Response, Error> {
    validate::count("delegates", delegates.len(), 1, MAX_DELEGATES)?;
    let terms = state::config(deps.storage)?.allowance;
    let mut batch = BTreeSet::new();
    let mut messages = Vec::with_capacity(delegates.len());
    for address in delegates {
        let delegate = canonical(deps.api, "delegates", &address)?;
        if !batch.insert(delegate.to_vec()) {
            return Err(Error::AdmitTwice { address });
        }
        match state::delegate(deps.storage, &delegate)? {
            Delegate::Unknown => state::admit_delegate(deps.storage, &delegate),
            Delegate::Admitted => return Err(Error::AdmitAdmitted { address }),
            Delegate::Used { id } => return Err(Error::AdmitUsed { address, id }),
        }
        messages.extend(allowance::grant(&mut deps, &env, &terms, &delegate)?);
    }
    let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
    Ok(Response::new().add_messages(messages).add_event(Event::DelegatesAdmitted { count }))
}
