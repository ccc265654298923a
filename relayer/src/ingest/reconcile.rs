//! Events are hints, state is truth: at a slow pace the projection is compared with the contracts' state at a height
//! that was applied; what differs is counted, put right, and reacted to.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Error, Source, react::Reactor, rebuild::refuse_forgotten, state};
use crate::{
    filing::openings,
    ops::health::Health,
    projection::{Difference, Item, Snapshot, cursor, version},
    store::{self, Store},
};

/// What the reconciling task works with.
pub struct Reconcile {
    pub store: Arc<Store>,
    pub source: Source,
    pub health: Health,
    /// Rung when a repair gave the filing task something to do.
    pub filing: Arc<Notify>,
    pub pace: Duration,
}

impl Reconcile {
    /// Compares at its pace until told to stop. A chain out of reach is waited for.
    pub async fn run(self, stop: CancellationToken) -> Result<(), Error> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.pace) => {}
            }
            match self.once().await {
                Ok(None) => {}
                Ok(Some(drift)) if drift.is_empty() => {
                    tracing::debug!("the projection is what the chain says")
                }
                Ok(Some(drift)) => {
                    tracing::error!(
                        differences = drift.len(),
                        "the projection was not what the chain says; it was put right"
                    );
                }
                Err(error @ Error::Forgotten { .. }) => {
                    tracing::error!(%error, "the projection cannot be put right");
                    self.health.stopped(error.to_string());
                }
                Err(Error::Store(error @ store::Error::Corrupt { .. })) => {
                    tracing::error!(%error, "the projection cannot be read");
                    let say =
                        "the projection cannot be read: stop the relayer and run `medrec-relayer rebuild`";
                    self.health.stopped(say.to_owned());
                }
                Err(error @ (Error::Store(_) | Error::Log(_) | Error::Filing(_))) => return Err(error),
                Err(error) => tracing::warn!(%error, "the projection could not be compared this time"),
            }
        }
    }

    /// Compares once, repairs and reacts. None before anything was applied. The differences are those found; what
    /// moved on by a block meanwhile is left to the next time.
    pub async fn once(&self) -> Result<Option<Vec<Difference>>, Error> {
        let mut connection = self.store.read().begin().await?;
        if !version::is_present(&mut connection).await? {
            return Ok(None);
        }
        let Some(cursor) = cursor::read(&mut connection).await? else { return Ok(None) };
        let (ours, openings) =
            (Snapshot::stored(&mut connection).await?, openings::addresses(&mut connection).await?);
        drop(connection);
        let contracts = state::read(self.source.contracts(), &openings, cursor.height).await?;
        refuse_forgotten(ours.relationships.keys(), &contracts)?;
        let drift = ours.differences(&contracts);
        self.health.drift(drift.len());
        if !drift.is_empty() {
            self.repair(&ours, &contracts, &drift).await?;
        }
        Ok(Some(drift))
    }

    async fn repair(&self, ours: &Snapshot, contracts: &Snapshot, drift: &[Difference]) -> Result<(), Error> {
        let mut tx = self.store.begin().await?;
        let Some(cursor) = cursor::read(&mut tx).await? else { return Ok(()) };
        let now = Snapshot::stored(&mut tx).await?;
        let mut touched = BTreeSet::new();
        for item in drift.iter().map(|difference| difference.item()) {
            if now.agrees(ours, item) {
                contracts.write(&mut tx, item).await?;
                if let Item::Relationship(id) | Item::Grant { relationship: id, .. } = item {
                    touched.insert(id);
                }
            }
        }
        let identity = &self.source.identity;
        let reactor = Reactor { store: &self.store, identity, at: cursor.time, height: cursor.height };
        let filing_wanted = reactor.react(&mut tx, touched).await?;
        tx.commit().await.map_err(store::Error::from)?;
        if filing_wanted {
            self.filing.notify_one();
        }
        Ok(())
    }
}
