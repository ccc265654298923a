//! Public entries: which scope definitions are in force.

use medrec_accesslog::{Scope, seal_scopes};
use medrec_merkle::{Hash, tagged_hash};
use sqlx::Row;

use super::{Error, append::Appender};
use crate::store::{Store, small, to_db};

/// Writes the definitions in force, unless the newest entry of their kind says just that. True if it wrote.
pub async fn publish(
    store: &Store,
    log_origin: &str,
    now: u64,
    definitions: &[(String, Hash)],
) -> Result<bool, Error> {
    let scopes: Vec<Scope> = definitions
        .iter()
        .map(|(scope, scope_hash)| Scope { scope: scope.clone(), scope_hash: *scope_hash })
        .collect();
    let digest = digest(definitions);
    let mut tx = store.begin().await?;
    let newest = sqlx::query("SELECT version, digest FROM scope_versions ORDER BY version DESC LIMIT 1")
        .fetch_optional(&mut *tx)
        .await?;
    let mut version = 0;
    if let Some(row) = newest {
        if row.try_get::<Vec<u8>, _>("digest")? == digest {
            return Ok(false);
        }
        version = small("scope_versions.version", row.try_get("version")?)?;
    }
    let mut appender = Appender::open(store, &mut tx).await?;
    let first = version.saturating_add(1);
    for (entry, version) in seal_scopes(log_origin, first, now, &scopes)?.iter().zip(first..) {
        let index = appender.append(&mut tx, entry, None, "scopes").await?;
        sqlx::query("INSERT INTO scope_versions (version, entry, digest) VALUES (?, ?, ?)")
            .bind(i64::from(version))
            .bind(to_db(index))
            .bind(&digest[..])
            .execute(&mut *tx)
            .await?;
    }
    appender.close(&mut tx).await?;
    tx.commit().await?;
    Ok(true)
}

/// Tells one set of definitions from another; stays in the store.
fn digest(definitions: &[(String, Hash)]) -> Hash {
    let fields: Vec<&[u8]> = definitions.iter().flat_map(|(id, hash)| [id.as_bytes(), &hash[..]]).collect();
    tagged_hash("medrec/store/scopes/v1", &fields)
}
