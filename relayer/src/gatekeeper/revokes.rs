//! Grants revoked by word to this gatekeeper: for good, whatever the chain says (security H10).

use sqlx::{Row, SqliteConnection};

use crate::store::{Error, from_db, small, to_db};

/// Numbers of the relationship's grants that were revoked so, with the time.
pub async fn of(connection: &mut SqliteConnection, relationship: u64) -> Result<Vec<(u32, u64)>, Error> {
    let rows = sqlx::query("SELECT number, at FROM direct_revokes WHERE relationship = ?")
        .bind(to_db(relationship))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((small("direct_revokes.number", row.try_get("number")?)?, from_db(row.try_get("at")?))))
        .collect()
}

/// All of them: relationship and grant.
pub async fn all(connection: &mut SqliteConnection) -> Result<Vec<(u64, u32)>, Error> {
    let rows = sqlx::query("SELECT relationship, number FROM direct_revokes").fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let number = small("direct_revokes.number", row.try_get("number")?)?;
            Ok((from_db(row.try_get("relationship")?), number))
        })
        .collect()
}

/// Writes down a revoke whose entry was just appended; the first of several counts.
pub async fn write(
    connection: &mut SqliteConnection,
    relationship: u64,
    grant: u32,
    at: u64,
    entry: u64,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO direct_revokes (relationship, number, at, entry) VALUES (?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    )
    .bind(to_db(relationship))
    .bind(i64::from(grant))
    .bind(to_db(at))
    .bind(to_db(entry))
    .execute(connection)
    .await?;
    Ok(())
}
