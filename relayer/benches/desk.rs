//! A question of research over 100,000 observations: rows read, held against the question, bounded, summed, noise drawn.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench"
)]

#[path = "../../e2e/src/report.rs"]
mod report;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use medrec_aggregate::{Quantity, conclude, plan};
use medrec_api::bounty::{AgeBand, Bounds, Category, Cohort, Measure, Question, WEEK};
use medrec_relayer::{
    adapter::{Adapter, Limits, Mapping, SqliteAdapter},
    desk::{count, release},
};
use report::{Report, Row};
use sqlx::{ConnectOptions, Connection, QueryBuilder, sqlite::SqliteConnectOptions};

const HERE: &str = env!("CARGO_MANIFEST_DIR");
const PATIENTS: u32 = 1_000;
/// Of each patient; one in four is haemoglobin.
const OBSERVATIONS: u32 = 100;
const LIMITS: Limits = Limits { timeout: Duration::from_secs(60), max_rows: 100_000 };
const ROUNDS: usize = 5;
const DRAWS: usize = 100_000;

fn main() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(bench())?.hand_over()
}

fn question() -> Question {
    Question {
        system: "http://loinc.org".into(),
        code: "718-7".into(),
        unit: "g/dL".into(),
        category: Category::Laboratory,
        cohort: Cohort {
            sex: None,
            age: Some(AgeBand { from: 18, to: 120 }),
            from: 2000 * WEEK,
            until: 2900 * WEEK,
        },
        measure: Measure::Mean { bounds: Bounds { lower: 50, upper: 200, scale: 1 } },
        contributions: 4,
    }
}

async fn bench() -> Result<Report> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("hospital.sqlite");
    let patients = fill(&path).await?;
    let mapping = Mapping::load(&Path::new(HERE).join("mappings/synthea.toml"))?;
    let mut kept = mapping;
    kept.scopes.retain(|scope| ["patient", "observations"].contains(&scope.id.as_str()));
    let adapter = SqliteAdapter::open(&path, kept, LIMITS).await?;
    let question = question();

    let (mut own, mut whole) = (Duration::MAX, Duration::MAX);
    let mut counted = None;
    for _ in 0..ROUNDS {
        own = own.min(database_alone(&adapter, &patients).await?);
        let started = Instant::now();
        counted = Some(count(&adapter, &question, &patients, &[7; 32]).await?);
        whole = whole.min(started.elapsed());
    }
    let tally = counted.expect("one round at least").tally;
    let people = tally.exact(Quantity::Patients)[0];
    ensure!(people == i64::from(PATIENTS), "{people} patients were counted, there are {PATIENTS}");
    let taken = tally.exact(Quantity::Contributions)[0];
    ensure!(taken == i64::from(4 * PATIENTS), "{taken} contributions were taken");

    let started = Instant::now();
    let parts = plan(&question, 1_000_000)?;
    let mut numbers = Vec::new();
    for part in &parts {
        numbers.push(release(part, tally.exact(part.quantity))?.numbers);
    }
    conclude(&question, &numbers, 11)?;
    let noise = started.elapsed();
    let started = Instant::now();
    release(&parts[0], vec![0; DRAWS])?;
    let draw = started.elapsed().as_secs_f64() / DRAWS as f64;

    let row = |name: &str, value: f64, unit: &str, bound: Option<f64>, note: &str| {
        Row::new(name, (value * 1000.0).round() / 1000.0, unit, bound, note)
    };
    Ok(Report {
        setup: format!(
            "{PATIENTS} patients with {OBSERVATIONS} observations each, a quarter of them asked for; Synthea's mapping; SQLite \
             on this machine's disk; the best of {ROUNDS} rounds."
        ),
        timer: "rows of everybody, resources as far as a question looks, cohort, clamping, the newest four of each, sums"
            .into(),
        rows: vec![
            row(
                "aggregate over 100,000 observations, beside the database's own time",
                whole.saturating_sub(own).as_secs_f64(),
                "s",
                Some(1.0),
                "",
            ),
            row("all of it", whole.as_secs_f64(), "s", None, ""),
            row("baseline: the same statements, their rows fetched and keys read", own.as_secs_f64(), "s", None, ""),
            row("noise of a mean: three releases priced and drawn", noise.as_secs_f64() * 1000.0, "ms", None, ""),
            row("one draw of discrete Laplace, scale 4", draw * 1e6, "µs", None, ""),
        ],
    })
}

