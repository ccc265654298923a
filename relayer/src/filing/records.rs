//! Records in the store: what is filed, and the writing of new versions and removals.

use std::collections::BTreeMap;

use medrec_accesslog::{Body, Explained, Filed, Removed};
use medrec_merkle::Hash;
use medrec_record::{RecordId, RecordKey};
use sqlx::{QueryBuilder, Row as _, SqliteConnection, sqlite::SqliteRow};

use super::{
    Error,
    judge::{Gone, Judged, Stored},
    sealer::Sealer,
};
use crate::{
    adapter::Scope,
    log::append::Appender,
    store::{Vault, fixed, from_db, small, to_db},
};

/// What must be written of one record.
pub(super) enum Write<'a> {
    File(&'a mut Judged),
    Remove(&'a Gone),
}

/// A record's row in the store, its key still sealed.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    source_key: String,
    id: RecordId,
    sealed_key: Vec<u8>,
    version: u32,
    scope_hash: Hash,
    commitment: Hash,
    changed_at: Option<String>,
    entry: u64,
    removed: bool,
}

/// Everything filed of a scope of one patient.
pub(super) async fn rows(
    connection: &mut SqliteConnection,
    relationship: u64,
    scope: &str,
) -> Result<Vec<Row>, Error> {
    let rows = sqlx::query("SELECT * FROM records WHERE relationship = ? AND scope = ?")
        .bind(to_db(relationship))
        .bind(scope)
        .fetch_all(connection)
        .await?;
    let read = |row: &SqliteRow| {
        Ok(Row {
            source_key: row.try_get("source_key")?,
            id: fixed("records.record_id", row.try_get("record_id")?)?,
            sealed_key: row.try_get("record_key")?,
            version: small("records.version", row.try_get("version")?)?,
            scope_hash: fixed("records.scope_hash", row.try_get("scope_hash")?)?,
            commitment: fixed("records.commitment", row.try_get("commitment")?)?,
            changed_at: row.try_get("changed_at")?,
            entry: from_db(row.try_get("entry")?),
            removed: row.try_get("removed")?,
        })
    };
    rows.iter().map(read).collect()
}

/// By the rows' keys in the hospital, each record's key opened.
pub(super) fn open(vault: &Vault, rows: &[Row]) -> Result<BTreeMap<String, Stored>, Error> {
    let mut found = BTreeMap::new();
    for row in rows {
        let key = vault.open(&key_place(&row.id), &row.sealed_key)?;
        let stored = Stored {
            id: row.id,
            key: RecordKey::from_bytes(*key),
            version: row.version,
            scope_hash: row.scope_hash,
            commitment: row.commitment,
            changed_at: row.changed_at.clone(),
            entry: row.entry,
            removed: row.removed,
        };
        found.insert(row.source_key.clone(), stored);
    }
    Ok(found)
}

/// Writes entries and rows of some records; false, and nothing written, if another version of one of them was
/// written since they were judged.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    vault: &Vault,
    appender: &mut Appender,
    sealer: &mut Sealer,
    scope: &Scope,
    writes: &mut [Write<'_>],
    now: u64,
) -> Result<bool, Error> {
    if !as_judged(connection, sealer.relationship(), scope, writes).await? {
        return Ok(false);
    }
    let mut files = Vec::new();
    for write in writes {
        match write {
            Write::File(judged) => {
                file(connection, appender, sealer, scope, judged, now).await?;
                files.push(&**judged);
            }
            Write::Remove(gone) => remove(connection, appender, sealer, scope, gone, now).await?,
        }
    }
    if !files.is_empty() {
        keep(connection, vault, sealer.relationship(), scope, &files).await?;
    }
    Ok(true)
}

