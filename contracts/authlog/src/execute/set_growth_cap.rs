use cosmwasm_std::{DepsMut, Response};
use medrec_api::{
    authlog::{Error, GrowthCap},
    validate,
};
use medrec_events::authlog::Event;

use crate::state::{CONFIG, Config};

pub fn set_growth_cap(deps: DepsMut, config: Config, growth: GrowthCap) -> Result<Response, Error> {
    let growth = valid(growth)?;
    if growth == config.growth {
        return Err(Error::GrowthSame);
    }
    CONFIG.save(deps.storage, &Config { growth, ..config })?;
    let GrowthCap { burst, per_second } = growth;
    Ok(Response::new().add_event(Event::GrowthCapChanged { burst, per_second }))
}

/// A burst of nothing would stop every log for good.
pub fn valid(growth: GrowthCap) -> Result<GrowthCap, Error> {
    validate::range("burst", growth.burst.into(), 1, u64::MAX.into())?;
    Ok(growth)
}
