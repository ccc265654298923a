//! A contract in the bounty's place: offers that a test puts there, asked; deliveries and offers of the relayer taken as
//! the real one takes them. Its life is tested in `contracts/bounty`.

use cosmwasm_std::{
    Addr, Binary, Deps, DepsMut, Empty, Env, MessageInfo, Response, StdError, StdResult, to_json_binary,
};
use cw_multi_test::{ContractWrapper, Executor};
use medrec_api::bounty::{ExecuteMsg, OfferResponse, OfferState, OffersResponse, QueryMsg};
use medrec_testing::Suite;
use serde::{Deserialize, Serialize};

const OFFERS: &[u8] = b"offers";
const DELIVERED: &[u8] = b"delivered";
const MADE: &[u8] = b"made";

/// What the relayer says, and what a test does.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Said {
    Test(Put),
    Relayer(Box<ExecuteMsg>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Put {
    Put { offer: Box<OfferResponse> },
}

/// Offer and sealed answer of every delivery, ids of every offer the relayer made.
#[derive(Serialize, Deserialize, Default)]
pub struct Seen {
    pub delivered: Vec<(Binary, Binary)>,
    pub made: Vec<Binary>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Asked {
    Relayer(Box<QueryMsg>),
    Test(SeenQuery),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenQuery {
    Seen {},
}

/// Puts the contract on a chain.
pub fn install(suite: &mut Suite) -> (Addr, u64) {
    let code = suite.app.store_code(Box::new(ContractWrapper::new(execute, instantiate, query)));
    let (sender, msg) = (suite.consortium.clone(), Empty {});
    let address = suite.app.instantiate_contract(code, sender, &msg, &[], "offers", None).unwrap();
    (address, code)
}

fn load<T: serde::de::DeserializeOwned + Default>(deps: Deps, key: &[u8]) -> StdResult<T> {
    deps.storage.get(key).map_or(Ok(T::default()), cosmwasm_std::from_json)
}

fn save<T: Serialize>(deps: DepsMut, key: &[u8], value: &T) -> StdResult<()> {
    deps.storage.set(key, &cosmwasm_std::to_json_vec(value)?);
    Ok(())
}

fn instantiate(_: DepsMut, _: Env, _: MessageInfo, _: Empty) -> StdResult<Response> {
    Ok(Response::new())
}

fn execute(deps: DepsMut, _: Env, _: MessageInfo, said: Said) -> StdResult<Response> {
    let mut offers: Vec<OfferResponse> = load(deps.as_ref(), OFFERS)?;
    match said {
        Said::Test(Put::Put { offer }) => {
            offers.push(*offer);
            save(deps, OFFERS, &offers)?;
        }
        Said::Relayer(msg) => match *msg {
            ExecuteMsg::Deliver { offer, answer } => {
                let mut delivered: Vec<(Binary, Binary)> = load(deps.as_ref(), DELIVERED)?;
                let found = offers.iter_mut().find(|found| found.id == offer);
                let found = found.ok_or_else(|| StdError::msg("no such offer"))?;
                if found.state != OfferState::Asked {
                    return Err(StdError::msg("delivered already"));
                }
                found.state = OfferState::Delivered;
                delivered.push((offer, answer));
                let DepsMut { storage, api, querier } = deps;
                save(DepsMut { storage: &mut *storage, api, querier }, OFFERS, &offers)?;
                save(DepsMut { storage, api, querier }, DELIVERED, &delivered)?;
            }
            ExecuteMsg::Offer { id, .. } => {
                let mut made: Vec<Binary> = load(deps.as_ref(), MADE)?;
                made.push(id);
                save(deps, MADE, &made)?;
            }
            other => return Err(StdError::msg(format!("{} is not for this test", other.name()))),
        },
    }
    // An event, so that the relayer's desk is woken.
    Ok(Response::new().add_event(cosmwasm_std::Event::new("offer_changed").add_attribute("what", "it")))
}

fn query(deps: Deps, _: Env, asked: Asked) -> StdResult<Binary> {
    let offers: Vec<OfferResponse> = load(deps, OFFERS)?;
    match asked {
        Asked::Test(SeenQuery::Seen {}) => {
            to_json_binary(&Seen { delivered: load(deps, DELIVERED)?, made: load(deps, MADE)? })
        }
        Asked::Relayer(query) => match *query {
            QueryMsg::Offers { state, .. } => {
                let wanted = |offer: &OfferResponse| state.is_none_or(|state| offer.state == state);
                let offers = offers.into_iter().filter(wanted).collect();
                to_json_binary(&OffersResponse { offers, next: None })
            }
            QueryMsg::OfferById { id } => {
                let found = offers.into_iter().find(|offer| offer.id == id);
                to_json_binary(&found.ok_or_else(|| StdError::msg("no such offer"))?)
            }
            _ => Err(StdError::msg("not for this test")),
        },
    }
}
