//! The newest applied block, written with what it changed.

use sqlx::{Row, SqliteConnection};

use crate::store::{Error, from_db, to_db};

/// A block that was applied. `time`: the chain's, seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub height: u64,
    pub time: u64,
    pub hash: [u8; 32],
}

pub async fn read(connection: &mut SqliteConnection) -> Result<Option<Cursor>, Error> {
    let row = sqlx::query("SELECT height, block_time, block_hash FROM cursor WHERE id = 0")
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        Ok(Cursor {
            height: from_db(row.try_get("height")?),
            time: from_db(row.try_get("block_time")?),
            hash: crate::store::fixed("cursor.block_hash", &row.try_get::<Vec<u8>, _>("block_hash")?)?,
        })
    })
    .transpose()
}

pub async fn write(connection: &mut SqliteConnection, cursor: &Cursor) -> Result<(), Error> {
    sqlx::query("INSERT OR REPLACE INTO cursor (id, height, block_time, block_hash) VALUES (0, ?, ?, ?)")
        .bind(to_db(cursor.height))
        .bind(to_db(cursor.time))
        .bind(&cursor.hash[..])
        .execute(connection)
        .await?;
    Ok(())
}
