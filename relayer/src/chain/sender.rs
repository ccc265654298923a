//! The one task that sends, for all accounts, each with its own sequence (security H11, H25).
//!
//! pending → prepared (bytes and hash kept) → broadcast → confirmed or failed. After a crash at any point the
//! chain is asked first; only the same bytes are sent again, or new ones once the old cannot be committed any more.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use medrec_clients::{Chain as ChainParameters, Error as ChainError, Tx, execute};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Chain,
    outbox::{self, Open, Outcome, Prepared},
};
use crate::{failpoint, keystore::Keystore, store::Store};

/// Pause between two rounds while something is under way.
const ROUND: Duration = Duration::from_millis(100);
/// The same bytes are handed to the node again after so long without a block that has them.
const AGAIN: Duration = Duration::from_secs(3);
/// Pause after a round that failed, and while nothing is under way.
const IDLE: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Keystore(#[from] crate::keystore::Error),
    #[error("outbox row {id}: its message is not JSON: {reason}")]
    Message { id: i64, reason: serde_json::Error },
}

/// What the sender works with.
pub struct Sender {
    pub store: Arc<Store>,
    pub chain: Arc<dyn Chain>,
    pub keystore: Arc<Keystore>,
    pub parameters: ChainParameters,
    pub timeout_blocks: u64,
    /// Rung when a row was queued.
    pub wake: Arc<Notify>,
    handed_over: BTreeMap<i64, Instant>,
}

impl Sender {
    pub fn new(
        store: Arc<Store>,
        chain: Arc<dyn Chain>,
        keystore: Arc<Keystore>,
        parameters: ChainParameters,
        timeout_blocks: u64,
        wake: Arc<Notify>,
    ) -> Self {
        Self { store, chain, keystore, parameters, timeout_blocks, wake, handed_over: BTreeMap::new() }
    }

    /// Works until told to stop.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), Error> {
        loop {
            let pause = match self.round().await {
                Ok(0) => IDLE,
                Ok(_) => ROUND,
                Err(Error::Chain(error)) => {
                    tracing::warn!(%error, "the chain is out of reach; what is to be sent waits");
                    IDLE
                }
                Err(error) => return Err(error),
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// One step for every account that has something under way; how many that were.
    pub async fn round(&mut self) -> Result<usize, Error> {
        let rows = outbox::next(&self.store).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let height = self.chain.status().await?.height;
        let mut outcome = Ok(rows.len());
        for row in &rows {
            let stepped = match &row.prepared {
                None => self.prepare(row).await,
                Some(prepared) => self.follow(row, prepared, height).await,
            };
            match stepped {
                // What stands in one account's way is in no other's.
                Err(error @ Error::Chain(_)) => outcome = outcome.and(Err(error)),
                stepped => stepped?,
            }
        }
        outcome
    }

    /// Signs with the account's sequence, keeps the bytes, then hands them over.
    async fn prepare(&mut self, row: &Open) -> Result<(), Error> {
        let signer = self.keystore.account(row.message.account)?;
        let msg: serde_json::Value =
            serde_json::from_str(&row.message.msg).map_err(|reason| Error::Message { id: row.id, reason })?;
        let Some(account) = self.chain.account(signer.address()).await? else {
            return self
                .wait(row, "the signing account does not exist on chain yet: it needs funds or an allowance")
                .await;
        };
        // Of this moment: a round with many rows takes a while.
        let height = self.chain.status().await?.height;
        let mut tx = Tx {
            msgs: vec![execute(signer.address(), &row.message.contract, &msg, &[])?],
            granter: row.message.granter.clone(),
            timeout_height: height.saturating_add(self.timeout_blocks),
            // Paying a fee costs gas too, so one is simulated.
            fee_amount: 1,
            ..Tx::default()
        };
        let used = match self.chain.simulate(tx.unsigned(&[(&signer, account)])?).await {
            Ok(used) => used,
            Err(error) if error.is_wrong_sequence() => return Ok(()),
            Err(ChainError::WouldFail { log }) => return self.fail(row, log).await,
            Err(error) => return Err(error.into()),
        };
        tx.gas = with_margin(used);
        tx.fee_amount = self.parameters.gas_price.fee(tx.gas);
        let bytes = tx.sign(&self.parameters.chain_id, &[(&signer, account)])?;
        let prepared = Prepared {
            hash: medrec_clients::TxHash::of(&bytes),
            tx: bytes,
            sequence: account.sequence,
            timeout_height: tx.timeout_height,
        };
        outbox::prepared(&self.store, row.id, &prepared).await?;
        failpoint::hit("outbox.prepared");
        self.hand_over(row, &prepared).await
    }

    /// Asks what became of it before anything else. `height`: where the chain was when this round began.
    async fn follow(&mut self, row: &Open, prepared: &Prepared, height: u64) -> Result<(), Error> {
        match self.chain.tx(prepared.hash).await? {
            Some(outcome) if outcome.code == 0 => {
                tracing::info!(row = row.id, height = outcome.height, gas = outcome.gas_used, "confirmed");
                self.settle(row, &Outcome::Confirmed { height: outcome.height }).await
            }
            Some(outcome) => self.fail(row, outcome.log).await,
            None if height > prepared.timeout_height
                && self.chain.never(prepared.hash, prepared.timeout_height).await? =>
            {
                self.handed_over.remove(&row.id);
                tracing::warn!(row = row.id, "not committed before its timeout; signing anew");
                Ok(outbox::timed_out(&self.store, row.id).await?)
            }
            None if self.handed_over.get(&row.id).is_none_or(|at| at.elapsed() >= AGAIN) => {
                self.hand_over(row, prepared).await
            }
            None => Ok(()),
        }
    }

    /// The same bytes as often as needed. A refusal by this node's mempool decides nothing: another node may have
    /// taken them before, so the row waits for its block or its timeout.
    async fn hand_over(&mut self, row: &Open, prepared: &Prepared) -> Result<(), Error> {
        self.handed_over.insert(row.id, Instant::now());
        match self.chain.broadcast(prepared.tx.clone()).await {
            Ok(_) => {
                failpoint::hit("outbox.broadcast");
                Ok(())
            }
            Err(ChainError::CheckTx { code, codespace, log }) => {
                tracing::warn!(row = row.id, code, %codespace, "a node refused the transaction for now");
                Ok(outbox::note(&self.store, row.id, &log).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn wait(&self, row: &Open, why: &str) -> Result<(), Error> {
        Ok(outbox::note(&self.store, row.id, why).await?)
    }

    async fn fail(&mut self, row: &Open, error: String) -> Result<(), Error> {
        tracing::error!(row = row.id, "the chain refused a transaction; see `medrec-relayer status`");
        self.settle(row, &Outcome::Failed { error }).await
    }

    async fn settle(&mut self, row: &Open, outcome: &Outcome) -> Result<(), Error> {
        self.handed_over.remove(&row.id);
        outbox::settle(&self.store, row, outcome).await?;
        failpoint::hit("outbox.settled");
        Ok(())
    }
}

/// 1.3 times: state may have grown between simulation and block.
fn with_margin(gas: u64) -> u64 {
    gas.saturating_mul(13).div_ceil(10)
}
