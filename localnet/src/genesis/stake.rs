//! Power: an operator bonds one unit of his own, the policy delegates a hundred to each.
//!
//! Validators start unbonded in the state and are bonded by x/staking itself at block 0, with all its hooks: the
//! same as delivering gentxs, but the policy's delegations, which nobody could sign, are there from block 1.

use serde_json::{Value, json};

use super::{
    POLICY, STAKE_DENOM, Spec, Validator,
    accounts::{address_with, parse_address},
    set,
};
use crate::Error;

/// Stake of one unit of power.
const POWER: u128 = 1_000_000;
const SELF_BOND: u128 = POWER;
const DELEGATED: u128 = 100 * POWER;

/// Stake in the pool of unbonded tokens at genesis.
pub(super) fn pooled(validators: usize) -> u128 {
    let each = SELF_BOND.saturating_add(DELEGATED);
    u128::try_from(validators).unwrap_or_default().saturating_mul(each)
}

pub(super) fn write(genesis: &mut Value, spec: &Spec) -> Result<(), Error> {
    let mut validators = Vec::new();
    let mut delegations = Vec::new();
    for validator in &spec.validators {
        let operator = operator_address(&validator.operator)?;
        delegations.push(delegation(&validator.operator, &operator, SELF_BOND));
        delegations.push(delegation(POLICY, &operator, DELEGATED));
        validators.push(validator_state(validator, &operator));
    }
    let staking = "/app_state/staking";
    set(genesis, &format!("{staking}/validators"), validators.into())?;
    set(genesis, &format!("{staking}/delegations"), delegations.into())?;
    set(genesis, &format!("{staking}/params/bond_denom"), STAKE_DENOM.into())?;
    set(genesis, &format!("{staking}/params/max_validators"), spec.validators.len().into())?;

    // No new stake ever, and fees go back to delegators, which is the policy: the pool refills itself.
    let mint = "/app_state/mint";
    set(genesis, &format!("{mint}/minter/inflation"), "0.0".into())?;
    set(genesis, &format!("{mint}/params/mint_denom"), STAKE_DENOM.into())?;
    for rate in ["inflation_rate_change", "inflation_max", "inflation_min"] {
        set(genesis, &format!("{mint}/params/{rate}"), "0.0".into())?;
    }
    let distribution = "/app_state/distribution/params";
    set(genesis, &format!("{distribution}/community_tax"), "0.0".into())?;
    set(genesis, &format!("{distribution}/withdraw_addr_enabled"), false.into())?;

    // Stock values jail after 51 missed blocks; the next failure then halts a chain of four.
    let slashing = "/app_state/slashing/params";
    set(genesis, &format!("{slashing}/signed_blocks_window"), "100000".into())?;
    set(genesis, &format!("{slashing}/min_signed_per_window"), "0.01".into())?;
    set(genesis, &format!("{slashing}/slash_fraction_downtime"), "0.0".into())?;
    set(genesis, &format!("{slashing}/downtime_jail_duration"), "60s".into())?;
    set(genesis, &format!("{slashing}/slash_fraction_double_sign"), "0.05".into())
}

/// The operator's account under the prefix of validators.
fn operator_address(account: &str) -> Result<String, Error> {
    address_with("medrecvaloper", &parse_address(account)?.to_bytes())
}

fn delegation(delegator: &str, operator: &str, amount: u128) -> Value {
    json!({ "delegator_address": delegator, "validator_address": operator, "shares": format!("{amount}.0") })
}

fn validator_state(validator: &Validator, operator: &str) -> Value {
    let tokens = pooled(1);
    json!({
        "operator_address": operator,
        "consensus_pubkey": { "@type": "/cosmos.crypto.ed25519.PubKey", "key": validator.consensus_key },
        "jailed": false,
        "status": "BOND_STATUS_UNBONDED",
        "tokens": tokens.to_string(),
        "delegator_shares": format!("{tokens}.0"),
        "description": {
            "moniker": validator.moniker,
            "identity": "", "website": "", "security_contact": "", "details": "",
        },
        "unbonding_height": "0",
        "unbonding_time": "1970-01-01T00:00:00Z",
        "commission": {
            "commission_rates": { "rate": "0.0", "max_rate": "0.0", "max_change_rate": "0.0" },
            "update_time": "1970-01-01T00:00:00Z",
        },
        "min_self_delegation": "1",
        "unbonding_on_hold_ref_count": "0",
        "unbonding_ids": [],
    })
}
