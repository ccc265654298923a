//! What is in the files, by plain SQL.

use std::collections::BTreeMap;

use medrec_pilot::Hospitals;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection};

use super::{Written, sample};

/// Scope and the statement that counts its records: patient, number.
type Counts = &'static [(&'static str, &'static str)];

const COLUMNS: Counts = &[
    ("patient", "SELECT Id, count(*) FROM patients GROUP BY 1"),
    ("encounters", "SELECT PATIENT, count(*) FROM encounters GROUP BY 1"),
    ("conditions", "SELECT PATIENT, count(*) FROM conditions GROUP BY 1"),
    ("medications", "SELECT PATIENT, count(*) FROM medications GROUP BY 1"),
    ("procedures", "SELECT PATIENT, count(*) FROM procedures GROUP BY 1"),
    ("immunizations", "SELECT PATIENT, count(*) FROM immunizations GROUP BY 1"),
    ("allergies", "SELECT PATIENT, count(*) FROM allergies GROUP BY 1"),
    // Each systolic pressure of the sample has its diastolic one.
    ("observations", "SELECT PATIENT, count(*) FROM observations WHERE CODE <> '8462-4' GROUP BY 1"),
    (
        "reports",
        "SELECT PATIENT, count(DISTINCT ENCOUNTER) FROM observations
         WHERE CATEGORY = 'laboratory' AND ENCOUNTER <> '' GROUP BY 1",
    ),
];

const OMOP: Counts = &[
    ("patient", "SELECT person_source_value, count(*) FROM person GROUP BY 1"),
    (
        "encounters",
        "SELECT person_source_value, count(*) FROM visit_occurrence JOIN person USING (person_id) GROUP BY 1",
    ),
    (
        "conditions",
        "SELECT person_source_value, count(*) FROM condition_occurrence JOIN person USING (person_id) GROUP BY 1",
    ),
    (
        "medications",
        "SELECT person_source_value, count(*) FROM drug_exposure JOIN person USING (person_id)
         WHERE drug_concept_id IN (SELECT concept_id FROM concept WHERE vocabulary_id = 'RxNorm') GROUP BY 1",
    ),
    (
        "procedures",
        "SELECT person_source_value, count(*) FROM procedure_occurrence JOIN person USING (person_id) GROUP BY 1",
    ),
    (
        "immunizations",
        "SELECT person_source_value, count(*) FROM drug_exposure JOIN person USING (person_id)
         WHERE drug_concept_id IN (SELECT concept_id FROM concept WHERE vocabulary_id = 'CVX') GROUP BY 1",
    ),
    (
        "allergies",
        "SELECT person_source_value, count(*) FROM observation JOIN person USING (person_id)
         WHERE value_as_concept_id IS NOT NULL GROUP BY 1",
    ),
    (
        "observations",
        "SELECT person_source_value, count(*) FROM (
             SELECT person_id FROM measurement JOIN concept ON concept_id = measurement_concept_id
             WHERE concept_code <> '8462-4'
             UNION ALL SELECT person_id FROM observation WHERE value_as_concept_id IS NULL
         ) JOIN person USING (person_id) GROUP BY 1",
    ),
];

/// Boxes of VISITS.
const BOXES: [(&str, &str, usize); 5] = [
    ("conditions", "DX", 5),
    ("procedures", "PROC", 5),
    ("medications", "MED", 4),
    ("immunizations", "VAC", 3),
    ("allergies", "ALG", 5),
];

async fn open(written: &Written, hospital: usize) -> SqliteConnection {
    let file = written.database(&written.hospitals.all[hospital]);
    SqliteConnectOptions::new().filename(file).read_only(true).connect().await.unwrap()
}

async fn counts(database: &mut SqliteConnection, sql: &str) -> BTreeMap<String, u64> {
    let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(database).await.unwrap();
    let count = |row: &sqlx::sqlite::SqliteRow| u64::try_from(row.get::<i64, _>(1)).unwrap();
    rows.iter().map(|row| (row.get(0), count(row))).filter(|(_, count)| *count > 0).collect()
}

/// Against the counts from the CSV, of every patient.
fn compare(written: &Written, hospital: usize, scope: &str, found: &BTreeMap<String, u64>) {
    let hospital = &written.hospitals.all[hospital];
    let expected: BTreeMap<String, u64> = hospital
        .richest(usize::MAX)
        .iter()
        .map(|patient| (hospital.local_id(patient).unwrap(), hospital.rows_of(patient, scope)))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert!(!expected.is_empty(), "{}: no {scope}", hospital.slug);
    assert_eq!(*found, expected, "{}: {scope}", hospital.slug);
}

