//! `VISITS`: one line a visit with boxes for what was found and done, more lines when they are full. A letter from
//! another hospital is typed in as a visit of its own type.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::super::database::Table;
use super::super::hold::{Held, Holding, day};
use super::super::sample::{Kind, Sample};
use super::{clerk, date, text_table};

/// Boxes of a line: kind, column, how many, and whether each has a second one for its end.
const BOXES: [(Kind, &str, usize, bool); 5] = [
    (Kind::Condition, "DX", 5, true),
    (Kind::Procedure, "PROC", 5, false),
    (Kind::Medication, "MED", 4, true),
    (Kind::Immunization, "VAC", 3, false),
    (Kind::Allergy, "ALG", 5, false),
];

/// What belongs together: a day, a patient, and either Synthea's encounter or the hospital that wrote.
type Sheet<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Number of each of Synthea's encounters.
pub type VisitNumbers<'a> = BTreeMap<&'a str, String>;

pub fn build<'a>(
    sample: &'a Sample,
    holding: &'a Holding,
    records: &mut BTreeMap<(Kind, usize), String>,
) -> Result<(Table, VisitNumbers<'a>)> {
    let mut sheets: BTreeMap<Sheet<'_>, BTreeMap<Kind, Vec<&Held>>> = BTreeMap::new();
    for kind in [Kind::Encounter].into_iter().chain(BOXES.map(|(kind, ..)| kind)) {
        for held in holding.rows(kind) {
            let cell = |column| sample.at(kind, held.row, column);
            let source = holding.source(held).unwrap_or_default();
            let encounter = if held.copied.is_some() { "" } else { cell(kind.encounter()) };
            let sheet = (holding.day(sample, kind, held), cell("PATIENT"), encounter, source);
            sheets.entry(sheet).or_default().entry(kind).or_default().push(held);
        }
    }
    let mut numbers = VisitNumbers::new();
    let encounters = sheets.values().filter_map(|sheet| sheet.get(&Kind::Encounter)?.first());
    for (held, n) in encounters.zip(30_001usize..) {
        let id = format!("V{n}");
        numbers.insert(sample.at(Kind::Encounter, held.row, "Id"), id.clone());
        records.insert((Kind::Encounter, held.row), id);
    }

    let mut table = text_table("VISITS", &columns());
    let mut writer = Writer { sample, holding, numbers: &numbers, lines: BTreeMap::new(), record: 0 };
    for (sheet, mut items) in sheets {
        let encounter = items.remove(&Kind::Encounter).and_then(|held| held.into_iter().next());
        let mut first = encounter;
        let mut from = 0usize;
        let fullest = |from: usize| {
            let left = |(kind, _, room, _): &(Kind, _, usize, _)| {
                items.get(kind).is_some_and(|held| held.len() > from.saturating_mul(*room))
            };
            BOXES.iter().any(left)
        };
        while first.is_some() || fullest(from) {
            writer.line(&mut table, sheet, first.take(), &items, from, records)?;
            from = from.saturating_add(1);
        }
    }
    Ok((table, numbers))
}

fn columns() -> Vec<String> {
    let head = ["REC_NO", "PAT_NO", "VISIT_NO", "LINE", "VDATE", "VEND", "VTYPE", "VCODE", "SRC"];
    let mut columns: Vec<String> = head.map(str::to_owned).to_vec();
    for (_, name, room, ends) in BOXES {
        for n in 1..=room {
            columns.push(format!("{name}{n}"));
            if ends {
                columns.push(format!("{name}{n}_END"));
            }
        }
    }
    columns.extend(["UPD_DT", "UPD_BY", "STORNO"].map(str::to_owned));
    columns
}

struct Writer<'a> {
    sample: &'a Sample,
    holding: &'a Holding,
    numbers: &'a VisitNumbers<'a>,
    /// Lines of a visit so far.
    lines: BTreeMap<&'a str, usize>,
    record: usize,
}

impl<'a> Writer<'a> {
    /// The `from`th line of a sheet, counted from 0; the visit's own data only if it is given.
    fn line(
        &mut self,
        table: &mut Table,
        (when, patient, encounter, source): Sheet<'a>,
        visit: Option<&Held>,
        items: &BTreeMap<Kind, Vec<&'a Held>>,
        from: usize,
        records: &mut BTreeMap<(Kind, usize), String>,
    ) -> Result<()> {
        self.record = self.record.saturating_add(1);
        let record = format!("R{:06}", self.record);
        // Line 1 is the visit's own; what is of another day may come before it.
        let line = match visit {
            Some(_) => 1,
            None => {
                let lines = self.lines.entry(encounter).or_insert(1);
                *lines = lines.saturating_add(1);
                *lines
            }
        };
        let mut updated = when;
        let mut cells: Vec<(String, String)> = Vec::new();
        let mut put = |column: &str, cell: String| cells.push((column.to_owned(), cell));
        put("REC_NO", record.clone());
        put("PAT_NO", self.holding.local.get(patient).cloned().context("a visit of an unknown patient")?);
        put("VDATE", date(when));
        put("SRC", source.to_uppercase());
        if source.is_empty() {
            put("VISIT_NO", self.numbers.get(encounter).cloned().unwrap_or_default());
            put("LINE", line.to_string());
        }
        match visit {
            Some(held) => {
                let cell = |column| self.sample.at(Kind::Encounter, held.row, column);
                put("VEND", date(cell("STOP")));
                put("VTYPE", visit_type(cell("ENCOUNTERCLASS")).to_owned());
                put("VCODE", cell("CODE").to_owned());
            }
            None => put("VTYPE", if source.is_empty() { "C" } else { "X" }.to_owned()),
        }
        for (kind, name, room, ends) in BOXES {
            let held = items.get(&kind).map_or(&[][..], Vec::as_slice);
            for (held, n) in held.iter().skip(from.saturating_mul(room)).take(room).zip(1usize..) {
                let cell = |column| self.sample.at(kind, held.row, column);
                let what = match kind {
                    // Typed as on the prescription.
                    Kind::Medication => cell("DESCRIPTION").to_uppercase(),
                    _ => cell("CODE").to_owned(),
                };
                put(&format!("{name}{n}"), what);
                if ends && held.copied.is_none() {
                    put(&format!("{name}{n}_END"), date(cell("STOP")));
                }
                if let Some(copied) = &held.copied {
                    updated = day(&copied.on);
                }
                records.insert((kind, held.row), format!("{record}-{name}{n}"));
            }
        }
        put("UPD_DT", date(updated));
        put("UPD_BY", clerk(self.record));
        table.insert(cells.iter().map(|(column, cell)| (column.as_str(), cell.clone())))
    }
}

fn visit_type(class: &str) -> &'static str {
    match class {
        "emergency" => "E",
        "inpatient" | "snf" => "I",
        "hospice" | "home" => "H",
        "virtual" => "T",
        _ => "A",
    }
}
