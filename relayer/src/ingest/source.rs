//! Where blocks and state come from: the chain, and who we are on it.

use std::{ops::RangeInclusive, sync::Arc};

use futures::{Stream, StreamExt};
use medrec_clients::{Block, BlockEvents, NodeStatus};

use super::Error;
use crate::{
    chain::{self, Chain, Contracts},
    identity::Identity,
};

/// Blocks asked for ahead of the one that is applied.
const AHEAD: usize = 16;

/// The chain as ingest sees it; clones share it.
#[derive(Clone)]
pub struct Source {
    pub chain: Arc<dyn Chain>,
    pub identity: Arc<Identity>,
}

impl Source {
    pub(super) fn contracts(&self) -> Contracts<'_> {
        Contracts {
            chain: &*self.chain,
            registrar: &self.identity.registrar,
            relationship: &self.identity.contract.address,
            authlog: "",
        }
    }

    pub(super) fn is_our_chain(&self, status: &NodeStatus) -> Result<(), Error> {
        let expected = &self.identity.contract.chain_id;
        if status.chain_id == *expected {
            return Ok(());
        }
        Err(Error::OtherChain { expected: expected.clone(), found: status.chain_id.clone() })
    }

    /// These blocks with their events in order, some of them asked for ahead.
    pub(super) fn blocks(
        &self,
        heights: RangeInclusive<u64>,
    ) -> impl Stream<Item = Result<(Block, BlockEvents), Error>> + '_ {
        futures::stream::iter(heights).map(|height| self.block(height)).buffered(AHEAD)
    }

    async fn block(&self, height: u64) -> Result<(Block, BlockEvents), Error> {
        let fetched = tokio::try_join!(self.chain.block(height), self.chain.block_results(height));
        let (block, results) = fetched.map_err(|error| match error {
            chain::Error::Pruned { lowest, .. } => Error::Pruned { wanted: height, lowest },
            error => error.into(),
        })?;
        match [block.height, results.height].into_iter().find(|found| *found != height) {
            Some(found) => Err(Error::OtherBlock { asked: height, found }),
            None => Ok((block, results)),
        }
    }
}
