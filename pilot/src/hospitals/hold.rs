//! What each hospital holds: its own rows of the sample, and copies that it took of others'.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use super::sample::{Kind, Sample};
use super::split::Group;
use super::wide;

/// How a hospital keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Columns of the CSV, ids of its own.
    Columns,
    /// OMOP CDM 5.4.
    Omop,
    /// Few wide tables of text.
    Wide,
}

impl Schema {
    /// Whether it has a place for a row.
    fn keeps(self, sample: &Sample, kind: Kind, row: usize) -> bool {
        self != Self::Wide || kind != Kind::Observation || wide::has_column(sample, row)
    }

    /// A number as it is written down here.
    fn number(self, code: &str, text: &str, copied: bool) -> String {
        match self {
            Self::Wide => wide::rounded(code, text),
            _ if copied => short(text),
            _ => text.to_owned(),
        }
    }

    /// Its ids of patients, given in the order in which they came.
    fn patient_id(self, n: usize) -> String {
        match self {
            Self::Columns => format!("B{}", n.saturating_mul(37).saturating_add(100_046)),
            Self::Omop => n.saturating_mul(13).saturating_add(2_040_011).to_string(),
            Self::Wide => format!("{:05}", n.saturating_mul(11).saturating_add(4_711)),
        }
    }
}

/// Whoever types a number off a letter leaves out what is behind the point from ten on.
fn short(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if number.abs() >= 10.0 => format!("{number:.0}"),
        _ => text.to_owned(),
    }
}

/// One row of the sample in a hospital's database.
#[derive(Clone, Debug)]
pub struct Held {
    pub row: usize,
    pub copied: Option<Copied>,
}

/// Where a copy came from.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The hospital's number among the three.
    from: usize,
    /// The day it was taken down.
    pub on: String,
}

/// One hospital's rows.
pub struct Holding {
    pub schema: Schema,
    /// The hospital's own id of a patient.
    pub local: BTreeMap<String, String>,
    rows: BTreeMap<Kind, Vec<Held>>,
    /// Name and schema of each hospital, by number.
    others: Vec<(String, Schema)>,
}

impl Holding {
    /// By day and row of the sample.
    pub fn rows(&self, kind: Kind) -> &[Held] {
        self.rows.get(&kind).map_or(&[], Vec::as_slice)
    }

    /// The name of the hospital that a copy came from.
    pub fn source(&self, held: &Held) -> Option<&str> {
        let copied = held.copied.as_ref()?;
        self.others.get(copied.from).map(|(name, _)| name.as_str())
    }

    /// An observation's value as it stands here: a copy is a copy of what stands there.
    pub fn value(&self, sample: &Sample, held: &Held) -> String {
        let cell = |column| sample.at(Kind::Observation, held.row, column);
        let (code, value) = (cell("CODE"), cell("VALUE"));
        if cell("TYPE") != "numeric" {
            return value.to_owned();
        }
        let source = held.copied.as_ref().and_then(|copied| self.others.get(copied.from));
        match source {
            Some((_, schema)) => self.schema.number(code, &schema.number(code, value, false), true),
            None => self.schema.number(code, value, false),
        }
    }

    /// The hospital's own id of a row's patient.
    pub fn patient<'a>(&'a self, sample: &Sample, kind: Kind, held: &Held) -> &'a str {
        self.local.get(sample.at(kind, held.row, kind.patient())).map_or("", String::as_str)
    }

    /// Day of a row.
    pub fn day<'a>(&self, sample: &'a Sample, kind: Kind, held: &Held) -> &'a str {
        day(sample.at(kind, held.row, kind.when()))
    }
}

/// The day of a day or time.
pub fn day(when: &str) -> &str {
    when.get(..10).unwrap_or(when)
}

/// The three hospitals' rows, in the order of the groups.
pub fn three(sample: &Sample, groups: &[Group; 3]) -> Result<Vec<Holding>> {
    let others: Vec<(String, Schema)> = groups
        .iter()
        .zip([Schema::Columns, Schema::Omop, Schema::Wide])
        .map(|(group, schema)| (group.name.clone(), schema))
        .collect();
    let own: Vec<Holding> =
        groups.iter().zip(&others).map(|(group, (_, s))| own(sample, group, *s)).collect();
    let mut all = Vec::new();
    for here in 0..own.len() {
        let mut holding = own.get(here).context("three hospitals")?.renamed(sample);
        holding.others.clone_from(&others);
        let last = last_days(sample, &holding);
        for (from, other) in own.iter().enumerate().filter(|(from, _)| *from != here) {
            for (kind, row, on) in worth_copying(sample, other, &last) {
                if holding.schema.keeps(sample, kind, row) {
                    let held = Held { row, copied: Some(Copied { from, on }) };
                    holding.rows.entry(kind).or_default().push(held);
                }
            }
        }
        for (kind, rows) in &mut holding.rows {
            rows.sort_by_key(|held| (day(sample.at(*kind, held.row, kind.when())), held.row));
        }
        all.push(holding);
    }
    Ok(all)
}

