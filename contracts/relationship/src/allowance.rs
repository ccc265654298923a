//! Fee allowances paid by the contract, so that the payer is the same for all (x/feegrant).
//!
//! `MsgGrantAllowance` with an `AllowedMsgAllowance` (contract calls only) over a `BasicAllowance` (a cap, an end),
//! as protobuf. Written by hand: the generated code of these types is a hundred times this size in wasm.

use cosmwasm_std::{AnyMsg, Binary, CanonicalAddr, CosmosMsg, DepsMut, Env};
use medrec_api::relationship::{Allowance, EXTRA_ALLOWANCES, Error};

use crate::state::{self, Head};

const GRANT_ALLOWANCE: &str = "/cosmos.feegrant.v1beta1.MsgGrantAllowance";
const ALLOWED_MSG: &str = "/cosmos.feegrant.v1beta1.AllowedMsgAllowance";
const BASIC: &str = "/cosmos.feegrant.v1beta1.BasicAllowance";
const EXECUTE: &str = "/cosmwasm.wasm.v1.MsgExecuteContract";

/// x/feegrant refuses a second allowance to one address, and prunes an ended one only some blocks later.
const PRUNING: u64 = 600;

/// An allowance for `grantee`, unless one that has not ended was given: neither a repeated nor a drained one is
/// renewed before its end (security H5).
pub fn grant(
    deps: &mut DepsMut,
    env: &Env,
    terms: &Allowance,
    grantee: &CanonicalAddr,
) -> Result<Option<CosmosMsg>, Error> {
    let now = env.block.time.seconds();
    if let Some(end) = state::allowance_end(deps.storage, grantee)?
        && now < end.saturating_add(PRUNING)
    {
        return Ok(None);
    }
    let end = now.saturating_add(terms.lifetime);
    state::save_allowance_end(deps.storage, grantee, end);
    let grantee = deps.api.addr_humanize(grantee)?;
    let value = grant_allowance(env.contract.address.as_str(), grantee.as_str(), terms, end);
    Ok(Some(CosmosMsg::Any(AnyMsg { type_url: GRANT_ALLOWANCE.to_owned(), value: Binary::new(value) })))
}

/// An allowance beside that of `open`; a relationship has few of them.
pub fn grant_extra(
    deps: &mut DepsMut,
    env: &Env,
    head: &mut Head,
    grantee: &CanonicalAddr,
) -> Result<Option<CosmosMsg>, Error> {
    if head.allowances >= EXTRA_ALLOWANCES {
        return Ok(None);
    }
    let terms = state::config(deps.storage)?.allowance;
    let message = grant(deps, env, &terms, grantee)?;
    if message.is_some() {
        head.allowances = head.allowances.saturating_add(1);
    }
    Ok(message)
}

fn grant_allowance(granter: &str, grantee: &str, terms: &Allowance, end: u64) -> Vec<u8> {
    let coin = message(&[(1, terms.denom.as_bytes()), (2, terms.spend_limit.to_string().as_bytes())]);
    let mut timestamp = vec![tag(1, VARINT)];
    varint(&mut timestamp, end);
    let basic = message(&[(1, &coin), (2, &timestamp)]);
    let allowed = message(&[(1, &any(BASIC, &basic)), (2, EXECUTE.as_bytes())]);
    message(&[(1, granter.as_bytes()), (2, grantee.as_bytes()), (3, &any(ALLOWED_MSG, &allowed))])
}

fn any(type_url: &str, value: &[u8]) -> Vec<u8> {
    message(&[(1, type_url.as_bytes()), (2, value)])
}

const VARINT: u8 = 0;
const BYTES: u8 = 2;

/// Field numbers here are below 16, so a tag is one byte.
const fn tag(field: u8, wire_type: u8) -> u8 {
    (field << 3) | wire_type
}

/// A protobuf message whose fields are all length-delimited.
fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (field, value) in fields {
        bytes.push(tag(*field, BYTES));
        varint(&mut bytes, u64::try_from(value.len()).unwrap_or(u64::MAX));
        bytes.extend_from_slice(value);
    }
    bytes
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        bytes.push(low | 0x80);
        value >>= 7;
    }
    let [last, ..] = value.to_le_bytes();
    bytes.push(last);
}
