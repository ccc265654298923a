//! The hospital's database seen as records: one trait, one implementation a kind of database.
//!
//! An adapter only reads. Its errors name scopes, columns and lines of the mapping, never a value.

mod fhir;
mod mapping;
mod sqlite;

use std::path::PathBuf;

use async_trait::async_trait;
use medrec_merkle::Hash;
use serde_json::Value;

pub use mapping::{Field, FieldType, Mapping, Scope};
pub use sqlite::{Limits, SqliteAdapter};

/// One row of the hospital's database as a FHIR R4 resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRecord {
    /// Names the row within its scope and patient, for ever.
    pub key: String,
    /// Value of the mapping's `changed_at` column.
    pub changed_at: Option<String>,
    pub resource: Value,
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

/// Reads a provider's database.
#[async_trait]
pub trait Adapter: Send + Sync {
    /// The scopes of the mapping, in order of their ids.
    fn scopes(&self) -> &[Scope];

    /// All records of a patient (the hospital's own id) in a scope, in a stable order, keys distinct.
    async fn read(&self, scope: &Scope, patient_id: &str) -> Result<Vec<SourceRecord>, Error>;

    /// What happened since `cursor`; without one, everything did.
    async fn changes(&self, cursor: Option<&str>) -> Result<Changes, Error>;

    fn scope(&self, id: &str) -> Option<&Scope> {
        self.scopes().iter().find(|scope| scope.id == id)
    }
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
    #[error("{path}: {reason}", path = path.display())]
    Parse { path: PathBuf, reason: String },
    #[error("{path}:{line}: scope {scope:?}: {what}", path = path.display())]
    Mapping { path: PathBuf, line: usize, scope: String, what: String },
    #[error("cannot open the database {path} read-only: {reason}", path = path.display())]
    Open { path: PathBuf, reason: sqlx::Error },
    #[error("scope {scope:?}: the database refused: {reason}")]
    Query { scope: String, reason: sqlx::Error },
    #[error("scope {scope:?}: the statement took longer than {limit_ms} ms")]
    Slow { scope: String, limit_ms: u64 },
    #[error(
        "scope {scope:?}: more than {limit} rows for one patient; raise database.max_rows or narrow the scope"
    )]
    Rows { scope: String, limit: usize },
    #[error("scope {scope:?}, row {row}: {what}")]
    Row { scope: String, row: usize, what: String },
    #[error("scope {scope:?}: rows {first} and {second} have the same key; make the key column distinct")]
    Key { scope: String, first: usize, second: usize },
    #[error("the database's change counter cannot be read: {0}")]
    Changes(sqlx::Error),
}
