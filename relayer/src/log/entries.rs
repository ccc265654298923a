//! Reading entries, wherever they are: in rows, or in the bundle files that full anchored bundles moved to.
//!
//! Bytes are believed only if they give the hash that was stored with the entry; what is damaged is named, not served.

use std::collections::BTreeMap;

use medrec_accesslog::{BUNDLE, Entry, TILE_WIDTH, TileContent, TilePath, decode_bundle};
use medrec_merkle::Hash;
use sqlx::{QueryBuilder, Row, SqliteConnection, sqlite::SqliteRow};

use super::{Error, append};
use crate::store::{Store, fixed, from_db, to_db};

/// Entries asked for in one statement.
const CHUNK: usize = 500;

/// Hash and bytes of entries, the bytes null where they are in a file.
const SELECT: &str = "SELECT n.idx, n.hash, b.bytes FROM nodes n LEFT JOIN entry_bytes b ON b.idx = n.idx \
                      WHERE n.level = 0 AND n.idx ";

/// What the tables say of an entry.
struct Stored {
    index: u64,
    hash: Hash,
    bytes: Option<Vec<u8>>,
}

/// One entry.
pub async fn one(store: &Store, connection: &mut SqliteConnection, index: u64) -> Result<Entry, Error> {
    let mut found = some(store, connection, &[index]).await?;
    found.pop().ok_or_else(|| missing(index))
}

/// The entries at `indices`, in their order.
pub async fn some(
    store: &Store,
    connection: &mut SqliteConnection,
    indices: &[u64],
) -> Result<Vec<Entry>, Error> {
    let mut found = BTreeMap::new();
    for chunk in indices.chunks(CHUNK) {
        let mut select = QueryBuilder::new(SELECT);
        select.push("IN (");
        let mut list = select.separated(", ");
        for index in chunk {
            list.push_bind(to_db(*index));
        }
        select.push(")");
        let rows = select.build().persistent(false).fetch_all(&mut *connection).await?;
        let stored = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
        found.extend(checked(store, stored).await?);
    }
    indices.iter().map(|index| found.get(index).cloned().ok_or_else(|| missing(*index))).collect()
}

/// The first `width` entries of a bundle; none if the log has not grown so far.
pub async fn bundle(
    store: &Store,
    connection: &mut SqliteConnection,
    bundle: u64,
    width: u16,
) -> Result<Option<Vec<Entry>>, Error> {
    let Some(first) = bundle.checked_mul(BUNDLE) else { return Ok(None) };
    let end = first.saturating_add(u64::from(width));
    if end > append::edge(connection).await?.size() {
        return Ok(None);
    }
    let mut select = QueryBuilder::new(SELECT);
    select.push(">= ").push_bind(to_db(first)).push(" AND n.idx < ").push_bind(to_db(end));
    let rows = select.build().fetch_all(connection).await?;
    let stored = rows.iter().map(stored).collect::<Result<Vec<_>, _>>()?;
    let mut found = checked(store, stored).await?;
    (first..end)
        .map(|index| found.remove(&index).ok_or_else(|| missing(index)))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Name of the file of a full bundle.
pub(super) fn path(bundle: u64) -> TilePath {
    TilePath { content: TileContent::Entries, index: bundle, width: TILE_WIDTH }
}

async fn checked(store: &Store, stored: Vec<Stored>) -> Result<BTreeMap<u64, Entry>, Error> {
    let mut files: BTreeMap<u64, Vec<Entry>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for Stored { index, hash, bytes } in stored {
        let entry = match bytes {
            Some(bytes) => Entry::try_from(bytes.as_slice()).map_err(|_| missing(index))?,
            None => {
                let bundle = index / BUNDLE;
                if let std::collections::btree_map::Entry::Vacant(vacant) = files.entry(bundle) {
                    vacant.insert(file(store, bundle).await?.ok_or_else(|| missing(index))?);
                }
                let place = usize::try_from(index % BUNDLE).ok();
                let entries = files.get(&bundle);
                place
                    .zip(entries)
                    .and_then(|(at, entries)| entries.get(at))
                    .cloned()
                    .ok_or_else(|| missing(index))?
            }
        };
        if entry.leaf_hash() != hash {
            return Err(Error::Damaged { index });
        }
        found.insert(index, entry);
    }
    Ok(found)
}

/// Entries of a bundle file, unchecked; none if there is no such file.
async fn file(store: &Store, bundle: u64) -> Result<Option<Vec<Entry>>, Error> {
    let (files, path) = (store.bundles().clone(), path(bundle));
    let read = tokio::task::spawn_blocking(move || {
        let Some(bytes) = files.read(&path)? else { return Ok(None) };
        Ok(Some(decode_bundle(&path, &bytes)?))
    });
    read.await.map_err(|error| Error::Blocking(error.to_string()))?
}

fn stored(row: &SqliteRow) -> Result<Stored, Error> {
    Ok(Stored {
        index: from_db(row.try_get("idx")?),
        hash: fixed("nodes.hash", &row.try_get::<Vec<u8>, _>("hash")?)?,
        bytes: row.try_get("bytes")?,
    })
}

fn missing(index: u64) -> Error {
    Error::Damaged { index }
}
