//! Three hospitals with schemas of their own, made from the Synthea sample: rows of the organisations that treated, and
//! copies that each took of another's.
//!
//! The counts a scenario expects are taken from the CSV here, never from MedRec. Synthea's ids name patients inside the
//! pilot only: they are in no hospital's tables, as no hospital has another's ids.

mod columns;
mod count;
mod database;
mod hold;
mod omop;
mod sample;
mod split;
mod wide;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use database::Table;
use hold::{Holding, Schema};
use sample::{Kind, Sample};
use split::Group;

/// What a schema makes of a hospital's rows.
struct Built {
    tables: Vec<Table>,
    /// The local id of each row of the sample.
    records: BTreeMap<(Kind, usize), String>,
}

/// The three.
pub struct Hospitals {
    /// The one with the most rows first.
    pub all: Vec<Hospital>,
    /// Who was treated at each of them, the one with the most records first.
    shared: Vec<String>,
}

/// One hospital: who it is, and what its database holds.
pub struct Hospital {
    /// As its patients know it.
    pub name: String,
    /// The name in a path or an id.
    pub slug: String,
    /// Its log's name.
    pub origin: String,
    tables: Vec<Table>,
    mapping: &'static str,
    /// The hospital's own id of a patient.
    local: BTreeMap<String, String>,
    /// Records of a patient by scope.
    expected: BTreeMap<String, BTreeMap<&'static str, u64>>,
    /// The local id of each row of the sample that it holds.
    records: BTreeMap<(Kind, usize), String>,
    /// Rows of the sample by patient.
    facts: BTreeMap<String, BTreeSet<(Kind, usize)>>,
    /// Haemoglobin by patient: when, and how much in g/dL.
    haemoglobin: BTreeMap<String, Vec<(String, f64)>>,
}

/// LOINC: haemoglobin, mass per volume in blood.
pub const HAEMOGLOBIN: &str = "718-7";

/// One record, as a reader of the FHIR resources can recognise it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    /// The hospital's slug.
    pub hospital: String,
    pub scope: String,
    /// `identifier[0].value` of the resource: unique within hospital and scope.
    pub id: String,
}

/// Which of a patient's records are one fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// Each set is one fact, held by two hospitals or more. Records in no set are facts of their own. The scope `patient`
    /// is left out: whose records they are is not for the merge to find.
    pub same: Vec<BTreeSet<RecordKey>>,
}

impl Hospitals {
    /// The organisations of the sample whose patients overlap most, united to three hospitals.
    pub fn of(sample: &Path) -> Result<Self> {
        let sample = Sample::read(sample)?;
        let groups = split::three(&sample)?;
        let holdings = hold::three(&sample, &groups)?;
        let mut all = Vec::new();
        for (group, holding) in groups.iter().zip(&holdings) {
            all.push(Hospital::new(&sample, group, holding)?);
        }
        let everywhere = sample
            .rows(Kind::Patient)
            .map(|row| sample.at(Kind::Patient, row, "Id").to_owned())
            .filter(|patient| all.iter().all(|hospital: &Hospital| hospital.local.contains_key(patient)));
        let mut shared: Vec<String> = everywhere.collect();
        shared.sort_by_key(|patient| {
            let records =
                all.iter().map(|hospital| hospital.records_of(patient)).fold(0, u64::saturating_add);
            (std::cmp::Reverse(records), patient.clone())
        });
        Ok(Self { all, shared })
    }

    /// `n` patients treated at all three, the ones with the most records first, by Synthea's id.
    pub fn shared_patients(&self, n: usize) -> Vec<String> {
        self.shared.iter().take(n).cloned().collect()
    }

    /// Which of a patient's records are one fact, by the rows of the sample they were made of.
    pub fn truth(&self, patient: &str) -> Truth {
        let mut facts: BTreeMap<(Kind, usize), BTreeSet<RecordKey>> = BTreeMap::new();
        for hospital in &self.all {
            let facts_here = hospital.facts.get(patient).into_iter().flatten();
            for fact in facts_here.filter(|(kind, _)| *kind != Kind::Patient) {
                let Some(id) = hospital.records.get(fact) else { continue };
                let (hospital, scope) = (hospital.slug.clone(), fact.0.scope().to_owned());
                facts.entry(*fact).or_default().insert(RecordKey { hospital, scope, id: id.clone() });
            }
        }
        Truth { same: facts.into_values().filter(|records| records.len() > 1).collect() }
    }
}

