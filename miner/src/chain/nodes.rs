//! The nodes behind [`Chain`]: the first that answers is asked first the next time.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use medrec_clients::{
    Chain as Parameters, Deployment, Error, Event, NodeStatus, Rpc, Signer, TxOutcome, execute,
};
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Call, Chain};

/// Nodes, and the account that sends.
pub struct Nodes {
    nodes: Vec<Rpc>,
    present: AtomicUsize,
    parameters: Parameters,
    /// Held while a transaction is under way; none: only asks.
    signer: Mutex<Option<Signer>>,
    /// Who pays; none: the account itself.
    granter: Option<String>,
}

impl Nodes {
    /// `rpc` replaces the deployment's nodes, if it names any.
    pub fn new(
        deployment: &Deployment,
        rpc: &[String],
        signer: Option<Signer>,
        granter: Option<&str>,
    ) -> Result<Self, Error> {
        let urls = if rpc.is_empty() { &deployment.rpc } else { rpc };
        let nodes = urls.iter().map(|url| Rpc::new(url)).collect::<Result<_, _>>()?;
        let parameters =
            Parameters { chain_id: deployment.chain_id.clone(), gas_price: deployment.gas_price()? };
        Ok(Self {
            nodes,
            present: AtomicUsize::new(0),
            parameters,
            signer: Mutex::new(signer),
            granter: granter.map(str::to_owned),
        })
    }

    /// Refuses another chain than the deployment's.
    pub async fn check(&self) -> Result<NodeStatus, Error> {
        let status = self.status().await?;
        if status.chain_id == self.parameters.chain_id {
            return Ok(status);
        }
        let node = self.nodes.first().map(|node| node.node().to_owned()).unwrap_or_default();
        Err(Error::Foreign { node, expected: self.parameters.chain_id.clone(), found: status.chain_id })
    }

    /// Asks one node after the other, from the one that answered last.
    async fn first<T, F: Future<Output = Result<T, Error>>>(
        &self,
        ask: impl Fn(Rpc) -> F,
    ) -> Result<T, Error> {
        let start = self.present.load(Ordering::Relaxed);
        let mut failed = Error::Codec { what: "nodes".to_owned(), reason: "none is configured".to_owned() };
        for (index, node) in self.nodes.iter().enumerate().cycle().skip(start).take(self.nodes.len()) {
            match ask(node.clone()).await {
                Err(error @ Error::Unreachable { .. }) => failed = error,
                answered => {
                    self.present.store(index, Ordering::Relaxed);
                    return answered;
                }
            }
        }
        Err(failed)
    }
}

#[async_trait]
impl Chain for Nodes {
    async fn status(&self) -> Result<NodeStatus, Error> {
        self.first(|node| async move { node.status().await }).await
    }

    async fn smart(&self, contract: &str, query: &Value) -> Result<Value, Error> {
        self.first(|node| async move { node.smart(contract, query).await }).await
    }

    async fn events(&self, height: u64) -> Result<Vec<Event>, Error> {
        let block = self.first(|node| async move { node.block_results(height).await }).await?;
        Ok(block.txs.into_iter().filter(|tx| tx.code == 0).flat_map(|tx| tx.events).collect())
    }

    async fn send(&self, calls: Vec<Call>) -> Result<TxOutcome, Error> {
        let signer = self.signer.lock().await;
        let Some(signer) = signer.as_ref() else {
            let reason = "no key was opened".to_owned();
            return Err(Error::Codec { what: "sender".to_owned(), reason });
        };
        let messages = calls.iter().map(|call| execute(signer.address(), &call.contract, &call.msg, &[]));
        let messages = messages.collect::<Result<Vec<_>, _>>()?;
        // Asked for its sequence anew each time; [`Rpc::send`] signs again if it moved.
        self.first(|node| {
            let messages = messages.clone();
            async move { node.send(&self.parameters, signer, messages, self.granter.as_deref()).await }
        })
        .await
    }
}
