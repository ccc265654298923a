//! Anchors leave on a fixed tick, news or not, so that their pace tells nothing (security H9).

use std::{sync::Arc, time::Duration};

use cosmwasm_std::Binary;
use medrec_accesslog::LogSigner;
use medrec_api::authlog::{ExecuteMsg, LogResponse};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Head, check, counters, head, pacing::Pace, promises, retention, tree};
use crate::{
    chain::{
        self, Chain, Contracts,
        outbox::{self, Message},
    },
    clock::Clock,
    keystore::INSTITUTION_ACCOUNT,
    ops::health::Health,
    store::Store,
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Log(#[from] super::Error),
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error("encode an anchor: {0}")]
    Encode(#[from] serde_json::Error),
    #[error(
        "the chain has this log anchored at {anchored} entries, the store has {stored}: \
         the store was lost or restored from an old backup; entries must never be written twice, so nothing runs \
         (docs/operating.md, \"The store is lost or too old\", says what to do)"
    )]
    Behind { anchored: u64, stored: u64 },
    #[error(
        "the anchored root at {size} entries is not the store's: this log was rewritten, or the store is another's"
    )]
    Contradicts { size: u64 },
}

/// What the anchoring task works with.
pub struct Anchoring {
    pub store: Arc<Store>,
    pub chain: Arc<dyn Chain>,
    pub contracts: medrec_clients::Contracts,
    pub institution: u32,
    pub signer: Arc<LogSigner>,
    pub tick: Duration,
    pub pace: Pace,
    pub clock: Arc<dyn Clock>,
    pub wake: Arc<Notify>,
    pub health: Health,
}

