//! The configured nodes of one chain, our own first.
//!
//! With `agree` = 1 the first that answers is believed. With more, what the chain *is* (blocks, their events, state at
//! a height) counts only if so many nodes say the same. What decides whether to send again is asked of all.

use std::future::Future;

use async_trait::async_trait;
use futures::{StreamExt, stream::FuturesUnordered};
use medrec_clients::{Account, Block, BlockEvents, Error, Limits, NodeStatus, Rpc, TxHash, TxOutcome};
use serde_json::Value;

use super::Chain;

/// Nodes that must have missed a transaction before it counts as never committed, if so many are configured
/// (security H25).
const WITNESSES: usize = 2;

/// One or more nodes of one chain, our own first.
pub struct Nodes {
    chain_id: String,
    nodes: Vec<Rpc>,
    agree: usize,
}

impl Nodes {
    /// `urls` in order of preference; `agree`: how many must say the same.
    pub fn new(urls: &[String], chain_id: &str, agree: usize) -> Result<Self, Error> {
        Self::with_limits(urls, chain_id, agree, Limits::default())
    }

    pub fn with_limits(urls: &[String], chain_id: &str, agree: usize, limits: Limits) -> Result<Self, Error> {
        let nodes = urls.iter().map(|url| Rpc::with_limits(url, limits)).collect::<Result<Vec<_>, _>>()?;
        if nodes.is_empty() {
            return Err(Error::Url { url: String::new(), reason: "no node is configured" });
        }
        if !(1..=nodes.len()).contains(&agree) {
            let reason = "chain.agree must be 1 at least, and not more than there are nodes".to_owned();
            return Err(Error::TooFew {
                operation: "configure",
                wanted: agree,
                answered: nodes.len(),
                reason,
            });
        }
        Ok(Self { chain_id: chain_id.to_owned(), nodes, agree })
    }

    /// Asks one node after the other while they are of no use; any other answer, also a refusal, counts.
    async fn first<T, F: Future<Output = Result<T, Error>>>(
        &self,
        call: impl Fn(Rpc) -> F,
    ) -> Result<T, Error> {
        let mut outcome = None;
        for node in &self.nodes {
            match call(node.clone()).await {
                // What the first one says against it is what the operator should see.
                Err(error) if is_of_no_use(&error) => outcome = outcome.or(Some(error)),
                answer => return answer,
            }
        }
        Err(outcome.unwrap_or(Error::Url { url: String::new(), reason: "no node is configured" }))
    }

    /// The answer that `agree` nodes give alike. `short` says an answer in a few words.
    async fn agreed<T: PartialEq, F: Future<Output = Result<T, Error>>>(
        &self,
        operation: &'static str,
        height: u64,
        call: impl Fn(Rpc) -> F,
        short: impl Fn(&T) -> String,
    ) -> Result<T, Error> {
        if self.agree == 1 {
            return self.first(call).await;
        }
        let mut asked: FuturesUnordered<_> = self
            .nodes
            .iter()
            .map(|node| {
                let answer = call(node.clone());
                async move { (node.node(), answer.await) }
            })
            .collect();
        let (mut answers, mut failures): (Vec<(T, Vec<&str>)>, Vec<Error>) = (Vec::new(), Vec::new());
        while let Some((node, answer)) = asked.next().await {
            match answer {
                Err(error) => failures.push(error),
                Ok(answer) => match answers.iter_mut().find(|(known, _)| *known == answer) {
                    Some((_, nodes)) => nodes.push(node),
                    None => answers.push((answer, vec![node])),
                },
            }
            if let Some(found) = answers.iter().position(|(_, nodes)| nodes.len() >= self.agree) {
                return Ok(answers.swap_remove(found).0);
            }
        }
        if answers.len() > 1 {
            let said =
                answers.iter().map(|(answer, nodes)| format!("{}: {}", nodes.join(", "), short(answer)));
            return Err(Error::Disagree { operation, height, nodes: said.collect::<Vec<_>>().join("; ") });
        }
        let answered = answers.first().map_or(0, |(_, nodes)| nodes.len());
        // A refusal that all of them share is the answer.
        match failures.pop() {
            Some(error) if answered == 0 && !is_of_no_use(&error) => Err(error),
            Some(error) => {
                Err(Error::TooFew { operation, wanted: self.agree, answered, reason: error.to_string() })
            }
            None => Err(Error::TooFew { operation, wanted: self.agree, answered, reason: String::new() }),
        }
    }

    /// A node of another chain is no node of ours.
    async fn status_of(&self, node: &Rpc) -> Result<NodeStatus, Error> {
        let status = node.status().await?;
        if status.chain_id == self.chain_id {
            return Ok(status);
        }
        Err(Error::Foreign {
            node: node.node().to_owned(),
            expected: self.chain_id.clone(),
            found: status.chain_id,
        })
    }

