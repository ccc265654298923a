//! `LABS`: one row for all that was measured at one time, a pair of columns a measure. The nurses' numbers went into the
//! same table when the ward's own program was given up.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::super::database::Table;
use super::super::hold::{Held, Holding, day};
use super::super::sample::{BLOOD_PRESSURE, Kind, Sample};
use super::columns::{MEASURES, PRESSURES};
use super::visits::VisitNumbers;
use super::{clerk, date, text_table};

/// What was measured together: a time, a patient, and either Synthea's encounter or the hospital that wrote.
type Sheet<'a> = (&'a str, &'a str, &'a str, &'a str);

pub fn build<'a>(
    sample: &'a Sample,
    holding: &'a Holding,
    visits: &VisitNumbers<'a>,
    records: &mut BTreeMap<(Kind, usize), String>,
) -> Result<Table> {
    // Each row of a sheet has a measure once: what was measured twice makes a second row.
    let mut sheets: BTreeMap<Sheet<'_>, Vec<BTreeMap<&str, &Held>>> = BTreeMap::new();
    for held in holding.rows(Kind::Observation) {
        let cell = |column| sample.at(Kind::Observation, held.row, column);
        let sheet = match holding.source(held) {
            Some(source) => (day(cell("DATE")), cell("PATIENT"), "", source),
            None => (cell("DATE"), cell("PATIENT"), cell("ENCOUNTER"), ""),
        };
        let rows = sheets.entry(sheet).or_default();
        match rows.iter_mut().find(|row| !row.contains_key(cell("CODE"))) {
            Some(row) => drop(row.insert(cell("CODE"), held)),
            None => rows.push(BTreeMap::from([(cell("CODE"), held)])),
        }
    }
    let mut table = text_table("LABS", &columns());
    let rows = sheets.into_iter().flat_map(|(sheet, rows)| rows.into_iter().map(move |row| (sheet, row)));
    for (((when, patient, encounter, source), row), n) in rows.zip(70_001usize..) {
        let number = format!("L{n}");
        let mut updated = day(when);
        let mut cells: Vec<(String, String)> = Vec::new();
        let mut put = |column: &str, cell: String| cells.push((column.to_owned(), cell));
        put("LAB_NO", number.clone());
        put("PAT_NO", holding.local.get(patient).cloned().context("results of an unknown patient")?);
        put("VISIT_NO", visits.get(encounter).cloned().unwrap_or_default());
        put("LDATE", date(when));
        put("SRC", source.to_uppercase());
        for (code, held) in row {
            let value = holding.value(sample, held);
            let pressure = BLOOD_PRESSURE.iter().zip(PRESSURES).find(|(pressure, _)| **pressure == code);
            let id = match (pressure, MEASURES.iter().find(|measure| measure.loinc == code)) {
                (Some((_, column)), _) => {
                    put(column, value);
                    format!("{number}-BP")
                }
                (None, Some(measure)) => {
                    put(&format!("{}_VAL", measure.name), value);
                    let unit = sample.at(Kind::Observation, held.row, "UNITS").to_owned();
                    put(&format!("{}_UNIT", measure.name), unit);
                    format!("{number}-{}", measure.name.replace('_', "."))
                }
                (None, None) => continue,
            };
            if let Some(copied) = &held.copied {
                updated = &copied.on;
            }
            records.insert((Kind::Observation, held.row), id);
        }
        put("UPD_DT", date(updated));
        put("UPD_BY", clerk(n));
        table.insert(cells.iter().map(|(column, cell)| (column.as_str(), cell.clone())))?;
    }
    Ok(table)
}

fn columns() -> Vec<String> {
    let mut columns: Vec<String> =
        ["LAB_NO", "PAT_NO", "VISIT_NO", "LDATE", "SRC"].map(str::to_owned).to_vec();
    columns.extend(PRESSURES.map(str::to_owned));
    for measure in &MEASURES {
        columns.push(format!("{}_VAL", measure.name));
        columns.push(format!("{}_UNIT", measure.name));
    }
    columns.extend(["UPD_DT", "UPD_BY", "STORNO"].map(str::to_owned));
    columns
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_measure_has_a_column_of_its_own() {
        let columns = columns();
        assert_eq!(columns.iter().collect::<BTreeSet<_>>().len(), columns.len());
        let codes: BTreeSet<&str> = MEASURES.iter().map(|measure| measure.loinc).collect();
        assert_eq!(codes.len(), MEASURES.len());
    }
}
