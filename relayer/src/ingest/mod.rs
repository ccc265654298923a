//! Blocks in: strictly by height, each applied in one transaction with its cursor; none is skipped.
//!
//! `project` makes rows of a block's events, `state` the same rows of the contracts' state; `react` does what follows
//! from rows, once. `rebuild` starts over from the state and audits it, `reconcile` compares at a slow pace.

mod apply;
mod project;
mod react;
mod rebuild;
mod reconcile;
mod source;
mod state;

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use medrec_clients::{Block, BlockEvents, NodeStatus};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use apply::apply;
pub use rebuild::{Audit, Rebuilt, audit, rebuild};
pub use reconcile::Reconcile;
pub use source::Source;

use crate::{
    chain, log,
    ops::health::{ChainView, Health},
    projection::{
        cursor::{self, Cursor},
        version,
    },
    store::{self, Store},
};

/// Blocks of one transaction at most, when there are many to catch up with.
const BATCH: usize = 64;

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
    #[error("block {height} has {wanted} transactions, the node tells the outcome of {found}")]
    Incomplete { height: u64, wanted: u64, found: usize },
    #[error(
        "block {height} does not follow the block that was applied before it: the node has another history"
    )]
    OtherHistory { height: u64 },
    #[error("block {found} cannot follow block {applied}: a block is missing")]
    Gap { applied: u64, found: u64 },
    #[error(
        "no node has block {wanted} any more{}: run `medrec-relayer rebuild`, or configure a node that kept its blocks",
        lowest.map(|lowest| format!(", the lowest is {lowest}")).unwrap_or_default()
    )]
    Pruned { wanted: u64, lowest: Option<u64> },
    #[error(
        "the chain stands at height {height}, whose time {time} is more than {max_staleness} s from our clock: \
         the node is cut off or catches up, the chain halts, or this machine's clock is wrong"
    )]
    Stalled { height: u64, time: u64, max_staleness: u64 },
    #[error(
        "relationship {relationship} is projected, but the contracts do not know it: the store was changed by \
         another hand, or the node is of another chain; nothing is taken from it"
    )]
    Forgotten { relationship: u64 },
}

impl Error {
    /// Nothing is wrong with us, and the next look may find it mended.
    fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Chain(_)
                | Self::Receding { .. }
                | Self::OtherBlock { .. }
                | Self::Incomplete { .. }
                | Self::OtherHistory { .. }
                | Self::Pruned { .. }
                | Self::Stalled { .. }
        )
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What ingest works with.
pub struct Ingest {
    pub store: Arc<Store>,
    pub source: Source,
    pub health: Health,
    /// Rung when a block gave the filing task something to do.
    pub filing: Arc<Notify>,
    /// Rung when a block told of an offer.
    pub research: Arc<Notify>,
    pub poll: Duration,
}

impl Ingest {
    /// Follows the chain until told to stop. A node out of reach is waited for; a block that cannot be applied
    /// stops the line for good, turns health red, and lets everything else go on refusing.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        let mut told = None;
        loop {
            match self.follow(&stop).await.and_then(|()| self.moves()) {
                Ok(()) => {
                    self.health.chain_works();
                    told = None;
                }
                Err(error) if error.is_passing() => {
                    let said = error.to_string();
                    // Once, not at every look.
                    if told.as_ref() != Some(&said) {
                        tracing::warn!(%error, "the chain cannot be followed for now");
                    }
                    self.health.chain_failed(said.clone());
                    told = Some(said);
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
        let status = self.source.chain.status().await?;
        let mut applied = self.start(&status).await?;
        self.health.observed(status.height);
        if status.height < applied.height {
            return Err(Error::Receding { applied: applied.height, found: status.height });
        }
        let heights = applied.height.saturating_add(1)..=status.height;
        let mut blocks = std::pin::pin!(self.source.blocks(heights).ready_chunks(BATCH));
        while let Some(fetched) = blocks.next().await {
            if stop.is_cancelled() {
                return Ok(());
            }
            let (mut batch, mut failed) = (Vec::new(), None);
            for block in fetched {
                match block {
                    Ok(block) => batch.push(block),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                }
            }
            applied = self.apply(applied, &batch).await?;
            match failed {
                None => {}
                // A node tells of its newest block a moment before it has that block's results.
                Some(Error::Chain(chain::Error::Refused { operation: "block_results", .. }))
                    if applied.height.saturating_add(1) == status.height =>
                {
                    return Ok(());
                }
                Some(error) => return Err(error),
            }
        }
        self.health.applied(applied.height, applied.time);
        self.health.caught_up(ChainView { height: applied.height, time: applied.time });
        Ok(())
    }

    /// All blocks at once; if that fails, those before the bad one.
    async fn apply(&self, from: Cursor, blocks: &[(Block, BlockEvents)]) -> Result<Cursor, Error> {
        let identity = &self.source.identity;
        match apply(&self.store, identity, blocks).await {
            Ok(applied) => Ok(self.applied(from, applied)),
            Err(error) if blocks.len() < 2 => Err(error),
            Err(_) => {
                let mut cursor = from;
                for block in blocks {
                    let applied = apply(&self.store, identity, std::slice::from_ref(block)).await?;
                    cursor = self.applied(cursor, applied);
                }
                Ok(cursor)
            }
        }
    }

    fn applied(&self, before: Cursor, applied: Option<apply::Applied>) -> Cursor {
        let Some(applied) = applied else { return before };
        self.health.applied(applied.cursor.height, applied.cursor.time);
        if applied.filing_wanted {
            self.filing.notify_one();
        }
        if applied.research_wanted {
            self.research.notify_one();
        }
        applied.cursor
    }

    /// Whether the newest applied block is of our time; asked after [`Ingest::follow`].
    pub fn moves(&self) -> Result<(), Error> {
        if self.health.fresh().is_some() || !self.health.healthy() {
            return Ok(());
        }
        let snapshot = self.health.snapshot();
        Err(Error::Stalled {
            height: snapshot.applied_height,
            time: snapshot.applied_time,
            max_staleness: self.health.max_staleness(),
        })
    }

    /// The cursor. At the very first start, and when the projection was made by another version's rules, it is
    /// rebuilt: no relationship of ours can be older than the store that has its secrets.
    async fn start(&self, status: &NodeStatus) -> Result<Cursor, Error> {
        self.source.is_our_chain(status)?;
        let mut connection = self.store.read().acquire().await?;
        let present = version::is_present(&mut connection).await?;
        let cursor = cursor::read(&mut connection).await?;
        drop(connection);
        if let Some(cursor) = cursor.filter(|_| present) {
            return Ok(cursor);
        }
        let rebuilt = rebuild(&self.store, &self.source, status).await?;
        tracing::info!(
            height = rebuilt.cursor.height,
            relationships = rebuilt.relationships,
            "projected from the contracts' state"
        );
        if rebuilt.filing_wanted {
            self.filing.notify_one();
        }
        Ok(rebuilt.cursor)
    }
}
