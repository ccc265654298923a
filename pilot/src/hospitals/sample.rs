//! The Synthea sample, as its CSV has it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::read::GzDecoder;

/// Systolic and diastolic pressure: one measurement of both is one record.
pub const BLOOD_PRESSURE: [&str; 2] = ["8480-6", "8462-4"];

/// What a row of the sample tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Patient,
    Encounter,
    Condition,
    Observation,
    Medication,
    Procedure,
    Immunization,
    Allergy,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Patient,
        Self::Encounter,
        Self::Condition,
        Self::Observation,
        Self::Medication,
        Self::Procedure,
        Self::Immunization,
        Self::Allergy,
    ];

    /// Its table in the sample.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Patient => "patients",
            Self::Encounter => "encounters",
            Self::Condition => "conditions",
            Self::Observation => "observations",
            Self::Medication => "medications",
            Self::Procedure => "procedures",
            Self::Immunization => "immunizations",
            Self::Allergy => "allergies",
        }
    }

    /// Its scope in every mapping of the pilot.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            _ => self.table(),
        }
    }

    /// The column that names the patient.
    pub const fn patient(self) -> &'static str {
        match self {
            Self::Patient => "Id",
            _ => "PATIENT",
        }
    }

    /// The column that names the encounter, for what happened in one.
    pub const fn encounter(self) -> &'static str {
        match self {
            Self::Encounter => "Id",
            _ => "ENCOUNTER",
        }
    }

    /// The column of its day or time.
    pub const fn when(self) -> &'static str {
        match self {
            Self::Patient => "BIRTHDATE",
            Self::Observation | Self::Immunization => "DATE",
            _ => "START",
        }
    }

    /// Columns that are relied on.
    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Patient => &[
                "Id",
                "BIRTHDATE",
                "DEATHDATE",
                "SSN",
                "PREFIX",
                "FIRST",
                "MIDDLE",
                "LAST",
                "MARITAL",
                "RACE",
                "ETHNICITY",
                "GENDER",
                "ADDRESS",
                "CITY",
                "STATE",
                "COUNTY",
                "ZIP",
            ],
            Self::Encounter => &[
                "Id",
                "START",
                "STOP",
                "PATIENT",
                "ORGANIZATION",
                "PROVIDER",
                "PAYER",
                "ENCOUNTERCLASS",
                "CODE",
                "DESCRIPTION",
            ],
            Self::Condition => &["START", "STOP", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION"],
            Self::Observation => {
                &["DATE", "PATIENT", "ENCOUNTER", "CATEGORY", "CODE", "DESCRIPTION", "VALUE", "UNITS", "TYPE"]
            }
            Self::Medication | Self::Procedure => {
                &["START", "STOP", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION"]
            }
            Self::Immunization => &["DATE", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION"],
            Self::Allergy => &[
                "START",
                "STOP",
                "PATIENT",
                "ENCOUNTER",
                "CODE",
                "DESCRIPTION",
                "TYPE",
                "CATEGORY",
                "REACTION1",
                "DESCRIPTION1",
                "SEVERITY1",
            ],
        }
    }
}

/// One table: header and rows.
pub struct Csv {
    header: Vec<String>,
    columns: BTreeMap<String, usize>,
    rows: Vec<csv::StringRecord>,
}

impl Csv {
    fn read(sample: &Path, table: &str, wanted: &[&str]) -> Result<Self> {
        let path = sample.join(format!("{table}.csv.gz"));
        let file = std::fs::File::open(&path).with_context(|| format!("open {}", path.display()))?;
        let mut reader = csv::Reader::from_reader(GzDecoder::new(file));
        let header: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        let rows =
            reader.records().collect::<Result<_, _>>().with_context(|| format!("read {}", path.display()))?;
        let columns: BTreeMap<String, usize> = header.iter().cloned().zip(0..).collect();
        if let Some(missing) = wanted.iter().find(|name| !columns.contains_key(**name)) {
            bail!("{}: no column {missing} among {header:?}", path.display());
        }
        Ok(Self { header, columns, rows })
    }

    /// As the file names them.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// A cell; empty where the file has nothing.
    pub fn at(&self, row: usize, column: &str) -> &str {
        let cell = self.columns.get(column).and_then(|column| self.rows.get(row)?.get(*column));
        cell.unwrap_or_default()
    }
}

/// Every table that becomes records, and the organisations.
pub struct Sample {
    tables: BTreeMap<Kind, Csv>,
    pub organizations: Csv,
    /// The row of each encounter.
    encounters: BTreeMap<String, usize>,
}

impl Sample {
    pub fn read(folder: &Path) -> Result<Self> {
        let tables = Kind::ALL
            .into_iter()
            .map(|kind| Ok((kind, Csv::read(folder, kind.table(), kind.columns())?)))
            .collect::<Result<BTreeMap<_, _>>>()?;
        let organizations = Csv::read(folder, "organizations", &["Id", "NAME"])?;
        let mut sample = Self { tables, organizations, encounters: BTreeMap::new() };
        let encounters = sample.of(Kind::Encounter)?;
        sample.encounters =
            (0..encounters.len()).map(|row| (encounters.at(row, "Id").to_owned(), row)).collect();
        Ok(sample)
    }

    pub fn of(&self, kind: Kind) -> Result<&Csv> {
        self.tables.get(&kind).with_context(|| format!("the sample has no {}", kind.table()))
    }

    /// A cell; empty where the sample has nothing.
    pub fn at(&self, kind: Kind, row: usize, column: &str) -> &str {
        self.tables.get(&kind).map_or("", |csv| csv.at(row, column))
    }

    pub fn rows(&self, kind: Kind) -> std::ops::Range<usize> {
        0..self.tables.get(&kind).map_or(0, Csv::len)
    }

    /// The organisation that made a row; none for rows outside any encounter, which no hospital has.
    pub fn organization(&self, kind: Kind, row: usize) -> Option<&str> {
        let encounter = self.encounters.get(self.at(kind, row, kind.encounter()))?;
        Some(self.at(Kind::Encounter, *encounter, "ORGANIZATION"))
    }
}
