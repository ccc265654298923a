//! Appending entries inside a transaction of the store.

use std::sync::Arc;

use medrec_accesslog::Entry;
use medrec_merkle::{Frontier, Hash, split_hashes};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::tally::Tally;
use super::{Error, Head};
use crate::store::{Store, from_db, to_db};

/// Rows in one statement; SQLite takes 32,766 parameters.
const CHUNK: usize = 512;

/// Appends within one transaction; [`Appender::close`] must be called before it commits. Rows are written many at a
/// time: until then nobody finds the newest entries in the tables.
pub struct Appender {
    tally: Arc<Tally>,
    edge: Frontier,
    rows: Vec<NewRow>,
    nodes: Vec<Node>,
    /// Those that are rows already.
    written: Vec<Node>,
}

/// Level, index and hash of a complete subtree.
pub type Node = (u8, u64, Hash);

/// What a transaction adds to the log.
pub struct Written {
    pub head: Head,
    /// The subtrees it completes.
    pub nodes: Vec<Node>,
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
    pub async fn open(store: &Store, connection: &mut SqliteConnection) -> Result<Self, Error> {
        let (tally, edge) = (store.tally().clone(), edge(connection).await?);
        tally.begin(edge.size());
        Ok(Self { tally, edge, rows: Vec::new(), nodes: Vec::new(), written: Vec::new() })
    }

    /// Entries so far, those of this transaction included.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Appends and returns the entry's index. `kind` is for the metrics.
    pub async fn append(
        &mut self,
        connection: &mut SqliteConnection,
        entry: &Entry,
        owner: Option<Owner>,
        kind: &'static str,
    ) -> Result<u64, Error> {
        let index = self.edge.size();
        let nodes = &mut self.nodes;
        self.edge.push_with(entry.leaf_hash(), |level, index, hash| nodes.push((level, index, hash)))?;
        self.tally.append(index, kind);
        self.rows.push(NewRow { index, entry: entry.clone(), owner });
        if self.rows.len() >= CHUNK {
            self.flush(connection, false).await?;
        }
        Ok(index)
    }

    /// Writes what is left, and the edge; the transaction may commit now.
    pub async fn close(mut self, connection: &mut SqliteConnection) -> Result<Written, Error> {
        self.flush(connection, true).await?;
        let head = Head { size: self.edge.size(), root: self.edge.root() };
        Ok(Written { head, nodes: self.written })
    }

    /// Everything in one trip to the driver's thread; statements of many lengths are not worth keeping there.
    async fn flush(&mut self, connection: &mut SqliteConnection, last: bool) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        let mut insert = QueryBuilder::new("");
        if !rows.is_empty() {
            push_rows(&mut insert, &rows);
            let nodes = std::mem::take(&mut self.nodes);
            for nodes in nodes.chunks(CHUNK) {
                insert.push("; INSERT INTO nodes (level, idx, hash) ");
                insert.push_values(nodes, |mut row, (level, index, hash)| {
                    row.push_bind(i64::from(*level)).push_bind(to_db(*index)).push_bind(hash.to_vec());
                });
            }
            self.written.extend(nodes);
            insert.push("; ");
        }
        if last {
            insert.push("UPDATE log_edge SET size = ").push_bind(to_db(self.edge.size()));
            insert.push(", nodes = ").push_bind(self.edge.nodes().concat()).push(" WHERE id = 0");
        }
        match insert.build().persistent(false).execute(&mut *connection).await {
            Err(sqlx::Error::Database(e)) if e.is_unique_violation() => {
                let index = used_label(connection, &rows).await?;
                Err(index.map_or(sqlx::Error::Database(e).into(), |index| Error::Label { index }))
            }
            written => written.map(drop).map_err(Into::into),
        }
    }
}

/// Where entries stand, and what they are.
fn push_rows(insert: &mut QueryBuilder<Sqlite>, rows: &[NewRow]) {
    insert.push("INSERT INTO entries (idx, label, relationship, counter) ");
    insert.push_values(rows, |mut row, NewRow { index, entry, owner }| {
        row.push_bind(to_db(*index)).push_bind(entry.label().0.to_vec());
        row.push_bind(owner.map(|owner| to_db(owner.relationship)));
        row.push_bind(owner.map(|owner| to_db(owner.counter)));
    });
    insert.push("; INSERT INTO entry_bytes (idx, bytes) ");
    insert.push_values(rows, |mut row, NewRow { index, entry, .. }| {
        row.push_bind(to_db(*index)).push_bind(entry.as_bytes().to_vec());
    });
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
