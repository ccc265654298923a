//! Records that a hospital's rows are, counted in the CSV.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::{Holding, Schema};
use super::sample::{BLOOD_PRESSURE, Kind, Sample};

/// Records by patient and scope.
pub type Counts = BTreeMap<String, BTreeMap<&'static str, u64>>;

/// One record a row, but for observations: the pressures of one measurement are one, and the laboratory's make reports
/// besides.
pub fn records(sample: &Sample, holding: &Holding) -> Counts {
    let mut counts = Counts::new();
    let mut add = |patient: &str, scope: &'static str, records: u64| {
        let n = counts.entry(patient.to_owned()).or_default().entry(scope).or_default();
        *n = n.saturating_add(records);
    };
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Observation) {
        for held in holding.rows(kind) {
            add(sample.at(kind, held.row, kind.patient()), kind.scope(), 1);
        }
    }
    let cell = |row: usize, column| sample.at(Kind::Observation, row, column);
    let mut pressures: BTreeMap<[&str; 3], [u64; 2]> = BTreeMap::new();
    let mut reports: BTreeSet<[&str; 2]> = BTreeSet::new();
    for held in holding.rows(Kind::Observation) {
        let [patient, encounter, date, code] =
            ["PATIENT", "ENCOUNTER", "DATE", "CODE"].map(|column| cell(held.row, column));
        match BLOOD_PRESSURE.iter().position(|pressure| *pressure == code) {
            Some(which) => {
                let pair = pressures.entry([patient, encounter, date]).or_default();
                pair[which] = pair[which].saturating_add(1);
            }
            None => add(patient, Kind::Observation.scope(), 1),
        }
        match holding.schema {
            Schema::Plain if cell(held.row, "CATEGORY") == "laboratory" => {
                reports.insert([patient, encounter]);
            }
            Schema::Plain => {}
        }
    }
    for ([patient, ..], pair) in pressures {
        add(patient, Kind::Observation.scope(), pair[0].max(pair[1]));
    }
    reports.iter().for_each(|[patient, _]| add(patient, "reports", 1));
    counts
}
