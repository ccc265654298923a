//! Whose records an aggregate may count: by the same rule as everywhere, on the projected rows.

use medrec_api::bounty::Category;
use medrec_rules::counts_for_research;
use sqlx::{Row, SqliteConnection};

use super::{cursor, mask, status};
use crate::store::{Error, from_db};

/// Ids of the relationships whose patients let this category be counted at `height`, in order.
///
/// By their newest choices known here: who chose otherwise after `height` is in neither way. None for a height that was
/// not applied yet.
pub async fn opted_in(
    connection: &mut SqliteConnection,
    category: Category,
    height: u64,
) -> Result<Option<Vec<u64>>, Error> {
    if cursor::read(connection).await?.is_none_or(|applied| applied.height < height) {
        return Ok(None);
    }
    let rows = sqlx::query(
        "SELECT id, status, research, research_since FROM relationships WHERE research & ? <> 0 ORDER BY id",
    )
    .bind(i64::from(category.bit()))
    .fetch_all(connection)
    .await?;
    let mut ids = Vec::new();
    for row in rows {
        let categories = mask(row.try_get("research")?)?;
        let status = status(&row.try_get::<String, _>("status")?)?;
        let since = from_db(row.try_get("research_since")?);
        if counts_for_research(categories, category.bit(), status, since, height) {
            ids.push(from_db(row.try_get("id")?));
        }
    }
    Ok(Some(ids))
}
