//! The configured nodes: the first that answers is asked; what decides whether to send again is asked of all.

use async_trait::async_trait;
use medrec_clients::{Account, Block, BlockEvents, Error, NodeStatus, Rpc, TxHash, TxOutcome};
use serde_json::Value;

use super::Chain;

/// One or more nodes of one chain, our own first.
pub struct Nodes {
    first: Rpc,
    others: Vec<Rpc>,
}

impl Nodes {
    /// `urls` in order of preference.
    pub fn new(urls: &[String]) -> Result<Self, Error> {
        let none = || Error::Url { url: String::new(), reason: "no node is configured" };
        let (first, others) = urls.split_first().ok_or_else(none)?;
        let others = others.iter().map(|url| Rpc::new(url)).collect::<Result<_, _>>()?;
        Ok(Self { first: Rpc::new(first)?, others })
    }

    /// Asks one node after the other while they are out of reach; any answer, also a refusal, counts.
    async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        call: impl Fn(Rpc) -> F,
    ) -> Result<T, Error> {
        let mut answer = call(self.first.clone()).await;
        for other in &self.others {
            if !matches!(answer, Err(Error::Unreachable { .. })) {
                break;
            }
            answer = call(other.clone()).await;
        }
        answer
    }
}

#[async_trait]
impl Chain for Nodes {
    async fn status(&self) -> Result<NodeStatus, Error> {
        self.ask(|rpc| async move { rpc.status().await }).await
    }

    async fn block(&self, height: u64) -> Result<Block, Error> {
        self.ask(|rpc| async move { rpc.block(height).await }).await
    }

    async fn block_results(&self, height: u64) -> Result<BlockEvents, Error> {
        self.ask(|rpc| async move { rpc.block_results(height).await }).await
    }

    async fn smart(&self, contract: &str, query: &Value, height: Option<u64>) -> Result<Value, Error> {
        self.ask(|rpc| async move { rpc.smart_at(contract, query, height).await }).await
    }

    async fn account(&self, address: &str) -> Result<Option<Account>, Error> {
        self.ask(|rpc| async move { rpc.account(address).await }).await
    }

    async fn simulate(&self, tx: Vec<u8>) -> Result<u64, Error> {
        let tx = &tx;
        self.ask(|rpc| async move { rpc.simulate(tx.clone()).await }).await
    }

    async fn broadcast(&self, tx: Vec<u8>) -> Result<TxHash, Error> {
        let tx = &tx;
        self.ask(|rpc| async move { rpc.broadcast(tx.clone()).await }).await
    }

    async fn tx(&self, hash: TxHash) -> Result<Option<TxOutcome>, Error> {
        let mut answer = self.first.tx(hash).await;
        for other in &self.others {
            if matches!(answer, Ok(Some(_))) {
                break;
            }
            match other.tx(hash).await {
                Ok(found) => answer = Ok(found),
                Err(error) => answer = answer.or(Err(error)),
            }
        }
        answer
    }
}
