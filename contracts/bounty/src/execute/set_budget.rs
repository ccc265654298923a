use cosmwasm_std::{DepsMut, Response};
use medrec_api::bounty::Error;
use medrec_events::bounty::Event;

use crate::{
    permissions,
    state::{BUDGETS, Config, budget},
};

/// How much ε an institution's data set may ever give away. What is spent and reserved stays covered.
pub fn set_budget(deps: DepsMut, config: &Config, institution: u32, total: u64) -> Result<Response, Error> {
    let operation = "set_budget";
    if permissions::registry(deps.as_ref(), config).status(institution).is_none() {
        return Err(Error::NoInstitution { operation, institution });
    }
    let before = budget(deps.storage, institution)?;
    if before.total == total {
        return Err(Error::BudgetSame { institution, total });
    }
    let after = before.with_total(total).map_err(|reason| Error::BudgetBelow { institution, reason })?;
    BUDGETS.save(deps.storage, institution, &after)?;
    Ok(Response::new().add_event(Event::BudgetSet { institution, total }))
}
