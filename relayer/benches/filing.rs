//! Filing 100,000 Synthea observations: rows read, resources built, committed, sealed, written and synced.
//!
//! The observations are the committed sample's, once for each of six hospitals' worth of synthetic patients.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench"
)]

#[path = "../../e2e/src/report.rs"]
mod report;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use medrec_accesslog::Root;
use medrec_relayer::{
    adapter::{Adapter, Limits, Mapping, SqliteAdapter},
    clock::{Clock, SystemClock},
    filing::{Filer, FilingTask, sealer},
    identity::Identity,
    ops::health::Health,
    store::Store,
};
use medrec_wallet::ContractRef;
use report::{Report, Row};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, QueryBuilder, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const COPIES: usize = 6;
const SCOPE: &str = "observations";
const LIMITS: Limits = Limits { timeout: Duration::from_secs(60), max_rows: 100_000 };

fn main() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(bench())?.hand_over()
}

async fn bench() -> Result<Report> {
    let dir = tempfile::tempdir()?;
    let hospital = dir.path().join("hospital.sqlite");
    let (patients, rows, expected) = fill(&hospital).await?;
    let mut mapping = Mapping::load(&Path::new(HERE).join("mappings/synthea.toml"))?;
    mapping.scopes.retain(|scope| scope.id == SCOPE);
    let adapter = Arc::new(SqliteAdapter::open(&hospital, mapping, LIMITS).await?);

    let started = Instant::now();
    let mut read = 0;
    for patient in &patients {
        read += adapter.read(&adapter.scopes()[0], patient).await?.len();
    }
    let reading = started.elapsed();
    ensure!(read == expected, "{read} records were read, the CSV has {expected}");

    let store = Arc::new(Store::open(&dir.path().join("store.sqlite"), &[7; 32]).await?);
    let identity = Arc::new(Identity {
        contract: ContractRef { chain_id: "bench-1".into(), address: "medrec1contract".into() },
        registrar: "medrec1registrar".into(),
        bounty: String::new(),
        log_origin: "log.bench.example".into(),
        institution: 1,
    });
    relate(&store, &identity, &patients).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let filer =
        Filer { store: store.clone(), adapter, identity, clock: clock.clone(), known: Arc::default() };

    // The peak counts from here.
    fs::write("/proc/self/clear_refs", "5").context("reset the peak of memory")?;
    let before = resident("VmRSS")?;
    let started = Instant::now();
    let task = FilingTask {
        filer,
        wake: Arc::new(Notify::new()),
        poll: Duration::from_secs(3600),
        reread: u64::MAX,
        pace: medrec_relayer::log::pacing::Pace::default(),
        health: Health::new(clock, 8),
    };
    let stop = CancellationToken::new();
    let running = tokio::spawn(task.run(stop.clone()));
    loop {
        let open: i64 = sqlx::query_scalar("SELECT count(*) FROM filing WHERE done < wanted OR done = 0")
            .fetch_one(store.read())
            .await?;
        if open == 0 {
            break;
        }
        ensure!(!running.is_finished(), "the filing task ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let filing = started.elapsed();
    let peak = resident("VmHWM")?;
    stop.cancel();
    running.await??;
    for table in ["records", "entries"] {
        let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count: i64 = sqlx::query_scalar(sql).fetch_one(store.read()).await?;
        ensure!(usize::try_from(count)? == expected, "{count} {table}, the CSV has {expected} records");
    }
    let bare = bare(&dir.path().join("bare.sqlite"), expected).await?;

    let row = |name: &str, value: f64, unit: &str, bound: Option<f64>, note: &str| {
        Row::new(name, (value * 100.0).round() / 100.0, unit, bound, note)
    };
    let per_100k = 100_000.0 / expected as f64;
    Ok(Report {
        setup: format!(
            "{expected} observations ({rows} rows) of {} patients, the committed Synthea sample {COPIES} times; one \
             relationship each; SQLite on this machine's disk, one filing task.",
            patients.len()
        ),
        timer: "from the first poll to the last durable entry: rows, resources, commitments, sealing, store"
            .into(),
        rows: vec![
            row("filing 100,000 observations", filing.as_secs_f64() * per_100k, "s", Some(60.0), ""),
            row("records filed", expected as f64 / filing.as_secs_f64(), "1/s", None, ""),
            row("peak memory", peak, "MiB", Some(300.0), &format!("{before:.0} MiB at the start")),
            row(
                "baseline: the same rows read, nothing filed",
                reading.as_secs_f64() * per_100k,
                "s",
                None,
                "",
            ),
            row(
                "baseline: 100,000 bare rows of 700 bytes, synced 256 at a time",
                bare.as_secs_f64() * per_100k,
                "s",
                None,
                "",
            ),
        ],
    })
}

/// The observations of the sample, several times; ids of patients, rows, records.
async fn fill(path: &Path) -> Result<(Vec<String>, usize, usize)> {
    let file = fs::File::open(Path::new(HERE).join("../data/synthea-sample/observations.csv.gz"))?;
    let mut csv = csv::Reader::from_reader(GzDecoder::new(file));
    let header = csv.headers()?.clone();
    let column = |name: &str| header.iter().position(|found| found == name).context("no such column");
    let (date, patient, encounter, code) =
        (column("DATE")?, column("PATIENT")?, column("ENCOUNTER")?, column("CODE")?);
    let rows: Vec<csv::StringRecord> = csv.records().collect::<Result<_, _>>()?;

    let mut database = SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await?;
    let columns: Vec<String> = header.iter().map(|name| format!("\"{name}\" TEXT")).collect();
    let create = format!("CREATE TABLE observations ({})", columns.join(", "));
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut database).await?;
    let mut transaction = database.begin().await?;
    let (mut patients, mut panels, mut records) = (BTreeSet::new(), BTreeSet::new(), 0);
    for copy in 0..COPIES {
        // Another patient, another encounter: the first two digits of their ids.
        let copied = |id: &str| id.get(2..).map_or_else(String::new, |rest| format!("{copy:02x}{rest}"));
        for chunk in rows.chunks(500) {
            let mut insert = QueryBuilder::new("INSERT INTO observations ");
            insert.push_values(chunk, |mut to, row| {
                for (number, cell) in row.iter().enumerate() {
                    let is_id = number == patient || number == encounter;
                    to.push_bind(if is_id { copied(cell) } else { cell.to_owned() });
                }
            });
            insert.build().execute(&mut *transaction).await?;
        }
        for row in &rows {
            patients.insert(copied(&row[patient]));
            // Both pressures of one measurement are one record.
            let pressure = ["8480-6", "8462-4"].contains(&&row[code]);
            let measured = (copy, row[patient].to_owned(), row[date].to_owned(), row[encounter].to_owned());
            records += usize::from(!pressure || panels.insert(measured));
        }
    }
    transaction.commit().await?;
    let index = "CREATE INDEX observations_patient ON observations (\"PATIENT\")";
    sqlx::raw_sql(index).execute(&mut database).await?;
    database.close().await?;
    Ok((patients.into_iter().collect(), rows.len() * COPIES, records))
}

/// Accepted relationships, as ingest leaves them.
async fn relate(store: &Store, identity: &Identity, patients: &[String]) -> Result<()> {
    let mut tx = store.begin().await?;
    for (patient, number) in patients.iter().zip(1u32..) {
        let id = i64::from(number);
        sqlx::query(
            "INSERT INTO relationships (id, patient, steward, status, opened_height) \
             VALUES (?, ?, ?, 'active', 1)",
        )
        .bind(id)
        .bind(format!("medrec1p{number}"))
        .bind(format!("medrec1s{number}"))
        .execute(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO openings (delegate, steward, patient, patient_id, requested_at, relationship) \
             VALUES (?, ?, ?, ?, 0, ?)",
        )
        .bind(id)
        .bind(format!("medrec1s{number}"))
        .bind(format!("medrec1p{number}"))
        .bind(patient)
        .bind(id)
        .execute(&mut *tx)
        .await?;
        sqlx::query("INSERT INTO filing (relationship, wanted, done) VALUES (?, 1, 0)")
            .bind(id)
            .execute(&mut *tx)
            .await?;
        let root = Root::from_parts(&[1; 32], &[2; 32]);
        let place = identity.place(u64::from(number));
        let (ratchet, tag_key) = (root.ratchet(&place), root.tag_key(&place));
        sealer::start(&mut tx, store.vault(), u64::from(number), ratchet, &tag_key).await?;
    }
    Ok(tx.commit().await?)
}

/// What the disk alone takes: rows as long as an entry and a record, synced as often.
async fn bare(path: &Path, rows: usize) -> Result<Duration> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .pragma("journal_mode", "WAL")
        .pragma("synchronous", "FULL");
    let mut database: SqliteConnection = options.connect().await?;
    sqlx::raw_sql("CREATE TABLE bare (bytes BLOB)").execute(&mut database).await?;
    let started = Instant::now();
    let (mut left, bytes) = (rows, vec![0u8; 700]);
    while left > 0 {
        let batch = left.min(256);
        let mut insert = QueryBuilder::new("INSERT INTO bare ");
        insert.push_values(0..batch, |mut row, _| {
            row.push_bind(bytes.as_slice());
        });
        insert.build().execute(&mut database).await?;
        left -= batch;
    }
    Ok(started.elapsed())
}

/// A figure of this process, MiB.
fn resident(name: &str) -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).context("no such figure")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no figure")?.parse()?;
    Ok(kib / 1024.0)
}
