//! What is filed, what the database says now, and the difference.

use std::collections::BTreeMap;

use medrec_accesslog::{Explained, Filed};
use medrec_merkle::Hash;
use medrec_record::{Context, RecordId, RecordKey, commit};
use rand_core::{OsRng, RngCore};
use serde_json::Value;
use sqlx::{Row, SqliteConnection};

use super::{Error, sealer::Sealer};
use crate::{
    adapter::{Scope, SourceRecord},
    log::append::Appender,
    store::{Vault, fixed, from_db, small, to_db},
};

/// A record as filed.
#[derive(Clone, Debug)]
pub struct Current {
    pub id: RecordId,
    pub key: RecordKey,
    /// From 1.
    pub version: u32,
    pub commitment: Hash,
    /// Index of the entry that filed this version.
    pub entry: u64,
    pub resource: Value,
}

/// Newest version of a record in the store.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    id: RecordId,
    key: RecordKey,
    version: u32,
    scope_hash: Hash,
    commitment: Hash,
    changed_at: Option<String>,
    entry: u64,
}

/// A row of the database beside what is filed of it.
#[derive(Debug)]
pub(super) struct Judged {
    source_key: String,
    changed_at: Option<String>,
    /// Why a new version must be filed; none: what is filed still holds.
    pub change: Option<Explained>,
    pub current: Current,
}

pub(super) async fn stored(
    connection: &mut SqliteConnection,
    vault: &Vault,
    relationship: u64,
    scope: &Scope,
) -> Result<BTreeMap<String, Stored>, Error> {
    let rows = sqlx::query("SELECT * FROM records WHERE relationship = ? AND scope = ?")
        .bind(to_db(relationship))
        .bind(&scope.id)
        .fetch_all(connection)
        .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let id: RecordId = fixed("records.record_id", &row.try_get::<Vec<u8>, _>("record_id")?)?;
        let key = vault.open(&key_place(&id), &row.try_get::<Vec<u8>, _>("record_key")?)?;
        let stored = Stored {
            id,
            key: RecordKey::from_bytes(*key),
            version: small("records.version", row.try_get("version")?)?,
            scope_hash: fixed("records.scope_hash", &row.try_get::<Vec<u8>, _>("scope_hash")?)?,
            commitment: fixed("records.commitment", &row.try_get::<Vec<u8>, _>("commitment")?)?,
            changed_at: row.try_get("changed_at")?,
            entry: from_db(row.try_get("entry")?),
        };
        found.insert(row.try_get("source_key")?, stored);
    }
    Ok(found)
}

/// Judges every row; the rule itself is [`explain`].
pub(super) fn judge_all(
    log_origin: &str,
    relationship_ref: Hash,
    scope: &Scope,
    rows: Vec<SourceRecord>,
    mut stored: BTreeMap<String, Stored>,
) -> Result<Vec<Judged>, medrec_record::Error> {
    let context = |record_id: RecordId, version: u32| Context {
        log_origin: log_origin.to_owned(),
        relationship_ref,
        record_id,
        version,
        scope_hash: scope.hash,
        resource_type: scope.resource_type.clone(),
    };
    let mut judged = Vec::with_capacity(rows.len());
    for SourceRecord { key: source_key, changed_at, resource } in rows {
        let before = stored.remove(&source_key);
        let (id, key, version) = match &before {
            Some(before) => (before.id, before.key.clone(), before.version),
            None => fresh(),
        };
        let mut current = Current { id, key, version, commitment: [0; 32], entry: 0, resource };
        let change = match before {
            None => Some(Explained::New),
            Some(before) => {
                current.entry = before.entry;
                current.commitment = commit(&current.key, &context(id, version), &current.resource)?;
                explain(&before, &current.commitment, &scope.hash, changed_at.as_deref())
            }
        };
        if change.is_some() {
            current.version = current.version.saturating_add(1);
            current.commitment = commit(&current.key, &context(id, current.version), &current.resource)?;
        }
        judged.push(Judged { source_key, changed_at, change, current });
    }
    Ok(judged)
}

fn fresh() -> (RecordId, RecordKey, u32) {
    let (mut id, mut key) = ([0; 16], zeroize::Zeroizing::new([0; 32]));
    OsRng.fill_bytes(&mut id);
    OsRng.fill_bytes(key.as_mut());
    (id, RecordKey::from_bytes(*key), 0)
}

/// Whether a row differs from what is filed, and whether the institution said so: its change column moved with the
/// row, or the scope's definition, which is public, is another.
fn explain(before: &Stored, now: &Hash, scope_hash: &Hash, changed_at: Option<&str>) -> Option<Explained> {
    if before.commitment == *now {
        return None;
    }
    let moved = changed_at.is_some() && before.changed_at.as_deref() != changed_at;
    let redefined = before.scope_hash != *scope_hash;
    Some(if moved || redefined { Explained::Explained } else { Explained::Unexplained })
}

/// Writes entry and row of a new version; false if another version was filed meanwhile.
pub(super) async fn file(
    connection: &mut SqliteConnection,
    vault: &Vault,
    appender: &mut Appender,
    sealer: &mut Sealer,
    scope: &Scope,
    judged: &mut Judged,
    now: u64,
) -> Result<bool, Error> {
    let Some(explained) = judged.change else { return Ok(true) };
    let relationship = to_db(sealer.relationship());
    let current = &mut judged.current;
    let version: Option<i64> = sqlx::query_scalar(
        "SELECT version FROM records WHERE relationship = ? AND scope = ? AND source_key = ?",
    )
    .bind(relationship)
    .bind(&scope.id)
    .bind(&judged.source_key)
    .fetch_optional(&mut *connection)
    .await?;
    if version.unwrap_or(0) != i64::from(current.version.saturating_sub(1)) {
        return Ok(false);
    }
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
    sqlx::query(
        "INSERT OR REPLACE INTO records (relationship, scope, source_key, record_id, record_key, version, \
         scope_hash, commitment, changed_at, entry) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(relationship)
    .bind(&scope.id)
    .bind(&judged.source_key)
    .bind(&current.id[..])
    .bind(vault.seal(&key_place(&current.id), current.key.as_bytes())?)
    .bind(i64::from(current.version))
    .bind(&scope.hash[..])
    .bind(&current.commitment[..])
    .bind(&judged.changed_at)
    .bind(to_db(current.entry))
    .execute(connection)
    .await?;
    Ok(true)
}

fn key_place(id: &RecordId) -> String {
    format!("records/record_key/{}", hex::encode(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(changed_at: Option<&str>) -> Stored {
        Stored {
            id: [1; 16],
            key: RecordKey::from_bytes([2; 32]),
            version: 1,
            scope_hash: [3; 32],
            commitment: [4; 32],
            changed_at: changed_at.map(str::to_owned),
            entry: 7,
        }
    }

    #[test]
    fn a_change_is_explained_by_its_column_or_a_new_definition_only() {
        let (same, other, scope, redefined) = ([4; 32], [5; 32], [3; 32], [6; 32]);
        let before = stored(Some("monday"));
        assert_eq!(explain(&before, &same, &scope, Some("tuesday")), None);
        assert_eq!(explain(&before, &other, &scope, Some("tuesday")), Some(Explained::Explained));
        assert_eq!(explain(&before, &other, &scope, Some("monday")), Some(Explained::Unexplained));
        assert_eq!(explain(&before, &other, &scope, None), Some(Explained::Unexplained));
        assert_eq!(explain(&before, &other, &redefined, Some("monday")), Some(Explained::Explained));
        assert_eq!(explain(&stored(None), &other, &scope, Some("monday")), Some(Explained::Explained));
    }
}