impl Hospital {
    fn new(sample: &Sample, group: &Group, holding: &Holding) -> Result<Self> {
        let (built, mapping) = match holding.schema {
            Schema::Columns => {
                (columns::build(sample, holding)?, include_str!("../../mappings/synthea.toml"))
            }
            Schema::Omop => (omop::build(sample, holding)?, include_str!("../../mappings/omop.toml")),
            Schema::Wide => (wide::build(sample, holding)?, include_str!("../../mappings/wide.toml")),
        };
        let mut facts: BTreeMap<String, BTreeSet<(Kind, usize)>> = BTreeMap::new();
        for kind in Kind::ALL {
            for held in holding.rows(kind) {
                let patient = sample.at(kind, held.row, kind.patient());
                facts.entry(patient.to_owned()).or_default().insert((kind, held.row));
            }
        }
        let mut haemoglobin: BTreeMap<String, Vec<(String, f64)>> = BTreeMap::new();
        for held in holding.rows(Kind::Observation) {
            let at = |column| sample.at(Kind::Observation, held.row, column);
            if at("CODE") == HAEMOGLOBIN {
                let (when, value) = (at("DATE").to_owned(), at("VALUE").parse()?);
                haemoglobin.entry(at("PATIENT").to_owned()).or_default().push((when, value));
            }
        }
        let slug = group.name.to_lowercase().replace(' ', "-");
        Ok(Self {
            name: group.name.clone(),
            origin: format!("log.{slug}.example"),
            slug,
            tables: built.tables,
            mapping,
            local: holding.local.clone(),
            expected: count::records(sample, holding),
            records: built.records,
            facts,
            haemoglobin,
        })
    }

    /// Writes its database into a new SQLite file.
    pub async fn write_database(&self, file: &Path) -> Result<()> {
        database::write(file, &self.tables).await
    }

    /// Its mapping file.
    pub fn mapping(&self) -> &str {
        self.mapping
    }

    /// Its own id of a patient whom Synthea's id names; none if she was never there.
    pub fn local_id(&self, patient: &str) -> Option<String> {
        self.local.get(patient).cloned()
    }

    /// All records of a patient.
    pub fn records_of(&self, patient: &str) -> u64 {
        self.expected.get(patient).map_or(0, |scopes| scopes.values().sum())
    }

    /// Records of a patient in one scope.
    pub fn rows_of(&self, patient: &str, scope: &str) -> u64 {
        self.expected.get(patient).and_then(|scopes| scopes.get(scope)).copied().unwrap_or(0)
    }

    /// Records of a patient by scope.
    pub fn expected(&self, patient: &str) -> BTreeMap<&'static str, u64> {
        self.expected.get(patient).cloned().unwrap_or_default()
    }

    /// Patients whose haemoglobin it measured, by Synthea's id.
    pub fn measured(&self) -> impl Iterator<Item = &String> {
        self.haemoglobin.keys()
    }

    /// Mean of the `newest` values of each of these patients, g/dL; none without a value.
    pub fn mean_haemoglobin<'a>(
        &self,
        patients: impl IntoIterator<Item = &'a String>,
        newest: usize,
    ) -> Option<f64> {
        let mut values = Vec::new();
        for patient in patients {
            let mut of_hers = self.haemoglobin.get(patient).cloned().unwrap_or_default();
            of_hers.sort_by(|a, b| b.0.cmp(&a.0));
            values.extend(of_hers.into_iter().take(newest).map(|(_, value)| value));
        }
        let count = u32::try_from(values.len()).ok().filter(|count| *count > 0)?;
        Some(values.iter().sum::<f64>() / f64::from(count))
    }

    /// The `n` patients with the most records.
    pub fn richest(&self, n: usize) -> Vec<String> {
        let mut patients: Vec<(u64, &String)> =
            self.expected.keys().map(|patient| (self.records_of(patient), patient)).collect();
        patients.sort_by(|a, b| b.cmp(a));
        patients.into_iter().take(n).map(|(_, patient)| patient.clone()).collect()
    }
}
