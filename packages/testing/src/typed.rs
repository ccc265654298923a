//! A contract for cw-multi-test that keeps its typed errors, which the simulated chain turns into text.

use std::cell::RefCell;

use cosmwasm_std::{
    Binary, Deps, DepsMut, Empty, Env, MessageInfo, MigrateInfo, Reply, Response, StdError, StdResult,
    from_json,
};
use cw_multi_test::Contract;
use serde::de::DeserializeOwned;

thread_local! {
    /// The last contract's error of this test.
    static LAST: RefCell<Option<StdError>> = const { RefCell::new(None) };
}

/// Does a call to the chain; an error of a contract comes back as the contract gave it.
pub fn with_own_error<T>(call: impl FnOnce() -> StdResult<T>) -> StdResult<T> {
    LAST.with_borrow_mut(Option::take);
    call().map_err(|wrapped| LAST.with_borrow_mut(Option::take).unwrap_or(wrapped))
}

/// Keeps the error and gives its text to the chain.
fn kept<T, E: std::error::Error + Send + Sync + 'static>(result: Result<T, E>) -> StdResult<T> {
    result.map_err(|error| {
        let text = StdError::msg(&error);
        LAST.set(Some(StdError::from(error)));
        text
    })
}

pub struct Typed<I, X, Q, M, E> {
    pub instantiate: fn(DepsMut, Env, MessageInfo, I) -> Result<Response, E>,
    pub execute: fn(DepsMut, Env, MessageInfo, X) -> Result<Response, E>,
    pub query: fn(Deps, Env, Q) -> Result<Binary, E>,
    pub migrate: fn(DepsMut, Env, M) -> Result<Response, E>,
}

impl<I, X, Q, M, E> Contract<Empty> for Typed<I, X, Q, M, E>
where
    I: DeserializeOwned,
    X: DeserializeOwned,
    Q: DeserializeOwned,
    M: DeserializeOwned,
    E: std::error::Error + Send + Sync + 'static,
{
    fn instantiate(&self, deps: DepsMut, env: Env, info: MessageInfo, msg: Vec<u8>) -> StdResult<Response> {
        kept((self.instantiate)(deps, env, info, from_json(msg)?))
    }

    fn execute(&self, deps: DepsMut, env: Env, info: MessageInfo, msg: Vec<u8>) -> StdResult<Response> {
        kept((self.execute)(deps, env, info, from_json(msg)?))
    }

    fn query(&self, deps: Deps, env: Env, msg: Vec<u8>) -> StdResult<Binary> {
        (self.query)(deps, env, from_json(msg)?).map_err(StdError::from)
    }

    fn reply(&self, _: DepsMut, _: Env, _: Reply) -> StdResult<Response> {
        Err(StdError::msg("no contract of MedRec takes replies"))
    }

    fn sudo(&self, _: DepsMut, _: Env, _: Vec<u8>) -> StdResult<Response> {
        Err(StdError::msg("no contract of MedRec has a sudo entry point"))
    }

    fn migrate(&self, deps: DepsMut, env: Env, msg: Vec<u8>, _: MigrateInfo) -> StdResult<Response> {
        kept((self.migrate)(deps, env, from_json(msg)?))
    }
}
