//! Schema of the second hospital: OMOP CDM 5.4. Integers everywhere; what they mean stands in `concept`.

mod concepts;
mod tables;

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::Built;
use super::database::Table;
use super::hold::{Held, Holding, day};
use super::sample::{Kind, Sample};
use concepts::{Concepts, EHR, EXCHANGE, Family};

/// Numbers of rows begin here, a range a table, so that no two tables share one.
const VISITS: usize = 10_000_001;
const CONDITIONS: usize = 20_000_001;
const DRUGS: usize = 30_000_001;
const PROCEDURES: usize = 40_000_001;
const MEASUREMENTS: usize = 50_000_001;
const OBSERVATIONS: usize = 60_000_001;
const PERSONS: usize = 1_001;

const CONDITION: Family = ["Condition", "SNOMED", "Disorder"];
const PROCEDURE: Family = ["Procedure", "SNOMED", "Procedure"];
const VISIT: Family = ["Visit", "SNOMED", "Procedure"];
const DRUG: Family = ["Drug", "RxNorm", "Clinical Drug"];
const VACCINE: Family = ["Drug", "CVX", "CVX"];
const SUBSTANCE: Family = ["Observation", "SNOMED", "Substance"];
const INGREDIENT: Family = ["Drug", "RxNorm", "Ingredient"];
const ALLERGY: Family = ["Observation", "SNOMED", "Clinical Finding"];
const UNIT: Family = ["Unit", "UCUM", "Unit"];

pub fn build(sample: &Sample, holding: &Holding) -> Result<Built> {
    let mut writer = Writer {
        sample,
        holding,
        concepts: Concepts::default(),
        persons: BTreeMap::new(),
        visits: BTreeMap::new(),
        care_sites: BTreeMap::new(),
        records: BTreeMap::new(),
    };
    let mut tables = writer.persons()?;
    tables.extend(writer.visits()?);
    tables.push(writer.conditions()?);
    tables.push(writer.drugs()?);
    tables.push(writer.procedures()?);
    tables.extend(writer.measured()?);
    tables.push(writer.concepts.table()?);
    Ok(Built { tables, records: writer.records })
}

struct Writer<'a> {
    sample: &'a Sample,
    holding: &'a Holding,
    concepts: Concepts,
    persons: BTreeMap<&'a str, String>,
    visits: BTreeMap<&'a str, String>,
    care_sites: BTreeMap<&'a str, usize>,
    records: BTreeMap<(Kind, usize), String>,
}

impl<'a> Writer<'a> {
    fn persons(&mut self) -> Result<Vec<Table>> {
        let (sample, holding) = (self.sample, self.holding);
        let (mut location, mut person, mut death) = (tables::location(), tables::person(), tables::death());
        // In the order of their numbers at the desk.
        let mut rows: Vec<&Held> = holding.rows(Kind::Patient).iter().collect();
        rows.sort_by_key(|held| holding.patient(sample, Kind::Patient, held));
        for (held, n) in rows.into_iter().zip(0usize..) {
            let cell = |column| sample.at(Kind::Patient, held.row, column);
            let (id, place) = (n.saturating_add(PERSONS).to_string(), n.saturating_add(1).to_string());
            let source = holding.patient(sample, Kind::Patient, held).to_owned();
            location.insert([
                ("location_id", place.clone()),
                ("address_1", cell("ADDRESS").to_owned()),
                ("city", cell("CITY").to_owned()),
                ("state", state(cell("STATE"))),
                ("zip", cell("ZIP").to_owned()),
                ("county", cell("COUNTY").to_owned()),
            ])?;
            let birth = cell("BIRTHDATE");
            let part = |range: std::ops::Range<usize>| birth.get(range).unwrap_or_default().to_owned();
            person.insert([
                ("person_id", id.clone()),
                ("gender_concept_id", if cell("GENDER") == "M" { "8507" } else { "8532" }.to_owned()),
                ("year_of_birth", part(0..4)),
                ("month_of_birth", part(5..7)),
                ("day_of_birth", part(8..10)),
                ("birth_datetime", format!("{birth} 00:00:00")),
                ("race_concept_id", race(cell("RACE")).to_owned()),
                ("ethnicity_concept_id", ethnicity(cell("ETHNICITY")).to_owned()),
                ("location_id", place),
                ("person_source_value", source.clone()),
                ("gender_source_value", cell("GENDER").to_owned()),
                ("race_source_value", cell("RACE").to_owned()),
                ("ethnicity_source_value", cell("ETHNICITY").to_owned()),
            ])?;
            if !cell("DEATHDATE").is_empty() {
                death.insert([
                    ("person_id", id.clone()),
                    ("death_date", day(cell("DEATHDATE")).to_owned()),
                    ("death_type_concept_id", EHR.to_owned()),
                ])?;
            }
            self.records.insert((Kind::Patient, held.row), source);
            self.persons.insert(cell("Id"), id);
        }
        Ok(vec![location, person, death])
    }

