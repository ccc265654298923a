//! Who exists at genesis and what they own.

use std::collections::BTreeMap;

use cosmrs::AccountId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{FEE_DENOM, Funds, POLICY, STAKE_DENOM, Spec, set, stake};
use crate::Error;

/// What the relationship contract's fee pool is filled from.
const POLICY_FEES: u128 = 1_000_000_000_000_000;
/// Undelegated stake of the policy: for members admitted later and for deposits of x/gov.
const POLICY_STAKE: u128 = 10_000_000_000;
/// Fees of an operator or the sponsor: a hundred thousand large transactions.
const WORKING_FEES: u128 = 1_000_000_000_000;

pub(super) fn write(genesis: &mut Value, spec: &Spec) -> Result<(), Error> {
    let owners = owners(spec)?;
    // Numbers must be dense and the policy's account last: it has no key, only the credential of x/group.
    let mut accounts: Vec<Value> = owners
        .keys()
        .filter(|address| address.as_str() != POLICY)
        .enumerate()
        .map(|(number, address)| account(address, number, Value::Null))
        .collect();
    accounts.push(account(POLICY, accounts.len(), policy_credential()));
    set(genesis, "/app_state/auth/accounts", accounts.into())?;

    let mut balances: Vec<Value> = owners.iter().map(|(address, funds)| balance(address, *funds)).collect();
    let pooled = Funds { ustake: stake::pooled(spec.validators.len()), ufee: 0 };
    balances.push(balance(&module_address("not_bonded_tokens_pool")?, pooled));
    set(genesis, "/app_state/bank/balances", balances.into())
}

fn owners(spec: &Spec) -> Result<BTreeMap<String, Funds>, Error> {
    let mut owners = BTreeMap::new();
    let working = Funds { ufee: WORKING_FEES, ustake: 0 };
    owners.insert(POLICY.to_owned(), Funds { ufee: POLICY_FEES, ustake: POLICY_STAKE });
    owners.insert(spec.sponsor.clone(), working);
    for validator in &spec.validators {
        owners.insert(validator.operator.clone(), working);
    }
    for (address, funds) in &spec.funded {
        let owned = owners.entry(address.clone()).or_default();
        owned.ufee = owned.ufee.saturating_add(funds.ufee);
        owned.ustake = owned.ustake.saturating_add(funds.ustake);
    }
    for address in owners.keys() {
        parse_address(address)?;
    }
    Ok(owners)
}

fn account(address: &str, number: usize, pub_key: Value) -> Value {
    json!({
        "@type": "/cosmos.auth.v1beta1.BaseAccount",
        "address": address,
        "pub_key": pub_key,
        "account_number": number.to_string(),
        "sequence": "0",
    })
}

/// What x/group would have written had it made policy 1 itself.
fn policy_credential() -> Value {
    json!({
        "@type": "/cosmos.auth.v1beta1.ModuleCredential",
        "module_name": "group",
        "derivation_keys": ["IA==", "AAAAAAAAAAE="],
    })
}

fn balance(address: &str, funds: Funds) -> Value {
    let coins: Vec<Value> = [(FEE_DENOM, funds.ufee), (STAKE_DENOM, funds.ustake)]
        .into_iter()
        .filter(|(_, amount)| *amount > 0)
        .map(|(denom, amount)| json!({ "denom": denom, "amount": amount.to_string() }))
        .collect();
    json!({ "address": address, "coins": coins })
}

pub(super) fn parse_address(address: &str) -> Result<AccountId, Error> {
    let refuse = |reason: String| Error::Address { address: address.to_owned(), reason };
    let id: AccountId = address.parse().map_err(|error| refuse(format!("{error}")))?;
    if id.prefix() == "medrec" { Ok(id) } else { Err(refuse(format!("its prefix is `{}`", id.prefix()))) }
}

/// The address of a module's account, as the SDK derives it.
pub(super) fn module_address(module: &str) -> Result<String, Error> {
    let hash = Sha256::digest(module);
    address_with("medrec", hash.get(..20).unwrap_or_default())
}

pub(super) fn address_with(prefix: &str, bytes: &[u8]) -> Result<String, Error> {
    AccountId::new(prefix, bytes)
        .map(|id| id.to_string())
        .map_err(|error| Error::Address { address: hex::encode(bytes), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_addresses_are_those_of_the_sdk() {
        // x/gov's account has the same bytes on every chain: cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn.
        let gov: AccountId = "cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn".parse().unwrap();
        assert_eq!(module_address("gov").unwrap(), address_with("medrec", &gov.to_bytes()).unwrap());
    }

    #[test]
    fn addresses_of_other_chains_and_typing_errors_are_refused() {
        assert!(parse_address(POLICY).is_ok());
        let foreign = parse_address("cosmos10d07y265gmmuvt4z0w9aw880jnsr700j6zn9kn").unwrap_err();
        assert!(foreign.to_string().contains("its prefix is `cosmos`"), "{foreign}");
        assert!(parse_address(&POLICY.replace('9', "8")).is_err());
    }
}
