//! What the store knows of a copy.

use medrec_accesslog::{Anchor, Counters, LogKey};
use medrec_api::authlog::LogResponse;
use medrec_merkle::{Frontier, Hash, split_hashes};
use medrec_mirror::{Progress, Promised};
use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::Error;
use crate::store::{Error as StoreError, Store, fixed, from_db, small, to_db};

/// Contradicting checkpoints kept of one institution: one proves it, a few more show when.
const MAX_EVIDENCE: u32 = 20;
/// Rows in one INSERT.
const CHUNK: usize = 1000;

/// A copy as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub institution: u32,
    pub key: LogKey,
    pub progress: Progress,
}

impl State {
    /// Nothing is here yet.
    pub fn new(institution: u32, key: LogKey) -> Self {
        Self { institution, key, progress: Progress::default() }
    }
}

/// The copy of an institution's log; none if there is none.
pub async fn load(connection: &mut SqliteConnection, institution: u32) -> Result<Option<State>, Error> {
    let row = sqlx::query("SELECT * FROM mirrors WHERE institution = ?")
        .bind(i64::from(institution))
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(state).transpose()
}

fn state(row: &sqlx::sqlite::SqliteRow) -> Result<State, Error> {
    let bytes = |column: &str| row.try_get::<Vec<u8>, _>(column);
    let size = from_db(row.try_get("size")?);
    let edge =
        |size: u64, nodes: &[u8]| Ok::<_, Error>(Frontier::from_parts(size, split_hashes(nodes)?.to_vec())?);
    Ok(State {
        institution: small("mirrors.institution", row.try_get("institution")?)?,
        key: LogKey::new(row.try_get("origin")?, &fixed("mirrors.log_key", &bytes("log_key")?)?)?,
        progress: Progress {
            bundles: edge(from_db(row.try_get("bundles")?), &bytes("edge")?)?,
            head: Anchor { size, root: fixed("mirrors.root", &bytes("root")?)? },
            signature: bytes("signature")?,
            tail: edge(size % 256, &bytes("tail")?)?,
        },
    })
}

/// Writes the copy's state; what it speaks of is on disk.
pub async fn save(
    connection: &mut SqliteConnection,
    institution: u32,
    key: &LogKey,
    progress: &Progress,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO mirrors (institution, origin, log_key, bundles, edge, size, root, signature, tail) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (institution) DO UPDATE SET bundles = excluded.bundles, \
         edge = excluded.edge, size = excluded.size, root = excluded.root, signature = excluded.signature, \
         tail = excluded.tail",
    )
    .bind(i64::from(institution))
    .bind(key.origin())
    .bind(&key.public_key()[..])
    .bind(to_db(progress.bundles.size()))
    .bind(progress.bundles.nodes().concat())
    .bind(to_db(progress.head.size))
    .bind(&progress.head.root[..])
    .bind(&progress.signature)
    .bind(progress.tail.nodes().concat())
    .execute(connection)
    .await?;
    Ok(())
}

