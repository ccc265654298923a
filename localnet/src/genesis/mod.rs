//! Genesis: the default one of wasmd, changed to a permissioned chain with one sovereign.
//!
//! Why each setting is as it is: `localnet/README.md`, "Genesis". The settings work as a set.

mod accounts;
mod closed;
mod consortium;
mod permissions;
mod stake;

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

pub use consortium::{GOV_DEPOSIT, POLICY};
pub use permissions::{allowed_messages, disabled_messages, known_messages};

use crate::Error;

/// The fee coin.
pub const FEE_DENOM: &str = "ufee";
/// The coin behind validators' power.
pub const STAKE_DENOM: &str = "ustake";

/// What the default genesis doesn't know.
#[derive(Clone, Debug)]
pub struct Spec {
    pub chain_id: String,
    pub validators: Vec<Validator>,
    /// Admits delegates; holds fees only.
    pub sponsor: String,
    /// Further accounts and what they own, by address.
    pub funded: BTreeMap<String, Funds>,
    /// How long members of the consortium have to vote, in the group and in x/gov.
    pub voting_period: Duration,
}

/// A validator, run by a member of the consortium.
#[derive(Clone, Debug)]
pub struct Validator {
    pub moniker: String,
    /// Account of the operator, which is also the group member. Prefix `medrec`.
    pub operator: String,
    /// Ed25519 public key of the consensus key, base64.
    pub consensus_key: String,
}

/// Coins of one account, in millionths.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Funds {
    pub ufee: u128,
    pub ustake: u128,
}

/// Turns the default genesis (`wasmd init`) into ours.
pub fn build(mut genesis: Value, spec: &Spec) -> Result<Value, Error> {
    set(&mut genesis, "/chain_id", spec.chain_id.clone().into())?;
    accounts::write(&mut genesis, spec)?;
    stake::write(&mut genesis, spec)?;
    consortium::write(&mut genesis, spec)?;
    permissions::write(&mut genesis)?;
    closed::write(&mut genesis)?;
    Ok(genesis)
}

/// Replaces a value that must exist: a path the default genesis lacks is a wrong version of wasmd.
fn set(genesis: &mut Value, path: &str, value: Value) -> Result<(), Error> {
    *at(genesis, path)? = value;
    Ok(())
}

fn at<'a>(genesis: &'a mut Value, path: &str) -> Result<&'a mut Value, Error> {
    genesis.pointer_mut(path).ok_or_else(|| Error::Genesis { path: path.to_owned() })
}

/// Checks prefix and checksum of an account address.
pub(crate) fn check_address(address: &str) -> Result<(), Error> {
    accounts::parse_address(address).map(drop)
}

/// The 20 or 32 bytes of an account address.
pub(crate) fn address_bytes(address: &str) -> Result<Vec<u8>, Error> {
    Ok(accounts::parse_address(address)?.to_bytes())
}

pub(crate) fn account_address(bytes: &[u8]) -> Result<String, Error> {
    accounts::address_with("medrec", bytes)
}

/// Account of x/gov, which alone may pin codes and change parameters.
pub fn gov_address() -> Result<String, Error> {
    accounts::module_address("gov")
}
