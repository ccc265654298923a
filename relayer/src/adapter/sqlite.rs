//! The adapter for SQLite: read-only connections, a time limit on every statement, a cap on rows.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, Column, Executor, Row, SqlSafeStr, SqliteConnection, SqlitePool, Statement, TypeInfo,
    ValueRef,
    pool::PoolConnection,
    sqlite::{Sqlite, SqliteConnectOptions, SqlitePoolOptions, SqliteRow},
};
use tokio::sync::Mutex;

use super::{Adapter, Affected, Changes, Error, Mapping, Scope, SourceRecord, fhir};

/// Virtual-machine steps between two looks at the clock.
const STEPS: i32 = 10_000;
const CONNECTIONS: u32 = 4;

/// A SQLite database of the hospital.
pub struct SqliteAdapter {
    scopes: Vec<Scope>,
    pool: SqlitePool,
    /// `PRAGMA data_version` compares a connection with itself: this one is asked, always.
    watcher: Mutex<SqliteConnection>,
    timeout: Duration,
    max_rows: usize,
}

/// What may be asked of the database.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one statement.
    pub timeout: Duration,
    /// For one patient in one scope.
    pub max_rows: usize,
}

impl SqliteAdapter {
    /// Opens the database read-only and tries every scope's statement once, without rows.
    pub async fn open(path: &Path, mapping: Mapping, limits: Limits) -> Result<Self, Error> {
        let failed = |reason| Error::Open { path: path.to_owned(), reason };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .pragma("query_only", "ON")
            .busy_timeout(limits.timeout);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(limits.timeout)
            .connect_with(options.clone())
            .await
            .map_err(failed)?;
        let watcher = sqlx::ConnectOptions::connect(&options).await.map_err(failed)?;
        let this = Self {
            scopes: mapping.scopes,
            pool,
            watcher: Mutex::new(watcher),
            timeout: limits.timeout,
            max_rows: limits.max_rows,
        };
        this.check(path.to_owned()).await?;
        Ok(this)
    }

    /// The columns the mapping names must be in the statements' results.
    async fn check(&self, path: PathBuf) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await.map_err(|reason| Error::Open { path, reason })?;
        for scope in &self.scopes {
            let failed = |reason| Error::Query { scope: scope.id.clone(), reason };
            let sql = AssertSqlSafe(scope.sql.clone()).into_sql_str();
            let statement = connection.prepare(sql).await.map_err(failed)?;
            let has = |name: &str| statement.columns().iter().any(|column| column.name() == name);
            let named = scope.fields.iter().map(|field| &field.column);
            let mut named = named.chain([&scope.key]).chain(&scope.changed_at);
            if let Some(missing) = named.find(|name| !has(name)) {
                let what = format!("the statement gives no column {missing:?}");
                return Err(Error::Row { scope: scope.id.clone(), row: 0, what });
            }
        }
        Ok(())
    }

    /// A connection whose statements are interrupted once `timeout` has passed from now.
    async fn connection(&self, scope: &str) -> Result<PoolConnection<Sqlite>, Error> {
        let failed = |reason| Error::Query { scope: scope.to_owned(), reason };
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let (started, timeout) = (Instant::now(), self.timeout);
        let mut handle = connection.lock_handle().await.map_err(failed)?;
        handle.set_progress_handler(STEPS, move || started.elapsed() < timeout);
        drop(handle);
        Ok(connection)
    }

    async fn rows(&self, scope: &Scope, patient_id: &str) -> Result<Vec<SqliteRow>, Error> {
        let failed = |reason| Error::Query { scope: scope.id.clone(), reason };
        let mut connection = self.connection(&scope.id).await?;
        let mut rows = Vec::new();
        {
            let query = sqlx::query(AssertSqlSafe(scope.sql.clone())).bind(patient_id);
            let mut stream = query.fetch(&mut *connection);
            while let Some(row) = stream.try_next().await.map_err(failed)? {
                if rows.len() >= self.max_rows {
                    return Err(Error::Rows { scope: scope.id.clone(), limit: self.max_rows });
                }
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

#[async_trait]
impl Adapter for SqliteAdapter {
    fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    async fn read(&self, scope: &Scope, patient_id: &str) -> Result<Vec<SourceRecord>, Error> {
        let slow = || Error::Slow { scope: scope.id.clone(), limit_ms: millis(self.timeout) };
        let started = Instant::now();
        let rows = self.rows(scope, patient_id).await.map_err(|error| match error {
            // SQLITE_INTERRUPT, or no connection came free: both are the limit at work.
            Error::Query { .. } if started.elapsed() >= self.timeout => slow(),
            other => other,
        })?;
        let mut records: Vec<SourceRecord> = Vec::with_capacity(rows.len());
        let mut seen = BTreeMap::new();
        for (row, number) in rows.iter().zip(1usize..) {
            let refuse = |what: String| Error::Row { scope: scope.id.clone(), row: number, what };
            let record = record(scope, row).map_err(refuse)?;
            if let Some(first) = seen.insert(record.key.clone(), number) {
                return Err(Error::Key { scope: scope.id.clone(), first, second: number });
            }
            records.push(record);
        }
        Ok(records)
    }

    async fn changes(&self, cursor: Option<&str>) -> Result<Changes, Error> {
        let mut watcher = self.watcher.lock().await;
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut *watcher)
            .await
            .map_err(Error::Changes)?;
        let now = version.to_string();
        let affected = if cursor == Some(now.as_str()) { Affected::Nobody } else { Affected::Everybody };
        Ok(Changes { cursor: now, affected })
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn record(scope: &Scope, row: &SqliteRow) -> Result<SourceRecord, String> {
    let mut columns = BTreeMap::new();
    for column in row.columns() {
        if let Some(text) = text(row, column.ordinal())
            .ok_or_else(|| format!("column {:?} is neither text nor number", column.name()))?
        {
            columns.insert(column.name(), text);
        }
    }
    let column = |name: &str| columns.get(name).map(String::as_str);
    let key = column(&scope.key).filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| format!("the key column {:?} is empty", scope.key))?.to_owned();
    let changed_at = scope.changed_at.as_deref().and_then(column).map(str::to_owned);
    Ok(SourceRecord { key, changed_at, resource: fhir::resource(scope, column)? })
}

/// A cell as text; the inner none is null, the outer one a value that has no text form.
fn text(row: &SqliteRow, column: usize) -> Option<Option<String>> {
    let value = row.try_get_raw(column).ok()?;
    if value.is_null() {
        return Some(None);
    }
    let kind = value.type_info().name().to_owned();
    match kind.as_str() {
        "INTEGER" => row.try_get_unchecked::<i64, _>(column).ok().map(|n| Some(n.to_string())),
        // Shortest digits that give the double back; decimals that must keep their digits are stored as text.
        "REAL" => {
            let real = row.try_get_unchecked::<f64, _>(column).ok()?;
            serde_json::Number::from_f64(real).map(|n| Some(n.to_string()))
        }
        "TEXT" => row.try_get_unchecked::<String, _>(column).ok().map(Some),
        _ => None,
    }
}
