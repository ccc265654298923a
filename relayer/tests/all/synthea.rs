//! The shipped mapping on the shipped sample: every row of the mapped tables is in a record that commits.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read,
    path::Path,
};

use flate2::read::GzDecoder;
use medrec_record::{Context, RecordKey, commit};
use medrec_relayer::adapter::{Adapter, Limits, Mapping, SqliteAdapter};
use sqlx::{AssertSqlSafe, ConnectOptions, QueryBuilder, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::conformance::LIMITS;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/synthea-sample");
const MAPPING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/synthea.toml");
const TABLES: [&str; 8] = [
    "allergies",
    "conditions",
    "encounters",
    "immunizations",
    "medications",
    "observations",
    "patients",
    "procedures",
];

/// The sample in a database, and its rows by table as the CSV has them.
pub struct Sample {
    dir: tempfile::TempDir,
    rows: BTreeMap<&'static str, Vec<BTreeMap<String, String>>>,
}

impl Sample {
    pub async fn load() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options =
            SqliteConnectOptions::new().filename(dir.path().join("hospital.sqlite")).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        let mut rows = BTreeMap::new();
        for table in TABLES {
            rows.insert(table, load(&mut connection, table).await);
        }
        Self { dir, rows }
    }

    pub async fn adapter(&self, limits: Limits) -> SqliteAdapter {
        let mapping = Mapping::load(Path::new(MAPPING)).unwrap();
        SqliteAdapter::open(&self.dir.path().join("hospital.sqlite"), mapping, limits).await.unwrap()
    }

    /// Distinct values of some columns of the observations that `wanted` takes.
    fn distinct(&self, columns: &[&str], wanted: impl Fn(&BTreeMap<String, String>) -> bool) -> usize {
        let rows = self.rows["observations"].iter().filter(|row| wanted(row));
        rows.map(|row| columns.iter().map(|c| row[*c].as_str()).collect())
            .collect::<BTreeSet<Vec<&str>>>()
            .len()
    }
}

/// Loads a table of the sample, every column TEXT.
async fn load(connection: &mut SqliteConnection, table: &str) -> Vec<BTreeMap<String, String>> {
    let file = std::fs::File::open(format!("{SAMPLE}/{table}.csv.gz")).unwrap();
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let columns: Vec<String> = csv.headers().unwrap().iter().map(|name| format!("\"{name}\" TEXT")).collect();
    let create = format!("CREATE TABLE {table} ({})", columns.join(", "));
    sqlx::query(AssertSqlSafe(create)).execute(&mut *connection).await.unwrap();
    let rows: Vec<csv::StringRecord> = csv.records().collect::<Result<_, _>>().unwrap();
    for chunk in rows.chunks(500) {
        let mut insert = QueryBuilder::new(format!("INSERT INTO {table} "));
        insert.push_values(chunk, |mut row, record| {
            for cell in record {
                row.push_bind(cell.to_owned());
            }
        });
        insert.build().execute(&mut *connection).await.unwrap();
    }
    let key = if table == "patients" { "Id" } else { "PATIENT" };
    let index = format!("CREATE INDEX {table}_by_patient ON {table} (\"{key}\")");
    sqlx::query(AssertSqlSafe(index)).execute(connection).await.unwrap();
    let header = csv.headers().unwrap().clone();
    rows.iter().map(|row| row.deserialize(Some(&header)).unwrap()).collect()
}

#[tokio::test]
async fn every_row_of_the_sample_is_in_a_record() {
    let sample = Sample::load().await;
    let rows = |table: &str| sample.rows[table].len();
    let pressure = |row: &BTreeMap<String, String>| ["8480-6", "8462-4"].contains(&row["CODE"].as_str());
    let pressures = sample.rows["observations"].iter().filter(|row| pressure(row)).count();
    // One panel for each measurement, which has both.
    let panels = sample.distinct(&["PATIENT", "DATE", "ENCOUNTER"], pressure);
    assert_eq!(pressures, 2 * panels);
    let laboratory = |row: &BTreeMap<String, String>| row["CATEGORY"] == "laboratory";
    let expected = [
        ("allergies", rows("allergies")),
        ("conditions", rows("conditions")),
        ("encounters", rows("encounters")),
        ("immunizations", rows("immunizations")),
        ("medications", rows("medications")),
        ("observations", rows("observations") - panels),
        ("patient", rows("patients")),
        ("procedures", rows("procedures")),
        ("reports", sample.distinct(&["PATIENT", "ENCOUNTER"], laboratory)),
    ];

    let adapter = sample.adapter(Limits { max_rows: 20_000, ..LIMITS }).await;
    let (mut found, mut quantities, mut results, mut ids) = (Vec::new(), 0, BTreeSet::new(), BTreeSet::new());
    for scope in adapter.scopes() {
        let mut count = 0;
        for patient in sample.rows["patients"].iter().map(|row| &row["Id"]) {
            for record in adapter.read(scope, patient).await.unwrap() {
                let context = Context {
                    log_origin: "log.test".into(),
                    relationship_ref: [1; 32],
                    record_id: [2; 16],
                    version: 1,
                    scope_hash: scope.hash,
                    resource_type: scope.resource_type.clone(),
                };
                commit(&RecordKey::from_bytes([3; 32]), &context, &record.resource).unwrap();
                // The patient of every record is the one asked for.
                let text = record.resource.to_string();
                assert!(text.contains(patient.as_str()), "{text}");
                quantities += text.matches("\"valueQuantity\":{").count();
                for result in record.resource["result"].as_array().into_iter().flatten() {
                    results.insert(result["reference"].as_str().unwrap().to_owned());
                }
                if scope.id == "observations" {
                    ids.insert(format!("Observation/{}", record.resource["id"].as_str().unwrap()));
                }
                count += 1;
            }
        }
        found.push((scope.id.as_str(), count));
    }
    assert_eq!(found, expected);
    assert_eq!(quantities, sample.rows["observations"].iter().filter(|row| row["TYPE"] == "numeric").count());
    // Reports refer to observations that are there, to all of the laboratory's.
    assert_eq!(ids.len(), rows("observations") - panels);
    assert!(results.is_subset(&ids));
    assert_eq!(results.len(), sample.rows["observations"].iter().filter(|row| laboratory(row)).count());
}
