//! The list of x/circuit: every message type of the node is off, but those named here.
//!
//! It is a list of what is off, so a type that a new wasmd brings would be on: `tests/permissions.rs` compares the
//! node's own list with `msgs.json`.

use serde_json::Value;

use super::set;
use crate::Error;

const MSGS: &str = include_str!("../../msgs.json");

const ALLOWED: [&str; 24] = [
    // Contracts: instantiating and uploading are the policy's alone by the parameters of x/wasm.
    "/cosmwasm.wasm.v1.MsgExecuteContract",
    "/cosmwasm.wasm.v1.MsgInstantiateContract",
    "/cosmwasm.wasm.v1.MsgInstantiateContract2",
    "/cosmwasm.wasm.v1.MsgStoreCode",
    "/cosmwasm.wasm.v1.MsgMigrateContract",
    // Obey x/gov only; off, they would also stop its proposals, which run through the same router.
    "/cosmwasm.wasm.v1.MsgPinCodes",
    "/cosmwasm.wasm.v1.MsgUnpinCodes",
    // The consortium's votes.
    "/cosmos.group.v1.MsgSubmitProposal",
    "/cosmos.group.v1.MsgVote",
    "/cosmos.group.v1.MsgExec",
    "/cosmos.group.v1.MsgWithdrawProposal",
    "/cosmos.group.v1.MsgUpdateGroupMembers",
    "/cosmos.group.v1.MsgUpdateGroupPolicyDecisionPolicy",
    // Fees paid by the relationship contract.
    "/cosmos.feegrant.v1beta1.MsgGrantAllowance",
    "/cosmos.feegrant.v1beta1.MsgRevokeAllowance",
    "/cosmos.feegrant.v1beta1.MsgPruneAllowances",
    // Expulsion of validators by the policy; an operator's own affairs. MsgDelegate is off, so that leaked stake never
    // becomes power: the policy opens it for the moment it admits a validator.
    "/cosmos.staking.v1beta1.MsgUndelegate",
    "/cosmos.staking.v1beta1.MsgEditValidator",
    "/cosmos.slashing.v1beta1.MsgUnjail",
    "/cosmos.distribution.v1beta1.MsgWithdrawDelegatorReward",
    "/cosmos.distribution.v1beta1.MsgWithdrawValidatorCommission",
    "/cosmos.evidence.v1beta1.MsgSubmitEvidence",
    // The policy is its only super-admin.
    "/cosmos.circuit.v1.MsgTripCircuitBreaker",
    "/cosmos.circuit.v1.MsgResetCircuitBreaker",
];

/// All message types of the node that genesis was made for, sorted.
pub fn known_messages() -> Result<Vec<String>, Error> {
    serde_json::from_str(MSGS).map_err(|error| Error::Content {
        what: "a list of message types",
        path: "localnet/msgs.json".into(),
        reason: error.to_string(),
    })
}

/// Message types anybody may put into a transaction.
pub fn allowed_messages() -> &'static [&'static str] {
    &ALLOWED
}

/// All others.
pub fn disabled_messages() -> Result<Vec<String>, Error> {
    let mut known = known_messages()?;
    known.retain(|message| !ALLOWED.contains(&message.as_str()));
    Ok(known)
}

pub(super) fn write(genesis: &mut Value) -> Result<(), Error> {
    set(genesis, "/app_state/circuit/disabled_type_urls", disabled_messages()?.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_allowed_message_exists_once() {
        let known: BTreeSet<String> = known_messages().unwrap().into_iter().collect();
        let allowed: BTreeSet<&str> = ALLOWED.into_iter().collect();
        assert_eq!(allowed.len(), ALLOWED.len(), "a message is named twice");
        for message in &allowed {
            assert!(known.contains(*message), "{message} is no message of the node");
        }
        assert_eq!(disabled_messages().unwrap().len() + allowed.len(), known.len());
    }

    #[test]
    fn nothing_that_moves_coins_or_power_is_allowed() {
        let disabled = disabled_messages().unwrap();
        for message in [
            "/cosmos.bank.v1beta1.MsgSend",
            "/cosmos.bank.v1beta1.MsgMultiSend",
            "/cosmos.authz.v1beta1.MsgGrant",
            "/cosmos.authz.v1beta1.MsgExec",
            "/cosmos.distribution.v1beta1.MsgSetWithdrawAddress",
            "/cosmos.distribution.v1beta1.MsgDepositValidatorRewardsPool",
            "/cosmos.gov.v1.MsgSubmitProposal",
            "/cosmos.gov.v1beta1.MsgSubmitProposal",
            "/cosmos.group.v1.MsgCreateGroup",
            "/cosmos.staking.v1beta1.MsgCreateValidator",
            "/cosmos.staking.v1beta1.MsgDelegate",
            "/ibc.core.client.v1.MsgCreateClient",
        ] {
            assert!(disabled.iter().any(|other| other == message), "{message} is allowed");
        }
    }
}
