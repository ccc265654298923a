//! The chain seen from here: one trait for everything asked of it, nodes behind it.

mod ask;
mod nodes;

use async_trait::async_trait;
use medrec_clients::{Event, NodeStatus, TxOutcome};
use serde_json::Value;

pub use ask::Ask;
pub use medrec_clients::Error;
pub use nodes::Nodes;

/// A message to a contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub contract: String,
    pub msg: Value,
}

/// What the miner asks of the chain, and sends in its account's name. `Nodes` is the real one; tests script theirs.
#[async_trait]
pub trait Chain: Send + Sync {
    async fn status(&self) -> Result<NodeStatus, Error>;
    /// A contract's answer, as JSON, at the newest height.
    async fn smart(&self, contract: &str, query: &Value) -> Result<Value, Error>;
    /// Events of the transactions of a block that succeeded.
    async fn events(&self, height: u64) -> Result<Vec<Event>, Error>;
    /// Sends one transaction and waits for its block; an outcome is a success. One at a time: the sequence is counted.
    async fn send(&self, calls: Vec<Call>) -> Result<TxOutcome, Error>;
}
