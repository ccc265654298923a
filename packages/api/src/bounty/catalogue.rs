//! What an open offer may be asked.

use cosmwasm_schema::cw_serde;

use super::question::{Bounds, Category, Measure, Question};
use crate::validate::{self, Invalid};

/// Entries of a catalogue, at most.
pub const MAX_CATALOGUE: usize = 30;

/// One kind of observation and what may be asked of it.
#[cw_serde]
#[derive(Eq)]
pub struct CatalogueEntry {
    /// FHIR `Observation.code.coding`: 1 to 64 bytes each.
    pub system: String,
    pub code: String,
    /// UCUM, at most 24 bytes; empty if only a count may be asked.
    pub unit: String,
    pub category: Category,
    /// Each at most once, one at least.
    pub measures: Vec<MeasureKind>,
    /// A question's bounds lie within these, at this scale; none if only a count may be asked.
    pub bounds: Option<Bounds>,
}

#[cw_serde]
#[derive(Copy, Eq)]
pub enum MeasureKind {
    Count,
    Sum,
    Mean,
    Histogram,
    Quantile,
}

/// Shape and bounds of every entry; no observation stands there twice.
pub fn validate_catalogue(entries: &[CatalogueEntry]) -> Result<(), Invalid> {
    validate::count("entries", entries.len(), 0, MAX_CATALOGUE)?;
    for (place, entry) in entries.iter().enumerate() {
        entry.validate()?;
        let same = |other: &&CatalogueEntry| {
            (&other.system, &other.code, &other.unit) == (&entry.system, &entry.code, &entry.unit)
        };
        let alike = entries.iter().take(place).filter(same).count();
        validate::count("entries of one system, code and unit", alike.saturating_add(1), 1, 1)?;
    }
    Ok(())
}

/// The entry that lets this question be asked, if there is one.
#[must_use]
pub fn permits<'a>(entries: &'a [CatalogueEntry], question: &Question) -> Option<&'a CatalogueEntry> {
    entries.iter().find(|entry| entry.permits(question))
}

impl CatalogueEntry {
    pub fn validate(&self) -> Result<(), Invalid> {
        super::question::coding(&self.system, &self.code)?;
        validate::count("measures", self.measures.len(), 1, 5)?;
        for (place, kind) in self.measures.iter().enumerate() {
            let before = self.measures.iter().take(place).filter(|other| *other == kind).count();
            validate::count("measures of one kind", before.saturating_add(1), 1, 1)?;
        }
        let valued = self.measures.iter().any(|kind| *kind != MeasureKind::Count);
        super::question::unit(&self.unit, valued)?;
        validate::count("bounds", self.bounds.iter().count(), valued.into(), valued.into())?;
        self.bounds.iter().try_for_each(Bounds::validate)
    }

    fn permits(&self, question: &Question) -> bool {
        // A count is over every unit.
        let unit = matches!(question.measure, Measure::Count {}) || self.unit == question.unit;
        let coded = self.system == question.system && self.code == question.code;
        let bounds = match (question.measure.bounds(), self.bounds) {
            (None, _) => true,
            (Some(asked), Some(most)) => {
                asked.scale == most.scale && asked.lower >= most.lower && asked.upper <= most.upper
            }
            (Some(_), None) => false,
        };
        let allowed = self.measures.contains(&question.measure.kind());
        coded && unit && bounds && allowed && self.category == question.category
    }
}
