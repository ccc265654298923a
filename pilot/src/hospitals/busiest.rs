//! One hospital alone, as the sample has it: for what needs no second one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};

use super::Hospital;
use super::hold::{self, Schema};
use super::sample::{Kind, Sample};
use super::split::Group;

impl Hospital {
    /// The organisation of the sample that treated the most patients, with every row it made and Synthea's ids.
    pub fn busiest(sample: &Path) -> Result<Self> {
        let sample = Sample::read(sample)?;
        let mut treated: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for row in sample.rows(Kind::Encounter) {
            let organization = sample.at(Kind::Encounter, row, "ORGANIZATION");
            treated.entry(organization).or_default().insert(sample.at(Kind::Encounter, row, "PATIENT"));
        }
        let busiest = treated.into_iter().max_by_key(|(_, patients)| patients.len());
        let (organization, _) = busiest.context("the sample has no encounters")?;
        let group = Group::alone(organization);
        Self::new(&sample, &group, &hold::own(&sample, &group, Schema::Plain))
    }

    /// Writes the tables into a new SQLite file.
    pub async fn write_sqlite(&self, file: &Path) -> Result<()> {
        self.write_database(file).await
    }
}
