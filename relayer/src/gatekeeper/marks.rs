//! What patients said of versions of records: the newest word stands, and every viewer is shown it.

use std::collections::BTreeMap;

use medrec_gate::Mark;
use medrec_record::RecordId;
use sqlx::{Row, SqliteConnection};

use super::kept::Marked;
use crate::store::{Error, Vault, fixed, from_db, small, to_db};

/// By record and version.
pub type Marks = BTreeMap<(RecordId, u32), Marked>;

/// The newest mark of every version that has one.
pub async fn of(connection: &mut SqliteConnection, vault: &Vault, relationship: u64) -> Result<Marks, Error> {
    let rows = sqlx::query(
        "SELECT entry, record_id, version, mark, opening FROM marks WHERE relationship = ? ORDER BY entry",
    )
    .bind(to_db(relationship))
    .fetch_all(connection)
    .await?;
    let mut marks = Marks::new();
    for row in rows {
        let index = from_db(row.try_get("entry")?);
        let record = fixed("marks.record_id", &row.try_get::<Vec<u8>, _>("record_id")?)?;
        let version = small("marks.version", row.try_get("version")?)?;
        let mark = if row.try_get::<i64, _>("mark")? == 1 { Mark::Acknowledged } else { Mark::Disputed };
        let opening = vault.open_bytes(&place(index), &row.try_get::<Vec<u8>, _>("opening")?)?;
        let (blind, body) = opening
            .split_first_chunk::<32>()
            .ok_or_else(|| Error::Corrupt { what: "marks.opening".to_owned() })?;
        marks.insert((record, version), Marked { mark, index, blind: *blind, body: body.to_vec() });
    }
    Ok(marks)
}

/// Writes down a mark whose entry was just appended.
pub async fn write(
    connection: &mut SqliteConnection,
    vault: &Vault,
    relationship: u64,
    (record, version): (RecordId, u32),
    marked: &Marked,
) -> Result<(), Error> {
    let opening = [&marked.blind[..], &marked.body].concat();
    sqlx::query(
        "INSERT INTO marks (entry, relationship, record_id, version, mark, opening) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(to_db(marked.index))
    .bind(to_db(relationship))
    .bind(&record[..])
    .bind(i64::from(version))
    .bind(i64::from(Mark::byte(Some(marked.mark))))
    .bind(vault.seal(&place(marked.index), &opening)?)
    .execute(connection)
    .await?;
    Ok(())
}

/// The newest version of a record of the relationship, if it has this record.
pub async fn newest_version(
    connection: &mut SqliteConnection,
    relationship: u64,
    record: &RecordId,
) -> Result<Option<u32>, Error> {
    let version: Option<i64> =
        sqlx::query_scalar("SELECT version FROM records WHERE relationship = ? AND record_id = ?")
            .bind(to_db(relationship))
            .bind(&record[..])
            .fetch_optional(connection)
            .await?;
    version.map(|version| small("records.version", version)).transpose()
}

fn place(entry: u64) -> String {
    format!("marks/opening/{entry}")
}