/// The rows that the organisations of a hospital made, and the patients they are of, under Synthea's ids.
pub fn own(sample: &Sample, group: &Group, schema: Schema) -> Holding {
    let mut rows: BTreeMap<Kind, Vec<Held>> = BTreeMap::new();
    let mut patients: BTreeSet<&str> = BTreeSet::new();
    for kind in Kind::ALL {
        for row in sample.rows(kind).filter(|row| schema.keeps(sample, kind, *row)) {
            let organization = sample.organization(kind, row);
            if organization.is_some_and(|organization| group.organizations.contains(organization)) {
                rows.entry(kind).or_default().push(Held { row, copied: None });
                patients.insert(sample.at(kind, row, kind.patient()));
            }
        }
    }
    let known =
        sample.rows(Kind::Patient).filter(|row| patients.contains(sample.at(Kind::Patient, *row, "Id")));
    rows.insert(Kind::Patient, known.map(|row| Held { row, copied: None }).collect());
    let local = patients.into_iter().map(|patient| (patient.to_owned(), patient.to_owned())).collect();
    Holding { schema, local, rows, others: Vec::new() }
}

impl Holding {
    /// The same rows, patients under ids that the hospital gave them when they first came.
    fn renamed(&self, sample: &Sample) -> Self {
        let mut first: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
        for held in self.rows(Kind::Encounter) {
            let came = (sample.at(Kind::Encounter, held.row, "START"), held.row);
            let patient = sample.at(Kind::Encounter, held.row, "PATIENT");
            let known = first.entry(patient).or_insert(came);
            *known = came.min(*known);
        }
        let mut order: Vec<_> = first.into_iter().map(|(patient, came)| (came, patient)).collect();
        order.sort_unstable();
        let ids = order.into_iter().enumerate();
        let local = ids.map(|(n, (_, patient))| (patient.to_owned(), self.schema.patient_id(n))).collect();
        Self { schema: self.schema, local, rows: self.rows.clone(), others: Vec::new() }
    }
}

/// The day of each patient's last encounter: when staff there last looked for what others know of her.
fn last_days(sample: &Sample, holding: &Holding) -> BTreeMap<String, String> {
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for held in holding.rows(Kind::Encounter) {
        let came = holding.day(sample, Kind::Encounter, held);
        let known = last.entry(sample.at(Kind::Encounter, held.row, "PATIENT").to_owned()).or_default();
        if came > known.as_str() {
            came.clone_into(known);
        }
    }
    last
}

/// What a hospital takes down from another when it last sees a patient of both: the problems and allergies that the
/// other had not closed by then, all immunizations, and the newest day of laboratory results.
fn worth_copying(
    sample: &Sample,
    other: &Holding,
    last: &BTreeMap<String, String>,
) -> Vec<(Kind, usize, String)> {
    let mut found = Vec::new();
    let mut newest: BTreeMap<&str, (&str, Vec<usize>)> = BTreeMap::new();
    for kind in [Kind::Condition, Kind::Allergy, Kind::Immunization, Kind::Observation] {
        for held in other.rows(kind) {
            let cell = |column| sample.at(kind, held.row, column);
            let (patient, when) = (cell("PATIENT"), other.day(sample, kind, held));
            let Some(on) = last.get(patient).filter(|on| when <= on.as_str()) else { continue };
            match kind {
                Kind::Observation if cell("CATEGORY") == "laboratory" => {
                    let (newest, rows) = newest.entry(patient).or_default();
                    if when > *newest {
                        (*newest, *rows) = (when, Vec::new());
                    }
                    if when == *newest {
                        rows.push(held.row);
                    }
                }
                Kind::Observation => {}
                Kind::Immunization => found.push((kind, held.row, on.clone())),
                _ if cell("STOP").is_empty() || day(cell("STOP")) > on.as_str() => {
                    found.push((kind, held.row, on.clone()));
                }
                _ => {}
            }
        }
    }
    for (patient, (_, rows)) in newest {
        let on = last.get(patient).cloned().unwrap_or_default();
        found.extend(rows.into_iter().map(|row| (Kind::Observation, row, on.clone())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_numbers_lose_digits_from_ten_on() {
        for (text, copied) in
            [("103.1", "103"), ("9.9", "9.9"), ("-76.5", "-76"), ("0.0", "0.0"), ("none", "none")]
        {
            assert_eq!(short(text), copied);
        }
    }
}
