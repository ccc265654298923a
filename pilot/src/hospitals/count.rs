//! Records that a hospital's rows are, counted in the CSV.

use std::collections::{BTreeMap, BTreeSet};

use super::hold::{Held, Holding, Schema};
use super::sample::{BLOOD_PRESSURE, Kind, Sample};

/// Records by patient and scope.
pub type Counts = BTreeMap<String, BTreeMap<&'static str, u64>>;

const REPORTS: &str = "reports";

/// One record a row, but for observations: the pressures of one measurement are one, and the laboratory's make reports
/// besides.
pub fn records(sample: &Sample, holding: &Holding) -> Counts {
    let mut counts = Counts::new();
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Observation) {
        for held in holding.rows(kind) {
            add(&mut counts, sample.at(kind, held.row, kind.patient()), kind.scope(), 1);
        }
    }
    let cell = |held: &Held, column| sample.at(Kind::Observation, held.row, column);
    let mut pressures: BTreeMap<[&str; 3], [u64; 2]> = BTreeMap::new();
    for held in holding.rows(Kind::Observation) {
        let [patient, encounter, date, code] =
            ["PATIENT", "ENCOUNTER", "DATE", "CODE"].map(|column| cell(held, column));
        match BLOOD_PRESSURE.iter().position(|pressure| *pressure == code) {
            Some(which) => {
                let pair = pressures.entry([patient, encounter, date]).or_default();
                pair[which] = pair[which].saturating_add(1);
            }
            None => add(&mut counts, patient, Kind::Observation.scope(), 1),
        }
    }
    for ([patient, ..], pair) in pressures {
        add(&mut counts, patient, Kind::Observation.scope(), pair[0].max(pair[1]));
    }
    let own = holding.rows(Kind::Observation).iter().filter(|held| held.copied.is_none());
    let laboratory = own.filter(|held| cell(held, "CATEGORY") == "laboratory");
    match holding.schema {
        // One an encounter.
        Schema::Columns => {
            let encounters: BTreeSet<[&str; 2]> =
                laboratory.map(|held| ["PATIENT", "ENCOUNTER"].map(|column| cell(held, column))).collect();
            encounters.iter().for_each(|[patient, _]| add(&mut counts, patient, REPORTS, 1));
        }
        // OMOP knows no reports.
        Schema::Omop => {}
        // One a sheet: what was measured at one time, a second sheet for what was measured twice.
        Schema::Wide => {
            let mut sheets: BTreeMap<[&str; 3], BTreeMap<&str, u64>> = BTreeMap::new();
            for held in laboratory {
                let key = ["PATIENT", "ENCOUNTER", "DATE"].map(|column| cell(held, column));
                let times = sheets.entry(key).or_default().entry(cell(held, "CODE")).or_default();
                *times = times.saturating_add(1);
            }
            for ([patient, ..], times) in &sheets {
                add(&mut counts, patient, REPORTS, times.values().copied().max().unwrap_or_default());
            }
        }
    }
    counts
}

fn add(counts: &mut Counts, patient: &str, scope: &'static str, records: u64) {
    let n = counts.entry(patient.to_owned()).or_default().entry(scope).or_default();
    *n = n.saturating_add(records);
}
