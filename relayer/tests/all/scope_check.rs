//! `scope check`: findings with their place in the mapping, and none for the shipped mapping on the shipped sample.

use std::path::Path;

use medrec_relayer::adapter::{
    Adapter, Limits, Mapping, SqliteAdapter,
    check::{Report, check},
    r4::Tables,
};
use sqlx::{AssertSqlSafe, ConnectOptions, sqlite::SqliteConnectOptions};

use crate::{conformance::LIMITS, synthea};

async fn run(schema: &str, mapping: &str, patients: &[&str]) -> Vec<Report> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(schema.to_owned())).execute(&mut connection).await.unwrap();
    let mapping = Mapping::parse(mapping, Path::new("mapping.toml")).unwrap();
    let adapter = SqliteAdapter::open(&path, mapping, LIMITS).await.unwrap();
    let patients: Vec<String> = patients.iter().map(|id| (*id).to_owned()).collect();
    check(&adapter, &Tables::new().unwrap(), &patients).await
}

const MAPPING: &str = "[scopes.labs]
resource = 'Observation'
key = 'k'
sql = 'SELECT * FROM labs WHERE patient = :patient ORDER BY k'
fields = [
    { column = 'status', to = '/status', type = 'code' },
    { column = 'code', to = '/code/text', type = 'string' },
    { column = 'value', to = '/valueQuantity/value', type = 'decimal' },
    { column = 'words', to = '/valueString', type = 'string' },
    { column = 'colour', to = '/colour/0/name', type = 'string' },
]
";

#[tokio::test]
async fn findings_name_row_element_column_and_place() {
    let reports = run(
        "CREATE TABLE labs (k, patient, status, code, value, words, colour);
         INSERT INTO labs VALUES ('a', 'p', 'final', 'x', '1', NULL, NULL),
           ('b', 'p', 'secret', 'x', NULL, NULL, NULL), ('c', 'p', 'final', NULL, '1', 'secret', NULL),
           ('d', 'p', 'final', 'x', 'secret', NULL, NULL), ('e', 'p', 'final', 'x', NULL, NULL, 'secret'),
           ('a', 'q', 'secret', 'x', '1', NULL, NULL), ('a', 'q', 'final', 'x', '1', NULL, NULL);",
        MAPPING,
        &["p", "q"],
    )
    .await;
    let [labs] = reports.as_slice() else { panic!("{reports:?}") };
    assert_eq!((labs.patients, labs.rows, labs.resources), (2, 7, 6));
    let found: Vec<String> = labs
        .findings
        .iter()
        .map(|f| {
            let (row, column) = (f.row.unwrap(), f.column.as_deref().unwrap_or("-"));
            format!("{} {}x{} {} {column} {}", f.patient, row, f.times, f.element, f.place)
        })
        .collect();
    let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
    found.sort_unstable();
    let expected = [
        "1 2x2 Observation.status status mapping.toml:6:16",
        "1 3x1 Observation - mapping.toml:4:7",
        "1 3x1 Observation.valueString words mapping.toml:9:16",
        "1 4x1 Observation - mapping.toml:8:16",
        "1 5x1 Observation.colour colour mapping.toml:10:16",
        "2 2x1 Observation k mapping.toml:3:7",
    ];
    assert_eq!(found, expected);
    assert!(!format!("{reports:?}").contains("secret"));
}

#[tokio::test]
async fn what_the_database_refuses_is_a_finding() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let schema = "CREATE TABLE labs (k, patient, status, code, value, words, colour)";
    sqlx::raw_sql(schema).execute(&mut connection).await.unwrap();
    let mapping = Mapping::parse(MAPPING, Path::new("mapping.toml")).unwrap();
    let adapter = SqliteAdapter::open(&path, mapping, LIMITS).await.unwrap();
    sqlx::raw_sql("DROP TABLE labs").execute(&mut connection).await.unwrap();
    let reports = check(&adapter, &Tables::new().unwrap(), &["p".into()]).await;
    let found = &reports[0].findings[0];
    assert!(found.what.starts_with("mapping.toml:4:7: scope \"labs\"") && found.row.is_none(), "{found:?}");
}

