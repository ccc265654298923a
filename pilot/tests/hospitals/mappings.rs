//! Each hospital's mapping, on every patient, against FHIR R4 and the counts.

use medrec_relayer::adapter::{check, r4::Tables};

use super::{Written, read};

#[tokio::test]
async fn every_mapping_passes_scope_check() {
    let written = Written::new().await;
    for hospital in &written.hospitals.all {
        let adapter = written.adapter(hospital).await;
        let patients: Vec<String> =
            hospital.richest(usize::MAX).iter().map(|patient| hospital.local_id(patient).unwrap()).collect();
        for report in check::check(&adapter, &Tables::new().unwrap(), &patients).await {
            let findings = serde_json::to_string_pretty(&report.findings).unwrap();
            assert!(report.findings.is_empty(), "{} {}: {findings}", hospital.slug, report.scope);
            assert!(report.resources > 0, "{} {}: no resources", hospital.slug, report.scope);
        }
    }
}

#[tokio::test]
async fn the_relayer_reads_as_many_records_as_the_csv_has() {
    let written = Written::new().await;
    for hospital in &written.hospitals.all {
        let adapter = written.adapter(hospital).await;
        for patient in hospital.richest(usize::MAX) {
            let expected = hospital.expected(&patient);
            for (scope, records) in read(&adapter, &hospital.local_id(&patient).unwrap()).await {
                let wanted = expected.get(scope.as_str()).copied().unwrap_or_default();
                assert_eq!(records.len() as u64, wanted, "{} {scope}", hospital.slug);
            }
            assert_eq!(expected.values().sum::<u64>(), hospital.records_of(&patient));
        }
    }
}

#[tokio::test]
async fn two_hospitals_say_when_and_by_whom_a_row_was_edited() {
    let written = Written::new().await;
    for (hospital, says) in written.hospitals.all.iter().zip([true, false, true]) {
        let adapter = written.adapter(hospital).await;
        let patient = hospital.richest(1).remove(0);
        let records = read(&adapter, &hospital.local_id(&patient).unwrap()).await;
        for scope in ["conditions", "observations", "medications"] {
            let marks = records[scope].iter().filter(|record| record.changed_at.is_some()).count();
            assert_eq!(marks, if says { records[scope].len() } else { 0 }, "{} {scope}", hospital.slug);
        }
        assert!(records.values().flatten().all(|record| !record.removed));
    }
}
