//! Vouching for other institutions' heads that our copies reached (docs/spec/pow.md section 6): only heads that two
//! others vouch for count for seals.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use cosmwasm_std::Binary;
use medrec_accesslog::{Checkpoint, CheckpointError, LogSigner};
use medrec_api::authlog::{CosignedHead, Cosigner, ExecuteMsg, LogResponse, MAX_COSIGNED};
use tokio::sync::Notify;

use super::Error;
use crate::{
    chain::outbox::{self, Message},
    clock::Clock,
    keystore::INSTITUTION_ACCOUNT,
    store::Store,
};

/// Who vouches, and how often.
pub struct Cosigning {
    pub store: Arc<Store>,
    /// Address of the authlog.
    pub contract: String,
    pub institution: u32,
    pub signer: Arc<LogSigner>,
    /// Seconds between two cosignatures of one log.
    pub every: u64,
    pub clock: Arc<dyn Clock>,
    /// Wakes who sends.
    pub wake: Arc<Notify>,
    /// By slot: size, and when.
    vouched: Mutex<BTreeMap<u32, (u64, u64)>>,
}

impl Cosigning {
    pub fn new(
        store: Arc<Store>,
        (contract, institution): (String, u32),
        signer: Arc<LogSigner>,
        every: u64,
        clock: Arc<dyn Clock>,
        wake: Arc<Notify>,
    ) -> Self {
        Self { store, contract, institution, signer, every, clock, wake, vouched: Mutex::default() }
    }

    /// Queues cosignatures of the heads that our copies have whole, as far as they are due. `reached`: as the chain had
    /// them when they were copied.
    pub async fn vouch(&self, reached: &[LogResponse]) -> Result<(), Error> {
        let now = self.clock.now();
        let due: Vec<&LogResponse> = reached.iter().filter(|log| self.is_due(log, now)).collect();
        for chunk in due.chunks(MAX_COSIGNED) {
            let heads: Vec<CosignedHead> =
                chunk.iter().map(|log| self.head(log, now)).collect::<Result<_, _>>()?;
            self.queue(heads).await?;
            if let Ok(mut vouched) = self.vouched.lock() {
                vouched.extend(chunk.iter().map(|log| (log.slot, (log.size, now))));
            }
        }
        Ok(())
    }

    fn is_due(&self, log: &LogResponse, now: u64) -> bool {
        let vouched = self.vouched.lock().ok().and_then(|vouched| vouched.get(&log.slot).copied());
        match vouched {
            _ if log.size == 0 || log.institution == self.institution => false,
            None => true,
            Some((size, at)) => log.size > size && now >= at.saturating_add(self.every),
        }
    }

    fn head(&self, log: &LogResponse, time: u64) -> Result<CosignedHead, Error> {
        let root = log.root.as_slice().try_into().map_err(|_| CheckpointError::Root)?;
        let checkpoint = Checkpoint { origin: log.origin.clone(), size: log.size, root };
        Ok(CosignedHead {
            slot: log.slot,
            size: log.size,
            root: log.root.clone(),
            time,
            signature: Binary::from(self.signer.cosign(&checkpoint, time)),
            // It is the anchored head itself, or the one before.
            proof: Binary::default(),
        })
    }

    async fn queue(&self, heads: Vec<CosignedHead>) -> Result<(), Error> {
        let named: Vec<String> = heads.iter().map(|head| format!("{}:{}", head.slot, head.size)).collect();
        let cosigner = Cosigner::Institution { id: self.institution };
        let message = Message {
            content: format!("cosign/{}", named.join(",")),
            account: INSTITUTION_ACCOUNT,
            contract: self.contract.clone(),
            msg: serde_json::to_string(&ExecuteMsg::Cosign { cosigner, heads })?,
            granter: None,
        };
        let mut tx = self.store.begin().await?;
        let queued = outbox::queue(&mut tx, &message).await?;
        // Those done or refused long ago say nothing any more.
        sqlx::query(
            "DELETE FROM outbox WHERE state IN ('confirmed', 'failed') AND content LIKE 'cosign/%' \
                     AND id < (SELECT max(id) FROM outbox) - 1000",
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if queued {
            self.wake.notify_one();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    fn log(slot: u32, institution: u32, size: u64) -> LogResponse {
        LogResponse {
            slot,
            institution,
            origin: format!("log.{institution}.example"),
            key: Binary::from([1; 32]),
            size,
            root: Binary::from([7; 32]),
            signature: Binary::default(),
            anchored_height: 3,
            anchored_at: 4,
            forked: None,
        }
    }

    async fn queued(store: &Store) -> Vec<ExecuteMsg> {
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT msg FROM outbox ORDER BY id").fetch_all(store.read()).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
    }

    #[tokio::test]
    async fn others_heads_are_vouched_for_when_due_and_the_own_never() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(Store::open(&dir.path().join("store.sqlite"), &[1; 32]).await.unwrap());
        let clock = ManualClock::at(1_000);
        let signer = Arc::new(LogSigner::new("log.1.example", &[5; 32]).unwrap());
        let (place, wake) = (("medrec1authlog".to_owned(), 1), Arc::new(Notify::new()));
        let cosigning =
            Cosigning::new(store.clone(), place, signer.clone(), 60, Arc::new(clock.clone()), wake);

        cosigning.vouch(&[log(0, 1, 9), log(1, 2, 5), log(2, 3, 0)]).await.unwrap();
        let messages = queued(&store).await;
        let [ExecuteMsg::Cosign { cosigner: Cosigner::Institution { id: 1 }, heads }] = &messages[..] else {
            panic!("one cosignature was due, not {messages:?}");
        };
        let [head] = &heads[..] else {
            panic!("the own log and an empty one are nobody's to vouch for: {heads:?}")
        };
        assert_eq!((head.slot, head.size, head.time), (1, 5, 1_000));
        let text = medrec_seals::cosignature_text(1_000, "log.2.example", 5, &[7; 32]);
        let key = ed25519_dalek::VerifyingKey::from_bytes(signer.public().public_key()).unwrap();
        let signature = ed25519_dalek::Signature::from_slice(&head.signature).unwrap();
        key.verify_strict(text.as_bytes(), &signature).unwrap();

        // Not before a minute is over, and not for what did not grow.
        clock.set(1_059);
        cosigning.vouch(&[log(1, 2, 6)]).await.unwrap();
        clock.set(1_060);
        cosigning.vouch(&[log(1, 2, 5)]).await.unwrap();
        assert_eq!(queued(&store).await.len(), 1);
        cosigning.vouch(&[log(1, 2, 6)]).await.unwrap();
        assert_eq!(queued(&store).await.len(), 2);
    }
}