    fn visits(&mut self) -> Result<Vec<Table>> {
        let (sample, holding) = (self.sample, self.holding);
        let mut table = tables::visit_occurrence();
        for (held, id) in holding.rows(Kind::Encounter).iter().zip(VISITS..) {
            let cell = |column| sample.at(Kind::Encounter, held.row, column);
            let next = self.care_sites.len().saturating_add(1);
            let site = *self.care_sites.entry(cell("ORGANIZATION")).or_insert(next);
            let what = self.concepts.id(VISIT, cell("CODE"), cell("DESCRIPTION"));
            // A visit that goes on ends, in OMOP, when the data were loaded: here, the day it began.
            let end = if cell("STOP").is_empty() { cell("START") } else { cell("STOP") };
            table.insert([
                ("visit_occurrence_id", id.to_string()),
                ("person_id", self.person(cell("PATIENT"))?),
                ("visit_concept_id", visit(cell("ENCOUNTERCLASS")).to_owned()),
                ("visit_start_date", day(cell("START")).to_owned()),
                ("visit_start_datetime", moment(cell("START"))),
                ("visit_end_date", day(end).to_owned()),
                ("visit_end_datetime", moment(cell("STOP"))),
                ("visit_type_concept_id", EHR.to_owned()),
                ("care_site_id", site.to_string()),
                ("visit_source_value", cell("ENCOUNTERCLASS").to_owned()),
                ("visit_source_concept_id", what),
            ])?;
            self.visits.insert(cell("Id"), id.to_string());
            self.records.insert((Kind::Encounter, held.row), id.to_string());
        }
        let organizations = &sample.organizations;
        let names: BTreeMap<&str, &str> = (0..organizations.len())
            .map(|row| (organizations.at(row, "Id"), organizations.at(row, "NAME")))
            .collect();
        let mut care_site = tables::care_site();
        let mut sites: Vec<(usize, &str)> = self.care_sites.iter().map(|(id, n)| (*n, *id)).collect();
        sites.sort_unstable();
        for (n, id) in sites {
            let name = names.get(id).copied().unwrap_or_default().to_owned();
            care_site.insert([("care_site_id", n.to_string()), ("care_site_name", name)])?;
        }
        Ok(vec![table, care_site])
    }

    fn conditions(&mut self) -> Result<Table> {
        let (sample, holding) = (self.sample, self.holding);
        let mut table = tables::condition_occurrence();
        for (held, id) in holding.rows(Kind::Condition).iter().zip(CONDITIONS..) {
            let cell = |column| sample.at(Kind::Condition, held.row, column);
            let stop = if held.copied.is_some() { "" } else { cell("STOP") };
            table.insert([
                ("condition_occurrence_id", id.to_string()),
                ("person_id", self.person(cell("PATIENT"))?),
                ("condition_concept_id", self.concepts.id(CONDITION, cell("CODE"), cell("DESCRIPTION"))),
                ("condition_start_date", day(cell("START")).to_owned()),
                ("condition_end_date", day(stop).to_owned()),
                ("condition_type_concept_id", provenance(held)),
                ("visit_occurrence_id", self.visit(held, cell("ENCOUNTER"))),
                ("condition_source_value", cell("CODE").to_owned()),
            ])?;
            self.records.insert((Kind::Condition, held.row), id.to_string());
        }
        Ok(table)
    }