/// Whether the versions in the store are still those that were judged.
async fn as_judged(
    connection: &mut SqliteConnection,
    relationship: u64,
    scope: &Scope,
    writes: &[Write<'_>],
) -> Result<bool, Error> {
    let mut query = QueryBuilder::new("SELECT source_key, version FROM records WHERE relationship = ");
    query
        .push_bind(to_db(relationship))
        .push(" AND scope = ")
        .push_bind(&scope.id)
        .push(" AND source_key IN (");
    let mut keys = query.separated(", ");
    for write in writes {
        keys.push_bind(write.target().0);
    }
    query.push(")");
    let mut versions: BTreeMap<String, i64> = BTreeMap::new();
    for row in query.build().fetch_all(connection).await? {
        versions.insert(row.try_get("source_key")?, row.try_get("version")?);
    }
    let stands = |write: &Write<'_>| {
        let (key, version) = write.target();
        versions.get(key).copied().unwrap_or(0) == i64::from(version.saturating_sub(1))
    };
    Ok(writes.iter().all(stands))
}

impl Write<'_> {
    /// Key of the row, and the version to be written.
    fn target(&self) -> (&str, u32) {
        match self {
            Self::File(judged) => (&judged.source_key, judged.current.version),
            Self::Remove(gone) => (&gone.source_key, gone.version),
        }
    }
}

async fn file(
    connection: &mut SqliteConnection,
    appender: &mut Appender,
    sealer: &mut Sealer,
    scope: &Scope,
    judged: &mut Judged,
    now: u64,
) -> Result<(), Error> {
    let Some(explained) = judged.change else { return Ok(()) };
    let current = &mut judged.current;
    let filed = Filed {
        at: now,
        record_id: current.id,
        version: current.version,
        resource_type: scope.resource_type.clone(),
        scope: scope.id.clone(),
        scope_hash: scope.hash,
        explained,
    };
    current.entry = sealer.file(connection, appender, current.commitment, filed).await?;
    Ok(())
}

/// Keeps what was filed, in one statement.
async fn keep(
    connection: &mut SqliteConnection,
    vault: &Vault,
    relationship: u64,
    scope: &Scope,
    files: &[&Judged],
) -> Result<(), Error> {
    let mut keys = Vec::with_capacity(files.len());
    for judged in files {
        let current = &judged.current;
        keys.push(vault.seal(&key_place(&current.id), current.key.as_bytes())?);
    }
    let mut insert = QueryBuilder::new(
        "INSERT OR REPLACE INTO records (relationship, scope, source_key, record_id, record_key, version, \
         scope_hash, commitment, changed_at, entry, removed) ",
    );
    insert.push_values(files.iter().zip(keys), |mut row, (judged, key)| {
        let current = &judged.current;
        row.push_bind(to_db(relationship))
            .push_bind(&scope.id)
            .push_bind(&judged.source_key)
            .push_bind(&current.id[..])
            .push_bind(key)
            .push_bind(i64::from(current.version))
            .push_bind(&scope.hash[..])
            .push_bind(&current.commitment[..])
            .push_bind(&judged.changed_at)
            .push_bind(to_db(current.entry))
            .push_bind(false);
    });
    insert.build().execute(connection).await?;
    Ok(())
}

async fn remove(
    connection: &mut SqliteConnection,
    appender: &mut Appender,
    sealer: &mut Sealer,
    scope: &Scope,
    gone: &Gone,
    now: u64,
) -> Result<(), Error> {
    let body = Body::Removed(Removed {
        at: now,
        record_id: gone.id,
        version: gone.version,
        scope: scope.id.clone(),
        scope_hash: scope.hash,
        explained: gone.explained == Explained::Explained,
    });
    let sealed = sealer.seal(connection, appender, &body).await?;
    sqlx::query(
        "UPDATE records SET removed = 1, version = ?, scope_hash = ?, entry = ? \
         WHERE relationship = ? AND scope = ? AND source_key = ?",
    )
    .bind(i64::from(gone.version))
    .bind(&scope.hash[..])
    .bind(to_db(sealed.index))
    .bind(to_db(sealer.relationship()))
    .bind(&scope.id)
    .bind(&gone.source_key)
    .execute(connection)
    .await?;
    Ok(())
}

fn key_place(id: &RecordId) -> String {
    format!("records/record_key/{}", hex::encode(id))
}
