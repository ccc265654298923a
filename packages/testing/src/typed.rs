//! A contract for cw-multi-test that keeps its typed errors, which `ContractWrapper` turns into text.

use cosmwasm_std::{
    Binary, Deps, DepsMut, Empty, Env, MessageInfo, MigrateInfo, Reply, Response, StdError, StdResult,
    from_json,
};
use cw_multi_test::Contract;
use serde::de::DeserializeOwned;

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
        (self.instantiate)(deps, env, info, from_json(msg)?).map_err(StdError::from)
    }

    fn execute(&self, deps: DepsMut, env: Env, info: MessageInfo, msg: Vec<u8>) -> StdResult<Response> {
        (self.execute)(deps, env, info, from_json(msg)?).map_err(StdError::from)
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
        (self.migrate)(deps, env, from_json(msg)?).map_err(StdError::from)
    }
}
