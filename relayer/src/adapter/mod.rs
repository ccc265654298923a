//! The hospital's database seen as records: one trait, one implementation a kind of database.
//!
//! An adapter only reads. Its errors name scopes, columns and places of the mapping, never a value.

pub mod check;
mod fhir;
mod mapping;
mod place;
mod primitive;
pub mod r4;
mod sqlite;
mod statement;

use std::{collections::BTreeMap, path::PathBuf};

use async_trait::async_trait;
use medrec_merkle::Hash;
use serde_json::Value;

pub use mapping::{Field, Mapping, Position, Scope};
pub use primitive::FieldType;
pub use sqlite::{Limits, SqliteAdapter};

/// One row of the hospital's database as a FHIR R4 resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Names the row within its scope and patient, for ever.
    pub key: String,
    /// Value of the mapping's `changed_at` column.
    pub changed_at: Option<String>,
    /// The row itself says that it does not count any more (the mapping's `removed_when`).
    pub removed: bool,
    pub resource: Value,
}

/// A row that is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// The mapping's part in it.
    pub at: Position,
    pub what: String,
}

/// Who may be affected by what happened since a cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affected {
    Nobody,
    /// The database cannot say who: read everybody again.
    Everybody,
}

/// Changes since a cursor, with the cursor to ask from next time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    pub cursor: String,
    pub affected: Affected,
}

/// Reads a provider's database. What an implementation must do is in `tests/conformance`.
#[async_trait]
pub trait Adapter: Send + Sync {
    /// The scopes of the mapping, in order of their ids.
    fn scopes(&self) -> &[Scope];

    /// Every row of a patient (the hospital's own id) in a scope, each by itself, in a stable order.
    async fn rows(&self, scope: &Scope, patient_id: &str)
    -> Result<Vec<Result<SourceRecord, BadRow>>, Error>;

    /// Ids of patients, spread over all of them, `limit` at most; none if the mapping does not say how to list them.
    async fn patients(&self, limit: usize) -> Result<Option<Vec<String>>, Error>;

    /// What happened since `cursor`; without one, everything did. A cursor is read before what it stands for.
    async fn changes(&self, cursor: Option<&str>) -> Result<Changes, Error>;

    /// All records of a patient in a scope: a row that is none, and a key that comes twice, refuse all of them.
    async fn read(&self, scope: &Scope, patient_id: &str) -> Result<Vec<SourceRecord>, Error> {
        let rows = self.rows(scope, patient_id).await?;
        let mut records: Vec<SourceRecord> = Vec::with_capacity(rows.len());
        for (row, number) in rows.into_iter().zip(1usize..) {
            records.push(row.map_err(|BadRow { at, what }| Error::Row {
                at,
                scope: scope.id.clone(),
                row: number,
                what,
            })?);
        }
        if let Some((first, second)) = same_key(&records) {
            return Err(Error::Key { at: scope.key.at.clone(), scope: scope.id.clone(), first, second });
        }
        Ok(records)
    }

    fn scope(&self, id: &str) -> Option<&Scope> {
        self.scopes().iter().find(|scope| scope.id == id)
    }
}

/// Numbers, from 1, of two records with one key.
fn same_key(records: &[SourceRecord]) -> Option<(usize, usize)> {
    let mut seen = BTreeMap::new();
    records.iter().zip(1usize..).find_map(|(record, number)| {
        let first = seen.insert(record.key.as_str(), number);
        first.map(|first| (first, number))
    })
}

/// Digest over the scope definitions in force: it moves when the mapping does.
pub fn definitions(scopes: &[Scope]) -> Vec<(String, Hash)> {
    scopes.iter().map(|scope| (scope.id.clone(), scope.hash)).collect()
}

/// Why a mapping or a row cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the mapping {path}: {reason}", path = path.display())]
    Read { path: PathBuf, reason: std::io::Error },
    #[error("{at}: {reason}")]
    Parse { at: Position, reason: String },
    #[error("{at}: scope {scope:?}: {what}")]
    Mapping { at: Position, scope: String, what: String },
    #[error("cannot open the database {path} read-only: {reason}", path = path.display())]
    Open { path: PathBuf, reason: sqlx::Error },
    #[error("the database {path} is gone: {reason}", path = path.display())]
    Gone { path: PathBuf, reason: std::io::Error },
    #[error("{at}: scope {scope:?}: the database refused: {reason}")]
    Query { at: Position, scope: String, reason: sqlx::Error },
    #[error("{at}: the list of patients: {reason}")]
    Patients { at: Position, reason: sqlx::Error },
    #[error("{at}: scope {scope:?}: the statement took longer than {limit_ms} ms")]
    Slow { at: Position, scope: String, limit_ms: u64 },
    #[error(
        "{at}: scope {scope:?}: more than {limit} rows for one patient; raise database.max_rows or narrow the scope"
    )]
    Rows { at: Position, scope: String, limit: usize },
    #[error("{at}: scope {scope:?}, row {row}: {what}")]
    Row { at: Position, scope: String, row: usize, what: String },
    #[error(
        "{at}: scope {scope:?}: rows {first} and {second} have the same key; make the key column distinct"
    )]
    Key { at: Position, scope: String, first: usize, second: usize },
    #[error("the database's change counter cannot be read: {0}")]
    Changes(sqlx::Error),
}
