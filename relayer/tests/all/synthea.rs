//! The shipped mapping on the shipped sample: every row of the mapped tables becomes a record that commits.

use std::{io::Read, path::Path, time::Duration};

use flate2::read::GzDecoder;
use medrec_record::{Context, RecordKey, commit};
use medrec_relayer::adapter::{Adapter, Limits, Mapping, SqliteAdapter};
use sqlx::{AssertSqlSafe, ConnectOptions, QueryBuilder, SqliteConnection, sqlite::SqliteConnectOptions};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/synthea-sample");
/// Scope and table.
const SCOPES: [(&str, &str); 8] = [
    ("allergies", "allergies"),
    ("conditions", "conditions"),
    ("encounters", "encounters"),
    ("immunizations", "immunizations"),
    ("medications", "medications"),
    ("observations", "observations"),
    ("patient", "patients"),
    ("procedures", "procedures"),
];

/// Loads a table of the sample, every column TEXT; the number of rows.
async fn load(connection: &mut SqliteConnection, table: &str) -> usize {
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
    rows.len()
}

#[tokio::test]
async fn every_row_of_the_sample_is_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hospital.sqlite");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let mut expected = Vec::new();
    for (scope, table) in SCOPES {
        expected.push((scope, load(&mut connection, table).await));
    }
    let patients: Vec<String> =
        sqlx::query_scalar("SELECT Id FROM patients").fetch_all(&mut connection).await.unwrap();

    let mapping =
        Mapping::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/synthea.toml"))).unwrap();
    let limits = Limits { timeout: Duration::from_secs(30), max_rows: 20_000 };
    let adapter = SqliteAdapter::open(&path, mapping, limits).await.unwrap();
    let mut found = Vec::new();
    let mut quantities = 0;
    for scope in adapter.scopes() {
        let mut count = 0;
        for patient in &patients {
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
                quantities += usize::from(text.contains("\"valueQuantity\":{"));
                count += 1;
            }
        }
        found.push((scope.id.as_str(), count));
    }
    assert_eq!(found, expected);
    let numeric: i64 = sqlx::query_scalar("SELECT count(*) FROM observations WHERE TYPE = 'numeric'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(quantities, numeric as usize);
}

#[tokio::test]
async fn a_resource_of_each_scope_looks_as_fhir_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hospital.sqlite");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    for (_, table) in SCOPES {
        load(&mut connection, table).await;
    }
    let mapping =
        Mapping::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/mappings/synthea.toml"))).unwrap();
    let limits = Limits { timeout: Duration::from_secs(30), max_rows: 20_000 };
    let adapter = SqliteAdapter::open(&path, mapping, limits).await.unwrap();
    let patient: String =
        sqlx::query_scalar("SELECT PATIENT FROM allergies WHERE REACTION1 <> '' ORDER BY PATIENT LIMIT 1")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    // Elements that R4 requires (cardinality 1..), beside resourceType.
    for (scope, required) in [
        ("allergies", &["/patient/reference"][..]),
        ("conditions", &["/subject/reference"]),
        ("encounters", &["/status", "/class/code"]),
        (
            "immunizations",
            &["/status", "/vaccineCode/coding/0/code", "/patient/reference", "/occurrenceDateTime"],
        ),
        (
            "medications",
            &["/status", "/intent", "/medicationCodeableConcept/coding/0/code", "/subject/reference"],
        ),
        ("observations", &["/status", "/code/coding/0/code"]),
        ("patient", &["/id"]),
        ("procedures", &["/status", "/subject/reference"]),
    ] {
        let scope = adapter.scope(scope).unwrap();
        for record in adapter.read(scope, &patient).await.unwrap() {
            assert_eq!(record.resource["resourceType"], scope.resource_type);
            for pointer in required {
                assert!(
                    record.resource.pointer(pointer).is_some(),
                    "{} {pointer}: {}",
                    scope.id,
                    record.resource
                );
            }
        }
    }
}
