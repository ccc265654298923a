//! The three hospitals' databases, mappings and overlap, by plain SQL and by the relayer's own reading.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, reason = "test code")]

mod figures;
mod mappings;
mod merge;
mod rows;
mod truth;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use medrec_pilot::{Hospital, Hospitals};
use medrec_relayer::adapter::{Adapter as _, Limits, Mapping, SourceRecord, SqliteAdapter};
use tempfile::TempDir;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/synthea-sample")
}

/// The three, each with its database in a folder that goes away.
struct Written {
    hospitals: Hospitals,
    folder: TempDir,
}

impl Written {
    async fn new() -> Self {
        let hospitals = Hospitals::of(&sample()).unwrap();
        let written = Self { hospitals, folder: tempfile::tempdir().unwrap() };
        for hospital in &written.hospitals.all {
            hospital.write_database(&written.database(hospital)).await.unwrap();
        }
        written
    }

    fn database(&self, hospital: &Hospital) -> PathBuf {
        self.folder.path().join(format!("{}.sqlite", hospital.slug))
    }

    async fn adapter(&self, hospital: &Hospital) -> SqliteAdapter {
        let mapping = Mapping::parse(hospital.mapping(), Path::new(&hospital.slug)).unwrap();
        let limits = Limits { timeout: Duration::from_secs(30), max_rows: 10_000 };
        SqliteAdapter::open(&self.database(hospital), mapping, limits).await.unwrap()
    }
}

/// All that the relayer reads of a patient, by scope.
async fn read(adapter: &SqliteAdapter, local_id: &str) -> BTreeMap<String, Vec<SourceRecord>> {
    let mut records = BTreeMap::new();
    for scope in adapter.scopes() {
        records.insert(scope.id.clone(), adapter.read(scope, local_id).await.unwrap());
    }
    records
}

#[test]
fn ten_patients_and_more_were_treated_at_all_three() {
    let hospitals = Hospitals::of(&sample()).unwrap();
    let shared = hospitals.shared_patients(usize::MAX);
    assert!(shared.len() >= 10, "{} patients", shared.len());
    let records = |patient: &String| -> u64 { hospitals.all.iter().map(|one| one.records_of(patient)).sum() };
    assert!(shared.iter().any(|patient| records(patient) >= 500));
    assert!(shared.is_sorted_by(|a, b| records(a) >= records(b)));
    for patient in &shared {
        let ids: Vec<String> = hospitals.all.iter().map(|one| one.local_id(patient).unwrap()).collect();
        assert!(!ids.contains(patient), "{patient} is known by Synthea's id: {ids:?}");
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    }
    assert!(hospitals.all[0].local_id("nobody").is_none());
    let slugs: Vec<&str> = hospitals.all.iter().map(|one| one.slug.as_str()).collect();
    assert_eq!(
        slugs,
        ["berkshire-medical-center", "green-mountain-urgent-care", "berkshire-internal-medicine"]
    );
}
