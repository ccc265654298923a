//! Async clients over one node's RPC: queries, transactions, blocks.
//!
//! Everything goes through the CometBFT RPC port: queries are prost requests over `abci_query`, so no
//! second port and no second HTTP stack is needed.
//!
//! - [`Rpc`]: one node. `query`, `smart`, `raw`, `account`, `balance`, `allowance`, `status`, `block`,
//!   `block_results`, `broadcast`, `tx`, `wait_tx`, `wait_height`, `send`.
//! - [`Registrar`], [`Relationship`], [`Authlog`], [`Bounty`]: typed queries of the contracts.
//! - [`Deployment`]: where chain and contracts are.
//! - [`Signer`], [`Tx`], [`execute`]: build and sign transactions.

mod blocks;
mod contracts;
mod deployment;
mod error;
mod http;
mod price;
mod query;
mod rpc;
mod send;
mod tx;

pub use blocks::{Block, BlockEvents, Event, TxEvents, TxHash, TxOutcome};
pub use contracts::{Authlog, Bounty, Registrar, Relationship};
pub use cosmrs::Any;
pub use cosmrs::proto::cosmos::base::v1beta1::Coin;
pub use deployment::{Contract, Contracts, Deployment, DeploymentError};
pub use error::Error;
pub use http::Limits;
pub use price::GasPrice;
pub use query::{Account, Allowance};
pub use rpc::{BLOCKS_PER_ANSWER, NodeStatus, Rpc};
pub use send::Chain;
pub use tx::{FEE_DENOM, PREFIX, Signer, Tx, any, execute};

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;
