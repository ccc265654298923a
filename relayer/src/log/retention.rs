//! Full bundles that are under an anchor move from rows to files: the same bytes that are served.
//!
//! The file is durable before the rows go, and is compared if it was there before: a crash between the two loses
//! nothing and believes nothing.

use medrec_accesslog::{BUNDLE, TILE_WIDTH, encode_bundle};
use sqlx::SqliteConnection;

use super::{Error, entries};
use crate::{
    failpoint,
    store::{Store, from_db, to_db},
};

/// Bundles whose rows go in one transaction.
const BATCH: u64 = 64;

/// Bundles moved in one call, so that an anchor never waits long for the disk.
const MOST: u64 = 512;

/// Moves what an anchor of `anchored` entries covers, some of it at a time; the number of bundles moved.
pub async fn retain(store: &Store, anchored: u64) -> Result<u64, Error> {
    let mut connection = store.read().acquire().await?;
    let first = moved(&mut connection).await?;
    let full = (anchored / BUNDLE).min(first.saturating_add(MOST));
    let mut next = first;
    while next < full {
        let end = full.min(next.saturating_add(BATCH));
        for bundle in next..end {
            write(store, &mut connection, bundle).await?;
        }
        failpoint::hit("log.bundle-written");
        let mut tx = store.begin().await?;
        sqlx::query("DELETE FROM entry_bytes WHERE idx < ?")
            .bind(to_db(end.saturating_mul(BUNDLE)))
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE bundle_files SET bundles = ? WHERE id = 0")
            .bind(to_db(end))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        failpoint::hit("log.rows-deleted");
        next = end;
    }
    Ok(next.saturating_sub(first))
}

/// Bundles that are files.
pub async fn moved(connection: &mut SqliteConnection) -> Result<u64, Error> {
    let bundles =
        sqlx::query_scalar("SELECT bundles FROM bundle_files WHERE id = 0").fetch_one(connection).await?;
    Ok(from_db(bundles))
}

/// Writes one file from rows that give their stored hashes.
async fn write(store: &Store, connection: &mut SqliteConnection, bundle: u64) -> Result<(), Error> {
    let first = bundle.saturating_mul(BUNDLE);
    let entries = entries::bundle(store, connection, bundle, TILE_WIDTH).await?;
    let bytes = encode_bundle(&entries.ok_or(Error::Damaged { index: first })?);
    let (files, path) = (store.bundles().clone(), entries::path(bundle));
    let written = tokio::task::spawn_blocking(move || files.write(&path, &bytes));
    Ok(written.await.map_err(|error| Error::Blocking(error.to_string()))??)
}
