//! A hospital's database in memory, and its writing into a file.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// One table. Cells are text or null; the column's type decides what SQLite makes of them.
pub struct Table {
    name: &'static str,
    columns: Vec<(String, &'static str)>,
    places: BTreeMap<String, usize>,
    rows: Vec<Vec<Option<String>>>,
    /// The column by which a patient's rows are found.
    index: Option<&'static str>,
}

impl Table {
    pub fn new(
        name: &'static str,
        columns: Vec<(String, &'static str)>,
        index: Option<&'static str>,
    ) -> Self {
        let places = columns.iter().zip(0..).map(|((column, _), place)| (column.clone(), place)).collect();
        Self { name, columns, places, rows: Vec::new(), index }
    }

    /// A row of cells in the columns' order.
    pub fn push(&mut self, cells: Vec<Option<String>>) -> Result<()> {
        let (cells_len, columns) = (cells.len(), self.columns.len());
        ensure!(cells_len == columns, "table {}: a row of {cells_len} cells, {columns} columns", self.name);
        self.rows.push(cells);
        Ok(())
    }

    /// A row of named cells; empty ones and those that are not named are null.
    pub fn insert<'a>(&mut self, cells: impl IntoIterator<Item = (&'a str, String)>) -> Result<()> {
        let mut row = vec![None; self.columns.len()];
        for (column, cell) in cells.into_iter().filter(|(_, cell)| !cell.is_empty()) {
            let place = self.places.get(column).and_then(|place| row.get_mut(*place));
            *place.with_context(|| format!("table {} has no column {column}", self.name))? = Some(cell);
        }
        self.push(row)
    }
}

/// Writes a new SQLite file: the same tables give the same bytes.
pub async fn write(file: &Path, tables: &[Table]) -> Result<()> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut database =
        SqliteConnection::connect_with(&options).await.context("create the hospital's database")?;
    let mut transaction = database.begin().await?;
    for Table { name, columns, rows, index, .. } in tables {
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
