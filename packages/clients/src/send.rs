//! Broadcasting, waiting for the block, and doing all of it at once.

use std::time::Duration;

use cosmrs::tendermint::Hash;
use tendermint_rpc::Client;
use tokio::time::{Instant, sleep};

use crate::blocks::events;
use crate::rpc::{POLL, detail};
use crate::{Account, Any, Error, GasPrice, Result, Rpc, Signer, Tx, TxHash, TxOutcome};

/// A transaction of [`Rpc::send`] may be committed within so many blocks.
const VALID_BLOCKS: u64 = 60;
/// [`Rpc::send`] waits this long for its block.
const SEND_DEADLINE: Duration = Duration::from_secs(60);
/// [`Rpc::send`] signs anew when the sequence moved, this many times in all.
const ATTEMPTS: u32 = 3;

/// What a sender must know of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Goes into every signature.
    pub chain_id: String,
    /// Price of gas.
    pub gas_price: GasPrice,
}

impl Rpc {
    /// Hands a signed transaction to the node and returns once its mempool has taken it. Doing it again
    /// with the same bytes is harmless.
    pub async fn broadcast(&self, tx_bytes: Vec<u8>) -> Result<TxHash> {
        let hash = TxHash::of(&tx_bytes);
        let answer = match self.http.broadcast_tx_sync(tx_bytes).await {
            Ok(answer) => answer,
            // The node holds these very bytes already.
            Err(e) if detail(&e).contains("tx already exists in cache") => return Ok(hash),
            Err(e) => return Err(self.failed("broadcast_tx_sync", e)),
        };
        if answer.code.is_err() {
            let (code, codespace) = (answer.code.value(), answer.codespace);
            return Err(Error::CheckTx { code, codespace, log: answer.log });
        }
        Ok(hash)
    }

    /// What became of a transaction; none while it is in no block this node has indexed.
    pub async fn tx(&self, hash: TxHash) -> Result<Option<TxOutcome>> {
        let answer = match self.http.tx(Hash::Sha256(hash.0), false).await {
            Ok(answer) => answer,
            Err(e) if detail(&e).contains("not found") => return Ok(None),
            Err(e) => return Err(self.failed("tx", e)),
        };
        let result = answer.tx_result;
        let gas = |n: i64| u64::try_from(n).map_err(|_| Error::Range { what: "gas" });
        Ok(Some(TxOutcome {
            height: answer.height.value(),
            code: result.code.value(),
            codespace: result.codespace,
            log: result.log,
            gas_used: gas(result.gas_used)?,
            gas_wanted: gas(result.gas_wanted)?,
            events: events(result.events)?,
            size_bytes: answer.tx.len(),
        }))
    }

    /// Waits until the transaction is in a block, whether it succeeded there or not.
    pub async fn wait_tx(&self, hash: TxHash, deadline: Duration) -> Result<TxOutcome> {
        self.wait_tx_until(hash, deadline, 0).await
    }

    /// As [`Rpc::wait_tx`], and gives up for good when the chain has passed `timeout_height` (0: none).
    pub async fn wait_tx_until(
        &self,
        hash: TxHash,
        deadline: Duration,
        timeout_height: u64,
    ) -> Result<TxOutcome> {
        let started = Instant::now();
        loop {
            if let Some(outcome) = self.tx(hash).await? {
                return Ok(outcome);
            }
            if timeout_height > 0 {
                let height = self.status().await?.height;
                // A block is indexed a moment after it is committed: one more block settles it.
                if height > timeout_height.saturating_add(1) {
                    let last_look = self.tx(hash).await?;
                    return last_look.ok_or(Error::TimedOut { hash, timeout_height, height });
                }
            }
            if started.elapsed() >= deadline {
                return Err(Error::Unconfirmed { hash, seconds: deadline.as_secs() });
            }
            sleep(POLL).await;
        }
    }

    /// Simulates, signs, broadcasts and waits for the block; an outcome is a success.
    pub async fn send(
        &self,
        chain: &Chain,
        signer: &Signer,
        msgs: Vec<Any>,
        granter: Option<&str>,
    ) -> Result<TxOutcome> {
        self.send_many(chain, &[signer], msgs, granter).await
    }

    /// As [`Rpc::send`], signed by several accounts in the order the messages name them; the first pays.
    pub async fn send_many(
        &self,
        chain: &Chain,
        signers: &[&Signer],
        msgs: Vec<Any>,
        granter: Option<&str>,
    ) -> Result<TxOutcome> {
        let mut tx = Tx { msgs, granter: granter.map(str::to_owned), ..Tx::default() };
        let hash = self.submit(chain, signers, &mut tx).await?;
        let outcome = self.wait_tx_until(hash, SEND_DEADLINE, tx.timeout_height).await?;
        match outcome.code {
            0 => Ok(outcome),
            _ => Err(Error::Failed { hash, outcome: Box::new(outcome) }),
        }
    }

    async fn submit(&self, chain: &Chain, signers: &[&Signer], tx: &mut Tx) -> Result<TxHash> {
        let mut attempt = 1;
        loop {
            match self.try_submit(chain, signers, tx).await {
                Err(e) if e.is_wrong_sequence() && attempt < ATTEMPTS => {
                    tracing::debug!(attempt, "the account's sequence moved; signing anew");
                    attempt = attempt.saturating_add(1);
                    sleep(POLL).await;
                }
                done => return done,
            }
        }
    }

    async fn try_submit(&self, chain: &Chain, signers: &[&Signer], tx: &mut Tx) -> Result<TxHash> {
        let mut accounts = Vec::with_capacity(signers.len());
        for signer in signers {
            accounts.push((*signer, self.signing_account(signer.address()).await?));
        }
        tx.timeout_height = self.status().await?.height.saturating_add(VALID_BLOCKS);
        // One ufee, so that paying the fee, which costs gas too, is part of what is simulated.
        tx.fee_amount = chain.gas_price.fee(1);
        let used = self.simulate(tx.unsigned(&accounts)?).await?;
        tx.gas = with_margin(used);
        tx.fee_amount = chain.gas_price.fee(tx.gas);
        self.broadcast(tx.sign(&chain.chain_id, &accounts)?).await
    }

    async fn signing_account(&self, address: &str) -> Result<Account> {
        let account = self.account(address).await?;
        account.ok_or_else(|| Error::NoAccount { address: address.to_owned() })
    }
}

/// 1.3 times: state may have grown between simulation and block.
fn with_margin(gas: u64) -> u64 {
    gas.saturating_mul(13).div_ceil(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_three_tenths_rounded_up() {
        assert_eq!((with_margin(0), with_margin(10), with_margin(11)), (0, 13, 15));
        assert_eq!(with_margin(u64::MAX), u64::MAX.div_ceil(10));
    }

    #[test]
    fn a_sequence_that_moved_is_told_from_other_refusals() {
        let refused = |code, space: &str| Error::CheckTx { code, codespace: space.into(), log: "l".into() };
        assert!(refused(32, "sdk").is_wrong_sequence());
        assert!(!refused(32, "wasm").is_wrong_sequence());
        assert!(!refused(5, "sdk").is_wrong_sequence());
    }
}