#[tokio::test]
async fn every_row_of_the_csv_is_written_once() {
    let written = Written::new().await;
    for (hospital, statements) in [COLUMNS, OMOP].into_iter().enumerate() {
        let mut database = open(&written, hospital).await;
        for (scope, sql) in statements {
            compare(&written, hospital, scope, &counts(&mut database, sql).await);
        }
    }
    assert!(
        written.hospitals.all[1]
            .richest(usize::MAX)
            .iter()
            .all(|patient| { written.hospitals.all[1].rows_of(patient, "reports") == 0 })
    );
}

#[tokio::test]
async fn every_row_of_the_csv_is_in_a_box_of_the_wide_tables() {
    let written = Written::new().await;
    let mut database = open(&written, 2).await;
    let lines = [
        ("patient", "SELECT PAT_NO, count(*) FROM PATMAST GROUP BY 1"),
        ("encounters", "SELECT PAT_NO, count(DISTINCT VISIT_NO) FROM VISITS GROUP BY 1"),
    ];
    for (scope, sql) in lines {
        compare(&written, 2, scope, &counts(&mut database, sql).await);
    }
    for (scope, name, room) in BOXES {
        let filled: Vec<String> = (1..=room).map(|n| format!("({name}{n} IS NOT NULL)")).collect();
        let sql = format!("SELECT PAT_NO, sum({}) FROM VISITS GROUP BY 1", filled.join(" + "));
        compare(&written, 2, scope, &counts(&mut database, &sql).await);
    }
    let columns =
        sqlx::query("SELECT name FROM pragma_table_info('LABS')").fetch_all(&mut database).await.unwrap();
    let values: Vec<String> =
        columns.iter().map(|row| row.get(0)).filter(|name: &String| name.ends_with("_VAL")).collect();
    let filled = |names: &[&String]| {
        let filled: Vec<String> = names.iter().map(|name| format!("({name} IS NOT NULL)")).collect();
        filled.join(" + ")
    };
    let all = filled(&values.iter().collect::<Vec<_>>());
    let sql = format!("SELECT PAT_NO, sum({all} + (BP_SYS IS NOT NULL)) FROM LABS GROUP BY 1");
    compare(&written, 2, "observations", &counts(&mut database, &sql).await);
    let ward = ["HT_VAL", "WT_VAL", "BMI_VAL", "PULSE_VAL", "RESP_VAL", "TEMP_VAL", "PAIN_VAL"];
    let laboratory: Vec<&String> = values.iter().filter(|name| !ward.contains(&name.as_str())).collect();
    let sql = format!(
        "SELECT PAT_NO, count(*) FROM LABS WHERE SRC IS NULL AND {} > 0 GROUP BY 1",
        filled(&laboratory)
    );
    compare(&written, 2, "reports", &counts(&mut database, &sql).await);
    let times = "SELECT count(*) FROM LABS WHERE LDATE NOT GLOB '[0-3][0-9].[01][0-9].[12][0-9][0-9][0-9]'";
    let odd: i64 = sqlx::query_scalar(times).fetch_one(&mut database).await.unwrap();
    assert_eq!(odd, 0, "a day is not DD.MM.YYYY");
}

#[tokio::test]
async fn no_id_of_synthea_is_in_any_file() {
    let written = Written::new().await;
    for hospital in &written.hospitals.all {
        let bytes = std::fs::read(written.database(hospital)).unwrap();
        let found = bytes.windows(36).find(|window| is_uuid(window));
        assert!(found.is_none(), "{}: {:?}", hospital.slug, found.map(String::from_utf8_lossy));
        for patient in hospital.richest(usize::MAX) {
            assert!(is_uuid(patient.as_bytes()), "{patient} would not be found");
        }
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[tokio::test]
async fn the_same_sample_gives_the_same_bytes() {
    let (first, second) = (Written::new().await, Written::new().await);
    for (one, other) in first.hospitals.all.iter().zip(&second.hospitals.all) {
        let bytes = |written: &Written, hospital| std::fs::read(written.database(hospital)).unwrap();
        assert!(bytes(&first, one) == bytes(&second, other), "{}", one.slug);
    }
    let again = Hospitals::of(&sample()).unwrap();
    assert_eq!(again.shared_patients(9), first.hospitals.shared_patients(9));
}
