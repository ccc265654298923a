//! Whether the stored log is one piece: looked at before anything is appended.

use medrec_accesslog::TILE_WIDTH;
use medrec_merkle::Hash;
use sqlx::{Row, SqliteConnection};

use super::{Error, append, entries, retention, tree};
use crate::store::{Store, from_db};

/// What is wrong with a stored log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Broken {
    #[error("the log has {size} entries, the places {places} of them, the newest being {newest:?}")]
    Places { size: u64, places: u64, newest: Option<u64> },
    #[error("the log has {size} entries and {rows} of them in rows, but {bundles} bundles in files")]
    Bytes { size: u64, rows: u64, bundles: u64 },
    #[error("the log of {size} entries has {nodes} stored hashes, not {expected}")]
    Nodes { size: u64, nodes: u64, expected: u64 },
    #[error("the right edge of the log of {size} entries is not that of its stored hashes")]
    Edge { size: u64 },
    #[error("the bundle file {bundle} is missing")]
    File { bundle: u64 },
}

/// Quick enough for every start: counts, the right edge, and that the files are there. What an entry says is checked
/// when it is read.
pub async fn whole(store: &Store, connection: &mut SqliteConnection) -> Result<(), Error> {
    let edge = append::edge(connection).await?;
    let size = edge.size();
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM entries) AS places, (SELECT max(idx) FROM entries) AS newest, \
         (SELECT count(*) FROM entry_bytes) AS rows, (SELECT min(idx) FROM entry_bytes) AS oldest, \
         (SELECT count(*) FROM nodes) AS nodes",
    )
    .fetch_one(&mut *connection)
    .await?;
    let count = |column: &str| Ok::<_, sqlx::Error>(from_db(row.try_get(column)?));
    let place = |column: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(column)?.map(from_db));

    let (places, newest) = (count("places")?, place("newest")?);
    if places != size || newest != size.checked_sub(1) {
        return Err(Broken::Places { size, places, newest }.into());
    }
    let (rows, bundles) = (count("rows")?, retention::moved(connection).await?);
    let filed = bundles.saturating_mul(u64::from(TILE_WIDTH));
    if filed.checked_add(rows) != Some(size) || place("oldest")?.unwrap_or(filed) != filed {
        return Err(Broken::Bytes { size, rows, bundles }.into());
    }
    // Every subtree of the log is complete once: n leaves make 2n - (ones of n) of them.
    let expected = size.saturating_mul(2).saturating_sub(u64::from(size.count_ones()));
    let nodes = count("nodes")?;
    if nodes != expected {
        return Err(Broken::Nodes { size, nodes, expected }.into());
    }
    if tree::edge(connection, size).await? != edge.nodes() {
        return Err(Broken::Edge { size }.into());
    }
    let files = store.bundles().clone();
    let listed = tokio::task::spawn_blocking(move || files.list());
    let listed = listed.await.map_err(|error| Error::Blocking(error.to_string()))??;
    match (0..bundles).find(|bundle| !listed.contains(&entries::path(*bundle))) {
        Some(bundle) => Err(Broken::File { bundle }.into()),
        None => Ok(()),
    }
}

/// Everything: every entry gives its stored hash, and the hashes give the root. Takes seconds for a million entries.
pub async fn everything(store: &Store, connection: &mut SqliteConnection) -> Result<Hash, Error> {
    whole(store, connection).await?;
    let size = append::edge(connection).await?.size();
    let mut frontier = medrec_merkle::Frontier::new();
    for path in medrec_accesslog::bundle_paths(0, size) {
        let entries = entries::bundle(store, connection, path.index, path.width).await?;
        for entry in entries.unwrap_or_default() {
            frontier.push(entry.leaf_hash())?;
        }
    }
    if frontier.size() == size && frontier.root() == tree::root_at(connection, size).await? {
        Ok(frontier.root())
    } else {
        Err(Broken::Edge { size }.into())
    }
}