/// The very statements, with nothing built but keys.
async fn database_alone(adapter: &SqliteAdapter, patients: &[String]) -> Result<Duration> {
    use futures::{StreamExt, TryStreamExt};
    let bare: Vec<_> = adapter.scopes().iter().map(|scope| scope.narrowed(&[])).collect();
    let started = Instant::now();
    let reads =
        patients.iter().flat_map(|patient| bare.iter().map(move |scope| adapter.rows(scope, patient)));
    let rows: Vec<usize> =
        futures::stream::iter(reads).buffered(4).map_ok(|rows| rows.len()).try_collect().await?;
    let took = started.elapsed();
    let read: usize = rows.iter().sum();
    ensure!(read == (PATIENTS * (OBSERVATIONS + 1)) as usize, "{read} rows were read");
    Ok(took)
}

async fn fill(path: &Path) -> Result<Vec<String>> {
    let mut database = SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await?;
    sqlx::raw_sql(
        "CREATE TABLE patients (Id TEXT PRIMARY KEY, BIRTHDATE TEXT, DEATHDATE TEXT, PREFIX TEXT, FIRST TEXT, MIDDLE TEXT,
           LAST TEXT, ADDRESS TEXT, CITY TEXT, STATE TEXT, ZIP TEXT, GENDER TEXT, MARITAL TEXT);
         CREATE TABLE observations (DATE TEXT, PATIENT TEXT, ENCOUNTER TEXT, CATEGORY TEXT, CODE TEXT, DESCRIPTION TEXT,
           VALUE TEXT, UNITS TEXT, TYPE TEXT);",
    )
    .execute(&mut database)
    .await?;
    let patients: Vec<String> = (0..PATIENTS).map(|n| format!("00000000-0000-0000-0000-{n:012}")).collect();
    let mut tx = database.begin().await?;
    for (n, patient) in patients.iter().enumerate() {
        sqlx::query("INSERT INTO patients (Id, BIRTHDATE, GENDER, LAST) VALUES (?, ?, ?, 'Example')")
            .bind(patient)
            .bind(format!("{}-06-15", 1930 + n % 60))
            .bind(if n % 2 == 0 { "F" } else { "M" })
            .execute(&mut *tx)
            .await?;
        let mut insert = QueryBuilder::new("INSERT INTO observations ");
        insert.push_values(0..OBSERVATIONS, |mut row, o| {
            let (code, category, unit) = match o % 4 {
                0 => ("718-7", "laboratory", "g/dL"),
                1 => ("4548-4", "laboratory", "%"),
                2 => ("8302-2", "vital-signs", "cm"),
                _ => ("29463-7", "vital-signs", "kg"),
            };
            row.push_bind(format!("20{:02}-{:02}-11T09:30:00Z", 10 + o / 12, 1 + o % 12));
            row.push_bind(patient.as_str());
            row.push_bind(format!("11111111-0000-0000-0000-{o:012}"));
            row.push_bind(category).push_bind(code).push_bind("a measurement");
            row.push_bind(format!("{}.{}", 10 + (n as u32 + o) % 8, o % 10));
            row.push_bind(unit).push_bind("numeric");
        });
        insert.build().execute(&mut *tx).await?;
    }
    tx.commit().await?;
    sqlx::raw_sql("CREATE INDEX observations_patient ON observations (PATIENT)")
        .execute(&mut database)
        .await?;
    database.close().await?;
    Ok(patients)
}
