//! What the scenario's transactions weighed, read back from the blocks.

use std::collections::BTreeMap;

use anyhow::Result;
use medrec_clients::{Rpc, TxHash};

use crate::report::ChainCost;

/// Event of a contract → name of the message that caused it.
const MESSAGES: [(&str, &str); 6] = [
    ("wasm-opened", "open"),
    ("wasm-accepted", "accept"),
    ("wasm-granted", "grant"),
    ("wasm-revoked", "revoke"),
    ("wasm-anchored", "anchor"),
    ("wasm-log_admitted", "admit_log"),
];

/// The heaviest transaction of each kind in blocks `from..=to`.
pub async fn heaviest(rpc: &Rpc, from: u64, to: u64) -> Result<BTreeMap<String, ChainCost>> {
    let mut costs: BTreeMap<String, ChainCost> = BTreeMap::new();
    for height in from..=to {
        for bytes in rpc.block(height).await?.txs {
            let Some(tx) = rpc.tx(TxHash::of(&bytes)).await? else { continue };
            let message = MESSAGES.iter().find(|(kind, _)| tx.events.iter().any(|event| event.kind == *kind));
            if let Some((_, name)) = message {
                let cost = costs.entry((*name).to_owned()).or_insert(ChainCost { bytes: 0, gas: 0 });
                cost.bytes = cost.bytes.max(u64::try_from(tx.size_bytes)?);
                cost.gas = cost.gas.max(tx.gas_used);
            }
        }
    }
    Ok(costs)
}