impl Anchoring {
    /// Anchors on every tick until told to stop.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(self.tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = ticks.tick() => {}
            }
            match self.tick().await {
                Ok(()) => {}
                Err(Error::Chain(error)) => {
                    tracing::warn!(%error, "no anchor this time: the chain is out of reach")
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes what is due in the log, then queues its admission, or the anchor that follows the newest one on chain.
    pub async fn tick(&self) -> Result<(), Error> {
        let now = self.clock.now();
        if let Some(day) = counters::publish(&self.store, self.signer.public().origin(), now).await? {
            self.health.metrics.counters_day(day);
        }
        let paced = self.pace.tick(&self.store, self.health.snapshot().anchored_size).await?;
        let Some(log) = self.contracts().log_of(self.institution).await? else {
            let message = ExecuteMsg::AdmitLog { institution: self.institution };
            return self.queue(self.message(format!("admit-log/{}", self.institution), &message)?).await;
        };
        let head = self.compare(&log).await?;
        self.settle(&log, now).await?;
        let size = self.within_growth(&log, paced.map_or(head.size, |paced| paced.min(head.size))).await?;
        self.queue(self.anchor(&log, size).await?).await?;
        self.retain(log.size).await
    }

    /// Refuses to go on with a store that is not whole, or not the anchored log's: called before anything is written.
    pub async fn check(&self) -> Result<(), Error> {
        let mut connection = self.store.read().acquire().await.map_err(crate::store::Error::from)?;
        check::whole(&self.store, &mut connection).await?;
        drop(connection);
        if let Some(log) = self.contracts().log_of(self.institution).await? {
            self.compare(&log).await?;
            self.settle(&log, self.clock.now()).await?;
        }
        Ok(())
    }

    /// What the anchor on chain means for what was promised.
    async fn settle(&self, log: &LogResponse, now: u64) -> Result<(), Error> {
        self.health.anchored(log.size);
        let mut tx = self.store.begin().await?;
        let standing = promises::settle(&mut tx, log.size, now).await?;
        tx.commit().await.map_err(crate::store::Error::from)?;
        if standing.broken > 0 {
            tracing::error!(
                broken = standing.broken,
                anchored = log.size,
                "promised entries are not under an anchor"
            );
        } else if standing.next.is_some_and(|next| next < now.saturating_add(self.tick.as_secs())) {
            tracing::warn!(
                open = standing.open,
                anchored = log.size,
                "promised entries are due before the next tick"
            );
        }
        self.health.promises(standing);
        Ok(())
    }

    /// Moves anchored bundles to files. What is damaged there is for the operator; anchors go on.
    async fn retain(&self, anchored: u64) -> Result<(), Error> {
        let moved = retention::retain(&self.store, anchored).await;
        match moved {
            Err(error @ super::Error::Store(_)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, "anchored bundles stay in rows");
                self.health.bundles(Err(error.to_string()));
            }
            Ok(moved) => {
                if moved > 0 {
                    tracing::debug!(moved, "anchored bundles are files now");
                }
                self.health.bundles(Ok(()));
            }
        }
        Ok(())
    }

    /// More than the chain lets a log grow at once is anchored in steps (security H4). How much of the burst is used up it
    /// does not tell: a step it refused becomes what the time since the last anchor allows, then none at all, which
    /// it always takes. So there is an anchor in every third tick at the latest.
    async fn within_growth(&self, log: &LogResponse, size: u64) -> Result<u64, Error> {
        let growth = self.contracts().authlog_config().await?.growth;
        let refused: i64 =
            sqlx::query_scalar("SELECT count(*) FROM outbox WHERE content = ? AND state = 'failed'")
                .bind(content(log))
                .fetch_one(self.store.read())
                .await
                .map_err(crate::store::Error::from)?;
        let step = match refused {
            0 => growth.burst,
            1 if log.anchored_height > 0 => {
                let passed = self.health.snapshot().applied_time.saturating_sub(log.anchored_at);
                growth.per_second.saturating_mul(passed).min(growth.burst)
            }
            _ => 0,
        };
        Ok(size.min(log.size.saturating_add(step)))
    }

    async fn queue(&self, message: Message) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let queued = outbox::queue(&mut tx, &message).await?;
        // Anchors done long ago say nothing any more.
        sqlx::query(
            "DELETE FROM outbox WHERE state = 'confirmed' AND content LIKE 'anchor/%' \
                     AND id < (SELECT max(id) FROM outbox) - 1000",
        )
        .execute(&mut *tx)
        .await
        .map_err(crate::store::Error::from)?;
        tx.commit().await.map_err(crate::store::Error::from)?;
        if queued {
            self.wake.notify_one();
        }
        Ok(())
    }

    fn contracts(&self) -> Contracts<'_> {
        Contracts::new(&*self.chain, &self.contracts)
    }

    /// The anchored head must be a head this store had; the store's head.
    async fn compare(&self, log: &LogResponse) -> Result<Head, Error> {
        let mut connection = self.store.read().acquire().await.map_err(crate::store::Error::from)?;
        let now = head(&mut connection).await?;
        if log.size > now.size {
            return Err(Error::Behind { anchored: log.size, stored: now.size });
        }
        if log.size > 0 && tree::root_at(&mut connection, log.size).await?[..] != log.root[..] {
            return Err(Error::Contradicts { size: log.size });
        }
        Ok(now)
    }

    async fn anchor(&self, log: &LogResponse, size: u64) -> Result<Message, Error> {
        let mut connection = self.store.read().acquire().await.map_err(crate::store::Error::from)?;
        let proof = tree::consistency_proof(&mut connection, log.size, size).await?.concat();
        let new = Head { size, root: tree::root_at(&mut connection, size).await? };
        let signed = super::checkpoint(&self.signer, new);
        let anchor = ExecuteMsg::Anchor {
            slot: log.slot,
            size,
            root: Binary::from(new.root),
            signature: Binary::from(signed.signature),
            proof: Binary::from(proof),
        };
        self.message(content(log), &anchor)
    }

    fn message(&self, content: String, msg: &ExecuteMsg) -> Result<Message, Error> {
        Ok(Message {
            content,
            account: INSTITUTION_ACCOUNT,
            contract: self.contracts.authlog.address.clone(),
            msg: serde_json::to_string(msg)?,
            granter: None,
        })
    }
}

/// One anchor follows one anchor: while it is under way none other is queued.
fn content(log: &LogResponse) -> String {
    format!("anchor/{}/{}", log.size, log.anchored_height)
}
