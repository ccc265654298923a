//! One node: its state, its blocks, its answers.

use std::time::Duration;

use cosmrs::tendermint::block::Height;
use tendermint_rpc::Client;
use tendermint_rpc::error::ErrorDetail;
use tokio::time::{Instant, sleep};

use crate::blocks::events;
use crate::http::Http;
use crate::{Block, BlockEvents, Error, Limits, Result, TxEvents};

/// Blocks that CometBFT gives in one answer, at most.
pub const BLOCKS_PER_ANSWER: u64 = 20;

/// Pause between two looks when waiting for the chain.
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// A client of one node. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Rpc {
    pub(crate) http: Http,
    node: String,
}

/// Where a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The chain it follows.
    pub chain_id: String,
    /// Newest committed height it has.
    pub height: u64,
    /// That block's time, whole seconds since 1970.
    pub time_seconds: u64,
    /// Still replaying old blocks: its answers are of the past.
    pub catching_up: bool,
}

impl Rpc {
    /// A client for `http://host:port`. Does not connect yet.
    pub fn new(url: &str) -> Result<Self> {
        Self::with_limits(url, Limits::default())
    }

    /// As [`Rpc::new`], with other bounds.
    pub fn with_limits(url: &str, limits: Limits) -> Result<Self> {
        // The library's own messages would show a password in the URL.
        let refuse = |reason| Error::Url { url: without_credentials(url), reason };
        let parsed: reqwest_tls::Url = url.parse().map_err(|_| refuse("it does not parse"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(refuse("neither http nor https"));
        }
        let host = parsed.host_str().ok_or_else(|| refuse("it names no host"))?;
        let node = format!("{host}:{}", parsed.port_or_known_default().unwrap_or_default());
        let http = Http::new(parsed, limits).map_err(|_| refuse("no HTTP client can be made for it"))?;
        Ok(Self { http, node })
    }

    /// `host:port` of the node, for messages.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Chain id, height, time, and whether the node is behind.
    pub async fn status(&self) -> Result<NodeStatus> {
        let status = self.http.status().await.map_err(|e| self.failed("status", e))?;
        Ok(NodeStatus {
            chain_id: status.node_info.network.to_string(),
            height: status.sync_info.latest_block_height.value(),
            time_seconds: seconds(status.sync_info.latest_block_time)?,
            catching_up: status.sync_info.catching_up,
        })
    }

    /// The block at a height.
    pub async fn block(&self, height: u64) -> Result<Block> {
        // One height was asked for, one block came back.
        self.blocks(height, height).await?.pop().ok_or(Error::Range { what: "block height" })
    }

    /// The blocks of a range of heights in order, [`BLOCKS_PER_ANSWER`] at most.
    pub async fn blocks(&self, from: u64, to: u64) -> Result<Vec<Block>> {
        let (operation, node) = ("blockchain", self.node.clone());
        let answer = self.http.blockchain(to_height(from)?, to_height(to)?).await;
        let answer = answer.map_err(|error| match lowest_of_range(&detail(&error)) {
            Some(lowest) if lowest > to => {
                Error::Pruned { operation, node: node.clone(), lowest: Some(lowest) }
            }
            _ => self.failed(operation, error),
        })?;
        let blocks = answer.block_metas.into_iter().rev().map(Block::from_meta);
        let blocks: Vec<Block> = blocks.collect::<Result<_>>()?;
        // A node leaves out what it has no more, or not yet.
        match blocks.first().filter(|first| first.height > from) {
            Some(first) => Err(Error::Pruned { operation, node, lowest: Some(first.height) }),
            None if blocks.iter().map(|block| block.height).eq(from..=to) => Ok(blocks),
            None => {
                let reason = format!("blocks {from} to {to} were asked for, {} came", blocks.len());
                Err(Error::Refused { operation, node, reason })
            }
        }
    }

    /// The transactions of a block in order, as they were signed.
    pub async fn transactions(&self, height: u64) -> Result<Vec<Vec<u8>>> {
        let answer = self.http.block(to_height(height)?).await.map_err(|e| self.failed("block", e))?;
        Ok(answer.block.data)
    }

    /// Events of the transactions of a block, in order.
    pub async fn block_results(&self, height: u64) -> Result<BlockEvents> {
        let answer =
            self.http.block_results(to_height(height)?).await.map_err(|e| self.failed("block_results", e))?;
        let txs = answer
            .txs_results
            .unwrap_or_default()
            .into_iter()
            .zip(0u32..)
            .map(|(tx, index)| Ok(TxEvents { index, code: tx.code.value(), events: events(tx.events)? }))
            .collect::<Result<_>>()?;
        Ok(BlockEvents { height: answer.height.value(), txs })
    }

    /// Waits until the node has committed `height`; an unreachable node is asked again until the deadline.
    pub async fn wait_height(&self, height: u64, deadline: Duration) -> Result<NodeStatus> {
        let started = Instant::now();
        loop {
            let status = self.status().await;
            match status {
                Ok(status) if status.height >= height => return Ok(status),
                Ok(status) if started.elapsed() >= deadline => {
                    let seconds = deadline.as_secs();
                    return Err(Error::Stalled { wanted: height, height: status.height, seconds });
                }
                Err(e) if started.elapsed() >= deadline => return Err(e),
                Ok(_) | Err(_) => sleep(POLL).await,
            }
        }
    }

    pub(crate) fn failed(&self, operation: &'static str, error: tendermint_rpc::Error) -> Error {
        let (node, reason) = (self.node.clone(), detail(&error));
        match error.detail() {
            ErrorDetail::Response(_) => match lowest_height(&reason) {
                Some(lowest) => Error::Pruned { operation, node, lowest: Some(lowest) },
                None => Error::Refused { operation, node, reason },
            },
            ErrorDetail::ClientInternal(_) => Error::TooLarge { operation, node },
            _ => Error::Unreachable { operation, node, reason },
        }
    }
}

/// The JSON-RPC error's own message, or the transport's.
pub(crate) fn detail(error: &tendermint_rpc::Error) -> String {
    match error.detail() {
        ErrorDetail::Response(e) => e.source.data().unwrap_or(e.source.message()).to_owned(),
        ErrorDetail::Http(_) => format!("{:#}", error.trace()),
        other => other.to_string(),
    }
}

/// The lowest height the node still has, out of its refusal of a lower one.
fn lowest_height(reason: &str) -> Option<u64> {
    let (_, lowest) = reason.split_once(" is not available, lowest height is ")?;
    lowest.trim().parse().ok()
}

/// The same, out of its refusal of a range; of one that is above all it has, the range's own start.
fn lowest_of_range(reason: &str) -> Option<u64> {
    let (_, rest) = reason.split_once("min height ")?;
    let (lowest, _) = rest.split_once(" can't be greater than max height ")?;
    lowest.parse().ok()
}

pub(crate) fn to_height(height: u64) -> Result<Height> {
    Height::try_from(height).map_err(|_| Error::Range { what: "block height" })
}

pub(crate) fn seconds(time: cosmrs::tendermint::Time) -> Result<u64> {
    u64::try_from(time.unix_timestamp()).map_err(|_| Error::Range { what: "block time" })
}

/// A URL as it may be shown: whatever stands before an `@` is left out.
fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_and_never_shown_with_credentials() {
        assert_eq!(Rpc::new("http://127.0.0.1:26657").unwrap().node(), "127.0.0.1:26657");
        for url in ["", "127.0.0.1:26657", "ftp://u:hush@host:1", "http://", "ws://u:hush@host:1"] {
            let error = Rpc::new(url).unwrap_err();
            assert!(matches!(error, Error::Url { .. }), "{url}: {error}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_node_that_is_not_there_is_named() {
        // Port 1 of the loopback interface: nothing listens there.
        let rpc = Rpc::new("http://127.0.0.1:1").unwrap();
        let error = rpc.status().await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { operation: "status", .. }), "{error}");
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
        let error = rpc.wait_height(1, Duration::ZERO).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
    }
}
