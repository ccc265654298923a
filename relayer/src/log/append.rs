//! Appending entries inside a transaction of the store.

use medrec_accesslog::Entry;
use medrec_merkle::{Frontier, Hash, split_hashes};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::Error;
use crate::store::{from_db, to_db};

/// Rows in one statement; SQLite takes 32,766 parameters.
const CHUNK: usize = 512;

/// Appends within one transaction; [`Appender::close`] must be called before it commits. Rows are written many at a
/// time: until then nobody finds the newest entries in the tables.
pub struct Appender {
    edge: Frontier,
    rows: Vec<NewRow>,
    nodes: Vec<(u8, u64, Hash)>,
}

/// Which relationship an entry belongs to, and its number there.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub relationship: u64,
    pub counter: u64,
}

struct NewRow {
    index: u64,
    entry: Entry,
    owner: Option<Owner>,
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
        Ok(Self { edge: edge(connection).await?, rows: Vec::new(), nodes: Vec::new() })
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
        let nodes = &mut self.nodes;
        self.edge.push_with(entry.leaf_hash(), |level, index, hash| nodes.push((level, index, hash)))?;
        self.rows.push(NewRow { index, entry: entry.clone(), owner });
        if self.rows.len() >= CHUNK {
            self.flush(connection).await?;
        }
        Ok(index)
    }

    /// Writes what is left, and the edge; the transaction may commit now.
    pub async fn close(mut self, connection: &mut SqliteConnection) -> Result<(), Error> {
        self.flush(connection).await?;
        let nodes = self.edge.nodes().concat();
        sqlx::query("UPDATE log_edge SET size = ?, nodes = ? WHERE id = 0")
            .bind(to_db(self.edge.size()))
            .bind(nodes)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn flush(&mut self, connection: &mut SqliteConnection) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        let mut places = QueryBuilder::new("INSERT INTO entries (idx, label, relationship, counter) ");
        places.push_values(&rows, |mut row, NewRow { index, entry, owner }| {
            row.push_bind(to_db(*index)).push_bind(entry.label().0.to_vec());
            row.push_bind(owner.map(|owner| to_db(owner.relationship)));
            row.push_bind(owner.map(|owner| to_db(owner.counter)));
        });
        match write(places, connection).await {
            Err(Error::Store(crate::store::Error::Database(sqlx::Error::Database(e))))
                if e.is_unique_violation() =>
            {
                let index = used_label(connection, &rows).await?;
                return Err(index.map_or(sqlx::Error::Database(e).into(), |index| Error::Label { index }));
            }
            written => written?,
        }
        let mut bytes = QueryBuilder::new("INSERT INTO entry_bytes (idx, bytes) ");
        bytes.push_values(&rows, |mut row, NewRow { index, entry, .. }| {
            row.push_bind(to_db(*index)).push_bind(entry.as_bytes().to_vec());
        });
        write(bytes, connection).await?;
        let nodes = std::mem::take(&mut self.nodes);
        for nodes in nodes.chunks(CHUNK) {
            let mut insert = QueryBuilder::new("INSERT INTO nodes (level, idx, hash) ");
            insert.push_values(nodes, |mut row, (level, index, hash)| {
                row.push_bind(i64::from(*level)).push_bind(to_db(*index)).push_bind(hash.to_vec());
            });
            write(insert, connection).await?;
        }
        Ok(())
    }
}

/// Statements of many lengths are not worth keeping: each would stay in the connection's memory.
async fn write(mut insert: QueryBuilder<Sqlite>, connection: &mut SqliteConnection) -> Result<(), Error> {
    insert.build().persistent(false).execute(connection).await?;
    Ok(())
}

/// The first of `rows` whose label stands in the log, or in a row before it; none if labels are not the matter.
async fn used_label(connection: &mut SqliteConnection, rows: &[NewRow]) -> Result<Option<u64>, Error> {
    let mut before = std::collections::HashSet::new();
    for NewRow { index, entry, .. } in rows {
        let label = entry.label();
        let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM entries WHERE label = ?")
            .bind(&label.0[..])
            .fetch_one(&mut *connection)
            .await?;
        if stored > 0 || !before.insert(label) {
            return Ok(Some(*index));
        }
    }
    Ok(None)
}
