//! The relayer's own database: one SQLite file, one durability domain (`migrations/`).
//!
//! One connection writes, so every transaction sees all before it; readers never wait for it (WAL). SQL stands in
//! the module that owns the rows.

pub mod checkpoint;
mod vault;

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    Sqlite, SqlitePool, Transaction,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

pub use vault::Vault;

use crate::log::{tally::Tally, tile_dir::TileDir};

/// What can go wrong with the store. No variant carries a value of a row.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("open the store {path}: {reason}")]
    Open { path: String, reason: String },
    #[error("another relayer works on {path}: one store has one relayer; stop the other first")]
    Locked { path: String },
    #[error("store: {0}")]
    Database(#[from] sqlx::Error),
    #[error(
        "the store belongs to {key} {stored:?}, the configuration says {given:?}: use another store file"
    )]
    Other { key: String, stored: String, given: String },
    #[error("store: {what} cannot be read; restore the store from its backup")]
    Corrupt { what: String },
    #[error("store: {what} was not sealed under this keystore; store and keystore belong together")]
    Vault { what: String },
}

/// Pages in the write-ahead log from which a commit makes its own checkpoint: 512 MiB.
const AUTOCHECKPOINT: &str = "131072";

/// The tables, as `migrations/` makes them.
static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Where the files of a store's log are: `store.log/` beside `store.sqlite`.
pub fn bundle_folder(store: &Path) -> PathBuf {
    store.with_extension("log")
}

/// A write transaction; dropping it undoes everything.
pub type Tx = Transaction<'static, Sqlite>;

/// The open store.
pub struct Store {
    read: SqlitePool,
    write: SqlitePool,
    checkpoint: SqlitePool,
    vault: Vault,
    path: PathBuf,
    bundles: Arc<TileDir>,
    tally: Arc<Tally>,
    /// Held for as long as the store is open.
    _lock: std::fs::File,
}

impl Store {
    /// Opens or makes the store, mode 0600, and brings its tables up to date. `key` seals its secrets.
    pub async fn open(path: &Path, key: &[u8; 32]) -> Result<Self, Error> {
        let failed = |reason: &dyn std::fmt::Display| Error::Open {
            path: path.display().to_string(),
            reason: reason.to_string(),
        };
        let private = |path: &Path| OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        let lock = private(&path.with_extension("lock")).map_err(|e| failed(&e))?;
        lock.try_lock().map_err(|e| match e {
            std::fs::TryLockError::WouldBlock => Error::Locked { path: path.display().to_string() },
            std::fs::TryLockError::Error(e) => failed(&e),
        })?;
        private(path).map_err(|e| failed(&e))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is overwritten is gone: chain keys and record keys must not linger in free pages.
            .pragma("secure_delete", "ON")
            // Labels are random, so every entry lands on another page of their index.
            .pragma("cache_size", "-65536")
            // Checkpoints are a task's ([`checkpoint`]): inside a commit they keep everybody waiting. Only if it does not
            // run, or not fast enough, a commit does one.
            .pragma("wal_autocheckpoint", AUTOCHECKPOINT)
            .busy_timeout(Duration::from_secs(10));
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            // They are threads of this process: they need no sign of life before every use.
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(options.clone())
            .await
            .map_err(|e| failed(&e))?;
        MIGRATIONS.run(&write).await.map_err(|e| failed(&e))?;
        let checkpoint = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(options.clone().busy_timeout(Duration::ZERO));
        let read = SqlitePoolOptions::new()
            .max_connections(4)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(|e| failed(&e))?;
        let bundles = TileDir::open(&bundle_folder(path)).map_err(|e| failed(&e))?;
        let (vault, bundles) = (Vault::new(key), Arc::new(bundles));
        Ok(Self {
            read,
            write,
            checkpoint,
            vault,
            path: path.to_owned(),
            bundles,
            tally: Arc::default(),
            _lock: lock,
        })
    }

    /// Makes the store's tables on another connection: a scratch one.
    pub async fn migrate(connection: &mut sqlx::SqliteConnection) -> Result<(), Error> {
        MIGRATIONS
            .run(connection)
            .await
            .map_err(|e| Error::Open { path: "(memory)".to_owned(), reason: e.to_string() })
    }

    /// For reading only; what it sees is committed.
    pub fn read(&self) -> &SqlitePool {
        &self.read
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its write-ahead log: not there, empty, or up to where somebody wrote.
    pub fn wal(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push("-wal");
        path.into()
    }

    /// Seals what must not lie open in the file.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Files of the log's full, anchored bundles, in [`bundle_folder`].
    pub fn bundles(&self) -> &Arc<TileDir> {
        &self.bundles
    }

    /// What was written since the store was opened.
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// Begins the one write transaction; waits for the one before.
    pub async fn begin(&self) -> Result<Tx, Error> {
        Ok(self.write.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// The connection that writes, outside of a transaction: nobody begins one while it is held.
    async fn writer(&self) -> Result<PoolConnection<Sqlite>, Error> {
        Ok(self.write.acquire().await?)
    }

    /// Binds the store to facts on first use and refuses it for others ever after.
    pub async fn bind(&self, facts: &[(&str, &str)]) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for (key, given) in facts {
            sqlx::query("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(key)
                .bind(given)
                .execute(&mut *tx)
                .await?;
            let stored: String = sqlx::query_scalar("SELECT value FROM meta WHERE key = ?")
                .bind(key)
                .fetch_one(&mut *tx)
                .await?;
            if stored != *given {
                return Err(Error::Other { key: (*key).to_owned(), stored, given: (*given).to_owned() });
            }
        }
        Ok(tx.commit().await?)
    }

    /// Waits for what is under way and closes the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.checkpoint.close().await;
        self.write.close().await;
    }
}

/// SQLite integers are signed; nothing we count comes near 2^63, and a time beyond it is for ever.
pub fn to_db(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Our columns hold nothing negative.
pub fn from_db(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// A column of a fixed number of bytes.
pub fn fixed<const N: usize>(what: &str, bytes: &[u8]) -> Result<[u8; N], Error> {
    bytes.try_into().map_err(|_| Error::Corrupt { what: what.to_owned() })
}

/// A column that holds a u32.
pub fn small(what: &str, n: i64) -> Result<u32, Error> {
    u32::try_from(n).map_err(|_| Error::Corrupt { what: what.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn the_store_is_private_bound_and_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.sqlite");
        let store = Store::open(&path, &[1; 32]).await.unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(Store::open(&path, &[1; 32]).await, Err(Error::Locked { .. })));
        store.bind(&[("chain_id", "a")]).await.unwrap();
        store.bind(&[("chain_id", "a")]).await.unwrap();
        let other = store.bind(&[("chain_id", "b")]).await.unwrap_err();
        assert!(matches!(other, Error::Other { .. }), "{other}");
        assert!(sqlx::query("DELETE FROM meta").execute(store.read()).await.is_err());
    }

    #[tokio::test]
    async fn a_dropped_transaction_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.sqlite"), &[1; 32]).await.unwrap();
        let mut tx = store.begin().await.unwrap();
        sqlx::query("INSERT INTO meta VALUES ('a', 'b')").execute(&mut *tx).await.unwrap();
        drop(tx);
        let rows: i64 =
            sqlx::query_scalar("SELECT count(*) FROM meta").fetch_one(store.read()).await.unwrap();
        assert_eq!(rows, 0);
    }
}
