//! What each hospital holds: its own rows of the sample, and copies of others'.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::sample::{Kind, Sample};
use super::split::Group;

/// How a hospital keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// As the CSV, with Synthea's ids.
    Plain,
}

/// One row of the sample in a hospital's database.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub row: usize,
    /// The hospital it was copied from.
    pub from: Option<usize>,
}

/// One hospital's rows.
pub struct Holding {
    pub schema: Schema,
    /// The hospital's own id of a patient.
    pub local: BTreeMap<String, String>,
    pub rows: BTreeMap<Kind, Vec<Held>>,
}

/// All hospitals' rows.
pub struct Holdings {
    pub all: Vec<Holding>,
}

impl Holdings {
    pub fn of(sample: &Sample, groups: &[Group; 3]) -> Result<Self> {
        let all = groups.iter().map(|group| own(sample, group, Schema::Plain));
        Ok(Self { all: all.collect() })
    }
}

impl Holding {
    pub fn rows(&self, kind: Kind) -> &[Held] {
        self.rows.get(&kind).map_or(&[], Vec::as_slice)
    }
}

/// The rows that the organisations of a hospital made, and the patients they are of.
pub fn own(sample: &Sample, group: &Group, schema: Schema) -> Holding {
    let mut rows: BTreeMap<Kind, Vec<Held>> = BTreeMap::new();
    let mut patients: BTreeSet<&str> = BTreeSet::new();
    for kind in Kind::ALL {
        for row in sample.rows(kind) {
            let organization = sample.organization(kind, row);
            if organization.is_some_and(|organization| group.organizations.contains(organization)) {
                rows.entry(kind).or_default().push(Held { row, from: None });
                patients.insert(sample.at(kind, row, kind.patient()));
            }
        }
    }
    let known =
        sample.rows(Kind::Patient).filter(|row| patients.contains(sample.at(Kind::Patient, *row, "Id")));
    rows.insert(Kind::Patient, known.map(|row| Held { row, from: None }).collect());
    let local = patients.into_iter().map(|patient| (patient.to_owned(), patient.to_owned())).collect();
    Holding { schema, local, rows }
}
