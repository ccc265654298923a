//! The adapter for SQLite: read-only connections, a time limit on every statement, a cap on rows.

mod reader;

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, Column, Executor, Row, SqlSafeStr, SqliteConnection, Statement, TypeInfo, ValueRef,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use tokio::sync::Mutex;

use super::{Adapter, Affected, BadRow, Changes, Error, Mapping, Position, Scope, SourceRecord, fhir};
use reader::{Read, Readers};

/// Code of SQLITE_BUSY in its plain and extended forms: the low byte.
const BUSY: i32 = 5;

/// A SQLite database of the hospital.
pub struct SqliteAdapter {
    scopes: Vec<Scope>,
    patients: Option<(String, Position)>,
    path: PathBuf,
    limits: Limits,
    open: Mutex<Arc<Open>>,
}

/// Connections to one file; another file under the same name gets others.
struct Open {
    readers: Readers,
    /// `PRAGMA data_version` compares a connection with itself: this one is asked, always.
    watcher: Mutex<SqliteConnection>,
    file: FileId,
}

/// Device and inode: a file keeps them while it is open, whatever its name comes to mean.
type FileId = (u64, u64);

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
        let open = Open::new(path, limits, &mapping.scopes).await?;
        Ok(Self {
            scopes: mapping.scopes,
            patients: mapping.patients,
            path: path.to_owned(),
            limits,
            open: Mutex::new(Arc::new(open)),
        })
    }

    /// The connections to the file that has the name now.
    async fn current(&self) -> Result<Arc<Open>, Error> {
        let mut open = self.open.lock().await;
        if open.file != file_id(&self.path)? {
            tracing::info!("the hospital's database is another file now: opening it");
            *open = Arc::new(Open::new(&self.path, self.limits, &self.scopes).await?);
        }
        Ok(open.clone())
    }

    async fn fetch(&self, scope: &Scope, patient_id: &str) -> Result<Vec<SqliteRow>, Error> {
        let failed = |reason| Error::Query { at: scope.at.clone(), scope: scope.id.clone(), reason };
        let readers = &self.current().await?.readers;
        match readers.read(&scope.sql, patient_id, self.limits.max_rows).await.map_err(failed)? {
            Read::Rows(rows) => Ok(rows),
            Read::TooMany => {
                let (at, scope, limit) = (scope.at.clone(), scope.id.clone(), self.limits.max_rows);
                Err(Error::Rows { at, scope, limit })
            }
        }
    }
}

impl Open {
    async fn new(path: &Path, limits: Limits, scopes: &[Scope]) -> Result<Self, Error> {
        let failed = |reason| Error::Open { path: path.to_owned(), reason };
        let file = file_id(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .pragma("query_only", "ON")
            .busy_timeout(limits.timeout);
        let mut watcher = sqlx::ConnectOptions::connect(&options).await.map_err(failed)?;
        for scope in scopes {
            check(&mut watcher, scope).await?;
        }
        Ok(Self { readers: Readers::new(options, limits.timeout), watcher: Mutex::new(watcher), file })
    }
}

/// The columns the mapping names must be in the statement's result.
async fn check(connection: &mut SqliteConnection, scope: &Scope) -> Result<(), Error> {
    let sql = AssertSqlSafe(scope.sql.clone()).into_sql_str();
    let statement = connection.prepare(sql).await.map_err(|reason| Error::Query {
        at: scope.at.clone(),
        scope: scope.id.clone(),
        reason,
    })?;
    let has = |name: &str| statement.columns().iter().any(|column| column.name() == name);
    match scope.columns().find(|(name, _)| !has(name)) {
        None => Ok(()),
        Some((missing, at)) => {
            Err(Error::Mapping { at: at.clone(), scope: scope.id.clone(), what: no_column(missing) })
        }
    }
}

#[async_trait]
impl Adapter for SqliteAdapter {
    fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    async fn rows(
        &self,
        scope: &Scope,
        patient_id: &str,
    ) -> Result<Vec<Result<SourceRecord, BadRow>>, Error> {
        let timeout = self.limits.timeout;
        let started = Instant::now();
        let rows = self.fetch(scope, patient_id).await.map_err(|error| match error {
            // SQLITE_INTERRUPT, or no connection came free: both are the limit at work. A lock says so itself.
            Error::Query { at, scope, reason } if started.elapsed() >= timeout && !is_busy(&reason) => {
                Error::Slow { at, scope, limit_ms: millis(timeout) }
            }
            other => other,
        })?;
        Ok(rows.iter().map(|row| record(scope, row)).collect())
    }

