//! Logs, their heads, the sum tree.

use cosmwasm_std::{Binary, Deps, Order};
use cw_storage_plus::Bound;
use medrec_api::{
    authlog::{
        ConfigResponse, Error, HeadProofResponse, HeadsResponse, LogResponse, LogsResponse, MAX_LOGS, Node,
    },
    page, validate,
};
use medrec_merkle::{self as merkle, heads};

use crate::{
    heads::HeadsTree,
    state::{self, CONFIG, FORKS, LOGS, Log, SLOT_OF},
};

pub fn config(deps: Deps) -> Result<ConfigResponse, Error> {
    let config = CONFIG.load(deps.storage)?;
    Ok(ConfigResponse {
        consortium: config.consortium.into(),
        registrar: config.registrar.into(),
        growth: config.growth,
    })
}

pub fn log(deps: Deps, slot: u32) -> Result<LogResponse, Error> {
    answer(deps, slot, state::log(deps.storage, slot, "log")?)
}

pub fn log_of(deps: Deps, institution: u32) -> Result<LogResponse, Error> {
    let slot = SLOT_OF.may_load(deps.storage, institution)?;
    log(deps, slot.ok_or(Error::NoLogOf { operation: "log_of", institution })?)
}

pub fn logs(deps: Deps, start_after: Option<u32>, limit: Option<u32>) -> Result<LogsResponse, Error> {
    let from = start_after.map(Bound::exclusive);
    let logs = LOGS.range(deps.storage, from, None, Order::Ascending).take(page(limit)).map(|row| {
        let (slot, log) = row?;
        answer(deps, slot, log)
    });
    Ok(LogsResponse { logs: logs.collect::<Result<_, Error>>()? })
}

pub fn heads(deps: Deps) -> Result<HeadsResponse, Error> {
    let root = HeadsTree::new(deps.storage).root()?;
    Ok(HeadsResponse { hash: root.hash.into(), total: root.sum })
}

/// A slot without a log is empty, which its path proves just as well.
pub fn head_proof(deps: Deps, slot: u32) -> Result<HeadProofResponse, Error> {
    validate::range("slot", slot.into(), 0, MAX_LOGS.saturating_sub(1).into())?;
    let tree = HeadsTree::new(deps.storage);
    let path = tree.path(slot)?.iter().map(node).collect();
    Ok(HeadProofResponse { slot, head: node(&tree.leaf(slot)?), path })
}

fn node(node: &heads::Node) -> Node {
    Node { hash: node.hash.into(), sum: node.sum }
}

fn answer(deps: Deps, slot: u32, log: Log) -> Result<LogResponse, Error> {
    let Log { institution, origin, key, .. } = log;
    let forked = FORKS.may_load(deps.storage, slot)?;
    Ok(match state::head(deps.storage, slot)? {
        None => LogResponse {
            slot,
            institution,
            origin,
            key,
            size: 0,
            root: merkle::root(&[]).into(),
            signature: Binary::default(),
            anchored_height: 0,
            anchored_at: 0,
            forked,
        },
        Some(head) => LogResponse {
            slot,
            institution,
            origin,
            key,
            size: head.size,
            root: head.root.into(),
            signature: head.signature.into(),
            anchored_height: head.height,
            anchored_at: head.at,
            forked,
        },
    })
}
