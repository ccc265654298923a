//! A hospital's own database, made from the Synthea sample: every row of the organisation that treated.
//!
//! The counts a scenario expects are taken from the CSV here, never from MedRec.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

/// Systolic and diastolic pressure: one measurement of both is one record.
const BLOOD_PRESSURE: [&str; 2] = ["8480-6", "8462-4"];

/// Tables whose rows become records; `patients` first.
pub const TABLES: [&str; 8] = [
    "patients",
    "encounters",
    "conditions",
    "observations",
    "medications",
    "procedures",
    "immunizations",
    "allergies",
];

/// One table of the sample: header and rows, as the CSV has them.
struct Csv {
    header: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

/// What one hospital holds.
pub struct Hospital {
    tables: BTreeMap<&'static str, Csv>,
    /// Records a patient has, by the hospital's own patient id, under the tables' names and `reports`.
    pub expected: BTreeMap<String, BTreeMap<&'static str, u64>>,
}

impl Hospital {
    /// The organisation of the sample that treated the most patients, with every row it made.
    pub fn busiest(sample: &Path) -> Result<Self> {
        let encounters = read(sample, "encounters")?;
        let (patient, organization, id) =
            (encounters.column("PATIENT")?, encounters.column("ORGANIZATION")?, encounters.column("Id")?);
        let mut treated: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in &encounters.rows {
            treated.entry(&row[organization]).or_default().insert(&row[patient]);
        }
        let Some((busiest, patients)) = treated.iter().max_by_key(|(_, patients)| patients.len()) else {
            bail!("{}: encounters has no rows", sample.display());
        };
        let here: BTreeSet<&str> =
            encounters.rows.iter().filter(|row| &row[organization] == *busiest).map(|row| &row[id]).collect();
        let mut tables = BTreeMap::new();
        for table in TABLES {
            let mut csv = read(sample, table)?;
            match table {
                "patients" => {
                    let column = csv.column("Id")?;
                    csv.rows.retain(|row| patients.contains(&row[column]));
                }
                _ => {
                    let column = csv.column(if table == "encounters" { "Id" } else { "ENCOUNTER" })?;
                    csv.rows.retain(|row| here.contains(&row[column]));
                }
            }
            tables.insert(table, csv);
        }
        let expected = count(&tables)?;
        Ok(Self { tables, expected })
    }

    /// The `n` patients with the most records.
    pub fn richest(&self, n: usize) -> Vec<String> {
        let mut patients: Vec<(u64, &String)> =
            self.expected.iter().map(|(id, tables)| (tables.values().sum(), id)).collect();
        patients.sort_by(|a, b| b.cmp(a));
        patients.into_iter().take(n).map(|(_, id)| id.clone()).collect()
    }

    /// All records of one patient.
    pub fn records_of(&self, patient: &str) -> u64 {
        self.expected.get(patient).map_or(0, |tables| tables.values().sum())
    }

    /// Records of one patient under one name.
    pub fn rows_of(&self, patient: &str, name: &str) -> u64 {
        self.expected.get(patient).and_then(|names| names.get(name)).copied().unwrap_or(0)
    }

    /// Writes the tables into a new SQLite file, columns as the CSV names them, all text.
    pub async fn write_sqlite(&self, file: &Path) -> Result<()> {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let mut database =
            SqliteConnection::connect_with(&options).await.context("create the hospital's database")?;
        let mut transaction = database.begin().await?;
        for (table, csv) in &self.tables {
            let columns: Vec<String> = csv.header.iter().map(|name| format!("\"{name}\" TEXT")).collect();
            transaction
                .execute(AssertSqlSafe(format!("CREATE TABLE {table} ({})", columns.join(", "))))
                .await?;
            let places = vec!["?"; csv.header.len()].join(", ");
            let insert = format!("INSERT INTO {table} VALUES ({places})");
            for row in &csv.rows {
                let mut query = sqlx::query(AssertSqlSafe(insert.clone()));
                for value in row {
                    query = query.bind(value.to_owned());
                }
                query.execute(&mut *transaction).await.with_context(|| format!("insert into {table}"))?;
            }
            let key = if *table == "patients" { "Id" } else { "PATIENT" };
            transaction
                .execute(AssertSqlSafe(format!("CREATE INDEX {table}_patient ON {table} (\"{key}\")")))
                .await?;
        }
        transaction.commit().await?;
        Ok(database.close().await?)
    }
}

/// One record a row, but for observations: pressures of one measurement are one, and the laboratory's of one encounter
/// make a report besides.
fn count(tables: &BTreeMap<&'static str, Csv>) -> Result<BTreeMap<String, BTreeMap<&'static str, u64>>> {
    let mut expected: BTreeMap<String, BTreeMap<&'static str, u64>> = BTreeMap::new();
    let mut add = |patient: &str, name: &'static str, records: u64| {
        let n = expected.entry(patient.to_owned()).or_default().entry(name).or_default();
        *n = n.saturating_add(records);
    };
    for (table, csv) in tables {
        let patient = csv.column(if *table == "patients" { "Id" } else { "PATIENT" })?;
        if *table != "observations" {
            csv.rows.iter().for_each(|row| add(&row[patient], table, 1));
            continue;
        }
        let [date, encounter, code, category] =
            [csv.column("DATE")?, csv.column("ENCOUNTER")?, csv.column("CODE")?, csv.column("CATEGORY")?];
        let mut pressures: BTreeMap<(&str, &str, &str), [u64; 2]> = BTreeMap::new();
        let mut reports: BTreeSet<(&str, &str)> = BTreeSet::new();
        for row in &csv.rows {
            let measurement = (&row[patient], &row[date], &row[encounter]);
            match BLOOD_PRESSURE.iter().position(|pressure| *pressure == &row[code]) {
                Some(which) => {
                    let counts = pressures.entry(measurement).or_default();
                    counts[which] = counts[which].saturating_add(1);
                }
                None => add(&row[patient], table, 1),
            }
            if &row[category] == "laboratory" && !row[encounter].is_empty() {
                reports.insert((&row[patient], &row[encounter]));
            }
        }
        pressures.iter().for_each(|((patient, ..), counts)| add(patient, table, counts[0].max(counts[1])));
        reports.iter().for_each(|(patient, _)| add(patient, "reports", 1));
    }
    Ok(expected)
}

fn read(sample: &Path, table: &str) -> Result<Csv> {
    let path = sample.join(format!("{table}.csv.gz"));
    let file = std::fs::File::open(&path).with_context(|| format!("open {}", path.display()))?;
    let mut reader = csv::Reader::from_reader(GzDecoder::new(file));
    let header = reader.headers()?.iter().map(str::to_owned).collect();
    let rows =
        reader.records().collect::<Result<_, _>>().with_context(|| format!("read {}", path.display()))?;
    Ok(Csv { header, rows })
}

impl Csv {
    fn column(&self, name: &str) -> Result<usize> {
        match self.header.iter().position(|column| column == name) {
            Some(index) => Ok(index),
            None => bail!("no column {name} among {:?}", self.header),
        }
    }
}
