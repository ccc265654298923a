//! Which records are one fact, and that it can be seen in what hospitals show.

use std::collections::{BTreeMap, BTreeSet};

use medrec_pilot::RecordKey;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use super::{Written, read};

/// What a reader of a record can compare.
#[derive(Debug)]
struct Shown {
    code: String,
    day: String,
    number: Option<f64>,
}

type Record<'a> = (&'a RecordKey, &'a Shown);

/// Every record of a patient, by what names it.
async fn shown(written: &Written, patient: &str) -> BTreeMap<RecordKey, Shown> {
    let mut all = BTreeMap::new();
    for hospital in &written.hospitals.all {
        let adapter = written.adapter(hospital).await;
        for (scope, records) in read(&adapter, &hospital.local_id(patient).unwrap()).await {
            for record in records {
                let text = |pointer: &str| record.resource.pointer(pointer).and_then(Value::as_str);
                let id = text("/identifier/0/value").unwrap().to_owned();
                let when = ["/onsetDateTime", "/effectiveDateTime", "/occurrenceDateTime", "/recordedDate"];
                let code = text("/code/coding/0/code").or_else(|| text("/vaccineCode/coding/0/code"));
                let number = record.resource.pointer("/valueQuantity/value").and_then(Value::as_f64);
                let shown = Shown {
                    code: code.unwrap_or_default().to_owned(),
                    day: when
                        .iter()
                        .find_map(|place| text(place))
                        .unwrap_or_default()
                        .chars()
                        .take(10)
                        .collect(),
                    number,
                };
                let key = RecordKey { hospital: hospital.slug.clone(), scope: scope.clone(), id };
                assert!(all.insert(key.clone(), shown).is_none(), "{key:?} comes twice");
            }
        }
    }
    all
}

#[tokio::test]
async fn records_of_one_fact_agree_in_code_day_and_rounded_value() {
    let written = Written::new().await;
    let mut scopes: BTreeMap<String, usize> = BTreeMap::new();
    for patient in written.hospitals.shared_patients(usize::MAX) {
        let shown = shown(&written, &patient).await;
        for fact in written.hospitals.truth(&patient).same {
            let hospitals: BTreeSet<&str> = fact.iter().map(|key| key.hospital.as_str()).collect();
            assert_eq!(hospitals.len(), fact.len(), "a hospital has a fact twice: {fact:?}");
            assert!(fact.len() > 1);
            let records: Vec<&Shown> = fact.iter().map(|key| shown.get(key).unwrap()).collect();
            for other in &records[1..] {
                assert_eq!((&records[0].code, &records[0].day), (&other.code, &other.day), "{fact:?}");
                assert!(!other.code.is_empty() && !other.day.is_empty(), "{fact:?}");
                let apart = records[0].number.unwrap_or(0.0) - other.number.unwrap_or(0.0);
                assert!(apart.abs() <= 1.0, "{fact:?}: {apart}");
            }
            *scopes.entry(fact.first().unwrap().scope.clone()).or_default() += 1;
        }
    }
    let found: Vec<&str> = scopes.keys().map(String::as_str).collect();
    assert_eq!(found, ["allergies", "conditions", "immunizations", "observations"], "{scopes:?}");
}