/// Hashes of complete subtrees over bundles, each with its level in the tree of entries and its place there.
pub async fn add_nodes(
    connection: &mut SqliteConnection,
    institution: u32,
    nodes: &[(u8, u64, Hash)],
) -> Result<(), Error> {
    for chunk in nodes.chunks(CHUNK) {
        let mut insert = QueryBuilder::new("INSERT INTO mirror_nodes (institution, level, idx, hash) ");
        insert.push_values(chunk, |mut row, (level, index, hash)| {
            row.push_bind(i64::from(institution)).push_bind(i64::from(*level));
            row.push_bind(to_db(*index)).push_bind(hash.to_vec());
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// `count` hashes of one level, from `first` on; fewer if there are fewer.
pub async fn nodes(
    connection: &mut SqliteConnection,
    institution: u32,
    level: u8,
    first: u64,
    count: u16,
) -> Result<Vec<Hash>, Error> {
    let rows: Vec<Vec<u8>> = sqlx::query_scalar(
        "SELECT hash FROM mirror_nodes WHERE institution = ? AND level = ? AND idx >= ? ORDER BY idx LIMIT ?",
    )
    .bind(i64::from(institution))
    .bind(i64::from(level))
    .bind(to_db(first))
    .bind(i64::from(count))
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().map(|hash| fixed("mirror_nodes.hash", hash)).collect::<Result<_, StoreError>>()?)
}

/// Counter maps that were promised so far; the next version is one more.
pub async fn promised(connection: &mut SqliteConnection, institution: u32) -> Result<u32, Error> {
    let newest: i64 =
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM mirror_counters WHERE institution = ?")
            .bind(i64::from(institution))
            .fetch_one(connection)
            .await?;
    Ok(small("mirror_counters.version", newest)?)
}

pub async fn promise(
    connection: &mut SqliteConnection,
    institution: u32,
    promised: &Promised,
) -> Result<(), Error> {
    let Counters { at, day, size, leaves, root } = &promised.entry;
    sqlx::query(
        "INSERT INTO mirror_counters (institution, version, idx, at, day, size, leaves, root) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(i64::from(institution))
    .bind(i64::from(promised.version))
    .bind(to_db(promised.index))
    .bind(to_db(*at))
    .bind(i64::from(*day))
    .bind(to_db(*size))
    .bind(i64::from(*leaves))
    .bind(&root[..])
    .execute(connection)
    .await?;
    Ok(())
}

/// Promised maps that are not here, the oldest first, at most `limit`.
pub async fn missing(
    connection: &mut SqliteConnection,
    institution: u32,
    limit: u32,
) -> Result<Vec<Promised>, Error> {
    let rows = sqlx::query(
        "SELECT version, idx, at, day, size, leaves, root FROM mirror_counters \
         WHERE institution = ? AND map IS NULL ORDER BY version LIMIT ?",
    )
    .bind(i64::from(institution))
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    let promised = rows.iter().map(|row| {
        Ok(Promised {
            version: small("mirror_counters.version", row.try_get("version")?)?,
            index: from_db(row.try_get("idx")?),
            entry: Counters {
                at: from_db(row.try_get("at")?),
                day: small("mirror_counters.day", row.try_get("day")?)?,
                size: from_db(row.try_get("size")?),
                leaves: small("mirror_counters.leaves", row.try_get("leaves")?)?,
                root: fixed("mirror_counters.root", &row.try_get::<Vec<u8>, _>("root")?)?,
            },
        })
    });
    promised.collect()
}

pub async fn keep_map(
    connection: &mut SqliteConnection,
    institution: u32,
    version: u32,
    leaves: &[u8],
) -> Result<(), Error> {
    sqlx::query("UPDATE mirror_counters SET map = ? WHERE institution = ? AND version = ?")
        .bind(leaves)
        .bind(i64::from(institution))
        .bind(i64::from(version))
        .execute(connection)
        .await?;
    Ok(())
}

/// Leaves of the map of a day, if the entry that promises it is below `size`.
pub async fn map(
    connection: &mut SqliteConnection,
    institution: u32,
    day: u32,
    size: u64,
) -> Result<Option<Vec<u8>>, Error> {
    let found = sqlx::query_scalar(
        "SELECT map FROM mirror_counters WHERE institution = ? AND day = ? AND idx < ? AND map IS NOT NULL \
         ORDER BY version LIMIT 1",
    )
    .bind(i64::from(institution))
    .bind(i64::from(day))
    .bind(to_db(size))
    .fetch_optional(connection)
    .await?;
    Ok(found)
}

/// Keeps a checkpoint that contradicts the chain, once, and not without end.
pub async fn keep_evidence(
    store: &Store,
    institution: u32,
    seen_at: u64,
    note: &str,
    anchor: &Anchor,
) -> Result<(), Error> {
    let mut tx = store.begin().await?;
    sqlx::query(
        "INSERT INTO mirror_evidence (institution, seen_at, note, anchored_size, anchored_root) \
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM mirror_evidence WHERE institution = ?1) < ?6 \
         ON CONFLICT DO NOTHING",
    )
    .bind(i64::from(institution))
    .bind(to_db(seen_at))
    .bind(note)
    .bind(to_db(anchor.size))
    .bind(&anchor.root[..])
    .bind(i64::from(MAX_EVIDENCE))
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

/// What the chain has of a log, in our types.
pub fn anchored(log: &LogResponse) -> Result<(LogKey, Anchor), Error> {
    let key = LogKey::new(&log.origin, &fixed("log_of.key", &log.key)?)?;
    Ok((key, Anchor { size: log.size, root: fixed("log_of.root", &log.root)? }))
}
