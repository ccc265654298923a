//! The figures that pilot/README.md shows.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use medrec_pilot::{Hospital, Hospitals};

use super::sample;

const SCOPES: [&str; 9] = [
    "patient",
    "encounters",
    "conditions",
    "observations",
    "reports",
    "medications",
    "procedures",
    "immunizations",
    "allergies",
];

#[test]
fn the_readme_shows_the_figures_of_the_sample() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let figures = figures(&Hospitals::of(&sample()).unwrap());
    let text = std::fs::read_to_string(readme).unwrap();
    assert!(text.contains(&figures), "put this into pilot/README.md:\n\n{figures}");
}

fn figures(hospitals: &Hospitals) -> String {
    let all = &hospitals.all;
    let everybody: BTreeSet<String> = all.iter().flat_map(|hospital| hospital.richest(usize::MAX)).collect();
    let mut text = String::new();
    let names: Vec<&str> = all.iter().map(|hospital| hospital.name.as_str()).collect();
    writeln!(text, "| scope | {} | together |\n|---|---:|---:|---:|---:|", names.join(" | ")).unwrap();
    let mut line = |name: &str, records: &dyn Fn(&Hospital) -> u64| {
        let each: Vec<u64> = all.iter().map(records).collect();
        let cells: Vec<String> = each.iter().chain([&each.iter().sum()]).map(u64::to_string).collect();
        writeln!(text, "| {name} | {} |", cells.join(" | ")).unwrap();
    };
    for scope in SCOPES {
        line(scope, &|hospital| everybody.iter().map(|patient| hospital.rows_of(patient, scope)).sum());
    }
    line("all", &|hospital| everybody.iter().map(|patient| hospital.records_of(patient)).sum());

    writeln!(text, "\n| treated at | patients | records | facts held more than once | records of those |")
        .unwrap();
    writeln!(text, "|---|---:|---:|---:|---:|").unwrap();
    for (name, places) in [("all three", 3), ("two", 2), ("one", 1)] {
        let treated = |patient: &&String| all.iter().filter(|one| one.local_id(patient).is_some()).count();
        let patients: Vec<&String> = everybody.iter().filter(|patient| treated(patient) == places).collect();
        let records = |patient: &&&String| -> u64 { all.iter().map(|one| one.records_of(patient)).sum() };
        let truth: Vec<_> = patients.iter().flat_map(|patient| hospitals.truth(patient).same).collect();
        let (count, records) = (patients.len(), patients.iter().map(|one| records(&one)).sum::<u64>());
        let held: usize = truth.iter().map(BTreeSet::len).sum();
        writeln!(text, "| {name} | {count} | {records} | {} | {held} |", truth.len()).unwrap();
    }

    writeln!(text, "\n| shared patient | {} | together |\n|---|---:|---:|---:|---:|", names.join(" | "))
        .unwrap();
    for (patient, n) in hospitals.shared_patients(10).iter().zip(1..) {
        let each: Vec<u64> = all.iter().map(|hospital| hospital.records_of(patient)).collect();
        let cells: Vec<String> = each.iter().chain([&each.iter().sum()]).map(u64::to_string).collect();
        writeln!(text, "| {n} | {} |", cells.join(" | ")).unwrap();
    }
    text
}
