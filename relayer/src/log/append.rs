//! Appending entries inside a transaction of the store.

use medrec_accesslog::Entry;
use medrec_merkle::{Frontier, Hash, split_hashes};
use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::Error;
use crate::store::{self, from_db, to_db};

/// Rows in one INSERT; SQLite takes 32,766 parameters.
const CHUNK: usize = 1000;

/// Appends within one transaction; [`Appender::close`] must be called before it commits.
pub struct Appender {
    edge: Frontier,
    nodes: Vec<(u8, u64, Hash)>,
}

/// Which relationship an entry belongs to, and its number there.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub relationship: u64,
    pub counter: u64,
}

/// The right edge as stored.
pub(super) async fn edge(connection: &mut SqliteConnection) -> Result<Frontier, Error> {
    let row = sqlx::query("SELECT size, nodes FROM log_edge WHERE id = 0").fetch_one(connection).await?;
    let size = from_db(row.try_get("size")?);
    let nodes: Vec<u8> = row.try_get("nodes")?;
    Ok(Frontier::from_parts(size, split_hashes(&nodes)?.to_vec())?)
}

impl Appender {
    pub async fn open(connection: &mut SqliteConnection) -> Result<Self, Error> {
        Ok(Self { edge: edge(connection).await?, nodes: Vec::new() })
    }

    /// Entries so far, those of this transaction included.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Appends and returns the entry's index.
    pub async fn append(
        &mut self,
        connection: &mut SqliteConnection,
        entry: &Entry,
        owner: Option<Owner>,
    ) -> Result<u64, Error> {
        let index = self.edge.size();
        let inserted = sqlx::query(
            "INSERT INTO entries (idx, label, entry, relationship, counter) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(to_db(index))
        .bind(&entry.label().0[..])
        .bind(&entry.as_bytes()[..])
        .bind(owner.map(|owner| to_db(owner.relationship)))
        .bind(owner.map(|owner| to_db(owner.counter)))
        .execute(connection)
        .await;
        match inserted {
            Ok(_) => {}
            Err(sqlx::Error::Database(e)) if e.is_unique_violation() => return Err(Error::Label { index }),
            Err(e) => return Err(e.into()),
        }
        let nodes = &mut self.nodes;
        self.edge.push_with(entry.leaf_hash(), |level, index, hash| nodes.push((level, index, hash)))?;
        Ok(index)
    }

    /// Writes the hashes and the edge; the transaction may commit now.
    pub async fn close(self, connection: &mut SqliteConnection) -> Result<(), Error> {
        for chunk in self.nodes.chunks(CHUNK) {
            let mut insert = QueryBuilder::new("INSERT INTO nodes (level, idx, hash) ");
            insert.push_values(chunk, |mut row, (level, index, hash)| {
                row.push_bind(i64::from(*level)).push_bind(to_db(*index)).push_bind(hash.to_vec());
            });
            insert.build().execute(&mut *connection).await?;
        }
        let nodes = self.edge.nodes().concat();
        sqlx::query("UPDATE log_edge SET size = ?, nodes = ? WHERE id = 0")
            .bind(to_db(self.edge.size()))
            .bind(nodes)
            .execute(connection)
            .await?;
        Ok(())
    }
}

/// One stored entry.
pub async fn entry(connection: &mut SqliteConnection, index: u64) -> Result<Entry, Error> {
    let bytes: Vec<u8> = sqlx::query_scalar("SELECT entry FROM entries WHERE idx = ?")
        .bind(to_db(index))
        .fetch_one(connection)
        .await?;
    Entry::try_from(bytes.as_slice())
        .map_err(|_| Error::Store(store::Error::Corrupt { what: format!("entry {index}") }))
}
