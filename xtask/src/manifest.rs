//! data/synthea-sample/manifest.json: how the sample came about and what must be in it.

use crate::paths;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Serialize, Deserialize)]
pub struct Manifest {
    pub generator: Generator,
    /// Every CSV of the generated population, sorted.
    pub population: BTreeMap<String, Count>,
    /// The committed tables, sorted, before compression.
    pub sample: BTreeMap<String, Count>,
    /// The busiest organisations of different names, most patients of the sample first.
    pub hospitals: Vec<Hospital>,
}

/// What makes a population the same again.
#[derive(Serialize, Deserialize)]
pub struct Generator {
    pub synthea: String,
    pub patients: u32,
    pub seed: u32,
    pub clinician_seed: u32,
    /// `YYYYMMDD`; also the day on which the simulation ends.
    pub reference_date: String,
    pub state: String,
    pub city: String,
    pub years_of_history: u32,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Rows without the header.
    pub rows: usize,
    /// SHA-256 in hex of the sorted CSV, header first.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
pub struct Hospital {
    pub id: String,
    pub name: String,
    /// Patients of the sample with an encounter there.
    pub patients: usize,
}

pub fn sample_dir() -> PathBuf {
    paths::root().join("data/synthea-sample")
}

impl Manifest {
    pub fn read(dir: &Path) -> Result<Self> {
        let file = dir.join("manifest.json");
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no manifest", file.display()))
    }

    pub fn write(&self, dir: &Path) -> Result<()> {
        let file = dir.join("manifest.json");
        let mut text = serde_json::to_string_pretty(self).context("cannot encode the manifest")?;
        text.push('\n');
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }
}
