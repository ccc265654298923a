//! What the database says now, held against what is filed: the difference is what must be written.

use std::collections::BTreeMap;

use medrec_accesslog::Explained;
use medrec_merkle::Hash;
use medrec_record::{Context, RecordId, RecordKey};
use rand_core::{OsRng, RngCore};
use serde_json::Value;

use super::known::Known;
use crate::adapter::{Scope, SourceRecord};

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
    pub id: RecordId,
    pub key: RecordKey,
    /// Of the removal, if it is removed.
    pub version: u32,
    pub scope_hash: Hash,
    /// Of the version filed last.
    pub commitment: Hash,
    pub changed_at: Option<String>,
    pub entry: u64,
    pub removed: bool,
}

/// A row of the database beside what is filed of it.
#[derive(Debug)]
pub(super) struct Judged {
    pub source_key: String,
    pub changed_at: Option<String>,
    /// Why a new version must be filed; none: what is filed still holds.
    pub change: Option<Explained>,
    pub current: Current,
}

/// A filed record whose row is there no more.
#[derive(Debug)]
pub(super) struct Gone {
    pub source_key: String,
    pub id: RecordId,
    /// Of the removal.
    pub version: u32,
    pub explained: Explained,
}

/// One scope of one patient, judged.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// In the adapter's order.
    pub rows: Vec<Judged>,
    pub gone: Vec<Gone>,
}

/// Judges every row and everything filed; the rule itself is [`explain`].
pub(super) fn judge(
    known: &Known,
    log_origin: &str,
    relationship_ref: Hash,
    scope: &Scope,
    rows: Vec<SourceRecord>,
    mut stored: BTreeMap<String, Stored>,
) -> Result<Verdict, medrec_record::Error> {
    let context = |record_id: RecordId, version: u32| Context {
        log_origin: log_origin.to_owned(),
        relationship_ref,
        record_id,
        version,
        scope_hash: scope.hash,
        resource_type: scope.resource_type.clone(),
    };
    let mut verdict = Verdict { rows: Vec::with_capacity(rows.len()), gone: Vec::new() };
    for SourceRecord { key: source_key, changed_at, removed, resource } in rows {
        let before = stored.remove(&source_key);
        if removed {
            // The row itself says so.
            let gone = before.and_then(|before| gone(source_key, &before, Explained::Explained));
            verdict.gone.extend(gone);
            continue;
        }
        let (id, key, version) = match &before {
            Some(before) => (before.id, before.key.clone(), before.version),
            None => fresh(),
        };
        let mut current = Current { id, key, version, commitment: [0; 32], entry: 0, resource };
        let change = match before {
            None => Some(Explained::New),
            Some(before) if before.removed => Some(explain(&before, &scope.hash, changed_at.as_deref())),
            Some(before) => {
                current.entry = before.entry;
                current.commitment = known.commit(&current.key, &context(id, version), &current.resource)?;
                let differs = current.commitment != before.commitment;
                differs.then(|| explain(&before, &scope.hash, changed_at.as_deref()))
            }
        };
        if change.is_some() {
            current.version = current.version.saturating_add(1);
            current.commitment =
                known.commit(&current.key, &context(id, current.version), &current.resource)?;
        }
        verdict.rows.push(Judged { source_key, changed_at, change, current });
    }
    for (source_key, before) in stored {
        // A row that is gone says nothing; a scope that is another, which is public, explains it.
        let explained = explain(&before, &scope.hash, None);
        verdict.gone.extend(gone(source_key, &before, explained));
    }
    Ok(verdict)
}

fn gone(source_key: String, before: &Stored, explained: Explained) -> Option<Gone> {
    let version = before.version.saturating_add(1);
    (!before.removed).then_some(Gone { source_key, id: before.id, version, explained })
}

fn fresh() -> (RecordId, RecordKey, u32) {
    let (mut id, mut key) = ([0; 16], zeroize::Zeroizing::new([0; 32]));
    OsRng.fill_bytes(&mut id);
    OsRng.fill_bytes(key.as_mut());
    (id, RecordKey::from_bytes(*key), 0)
}

/// Whether the institution said that something changed: its change column moved with the row, in whatever direction,
/// or the scope's definition, which is public, is another.
fn explain(before: &Stored, scope_hash: &Hash, changed_at: Option<&str>) -> Explained {
    let moved = changed_at.is_some() && before.changed_at.as_deref() != changed_at;
    let redefined = before.scope_hash != *scope_hash;
    if moved || redefined { Explained::Explained } else { Explained::Unexplained }
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
            removed: false,
        }
    }

    #[test]
    fn a_change_is_explained_by_its_column_or_a_new_definition_only() {
        let (scope, redefined) = ([3; 32], [6; 32]);
        let before = stored(Some("2026-01-05"));
        // Forwards, backwards, far into the future: it moved.
        for moved in ["2026-01-06", "1970-01-01", "9999-12-31"] {
            assert_eq!(explain(&before, &scope, Some(moved)), Explained::Explained);
        }
        assert_eq!(explain(&before, &scope, Some("2026-01-05")), Explained::Unexplained);
        assert_eq!(explain(&before, &scope, None), Explained::Unexplained);
        assert_eq!(explain(&before, &redefined, Some("2026-01-05")), Explained::Explained);
        assert_eq!(explain(&stored(None), &scope, Some("2026-01-05")), Explained::Explained);
    }
}
