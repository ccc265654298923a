//! The chain seen from here: one trait for everything asked of it, nodes behind it, and the outbox that sends.

pub mod contracts;
mod nodes;
pub mod outbox;
pub mod sender;

use async_trait::async_trait;
use medrec_clients::{Account, Block, BlockEvents, NodeStatus, TxHash, TxOutcome};
use serde_json::Value;

pub use contracts::Contracts;
pub use medrec_clients::{BLOCKS_PER_ANSWER, Error};
pub use nodes::Nodes;

/// What the relayer asks of the chain. `Nodes` is the real one; tests script theirs.
#[async_trait]
pub trait Chain: Send + Sync {
    async fn status(&self) -> Result<NodeStatus, Error>;
    /// The blocks of a range of heights in order, `BLOCKS_PER_ANSWER` at most.
    async fn blocks(&self, from: u64, to: u64) -> Result<Vec<Block>, Error>;
    async fn block_results(&self, height: u64) -> Result<BlockEvents, Error>;
    /// A contract's answer, as JSON, at the newest height or a given one.
    async fn smart(&self, contract: &str, query: &Value, height: Option<u64>) -> Result<Value, Error>;
    async fn account(&self, address: &str) -> Result<Option<Account>, Error>;
    /// Gas.
    async fn simulate(&self, tx: Vec<u8>) -> Result<u64, Error>;
    async fn broadcast(&self, tx: Vec<u8>) -> Result<TxHash, Error>;
    /// None: no node that answered has seen it, which proves nothing.
    async fn tx(&self, hash: TxHash) -> Result<Option<TxOutcome>, Error>;
    /// Whether the transaction can never be committed any more: two nodes (the only one, if one is configured) are
    /// more than a block past its timeout and have not seen it, and none has (security H25).
    async fn never(&self, hash: TxHash, timeout_height: u64) -> Result<bool, Error>;
}
