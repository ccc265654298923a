//! Entries sealed and synced: the log's own write path on a store on disk, beside bare inserts of the same bytes.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "bench code"
)]

#[path = "../../e2e/src/report.rs"]
mod report;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use medrec_accesslog::{Body, ENTRY_LEN, Entry, Place, Root};
use medrec_relayer::{
    filing::sealer,
    log::{append::Appender, retention},
    store::{Store, checkpoint},
};
use report::{Report, Row};
use sqlx::{
    Connection, QueryBuilder, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tokio_util::sync::CancellationToken;

/// Entries in one commit of the committer, at most.
const BATCH: usize = 64;
const RELATIONSHIPS: u64 = 1_000;

/// A pass's figures.
struct Pass {
    per_entry: Duration,
    /// Processor time of this process, user and system.
    processor: Duration,
    /// Of a commit, from its first entry to its sync.
    p99: Duration,
}

impl Pass {
    fn of(mut commits: Vec<Duration>, start: (Instant, Duration)) -> Self {
        let entries = u32::try_from(commits.len() * BATCH).unwrap();
        let (took, used) = (start.0.elapsed(), processor().saturating_sub(start.1));
        commits.sort_unstable();
        let p99 = commits[(commits.len() * 99 / 100).min(commits.len() - 1)];
        Self { per_entry: took / entries, processor: used / entries, p99 }
    }

    fn rows(&self, name: &str, bound: bool) -> [Row; 2] {
        let micros = self.per_entry.as_nanos() as f64 / 1_000.0;
        [
            Row::new(
                format!("{name}: time an entry"),
                round(micros),
                "µs",
                bound.then_some(100.0),
                format!(
                    "{:.0} entries/s; {:.1} µs of processor",
                    1_000_000.0 / micros,
                    self.processor.as_nanos() as f64 / 1_000.0
                ),
            ),
            Row::new(
                format!("{name}: commit delay, p99"),
                round(self.p99.as_micros() as f64 / 1_000.0),
                "ms",
                bound.then_some(20.0),
                format!("{BATCH} entries a commit"),
            ),
        ]
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Seals and commits `commits` times; each commit's entries are of as many relationships as `spread`.
async fn seal(store: &Store, commits: usize, spread: u64) -> Pass {
    let mut delays = Vec::with_capacity(commits);
    let start = (Instant::now(), processor());
    for commit in 0..commits as u64 {
        let began = Instant::now();
        let mut tx = store.begin().await.unwrap();
        let mut appender = Appender::open(store, &mut tx).await.unwrap();
        let each = BATCH as u64 / spread;
        let relationships: Vec<u64> =
            (0..spread).map(|turn| (commit * spread + turn) % RELATIONSHIPS).collect();
        let mut loaded = sealer::load_all(&mut tx, store.vault(), &relationships).await.unwrap();
        for sealer in loaded.values_mut() {
            for _ in 0..each {
                let body = Body::GrantSeen { at: 1_790_000_000, height: commit, grant: 3 };
                sealer.seal(&mut tx, &mut appender, &body).await.unwrap();
            }
        }
        let moved: Vec<_> = loaded.into_values().collect();
        sealer::save_all(&mut tx, store.vault(), &moved).await.unwrap();
        appender.close(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        delays.push(began.elapsed());
    }
    Pass::of(delays, start)
}

/// Fills the log with random entries, in large commits.
async fn fill(store: &Store, until: u64) {
    loop {
        let mut tx = store.begin().await.unwrap();
        let mut appender = Appender::open(store, &mut tx).await.unwrap();
        if appender.size() >= until {
            return;
        }
        for _ in 0..20_000 {
            let mut bytes = [0; ENTRY_LEN];
            rand_core::RngCore::fill_bytes(&mut rand_core::OsRng, &mut bytes);
            appender.append(&mut tx, &Entry::from_bytes(bytes), None, "cover").await.unwrap();
        }
        appender.close(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// The same bytes, the same commits, the same promise of durability, nothing else.
async fn bare(path: &std::path::Path, commits: usize) -> Pass {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE bare (idx INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut delays = Vec::with_capacity(commits);
    let start = (Instant::now(), processor());
    for _ in 0..commits {
        let began = Instant::now();
        let mut tx = connection.begin().await.unwrap();
        let mut insert = QueryBuilder::new("INSERT INTO bare (bytes) ");
        insert.push_values(0..BATCH, |mut row, number| {
            row.push_bind(vec![number as u8; ENTRY_LEN]);
        });
        insert.build().execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        delays.push(began.elapsed());
    }
    Pass::of(delays, start)
}

/// Processor time used so far; the kernel counts in hundredths of a second.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Resident memory now, MB.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    round(kilobytes.unwrap_or(0.0) / 1_024.0)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Not a folder in memory: what is measured is the disk.
    let dir =
        tempfile::tempdir_in(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "../target".into()))?;
    let commits: usize =
        std::env::var("MEDREC_BENCH_COMMITS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_600);
    let million: u64 =
        std::env::var("MEDREC_BENCH_SIZE").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let store = Arc::new(Store::open(&dir.path().join("store.sqlite"), &[7; 32]).await?);
    let stop = CancellationToken::new();
    let checkpoints = tokio::spawn(checkpoint::run(store.clone(), stop.clone()));
    let mut tx = store.begin().await?;
    for id in 0..RELATIONSHIPS {
        sqlx::query("INSERT INTO relationships (id, patient, steward, status, opened_height) VALUES (?, 'patient', 'steward', 'active', 1)")
            .bind(id as i64)
            .execute(&mut *tx)
            .await?;
        let place = Place { chain_id: "bench", contract: "contract", relationship: id, log_origin: "log" };
        let root = Root::from_bytes([id as u8; 32]);
        sealer::start(&mut tx, store.vault(), id, root.ratchet(&place), &root.tag_key(&place)).await?;
    }
    tx.commit().await?;

    let baseline = bare(&dir.path().join("bare.sqlite"), commits).await;
    let filing = seal(&store, commits, 1).await;
    let reads = seal(&store, commits, BATCH as u64).await;
    let before = resident();
    fill(&store, million).await;
    let filing_late = seal(&store, commits, 1).await;
    let reads_late = seal(&store, commits, BATCH as u64).await;
    let after = resident();
    let moved = Instant::now();
    let mut bundles = 0;
    loop {
        match retention::retain(&store, million).await? {
            0 => break,
            more => bundles += more,
        }
    }
    let moved = moved.elapsed();
    stop.cancel();
    checkpoints.await?;
    store.close().await;

    let mut rows: Vec<Row> = Vec::new();
    rows.extend(baseline.rows("baseline, bare inserts", false));
    rows.extend(filing.rows("empty log, one relationship a commit", true));
    rows.extend(reads.rows("empty log, every entry of another relationship", false));
    rows.extend(filing_late.rows("1 million entries, one relationship a commit", true));
    rows.extend(reads_late.rows("1 million entries, every entry of another relationship", false));
    rows.push(Row::new(
        "memory from 200,000 to 1 million entries",
        round(after - before),
        "MB more",
        Some(64.0),
        format!("{after} MB resident at the end"),
    ));
    rows.push(Row::new(
        "anchored bundles moved from rows to files",
        round(moved.as_secs_f64() * 1_000_000.0 / (bundles.max(1) * 256) as f64),
        "µs an entry",
        None,
        format!("{bundles} bundles of 256 entries, each file synced"),
    ));
    Report {
        setup: format!(
            "Entries of 512 bytes sealed by the ratchets of {RELATIONSHIPS} relationships and appended to the store on \
             disk, {commits} commits of {BATCH} entries in each pass; baseline: the same number of bytes inserted into \
             an SQLite table with the same journal and synchronous settings, in the same run."
        ),
        timer: "loading the ratchets, sealing, hashing, rows, ratchets saved, commit and sync, while another connection \
                checkpoints; for the baseline insert, commit and sync, its checkpoints inside"
            .into(),
        rows,
    }
    .hand_over()
}