/// Every row that says it came from elsewhere is in the truth, and no other: a set of n records has n - 1 copies.
#[tokio::test]
async fn truth_has_every_copy() {
    let written = Written::new().await;
    let mut copies = 0;
    for (hospital, statements) in written.hospitals.all.iter().zip([
        &["SELECT (SELECT count(*) FROM conditions WHERE SOURCE <> '')
                + (SELECT count(*) FROM observations WHERE SOURCE <> '')
                + (SELECT count(*) FROM immunizations WHERE SOURCE <> '')
                + (SELECT count(*) FROM allergies WHERE SOURCE <> '')"][..],
        &["SELECT (SELECT count(*) FROM condition_occurrence WHERE condition_type_concept_id = 32849)
                + (SELECT count(*) FROM measurement WHERE measurement_type_concept_id = 32849)
                + (SELECT count(*) FROM observation WHERE observation_type_concept_id = 32849)
                + (SELECT count(*) FROM drug_exposure WHERE drug_type_concept_id = 32849)"],
        &["SELECT sum((DX1 IS NOT NULL) + (DX2 IS NOT NULL) + (DX3 IS NOT NULL) + (DX4 IS NOT NULL) + (DX5 IS NOT NULL)
                + (VAC1 IS NOT NULL) + (VAC2 IS NOT NULL) + (VAC3 IS NOT NULL)
                + (ALG1 IS NOT NULL) + (ALG2 IS NOT NULL) + (ALG3 IS NOT NULL) + (ALG4 IS NOT NULL) + (ALG5 IS NOT NULL))
           FROM VISITS WHERE VTYPE = 'X'"],
    ]) {
        let options = SqliteConnectOptions::new().filename(written.database(hospital)).read_only(true);
        let mut database = options.connect().await.unwrap();
        for sql in statements {
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(*sql)).fetch_one(&mut database).await.unwrap();
            assert!(count > 0, "{} has no copies", hospital.slug);
            copies += usize::try_from(count).unwrap();
        }
        let columns = "SELECT group_concat('(' || name || ' IS NOT NULL)', '+') FROM pragma_table_info('LABS')
                       WHERE name LIKE '%\\_VAL' ESCAPE '\\'";
        let filled: Option<String> = sqlx::query_scalar(columns).fetch_one(&mut database).await.unwrap();
        if let Some(filled) = filled {
            let sql = format!("SELECT sum({filled}) FROM LABS WHERE SRC IS NOT NULL");
            let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut database).await.unwrap();
            copies += usize::try_from(count).unwrap();
        }
    }
    let everybody: BTreeSet<String> =
        written.hospitals.all.iter().flat_map(|hospital| hospital.richest(usize::MAX)).collect();
    let sets = everybody.iter().flat_map(|patient| written.hospitals.truth(patient).same);
    assert_eq!(sets.map(|fact| fact.len() - 1).sum::<usize>(), copies);
}

/// Who compares code, day and value only, over hospitals, finds nearly all of it and hardly anything else: the data let a
/// merge reach 0.99.
#[tokio::test]
async fn a_merge_can_find_the_truth() {
    let written = Written::new().await;
    let (mut right, mut found, mut wanted) = (0usize, 0usize, 0usize);
    for patient in written.hospitals.shared_patients(usize::MAX) {
        let shown = shown(&written, &patient).await;
        let truth: BTreeSet<(RecordKey, RecordKey)> =
            written.hospitals.truth(&patient).same.iter().flat_map(pairs).collect();
        wanted += truth.len();
        let mut groups: BTreeMap<[&str; 3], Vec<Record<'_>>> = BTreeMap::new();
        for (key, shown) in &shown {
            if ["allergies", "conditions", "immunizations", "observations"].contains(&key.scope.as_str()) {
                groups.entry([&key.scope, &shown.code, &shown.day]).or_default().push((key, shown));
            }
        }
        for group in groups.values() {
            for (place, (one, first)) in group.iter().enumerate() {
                for (other, second) in &group[place + 1..] {
                    let apart = first.number.unwrap_or(0.0) - second.number.unwrap_or(0.0);
                    if one.hospital != other.hospital && apart.abs() <= 0.51 {
                        found += 1;
                        right += usize::from(truth.contains(&((*one).clone(), (*other).clone())));
                    }
                }
            }
        }
    }
    let (precision, recall) = (right as f64 / found as f64, right as f64 / wanted as f64);
    println!("{wanted} pairs, {found} found, {right} right: precision {precision:.4}, recall {recall:.4}");
    assert!(precision >= 0.99 && recall >= 0.99, "precision {precision}, recall {recall}");
}

fn pairs(fact: &BTreeSet<RecordKey>) -> Vec<(RecordKey, RecordKey)> {
    let keys: Vec<&RecordKey> = fact.iter().collect();
    let after = |place: usize| keys[place + 1..].iter().map(move |other| (*other).clone());
    (0..keys.len())
        .flat_map(|place| after(place).map(move |other| (place, other)).collect::<Vec<_>>())
        .map(|(place, other)| (keys[place].clone(), other))
        .collect()
}
