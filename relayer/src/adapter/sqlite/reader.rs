//! Connections that read, and one way to read: one transaction, one trip to the driver's thread.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::TryStreamExt;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Either, Executor, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Virtual-machine steps between two looks at the clock.
const STEPS: i32 = 10_000;
const CONNECTIONS: usize = 4;

/// What a read gave.
pub(super) enum Read {
    Rows(Vec<SqliteRow>),
    /// More rows than were allowed.
    TooMany,
}

/// A few connections to one file. sqlx's own pool asks each of its connections for a sign of life twice a use, which
/// takes longer than most queries.
pub(super) struct Readers {
    options: SqliteConnectOptions,
    /// For one statement, and for the wait for a connection.
    timeout: Duration,
    places: Semaphore,
    idle: Mutex<Vec<Reader>>,
}

/// A connection between two reads. One whose read failed or was given up may stand in the middle of anything: it is
/// dropped, which closes it.
struct Reader {
    connection: SqliteConnection,
    deadline: Arc<Deadline>,
    /// Version of the schema that the connection has read and its statements were prepared by; none: none was needed.
    schema: Option<i64>,
}

/// When the statement under way is interrupted.
struct Deadline {
    since: Instant,
    /// Milliseconds after `since`.
    at: AtomicU64,
}

impl Readers {
    pub fn new(options: SqliteConnectOptions, timeout: Duration) -> Self {
        Self { options, timeout, places: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }

    /// All rows of a statement about one patient, as of one moment, `max_rows` at most.
    pub async fn read(&self, sql: &str, patient_id: &str, max_rows: usize) -> Result<Read, sqlx::Error> {
        let _place = self.place().await?;
        loop {
            let mut reader = self.reader().await?;
            // A reader of an older schema is dropped, a new one is of whatever schema it meets: this ends.
            if let Some(read) = reader.read(sql, patient_id, max_rows).await? {
                if matches!(read, Read::Rows(_)) {
                    self.done(reader);
                }
                return Ok(read);
            }
        }
    }

    /// All rows of a statement without a parameter.
    pub async fn list(&self, sql: &str) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let _place = self.place().await?;
        // Not kept: its schema was read by a statement that did not say which one it is.
        let mut reader = Reader::open(&self.options).await?;
        reader.deadline.set(self.timeout);
        sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut reader.connection).await
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>, sqlx::Error> {
        match tokio::time::timeout(self.timeout, self.places.acquire()).await {
            Ok(place) => place.map_err(|_| sqlx::Error::PoolClosed),
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// A connection whose statements are interrupted once the time is over, from now.
    async fn reader(&self) -> Result<Reader, sqlx::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let reader = match idle {
            Some(reader) => reader,
            None => Reader::open(&self.options).await?,
        };
        reader.deadline.set(self.timeout);
        Ok(reader)
    }

    fn done(&self, reader: Reader) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

impl Reader {
    async fn open(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        let mut connection = options.connect().await?;
        let deadline = Arc::new(Deadline { since: Instant::now(), at: AtomicU64::new(u64::MAX) });
        let watch = deadline.clone();
        connection.lock_handle().await?.set_progress_handler(STEPS, move || !watch.is_over());
        Ok(Self { connection, deadline, schema: None })
    }

    /// None, if the statement was prepared by another schema than the database has now: sqlx would give its columns
    /// the names they had then.
    async fn read(
        &mut self,
        sql: &str,
        patient_id: &str,
        max_rows: usize,
    ) -> Result<Option<Read>, sqlx::Error> {
        // The line break ends a comment at the end of the statement.
        let sql = format!("BEGIN; PRAGMA schema_version; {sql}\n; COMMIT");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(patient_id);
        let mut stream = self.connection.fetch_many(query);
        let (mut ended, mut rows) = (0u8, Vec::new());
        while let Some(step) = stream.try_next().await? {
            match step {
                Either::Left(_) => ended = ended.saturating_add(1),
                Either::Right(row) if ended == 1 => {
                    let now: i64 = row.try_get(0)?;
                    if *self.schema.get_or_insert(now) != now {
                        return Ok(None);
                    }
                }
                Either::Right(_) if rows.len() >= max_rows => return Ok(Some(Read::TooMany)),
                Either::Right(row) => rows.push(row),
            }
        }
        // A driver that broke off in the middle ends its rows like one that is done, but not all four statements.
        if ended == 4 { Ok(Some(Read::Rows(rows))) } else { Err(sqlx::Error::WorkerCrashed) }
    }
}

impl Deadline {
    fn set(&self, timeout: Duration) {
        let at = self.since.elapsed().saturating_add(timeout);
        self.at.store(u64::try_from(at.as_millis()).unwrap_or(u64::MAX), Ordering::Release);
    }

    fn is_over(&self) -> bool {
        self.since.elapsed().as_millis() >= u128::from(self.at.load(Ordering::Acquire))
    }
}
