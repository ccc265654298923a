//! Where blocks and state come from: the chain, and who we are on it.

use std::{ops::RangeInclusive, sync::Arc};

use futures::{Stream, StreamExt, TryStreamExt};
use medrec_clients::{Block, BlockEvents, NodeStatus};

use super::Error;
use crate::{
    chain::{self, BLOCKS_PER_ANSWER, Chain, Contracts},
    identity::Identity,
};

/// Ranges of blocks, and blocks' results, asked for ahead of the block that is applied.
const RANGES_AHEAD: usize = 2;
const RESULTS_AHEAD: usize = 16;

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
        let (first, last) = heights.into_inner();
        let ranges = (first..=last).step_by(usize::try_from(BLOCKS_PER_ANSWER).unwrap_or(1));
        let to = move |from: u64| from.saturating_add(BLOCKS_PER_ANSWER.saturating_sub(1)).min(last);
        futures::stream::iter(ranges)
            .map(move |from| self.range(from, to(from)))
            .buffered(RANGES_AHEAD)
            .map_ok(|blocks| futures::stream::iter(blocks.into_iter().map(Ok)))
            .try_flatten()
            .map(|block: Result<Block, Error>| async { self.with_events(block?).await })
            .buffered(RESULTS_AHEAD)
    }

    pub(super) async fn block(&self, height: u64) -> Result<Block, Error> {
        let found = self.range(height, height).await?.pop();
        found.ok_or(Error::OtherBlock { asked: height, found: 0 })
    }

    async fn range(&self, from: u64, to: u64) -> Result<Vec<Block>, Error> {
        let blocks = self.chain.blocks(from, to).await.map_err(|error| pruned(error, from))?;
        match blocks.iter().zip(from..).find(|(block, height)| block.height != *height) {
            Some((block, asked)) => Err(Error::OtherBlock { asked, found: block.height }),
            None => Ok(blocks),
        }
    }

    async fn with_events(&self, block: Block) -> Result<(Block, BlockEvents), Error> {
        let height = block.height;
        // Half of a quiet chain's blocks and more: nothing to ask for.
        if block.txs == 0 {
            return Ok((block, BlockEvents { height, txs: Vec::new() }));
        }
        let results = self.chain.block_results(height).await.map_err(|error| pruned(error, height))?;
        if results.height != height {
            return Err(Error::OtherBlock { asked: height, found: results.height });
        }
        match u64::try_from(results.txs.len()) {
            Ok(found) if found == block.txs => Ok((block, results)),
            _ => Err(Error::Incomplete { height, wanted: block.txs, found: results.txs.len() }),
        }
    }
}

fn pruned(error: chain::Error, wanted: u64) -> Error {
    match error {
        chain::Error::Pruned { lowest, .. } => Error::Pruned { wanted, lowest },
        error => error.into(),
    }
}