    /// Prescriptions and vaccines.
    fn drugs(&mut self) -> Result<Table> {
        let (sample, holding) = (self.sample, self.holding);
        let mut table = tables::drug_exposure();
        let mut rows: Vec<(&str, Kind, &Held)> = [Kind::Medication, Kind::Immunization]
            .into_iter()
            .flat_map(|kind| holding.rows(kind).iter().map(move |held| (kind, held)))
            .map(|(kind, held)| (sample.at(kind, held.row, kind.when()), kind, held))
            .collect();
        rows.sort_by_key(|(when, kind, held)| (*when, *kind, held.row));
        for ((when, kind, held), id) in rows.into_iter().zip(DRUGS..) {
            let cell = |column| sample.at(kind, held.row, column);
            let family = if kind == Kind::Medication { DRUG } else { VACCINE };
            let stop = cell("STOP");
            let end = if stop.is_empty() { when } else { stop };
            table.insert([
                ("drug_exposure_id", id.to_string()),
                ("person_id", self.person(cell("PATIENT"))?),
                ("drug_concept_id", self.concepts.id(family, cell("CODE"), cell("DESCRIPTION"))),
                ("drug_exposure_start_date", day(when).to_owned()),
                ("drug_exposure_start_datetime", moment_of(held, when)),
                ("drug_exposure_end_date", day(end).to_owned()),
                ("drug_exposure_end_datetime", moment(stop)),
                ("verbatim_end_date", day(stop).to_owned()),
                ("drug_type_concept_id", provenance(held)),
                ("visit_occurrence_id", self.visit(held, cell("ENCOUNTER"))),
                ("drug_source_value", cell("CODE").to_owned()),
            ])?;
            self.records.insert((kind, held.row), id.to_string());
        }
        Ok(table)
    }

    fn procedures(&mut self) -> Result<Table> {
        let (sample, holding) = (self.sample, self.holding);
        let mut table = tables::procedure_occurrence();
        for (held, id) in holding.rows(Kind::Procedure).iter().zip(PROCEDURES..) {
            let cell = |column| sample.at(Kind::Procedure, held.row, column);
            table.insert([
                ("procedure_occurrence_id", id.to_string()),
                ("person_id", self.person(cell("PATIENT"))?),
                ("procedure_concept_id", self.concepts.id(PROCEDURE, cell("CODE"), cell("DESCRIPTION"))),
                ("procedure_date", day(cell("START")).to_owned()),
                ("procedure_datetime", moment(cell("START"))),
                ("procedure_end_date", day(cell("STOP")).to_owned()),
                ("procedure_end_datetime", moment(cell("STOP"))),
                ("procedure_type_concept_id", provenance(held)),
                ("quantity", "1".to_owned()),
                ("visit_occurrence_id", self.visit(held, cell("ENCOUNTER"))),
                ("procedure_source_value", cell("CODE").to_owned()),
            ])?;
            self.records.insert((Kind::Procedure, held.row), id.to_string());
        }
        Ok(table)
    }

