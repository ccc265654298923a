use cosmwasm_std::{DepsMut, Response};
use medrec_api::registrar::{Error, ResearcherStatus};
use medrec_api::validate;
use medrec_events::registrar::Event;

use super::telling;
use crate::state;

/// The researcher mines and cosigns no more; the record stays, account and key stay taken.
pub fn withdraw_researcher(deps: DepsMut, account: &str) -> Result<Response, Error> {
    let mut researcher = state::find_researcher(deps.as_ref(), "withdraw_researcher", account)?;
    let account = validate::address(deps.api, "account", account)?;
    if researcher.status == ResearcherStatus::Withdrawn {
        return Err(Error::WithdrawAgain { account: account.into_string() });
    }
    researcher.status = ResearcherStatus::Withdrawn;
    state::save_researcher(deps.storage, &account, &researcher)?;
    Ok(telling(Event::ResearcherWithdrawn { account: account.into_string() }))
}
