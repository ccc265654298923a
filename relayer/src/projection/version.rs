//! Name and version of the projection: what was projected by other rules is thrown away and made anew.

use sqlx::SqliteConnection;

use crate::store::Error;

/// Under this key of `meta` stands [`VERSION`], as the rows were made.
const KEY: &str = "projection.permissions";
/// Goes up whenever the same events would give other rows. 1: without `sealed_accept`; 2: without the research choice.
const VERSION: &str = "3";

/// Whether the rows are there and were made by this version's rules.
pub async fn is_present(connection: &mut SqliteConnection) -> Result<bool, Error> {
    let stored: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
        .bind(KEY)
        .fetch_optional(connection)
        .await?;
    Ok(stored.as_deref() == Some(VERSION))
}

/// The rows are made by this version's rules from here on.
pub async fn write(connection: &mut SqliteConnection) -> Result<(), Error> {
    sqlx::query("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
        .bind(KEY)
        .bind(VERSION)
        .execute(connection)
        .await?;
    Ok(())
}
