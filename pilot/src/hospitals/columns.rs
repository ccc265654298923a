//! Schema of the first hospital: Synthea's tables and columns, with ids, sources and edit marks of its own.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Built;
use super::database::Table;
use super::hold::{Held, Holding};
use super::sample::{Kind, Sample};

/// Who last touched rows that nobody edited since they came in.
const IMPORTER: &str = "interface";

pub fn build(sample: &Sample, holding: &Holding) -> Result<Built> {
    let mut tables = Vec::new();
    let mut records = BTreeMap::new();
    let mut encounters: BTreeMap<&str, String> = BTreeMap::new();
    let mut codes = Codes::default();
    for kind in Kind::ALL {
        let csv = sample.of(kind)?;
        let mut columns: Vec<(String, &str)> = Vec::new();
        if numbered(kind).is_some() {
            columns.push(("ROW_ID".to_owned(), "TEXT NOT NULL"));
        }
        columns.extend(csv.header().iter().map(|column| (column.clone(), "TEXT")));
        let added = added(kind);
        columns.extend(added.iter().map(|column| ((*column).to_owned(), "TEXT")));
        let mut table = Table::new(kind.table(), columns, Some(kind.patient()));
        for (held, n) in holding.rows(kind).iter().zip(1usize..) {
            let patient = holding.patient(sample, kind, held);
            let id = match kind {
                Kind::Patient => patient.to_owned(),
                Kind::Encounter => format!("E{n:06}"),
                _ => format!("{}{n:06}", numbered(kind).unwrap_or_default()),
            };
            if kind == Kind::Encounter {
                encounters.insert(csv.at(held.row, "Id"), id.clone());
            }
            let mut cells: Vec<Option<String>> = Vec::new();
            if numbered(kind).is_some() {
                cells.push(Some(id.clone()));
            }
            for column in csv.header() {
                let cell = csv.at(held.row, column);
                cells.push(Some(match column.as_str() {
                    "Id" => id.clone(),
                    "PATIENT" => patient.to_owned(),
                    "ENCOUNTER" if held.copied.is_none() => encounters.get(cell).cloned().unwrap_or_default(),
                    "ORGANIZATION" => codes.code("SITE", cell),
                    "PROVIDER" => codes.code("DR", cell),
                    "PAYER" => codes.code("PAY", cell),
                    "VALUE" => holding.value(sample, held),
                    _ if held.copied.is_some() => copied(kind, column, cell, holding.day(sample, kind, held)),
                    _ => cell.to_owned(),
                }));
            }
            for column in added {
                cells.push(Some(match *column {
                    "SOURCE" => holding.source(held).unwrap_or_default().to_owned(),
                    "CHANGED_AT" => touched(sample, kind, held).to_owned(),
                    _ => IMPORTER.to_owned(),
                }));
            }
            table.push(cells)?;
            records.insert((kind, held.row), id);
        }
        tables.push(table);
    }
    Ok(Built { tables, records })
}

/// How rows are numbered that Synthea gives no id.
const fn numbered(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Patient | Kind::Encounter => None,
        Kind::Condition => Some("CO"),
        Kind::Observation => Some("OB"),
        Kind::Medication => Some("ME"),
        Kind::Procedure => Some("PR"),
        Kind::Immunization => Some("IM"),
        Kind::Allergy => Some("AL"),
    }
}

/// Columns that Synthea does not have.
const fn added(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Patient | Kind::Encounter | Kind::Procedure => &[],
        Kind::Immunization | Kind::Allergy => &["SOURCE"],
        Kind::Condition | Kind::Observation => &["SOURCE", "CHANGED_AT", "CHANGED_BY"],
        Kind::Medication => &["CHANGED_AT", "CHANGED_BY"],
    }
}

/// A copy knows days only, no encounter, no costs, and not what was closed later.
fn copied(kind: Kind, column: &str, cell: &str, day: &str) -> String {
    match column {
        "STOP" | "ENCOUNTER" | "BASE_COST" => String::new(),
        _ if column == kind.when() => day.to_owned(),
        _ => cell.to_owned(),
    }
}

fn touched<'a>(sample: &'a Sample, kind: Kind, held: &'a Held) -> &'a str {
    held.copied.as_ref().map_or_else(|| sample.at(kind, held.row, kind.when()), |copied| &copied.on)
}

/// House codes for what Synthea identifies by long ids, in the order they come up.
#[derive(Default)]
struct Codes(BTreeMap<(&'static str, String), String>);

impl Codes {
    fn code(&mut self, prefix: &'static str, id: &str) -> String {
        let next = self.0.keys().filter(|(other, _)| *other == prefix).count().saturating_add(1);
        let code = self.0.entry((prefix, id.to_owned())).or_insert_with(|| format!("{prefix}{next:03}"));
        code.clone()
    }
}
