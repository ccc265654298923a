//! SQLite under the suite.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use medrec_relayer::adapter::{Adapter, Error, FieldType, Limits, Mapping, SqliteAdapter};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{Cell, Fixture, Item, suite};

struct Sqlite {
    dir: tempfile::TempDir,
    connection: SqliteConnection,
}

suite!(Sqlite);

const READ: &str = "SELECT * FROM items WHERE patient = :patient ORDER BY key";

impl Sqlite {
    fn path(&self) -> PathBuf {
        self.dir.path().join("hospital.sqlite")
    }

    async fn sql(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&mut self.connection).await.unwrap();
    }

    fn mapping_of(&self, sql: &str, kind: FieldType) -> String {
        format!(
            "patients = 'SELECT DISTINCT patient FROM items ORDER BY patient'\n\
             [scopes.items]\nresource = 'Observation'\nkey = 'key'\nchanged_at = 'changed'\n\
             removed_when = 'withdrawn'\nsql = \"\"\"{sql}\"\"\"\n\
             fields = [{{ column = 'value', to = '/valueString', type = '{}' }}]\n",
            kind.name()
        )
    }
}

#[async_trait]
impl Fixture for Sqlite {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options =
            SqliteConnectOptions::new().filename(dir.path().join("hospital.sqlite")).create_if_missing(true);
        let mut this = Self { dir, connection: options.connect().await.unwrap() };
        this.sql("CREATE TABLE items (key TEXT UNIQUE, patient TEXT, value, changed TEXT, withdrawn TEXT)")
            .await;
        this
    }

    fn mapping(&self, kind: FieldType) -> String {
        self.mapping_of(READ, kind)
    }

    fn endless(&self) -> String {
        let sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS key, \
                   :patient AS value, 1 AS changed, 0 AS withdrawn FROM c";
        self.mapping_of(sql, FieldType::String)
    }

    fn writers(&self) -> Vec<String> {
        let statements = [
            "INSERT INTO items (key, patient) VALUES ('w', :patient) RETURNING *",
            "UPDATE items SET value = 'w' WHERE patient = :patient RETURNING *",
            "DELETE FROM items WHERE patient = :patient RETURNING *",
            "WITH w AS (SELECT :patient AS p) INSERT INTO items (key) SELECT 'w' FROM w RETURNING *",
            "REPLACE INTO items (key, patient) VALUES ('a', :patient) RETURNING *",
            "CREATE TABLE other AS SELECT :patient",
            "DROP TABLE items -- :patient",
            "ATTACH DATABASE :patient AS other",
            "PRAGMA query_only = OFF -- :patient",
            "VACUUM INTO :patient",
        ];
        statements.iter().map(|sql| self.mapping_of(sql, FieldType::String)).collect()
    }

    async fn open(&self, mapping: &str, limits: Limits) -> Result<Box<dyn Adapter>, Error> {
        let mapping = Mapping::parse(mapping, Path::new("mapping.toml"))?;
        Ok(Box::new(SqliteAdapter::open(&self.path(), mapping, limits).await?))
    }

    async fn put(&mut self, items: &[Item]) {
        let mut tx = self.connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        for item in items {
            // Bytes bound as text are no text any more: they are cast to it.
            let sql = match &item.value {
                Cell::Raw(_) => "REPLACE INTO items VALUES (?, ?, CAST(? AS TEXT), ?, ?)",
                _ => "REPLACE INTO items VALUES (?, ?, ?, ?, ?)",
            };
            let query = sqlx::query(sql).bind(&item.key).bind(&item.patient);
            let query = match &item.value {
                Cell::Null => query.bind(None::<String>),
                Cell::Text(text) => query.bind(text.as_str()),
                Cell::Raw(bytes) => query.bind(bytes.as_slice()),
                Cell::Integer(number) => query.bind(*number),
                Cell::Real(number) => query.bind(*number),
            };
            query.bind(&item.changed).bind(&item.withdrawn).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    async fn delete(&mut self, key: &str) {
        sqlx::query("DELETE FROM items WHERE key = ?").bind(key).execute(&mut self.connection).await.unwrap();
    }

    async fn count(&mut self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM items").fetch_one(&mut self.connection).await.unwrap()
    }

    async fn lock(&mut self) {
        self.sql("BEGIN EXCLUSIVE").await;
    }

    async fn unlock(&mut self) {
        self.sql("ROLLBACK").await;
    }

    async fn hide(&mut self) {
        std::fs::rename(self.path(), self.dir.path().join("away")).unwrap();
    }

    async fn show(&mut self) {
        // A copy: another file under the old name, as a restored backup is.
        std::fs::copy(self.dir.path().join("away"), self.path()).unwrap();
    }

    async fn break_schema(&mut self) {
        self.sql(
            "CREATE TABLE next (extra TEXT, key TEXT UNIQUE, patient TEXT, worth, changed TEXT, withdrawn TEXT);
             INSERT INTO next SELECT 'x', * FROM items; DROP TABLE items; ALTER TABLE next RENAME TO items",
        )
        .await;
    }

    async fn mend_schema(&mut self) {
        self.sql("ALTER TABLE items RENAME COLUMN worth TO value").await;
    }
}
