//! Doors that are open in the stock genesis and lead nowhere we want.

use serde_json::{Value, json};

use super::set;
use crate::Error;

pub(super) fn write(genesis: &mut Value) -> Result<(), Error> {
    // No bridges: a foreign client could attest anything.
    set(genesis, "/app_state/ibc/client_genesis/params/allowed_clients", json!([]))?;
    set(
        genesis,
        "/app_state/interchainaccounts/host_genesis_state/params",
        json!({ "host_enabled": false, "allow_messages": [] }),
    )?;
    set(
        genesis,
        "/app_state/interchainaccounts/controller_genesis_state/params",
        json!({ "controller_enabled": false }),
    )?;
    set(genesis, "/app_state/transfer/params", json!({ "send_enabled": false, "receive_enabled": false }))?;
    set(genesis, "/app_state/protocolpool/params/enabled_distribution_denoms", json!([]))?;
    // Stock: blocks of 22 MB without a limit of gas.
    set(genesis, "/consensus/params/block/max_gas", "100000000".into())?;
    set(genesis, "/consensus/params/block/max_bytes", "2097152".into())
}
