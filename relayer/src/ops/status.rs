//! How it stands, put together once for `/status`, `/metrics` and people.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::health::{Health, Snapshot};
use crate::{
    chain::outbox::{self, Summary},
    log,
    store::{Store, from_db},
};

/// What `/status` says. Heights are blocks, sizes entries, times seconds since 1970.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    pub healthy: bool,
    pub ready: bool,
    /// Seconds between our clock and the newest applied block.
    pub staleness: u64,
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// Entries in the store's log.
    pub log_size: u64,
    pub outbox: Summary,
    /// Seconds since the oldest transaction that is not settled was queued.
    pub outbox_oldest: u64,
    /// Relationships whose rows must be read and filed.
    pub filing_backlog: u64,
    /// Bytes of the store with its write-ahead log, and free bytes where it is.
    pub store_bytes: u64,
    pub disk_free_bytes: u64,
    /// Durable entries since the start, by kind; for the metrics.
    #[serde(skip)]
    pub entries: BTreeMap<&'static str, u64>,
}

impl Status {
    pub async fn load(store: &Store, health: &Health) -> Result<Self, log::Error> {
        let outbox = outbox::summary(store).await?;
        let mut connection = store.read().acquire().await?;
        let log_size = log::head(&mut connection).await?.size;
        let outbox_oldest: i64 = sqlx::query_scalar(
            "SELECT coalesce(max(0, unixepoch() - min(queued_at)), 0) FROM outbox WHERE state IN ('pending', 'prepared')",
        )
        .fetch_one(&mut *connection)
        .await?;
        let filing_backlog: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM filing f JOIN relationships r ON r.id = f.relationship \
             WHERE f.done < f.wanted AND r.status = 'active'",
        )
        .fetch_one(&mut *connection)
        .await?;
        let snapshot = health.snapshot();
        Ok(Self {
            healthy: health.healthy(),
            ready: health.ready(),
            staleness: health.staleness(),
            snapshot,
            log_size,
            outbox,
            outbox_oldest: from_db(outbox_oldest),
            filing_backlog: from_db(filing_backlog),
            store_bytes: bytes(store.path()).saturating_add(bytes(&store.wal())),
            disk_free_bytes: free(store.path()),
            entries: store.tally().durable(log_size),
        })
    }
}

/// 0 for a file that is not there.
fn bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

fn free(path: &Path) -> u64 {
    nix::sys::statvfs::statvfs(path)
        .map_or(0, |found| found.blocks_available().saturating_mul(found.fragment_size()))
}