    /// Whether this node is past the height and never saw the transaction. Its height is asked first: it cannot have
    /// passed it in between unseen.
    async fn missed(&self, node: &Rpc, hash: TxHash, timeout_height: u64) -> Result<Witness, Error> {
        let past = self.status_of(node).await?.height > timeout_height.saturating_add(1);
        Ok(match node.tx(hash).await? {
            Some(_) => Witness::Seen,
            None if past => Witness::Missed,
            None => Witness::NotYet,
        })
    }
}

/// What one node says of a transaction after its timeout.
enum Witness {
    Seen,
    Missed,
    NotYet,
}

/// Another node may know better.
fn is_of_no_use(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::Foreign { .. }
            | Error::Pruned { .. }
            | Error::TooLarge { .. }
            | Error::NoSimulation { .. }
    )
}

fn short_hash(hash: &[u8]) -> String {
    hex::encode_upper(hash.get(..8).unwrap_or(hash))
}

#[async_trait]
impl Chain for Nodes {
    /// With several nodes that must agree: the newest height that so many of them have.
    async fn status(&self) -> Result<NodeStatus, Error> {
        if self.agree == 1 {
            return self.first(|node| async move { self.status_of(&node).await }).await;
        }
        let asked = self.nodes.iter().map(|node| self.status_of(node));
        let (mut found, mut reasons) = (Vec::new(), Vec::new());
        for answer in futures::future::join_all(asked).await {
            match answer {
                Ok(status) => found.push(status),
                Err(error) => reasons.push(error.to_string()),
            }
        }
        found.sort_by_key(|status| std::cmp::Reverse(status.height));
        let answered = found.len();
        found.into_iter().nth(self.agree.saturating_sub(1)).ok_or_else(|| Error::TooFew {
            operation: "status",
            wanted: self.agree,
            answered,
            reason: reasons.join("; "),
        })
    }

    async fn blocks(&self, from: u64, to: u64) -> Result<Vec<Block>, Error> {
        let short = |blocks: &Vec<Block>| {
            let hashes = |block: &Block| {
                format!("hash {} app hash {}", short_hash(&block.hash), short_hash(&block.app_hash))
            };
            blocks.last().map(hashes).unwrap_or_default()
        };
        self.agreed("blockchain", from, |node| async move { node.blocks(from, to).await }, short).await
    }

    async fn block_results(&self, height: u64) -> Result<BlockEvents, Error> {
        let short = |results: &BlockEvents| {
            let events: usize = results.txs.iter().map(|tx| tx.events.len()).sum();
            format!("{} transactions, {events} events", results.txs.len())
        };
        self.agreed("block_results", height, |node| async move { node.block_results(height).await }, short)
            .await
    }

    async fn smart(&self, contract: &str, query: &Value, height: Option<u64>) -> Result<Value, Error> {
        let call = |node: Rpc| async move { node.smart_at(contract, query, height).await };
        match height {
            None => self.first(call).await,
            Some(height) => {
                let short = |answer: &Value| format!("an answer of {} bytes", answer.to_string().len());
                self.agreed("abci_query", height, call, short).await
            }
        }
    }

    async fn account(&self, address: &str) -> Result<Option<Account>, Error> {
        self.first(|node| async move { node.account(address).await }).await
    }

    async fn simulate(&self, tx: Vec<u8>) -> Result<u64, Error> {
        let tx = &tx;
        self.first(|node| async move { node.simulate(tx.clone()).await }).await
    }

    async fn broadcast(&self, tx: Vec<u8>) -> Result<TxHash, Error> {
        let tx = &tx;
        self.first(|node| async move { node.broadcast(tx.clone()).await }).await
    }

    async fn tx(&self, hash: TxHash) -> Result<Option<TxOutcome>, Error> {
        let mut outcome = None;
        for node in &self.nodes {
            match node.tx(hash).await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => outcome = Some(Ok(None)),
                Err(error) => outcome = outcome.or(Some(Err(error))),
            }
        }
        outcome.unwrap_or(Ok(None))
    }

    async fn never(&self, hash: TxHash, timeout_height: u64) -> Result<bool, Error> {
        let asked = self.nodes.iter().map(|node| self.missed(node, hash, timeout_height));
        let mut missed: usize = 0;
        for answer in futures::future::join_all(asked).await {
            match answer {
                Ok(Witness::Seen) => return Ok(false),
                Ok(Witness::Missed) => missed = missed.saturating_add(1),
                Ok(Witness::NotYet) | Err(_) => {}
            }
        }
        Ok(missed >= self.nodes.len().min(WITNESSES))
    }
}
