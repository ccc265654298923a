//! Blocks in: strictly by height, each applied in one transaction with its cursor; none is skipped.

mod apply;

use std::{sync::Arc, time::Duration};

use medrec_clients::NodeStatus;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use apply::apply;

use crate::{
    chain::{self, Chain, Contracts},
    identity::Identity,
    log,
    ops::health::{ChainView, Health},
    projection::{
        self,
        cursor::{self, Cursor},
    },
    store::{self, Store},
};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Log(#[from] log::Error),
    #[error(transparent)]
    Filing(#[from] crate::filing::Error),
    #[error(transparent)]
    Chain(#[from] chain::Error),
    #[error("block {height}: {reason}; relayer and contracts are of different versions: update the relayer")]
    Schema { height: u64, reason: medrec_events::DecodeError },
    #[error(
        "the node is of chain {found:?}, this relayer of {expected:?}: configure a node of the right chain"
    )]
    OtherChain { expected: String, found: String },
    #[error(
        "the node is at height {found}, but height {applied} was applied: it lost blocks or is another chain's"
    )]
    Receding { applied: u64, found: u64 },
    #[error("asked for block {asked}, the node gave block {found}")]
    OtherBlock { asked: u64, found: u64 },
    #[error(
        "block {height} does not follow the block that was applied before it: the node has another history"
    )]
    OtherHistory { height: u64 },
    #[error("block {found} cannot follow block {applied}: a block is missing")]
    Gap { applied: u64, found: u64 },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What ingest works with.
pub struct Ingest {
    pub store: Arc<Store>,
    pub chain: Arc<dyn Chain>,
    pub identity: Arc<Identity>,
    pub health: Health,
    /// Rung when a block gave the filing task something to do.
    pub filing: Arc<Notify>,
    pub poll: Duration,
}

impl Ingest {
    /// Follows the chain until told to stop. A node out of reach is waited for; a block that cannot be applied
    /// stops the line for good, turns health red, and lets everything else go on refusing.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        loop {
            match self.follow(&stop).await {
                Ok(()) => {}
                Err(
                    error @ (Error::Chain(_)
                    | Error::Receding { .. }
                    | Error::OtherBlock { .. }
                    | Error::OtherHistory { .. }),
                ) => {
                    tracing::warn!(%error, "the chain cannot be followed for now");
                    self.health.chain_failed(error.to_string());
                }
                Err(error @ (Error::Store(_) | Error::Log(_) | Error::Filing(_))) => return Err(error),
                Err(error) => {
                    tracing::error!(%error, "the line is stopped");
                    self.health.stopped(error.to_string());
                    stop.cancelled().await;
                    return Ok(());
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.poll) => {}
            }
        }
    }

    /// Applies every block up to the node's height.
    pub async fn follow(&self, stop: &CancellationToken) -> Result<(), Error> {
        let status = self.chain.status().await?;
        let mut applied = self.start(&status).await?;
        self.health.observed(status.height);
        if status.height < applied.height {
            return Err(Error::Receding { applied: applied.height, found: status.height });
        }
        for height in applied.height.saturating_add(1)..=status.height {
            if stop.is_cancelled() {
                return Ok(());
            }
            applied = match self.step(height).await {
                // A node tells of its newest block a moment before it has that block's results.
                Err(Error::Chain(chain::Error::Refused { operation: "block_results", .. }))
                    if height == status.height =>
                {
                    return Ok(());
                }
                stepped => stepped?,
            };
        }
        self.health.applied(applied.height, applied.time);
        self.health.caught_up(ChainView { height: applied.height, time: applied.time });
        Ok(())
    }

    async fn step(&self, height: u64) -> Result<Cursor, Error> {
        let (block, results) = tokio::try_join!(self.chain.block(height), self.chain.block_results(height))?;
        for found in [block.height, results.height] {
            if found != height {
                return Err(Error::OtherBlock { asked: height, found });
            }
        }
        let applied = apply(&self.store, &self.identity, &block, &results).await?;
        self.health.applied(height, block.time_seconds);
        if applied.filing_wanted {
            self.filing.notify_one();
        }
        Ok(applied.cursor)
    }

    /// The cursor; at the very first start the institutions as they are at the node's height, and that height: no
    /// relationship of ours can be older than the store that has its secrets.
    async fn start(&self, status: &NodeStatus) -> Result<Cursor, Error> {
        let expected = &self.identity.contract.chain_id;
        if status.chain_id != *expected {
            return Err(Error::OtherChain { expected: expected.clone(), found: status.chain_id.clone() });
        }
        let mut connection = self.store.read().acquire().await?;
        if let Some(cursor) = cursor::read(&mut connection).await? {
            return Ok(cursor);
        }
        let contracts = Contracts {
            chain: &*self.chain,
            registrar: &self.identity.registrar,
            relationship: &self.identity.contract.address,
            authlog: "",
        };
        let block = self.chain.block(status.height).await?;
        let institutions = contracts.institutions(status.height).await?;
        let mut tx = self.store.begin().await?;
        for found in institutions {
            let active = found.status == medrec_api::registrar::InstitutionStatus::Active;
            projection::set_institution(&mut tx, found.id, active, &found.signing_key).await?;
        }
        let cursor = Cursor { height: block.height, time: block.time_seconds, hash: block.hash };
        cursor::write(&mut tx, &cursor).await?;
        tx.commit().await?;
        Ok(cursor)
    }
}
