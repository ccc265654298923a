//! Promises that are not yet kept: watched from the transaction of their entries on, kept once an anchor reaches them
//! (security H18).

use sqlx::{QueryBuilder, Row, SqliteConnection};

use super::Error;
use crate::store::{from_db, to_db};

/// How it stands with the promises given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Given and not under an anchor yet.
    pub open: u64,
    /// Of those, how many are past their time.
    pub broken: u64,
    /// When the next one must be kept, seconds since 1970.
    pub next: Option<u64>,
}

/// These entries (index, time in seconds since 1970) are going to be promised to be under an anchor by then. Before the
/// transaction of the entries commits: a promise leaves only after it.
pub async fn watch(
    connection: &mut SqliteConnection,
    given: impl Iterator<Item = (u64, u64)>,
) -> Result<(), Error> {
    let given: Vec<(u64, u64)> = given.collect();
    if given.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::new("INSERT INTO promises (idx, due) ");
    insert.push_values(given, |mut row, (index, due)| {
        row.push_bind(to_db(index)).push_bind(to_db(due));
    });
    insert.build().persistent(false).execute(connection).await?;
    Ok(())
}

/// Forgets the promises an anchor of `anchored` entries keeps, and counts the others.
pub async fn settle(connection: &mut SqliteConnection, anchored: u64, now: u64) -> Result<Standing, Error> {
    sqlx::query("DELETE FROM promises WHERE idx < ?").bind(to_db(anchored)).execute(&mut *connection).await?;
    let row = sqlx::query(
        "SELECT count(*) AS open, count(*) FILTER (WHERE due < ?) AS broken, \
         min(due) FILTER (WHERE due >= ?) AS next FROM promises",
    )
    .bind(to_db(now))
    .bind(to_db(now))
    .fetch_one(connection)
    .await?;
    Ok(Standing {
        open: from_db(row.try_get("open")?),
        broken: from_db(row.try_get("broken")?),
        next: row.try_get::<Option<i64>, _>("next")?.map(from_db),
    })
}