    /// What was measured, and what was asked and answered; allergies are answers as well.
    fn measured(&mut self) -> Result<Vec<Table>> {
        let (sample, holding) = (self.sample, self.holding);
        let (mut measurement, mut observation) = (tables::measurement(), tables::observation());
        let (mut measurements, mut observations) = (MEASUREMENTS.., OBSERVATIONS..);
        for held in holding.rows(Kind::Observation) {
            let cell = |column| sample.at(Kind::Observation, held.row, column);
            let asked = matches!(cell("CATEGORY"), "survey" | "social-history");
            let concept =
                self.concepts.id(loinc(cell("CODE"), cell("CATEGORY")), cell("CODE"), cell("DESCRIPTION"));
            let value = holding.value(sample, held);
            let (number, words) =
                if cell("TYPE") == "numeric" { (value, String::new()) } else { (String::new(), value) };
            let unit = match cell("UNITS") {
                "" => String::new(),
                "n/a" | "pH" => "0".to_owned(),
                unit => self.concepts.id(UNIT, unit, unit),
            };
            let (person, visit) = (self.person(cell("PATIENT"))?, self.visit(held, cell("ENCOUNTER")));
            let (date, moment) = (day(cell("DATE")).to_owned(), moment_of(held, cell("DATE")));
            let next = if asked { observations.next() } else { measurements.next() };
            let id = next.context("numbers of rows ran out")?.to_string();
            if asked {
                observation.insert([
                    ("observation_id", id.clone()),
                    ("person_id", person),
                    ("observation_concept_id", concept),
                    ("observation_date", date),
                    ("observation_datetime", moment),
                    ("observation_type_concept_id", provenance(held)),
                    ("value_as_number", number),
                    ("value_as_string", words),
                    ("unit_concept_id", unit),
                    ("visit_occurrence_id", visit),
                    ("observation_source_value", cell("CODE").to_owned()),
                    ("unit_source_value", cell("UNITS").to_owned()),
                ])?;
            } else {
                measurement.insert([
                    ("measurement_id", id.clone()),
                    ("person_id", person),
                    ("measurement_concept_id", concept),
                    ("measurement_date", date),
                    ("measurement_datetime", moment),
                    ("measurement_type_concept_id", provenance(held)),
                    ("value_as_number", number),
                    ("unit_concept_id", unit),
                    ("visit_occurrence_id", visit),
                    ("measurement_source_value", cell("CODE").to_owned()),
                    ("unit_source_value", cell("UNITS").to_owned()),
                    ("value_source_value", words),
                ])?;
            }
            self.records.insert((Kind::Observation, held.row), id);
        }
        for held in holding.rows(Kind::Allergy) {
            let cell = |column| sample.at(Kind::Allergy, held.row, column);
            let (code, name) = allergy(cell("CATEGORY"));
            let family = if cell("CATEGORY") == "medication" { INGREDIENT } else { SUBSTANCE };
            let id = observations.next().context("numbers of rows ran out")?.to_string();
            observation.insert([
                ("observation_id", id.clone()),
                ("person_id", self.person(cell("PATIENT"))?),
                ("observation_concept_id", self.concepts.id(ALLERGY, code, name)),
                ("observation_date", day(cell("START")).to_owned()),
                ("observation_type_concept_id", provenance(held)),
                ("value_as_concept_id", self.concepts.id(family, cell("CODE"), cell("DESCRIPTION"))),
                ("visit_occurrence_id", self.visit(held, cell("ENCOUNTER"))),
                ("observation_source_value", cell("CODE").to_owned()),
            ])?;
            self.records.insert((Kind::Allergy, held.row), id);
        }
        Ok(vec![measurement, observation])
    }

    fn person(&self, patient: &str) -> Result<String> {
        self.persons.get(patient).cloned().context("a row of a patient whom the hospital does not know")
    }

    /// A copy has no visit.
    fn visit(&self, held: &Held, encounter: &str) -> String {
        let visit = held.copied.is_none().then(|| self.visits.get(encounter).cloned());
        visit.flatten().unwrap_or_default()
    }
}

fn provenance(held: &Held) -> String {
    if held.copied.is_some() { EXCHANGE } else { EHR }.to_owned()
}

/// "2023-01-04T10:41:46Z" as the tables write it; nothing for a day alone.
fn moment(when: &str) -> String {
    let time = when.get(11..19);
    time.map_or_else(String::new, |time| format!("{} {time}", day(when)))
}

/// Copies know the day only.
fn moment_of(held: &Held, when: &str) -> String {
    if held.copied.is_some() { String::new() } else { moment(when) }
}

fn loinc(code: &str, category: &str) -> Family {
    let known = code.starts_with(|c: char| c.is_ascii_digit());
    let vocabulary = if known { "LOINC" } else { "Local" };
    match category {
        "laboratory" => ["Measurement", vocabulary, "Lab Test"],
        "vital-signs" => ["Measurement", vocabulary, "Clinical Observation"],
        "survey" => ["Observation", vocabulary, "Survey"],
        "social-history" => ["Observation", vocabulary, "Social History"],
        "procedure" => ["Measurement", vocabulary, "Procedure"],
        _ => ["Measurement", vocabulary, "Exam"],
    }
}

fn allergy(category: &str) -> (&'static str, &'static str) {
    match category {
        "medication" => ("416098002", "Allergy to drug"),
        "food" => ("414285001", "Allergy to food"),
        _ => ("426232007", "Environmental allergy"),
    }
}

fn visit(class: &str) -> &'static str {
    match class {
        "emergency" => "9203",
        "inpatient" | "snf" => "9201",
        "hospice" => "8546",
        "virtual" => "5083",
        _ => "9202",
    }
}

fn race(race: &str) -> &'static str {
    match race {
        "white" => "8527",
        "black" => "8516",
        "asian" => "8515",
        _ => "0",
    }
}

fn ethnicity(ethnicity: &str) -> &'static str {
    if ethnicity == "hispanic" { "38003563" } else { "38003564" }
}

/// OMOP has room for two letters.
fn state(name: &str) -> String {
    if name == "Massachusetts" { "MA".to_owned() } else { name.chars().take(2).collect() }
}
