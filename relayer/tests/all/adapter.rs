//! The SQLite adapter against small databases.

use std::{path::Path, time::Duration};

use medrec_relayer::adapter::{Adapter, Affected, Error, Limits, Mapping, SqliteAdapter};
use serde_json::json;
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

const LABS: &str = "[scopes.labs]\nresource = 'Observation'\nkey = 'k'\nchanged_at = 'changed'\n\
    sql = 'SELECT * FROM labs WHERE patient = :patient ORDER BY k'\nconstants = { '/status' = 'final' }\n\
    fields = [\n{ column = 'value', to = '/valueQuantity/value', type = 'decimal' },\n\
    { column = 'note', to = '/note/0/text', type = 'string' },\n\
    { column = 'n', to = '/component/0/valueInteger', type = 'integer' }]\n";

struct Db {
    dir: tempfile::TempDir,
    connection: SqliteConnection,
}

impl Db {
    async fn with(sql: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(dir.path().join("db")).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(
            "CREATE TABLE labs (k TEXT, patient TEXT, value TEXT, note TEXT, n INTEGER, changed TEXT)",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        Self { dir, connection }
    }

    async fn adapter(&self, mapping: &str) -> Result<SqliteAdapter, Error> {
        self.limited(mapping, Duration::from_secs(5), 10).await
    }

    async fn limited(
        &self,
        mapping: &str,
        timeout: Duration,
        max_rows: usize,
    ) -> Result<SqliteAdapter, Error> {
        let mapping = Mapping::parse(mapping, Path::new("mapping.toml")).unwrap();
        SqliteAdapter::open(&self.dir.path().join("db"), mapping, Limits { timeout, max_rows }).await
    }
}

async fn read(adapter: &SqliteAdapter, patient: &str) -> Result<Vec<serde_json::Value>, Error> {
    let scope = &adapter.scopes()[0];
    Ok(adapter.read(scope, patient).await?.into_iter().map(|record| record.resource).collect())
}

#[tokio::test]
async fn rows_become_resources_of_their_patient_only() {
    let db = Db::with(
        "INSERT INTO labs VALUES ('b', 'p1', '7.10', '', 3, 'x'), ('a', 'p1', NULL, ' said \"so\" ', NULL, ''),
         ('c', 'p2', '1', 'other', 1, '')",
    )
    .await;
    let adapter = db.adapter(LABS).await.unwrap();
    let a = json!({"resourceType": "Observation", "status": "final", "note": [{"text": "said \"so\""}]});
    let mut b = json!({"resourceType": "Observation", "status": "final", "component": [{"valueInteger": 3}]});
    b["valueQuantity"] = serde_json::from_str("{\"value\": 7.10}").unwrap();
    assert_eq!(read(&adapter, "p1").await.unwrap(), [a, b.clone()]);
    assert!(b.to_string().contains("7.10"), "{b}");
    assert_eq!(read(&adapter, "p1' OR '1'='1").await.unwrap(), Vec::<serde_json::Value>::new());
    let records = adapter.read(&adapter.scopes()[0], "p1").await.unwrap();
    assert_eq!((records[1].key.as_str(), records[1].changed_at.as_deref()), ("b", Some("x")));
}

/// Statements stay prepared from one read to the next; none gives columns the names they had in another schema.
#[tokio::test]
async fn a_statement_prepared_by_an_older_schema_is_not_used() {
    let mut db = Db::with("INSERT INTO labs VALUES ('a', 'p', '1', 'first', 3, 'x')").await;
    let adapter = db.adapter(LABS).await.unwrap();
    let note = |rows: &[serde_json::Value]| rows[0].pointer("/note/0/text").unwrap().clone();
    for (change, expected) in [
        ("SELECT 1", "first"),
        ("ALTER TABLE labs ADD COLUMN later TEXT", "first"),
        ("ALTER TABLE labs DROP COLUMN changed; ALTER TABLE labs ADD COLUMN changed TEXT", "first"),
        (
            "ALTER TABLE labs RENAME COLUMN note TO x; ALTER TABLE labs RENAME COLUMN later TO note;
             UPDATE labs SET note = 'second'",
            "second",
        ),
        ("CREATE INDEX labs_by_patient ON labs (patient)", "second"),
    ] {
        sqlx::raw_sql(change).execute(&mut db.connection).await.unwrap();
        // More than there are connections, at once and again: all of them had prepared it.
        for _ in 0..2 {
            let reads = (0..6).map(|_| read(&adapter, "p"));
            for rows in futures::future::join_all(reads).await {
                assert_eq!(note(&rows.unwrap()), expected, "{change}");
            }
        }
    }
}

#[tokio::test]
async fn a_read_that_is_given_up_leaves_nothing_behind() {
    let db = Db::with(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
         INSERT INTO labs SELECT printf('%03d', i), 'p', i, NULL, NULL, '' FROM n",
    )
    .await;
    let adapter = db.limited(LABS, Duration::from_secs(5), 1000).await.unwrap();
    for polls in 0..40 {
        let mut given_up = Box::pin(read(&adapter, "p"));
        for _ in 0..polls {
            if futures::poll!(&mut given_up).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(given_up);
        assert_eq!(read(&adapter, "p").await.unwrap().len(), 200);
    }
}

#[tokio::test]
async fn caps_and_bad_rows_are_refused_without_their_values() {
    let db = Db::with(
        "INSERT INTO labs VALUES ('a', 'twins', '1', '', 1, ''), ('a', 'twins', '2', '', 1, ''),
         ('a', 'typo', '7,1-secret', '', 1, ''), ('', 'nokey', '1', '', 1, '')",
    )
    .await;
    let adapter = db.adapter(LABS).await.unwrap();
    let twins = read(&adapter, "twins").await.unwrap_err();
    assert!(matches!(twins, Error::Key { first: 1, second: 2, .. }), "{twins}");
    let typo = read(&adapter, "typo").await.unwrap_err();
    assert!(matches!(typo, Error::Row { row: 1, .. }), "{typo}");
    assert!(typo.to_string().contains("\"value\"") && !typo.to_string().contains("secret"), "{typo}");
    assert!(matches!(read(&adapter, "nokey").await.unwrap_err(), Error::Row { .. }));
    let capped = db.limited(LABS, Duration::from_secs(5), 1).await.unwrap();
    assert!(matches!(read(&capped, "twins").await.unwrap_err(), Error::Rows { limit: 1, .. }));
}

#[tokio::test]
async fn statements_are_tried_at_start_interrupted_when_slow_and_cannot_write() {
    let db = Db::with("SELECT 1").await;
    let missing = LABS.replace("FROM labs", "FROM nowhere");
    assert!(matches!(db.adapter(&missing).await.err().unwrap(), Error::Query { .. }));
    let column = LABS.replace("column = 'note'", "column = 'nota'");
    let error = db.adapter(&column).await.err().unwrap().to_string();
    assert!(error.contains("nota"), "{error}");

    let endless = LABS.replace(
        "SELECT * FROM labs WHERE patient = :patient ORDER BY k",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS k, :patient AS value, \
         1 AS note, 1 AS n, 1 AS changed FROM c",
    );
    let adapter = db.limited(&endless, Duration::from_millis(200), 10).await.unwrap();
    let slow = read(&adapter, "p1").await.unwrap_err();
    assert!(matches!(slow, Error::Slow { limit_ms: 200, .. }), "{slow}");

    let writes = LABS.replace(
        "SELECT * FROM labs WHERE patient = :patient ORDER BY k",
        "INSERT INTO labs (k, patient) VALUES (1, :patient) RETURNING *",
    );
    let adapter = db.adapter(&writes).await.unwrap();
    let refused = read(&adapter, "p1").await.unwrap_err().to_string();
    assert!(refused.contains("readonly"), "{refused}");
    assert!(
        SqliteAdapter::open(
            Path::new("/nonexistent/db"),
            Mapping::parse(LABS, Path::new("m")).unwrap(),
            Limits { timeout: Duration::from_secs(1), max_rows: 1 }
        )
        .await
        .is_err()
    );
}

#[tokio::test]
async fn changes_are_told_by_the_database() {
    let mut db = Db::with("SELECT 1").await;
    let adapter = db.adapter(LABS).await.unwrap();
    let first = adapter.changes(None).await.unwrap();
    assert_eq!(first.affected, Affected::Everybody);
    let second = adapter.changes(Some(&first.cursor)).await.unwrap();
    assert_eq!(second.affected, Affected::Nobody);
    sqlx::raw_sql("INSERT INTO labs (k) VALUES ('new')").execute(&mut db.connection).await.unwrap();
    let third = adapter.changes(Some(&second.cursor)).await.unwrap();
    assert_eq!(third.affected, Affected::Everybody);
}
