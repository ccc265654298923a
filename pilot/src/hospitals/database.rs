//! A hospital's database in memory, and its writing into a file.

use std::path::Path;

use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// One table. Cells are text; the column's type decides what SQLite makes of them. Empty ones are null where a column's
/// type is not plain `TEXT NOT NULL`.
pub struct Table {
    pub name: &'static str,
    pub columns: Vec<(String, &'static str)>,
    pub rows: Vec<Vec<Option<String>>>,
    /// The column by which a patient's rows are found.
    pub index: Option<&'static str>,
}

/// Writes a new SQLite file: the same tables give the same bytes.
pub async fn write(file: &Path, tables: &[Table]) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut database =
        SqliteConnection::connect_with(&options).await.context("create the hospital's database")?;
    let mut transaction = database.begin().await?;
    for Table { name, columns, rows, index } in tables {
        let declared: Vec<String> =
            columns.iter().map(|(column, kind)| format!("\"{column}\" {kind}")).collect();
        transaction
            .execute(AssertSqlSafe(format!("CREATE TABLE {name} ({})", declared.join(", "))))
            .await
            .with_context(|| format!("create {name}"))?;
        let insert = format!("INSERT INTO {name} VALUES ({})", vec!["?"; columns.len()].join(", "));
        for row in rows {
            let mut query = sqlx::query(AssertSqlSafe(insert.clone()));
            for cell in row {
                query = query.bind(cell.as_deref());
            }
            query.execute(&mut *transaction).await.with_context(|| format!("insert into {name}"))?;
        }
        if let Some(column) = index {
            transaction
                .execute(AssertSqlSafe(format!("CREATE INDEX {name}_patient ON {name} (\"{column}\")")))
                .await?;
        }
    }
    transaction.commit().await?;
    Ok(database.close().await?)
}