/// A mapping of every value type, lists, optional components and constants that go with a column.
#[tokio::test]
async fn every_value_type_can_be_mapped() {
    let mapping = r#"
[scopes.labs]
resource = "Observation"
key = "k"
sql = "SELECT * FROM labs WHERE patient = :patient ORDER BY k"
constants = { "/status" = "final" }
fields = [
    { column = "k", to = "/code/text", type = "string" },
    { column = "q", to = "/valueQuantity/value", type = "decimal", with = { "/valueQuantity/unit" = "mg" } },
    { column = "c", to = "/valueCodeableConcept/coding/0/code", type = "code", with = { "/valueCodeableConcept/coding/0/system" = "http://snomed.info/sct" } },
    { column = "s", to = "/valueString", type = "string" },
    { column = "b", to = "/valueBoolean", type = "boolean" },
    { column = "i", to = "/valueInteger", type = "integer" },
    { column = "lo", to = "/valueRange/low/value", type = "decimal" },
    { column = "hi", to = "/valueRange/high/value", type = "decimal" },
    { column = "num", to = "/valueRatio/numerator/value", type = "decimal" },
    { column = "den", to = "/valueRatio/denominator/value", type = "decimal" },
    { column = "sampled", to = "/valueSampledData/data", type = "string", with = { "/valueSampledData/origin/value" = 0, "/valueSampledData/period" = 10, "/valueSampledData/dimensions" = 1 } },
    { column = "t", to = "/valueTime", type = "time" },
    { column = "dt", to = "/valueDateTime", type = "dateTime" },
    { column = "start", to = "/valuePeriod/start", type = "dateTime" },
    { column = "names", to = "/component/*/code/text", type = "string" },
    { column = "numbers", to = "/component/*/valueQuantity/value", type = "decimal", with = { "/component/*/valueQuantity/unit" = "mg" } },
]
"#;
    let schema = "CREATE TABLE labs (k, patient, q, c, s, b, i, lo, hi, num, den, sampled, t, dt, start, names, numbers);
        INSERT INTO labs (k, patient, q) VALUES ('a', 'p', '7.10');
        INSERT INTO labs (k, patient, c) VALUES ('b', 'p', '123');
        INSERT INTO labs (k, patient, s) VALUES ('c', 'p', 'clear');
        INSERT INTO labs (k, patient, b) VALUES ('d', 'p', 0);
        INSERT INTO labs (k, patient, i) VALUES ('e', 'p', -3);
        INSERT INTO labs (k, patient, lo, hi) VALUES ('f', 'p', '1.0', '2.50');
        INSERT INTO labs (k, patient, num, den) VALUES ('g', 'p', '1', '128');
        INSERT INTO labs (k, patient, sampled) VALUES ('h', 'p', '1 2 E');
        INSERT INTO labs (k, patient, t) VALUES ('i', 'p', '10:15:00');
        INSERT INTO labs (k, patient, dt) VALUES ('j', 'p', '2026-01');
        INSERT INTO labs (k, patient, start) VALUES ('k', 'p', '2026-01-01');
        INSERT INTO labs (k, patient, names, numbers)
            VALUES ('l', 'p', json_array('x', 'y', 'z'), '[\"1.50\", null, 2.0]');";
    let reports = run(schema, mapping, &["p"]).await;
    assert_eq!((reports[0].resources, reports[0].findings.len()), (12, 0), "{reports:?}");

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(schema.to_owned())).execute(&mut connection).await.unwrap();
    let mapping = Mapping::parse(mapping, Path::new("mapping.toml")).unwrap();
    let adapter = SqliteAdapter::open(&path, mapping, LIMITS).await.unwrap();
    let records = adapter.read(&adapter.scopes()[0], "p").await.unwrap();
    let last = records.last().unwrap().resource["component"].to_string();
    let expected = "[{\"code\":{\"text\":\"x\"},\"valueQuantity\":{\"unit\":\"mg\",\"value\":1.50}},\
        {\"code\":{\"text\":\"y\"}},{\"code\":{\"text\":\"z\"},\"valueQuantity\":{\"unit\":\"mg\",\"value\":2.0}}]";
    assert_eq!(last, expected);
    assert_eq!(
        records[5].resource["valueRange"].to_string(),
        r#"{"high":{"value":2.50},"low":{"value":1.0}}"#
    );
}

#[tokio::test]
async fn the_shipped_mapping_has_no_findings_on_the_sample() {
    let sample = synthea::Sample::load().await;
    let limits = Limits { max_rows: 20_000, ..LIMITS };
    let adapter = sample.adapter(limits).await;
    let patients = adapter.patients(usize::MAX).await.unwrap().unwrap();
    assert_eq!(patients.len(), 35);
    for report in check(&adapter, &Tables::new().unwrap(), &patients).await {
        assert!(report.findings.is_empty(), "{report:?}");
        assert!(report.resources > 0 && report.resources == report.rows, "{report:?}");
    }
}
