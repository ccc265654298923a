//! Typed queries, one client per contract: one method for every query message of `medrec_api`.

mod authlog;
mod bounty;
mod registrar;
mod relationship;

pub use authlog::Authlog;
pub use bounty::Bounty;
pub use registrar::Registrar;
pub use relationship::Relationship;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Result, Rpc};

/// A contract seen through a node, at the newest height or a fixed one.
#[derive(Clone, Debug)]
struct Contract {
    rpc: Rpc,
    address: String,
    height: Option<u64>,
}

impl Contract {
    async fn ask<Q: Serialize, R: DeserializeOwned>(&self, query: &Q) -> Result<R> {
        self.rpc.smart_at(&self.address, query, self.height).await
    }
}

/// What all clients have in common.
macro_rules! client {
    ($name:ident) => {
        impl $name {
            /// The contract at this address, asked through this node.
            pub fn new(rpc: &$crate::Rpc, address: &str) -> Self {
                Self($crate::contracts::Contract {
                    rpc: rpc.clone(),
                    address: address.to_owned(),
                    height: None,
                })
            }

            /// The same contract as it was after the block at `height`: for pages that belong together.
            #[must_use]
            pub fn at(mut self, height: u64) -> Self {
                self.0.height = Some(height);
                self
            }

            /// The contract's address.
            pub fn address(&self) -> &str {
                &self.0.address
            }
        }
    };
}
use client;