    async fn patients(&self, limit: usize) -> Result<Option<Vec<String>>, Error> {
        let Some((sql, at)) = &self.patients else { return Ok(None) };
        let open = self.current().await?;
        let list = open.readers.list(sql).await;
        let rows = list.map_err(|reason| Error::Patients { at: at.clone(), reason })?;
        let ids: Vec<String> = rows.iter().filter_map(|row| text(row, 0).flatten()).collect();
        Ok(Some(spread(&ids, limit)))
    }

    async fn changes(&self, cursor: Option<&str>) -> Result<Changes, Error> {
        let open = self.current().await?;
        let mut watcher = open.watcher.lock().await;
        let version: i64 = sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&mut *watcher)
            .await
            .map_err(Error::Changes)?;
        let (device, inode) = open.file;
        let now = format!("{device}.{inode}.{version}");
        let affected = if cursor == Some(now.as_str()) { Affected::Nobody } else { Affected::Everybody };
        Ok(Changes { cursor: now, affected })
    }
}

fn file_id(path: &Path) -> Result<FileId, Error> {
    let found = std::fs::metadata(path);
    let found = found.map_err(|reason| Error::Gone { path: path.to_owned(), reason })?;
    Ok((found.dev(), found.ino()))
}

fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    code.is_some_and(|code| code & 0xff == BUSY)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn no_column(name: &str) -> String {
    format!("the statement gives no column {name:?}")
}

/// `limit` of the items, evenly from first to last.
fn spread(ids: &[String], limit: usize) -> Vec<String> {
    let step = ids.len().div_ceil(limit.max(1)).max(1);
    ids.iter().step_by(step).take(limit).cloned().collect()
}

fn record(scope: &Scope, row: &SqliteRow) -> Result<SourceRecord, BadRow> {
    let mut columns = BTreeMap::new();
    for (name, at) in scope.columns() {
        let refuse = |what| BadRow { at: at.clone(), what };
        // It was there when the file was opened.
        let ordinal = row.try_column(name).map_err(|_| refuse(no_column(name)))?.ordinal();
        let text = text(row, ordinal);
        let text = text.ok_or_else(|| refuse(format!("column {name:?} is neither text nor number")))?;
        if let Some(text) = text {
            columns.insert(name, text);
        }
    }
    let column = |name: &str| columns.get(name).map(String::as_str);
    let key = column(&scope.key.name).filter(|key| !key.is_empty()).ok_or_else(|| BadRow {
        at: scope.key.at.clone(),
        what: format!("the key column {:?} is empty", scope.key.name),
    })?;
    let removed = scope.removed_when.as_ref().and_then(|removed| column(&removed.name));
    Ok(SourceRecord {
        key: key.to_owned(),
        changed_at: scope.changed_at.as_ref().and_then(|changed| column(&changed.name)).map(str::to_owned),
        removed: removed.is_some_and(says_so),
        resource: fhir::resource(scope, column)?,
    })
}

/// A flag or a time: anything but an empty text and a no.
fn says_so(text: &str) -> bool {
    !matches!(text.trim(), "" | "0" | "false")
}

/// A cell as text; the inner none is null, the outer one a value that has no text form.
fn text(row: &SqliteRow, column: usize) -> Option<Option<String>> {
    let value = row.try_get_raw(column).ok()?;
    if value.is_null() {
        return Some(None);
    }
    let info = value.type_info();
    let kind = info.name();
    match kind {
        "TEXT" => row.try_get_unchecked::<String, _>(column).ok().map(Some),
        "INTEGER" => row.try_get_unchecked::<i64, _>(column).ok().map(|n| Some(n.to_string())),
        // Shortest digits that give the double back; decimals that must keep their digits are stored as text.
        "REAL" => {
            let real = row.try_get_unchecked::<f64, _>(column).ok()?;
            serde_json::Number::from_f64(real).map(|n| Some(n.to_string()))
        }
        _ => None,
    }
}
