//! Schema of the third hospital: a practice system of the nineties. Few wide tables, everything text, days without times,
//! a new line when the boxes of one are full.

mod columns;
mod results;
mod visits;

use std::collections::BTreeMap;

use anyhow::Result;

use super::Built;
use super::database::Table;
use super::hold::{Holding, day};
use super::sample::{Kind, Sample};

pub use columns::{has_column, rounded};

/// Who typed a row in, by turns.
const CLERKS: [&str; 3] = ["MK", "RS", "JT"];

pub fn build(sample: &Sample, holding: &Holding) -> Result<Built> {
    let mut records = BTreeMap::new();
    let patients = patients(sample, holding, &mut records)?;
    let (visits, visit_numbers) = visits::build(sample, holding, &mut records)?;
    let results = results::build(sample, holding, &visit_numbers, &mut records)?;
    Ok(Built { tables: vec![patients, visits, results, catalog(sample, holding)?], records })
}

fn patients(
    sample: &Sample,
    holding: &Holding,
    records: &mut BTreeMap<(Kind, usize), String>,
) -> Result<Table> {
    let columns = [
        "PAT_NO", "LNAME", "FNAME", "MNAME", "TITLE", "SEX", "DOB", "DOD", "MARIT", "STREET", "CITY",
        "STATE", "ZIP", "SSN", "UPD_DT", "UPD_BY",
    ];
    let mut table = text_table("PATMAST", &columns);
    let mut rows: Vec<_> = holding.rows(Kind::Patient).iter().collect();
    rows.sort_by_key(|held| holding.patient(sample, Kind::Patient, held));
    for (held, n) in rows.into_iter().zip(0usize..) {
        let cell = |column| sample.at(Kind::Patient, held.row, column);
        let id = holding.patient(sample, Kind::Patient, held).to_owned();
        let sex = match cell("GENDER") {
            "M" => "1",
            "F" => "2",
            _ => "9",
        };
        table.insert([
            ("PAT_NO", id.clone()),
            ("LNAME", cell("LAST").to_uppercase()),
            ("FNAME", cell("FIRST").to_uppercase()),
            ("MNAME", cell("MIDDLE").to_uppercase()),
            ("TITLE", cell("PREFIX").to_uppercase()),
            ("SEX", sex.to_owned()),
            ("DOB", date(cell("BIRTHDATE"))),
            ("DOD", date(cell("DEATHDATE"))),
            ("MARIT", cell("MARITAL").to_owned()),
            ("STREET", cell("ADDRESS").to_uppercase()),
            ("CITY", cell("CITY").to_uppercase()),
            ("STATE", if cell("STATE") == "Massachusetts" { "MA" } else { cell("STATE") }.to_owned()),
            ("ZIP", cell("ZIP").to_owned()),
            ("SSN", cell("SSN").to_owned()),
            ("UPD_DT", "01.01.1998".to_owned()),
            ("UPD_BY", clerk(n)),
        ])?;
        records.insert((Kind::Patient, held.row), id);
    }
    Ok(table)
}

/// The texts that the printed forms show beside each code.
fn catalog(sample: &Sample, holding: &Holding) -> Result<Table> {
    let mut texts: BTreeMap<(&str, &str), (&str, &str)> = BTreeMap::new();
    for (kind, list) in [
        (Kind::Encounter, "V"),
        (Kind::Condition, "D"),
        (Kind::Procedure, "P"),
        (Kind::Immunization, "I"),
        (Kind::Allergy, "A"),
    ] {
        for held in holding.rows(kind) {
            let cell = |column| sample.at(kind, held.row, column);
            let system = match kind {
                Kind::Immunization => "CVX",
                Kind::Allergy if cell("CATEGORY") == "medication" => "RX",
                _ => "SCT",
            };
            let known = texts.entry((list, cell("CODE"))).or_insert((system, cell("DESCRIPTION")));
            known.1 = known.1.max(cell("DESCRIPTION"));
        }
    }
    let mut table = Table::new(
        "CATALOG",
        ["LIST", "CODE", "SYS", "TXT"].map(|column| (column.to_owned(), "TEXT")).to_vec(),
        Some("CODE"),
    );
    for ((list, code), (system, text)) in texts {
        // Forty characters is what the form has room for.
        let text: String = text.to_uppercase().chars().take(40).collect();
        table.insert([
            ("LIST", list.to_owned()),
            ("CODE", code.to_owned()),
            ("SYS", system.to_owned()),
            ("TXT", text.trim_end().to_owned()),
        ])?;
    }
    Ok(table)
}

fn text_table(name: &'static str, columns: &[impl AsRef<str>]) -> Table {
    let columns = columns.iter().map(|column| (column.as_ref().to_owned(), "TEXT")).collect();
    Table::new(name, columns, Some("PAT_NO"))
}

/// "2023-01-04…" as DD.MM.YYYY; nothing stays nothing.
fn date(when: &str) -> String {
    let mut parts = day(when).splitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(year), Some(month), Some(day)) => format!("{day}.{month}.{year}"),
        _ => String::new(),
    }
}

fn clerk(n: usize) -> String {
    let turn = n.checked_rem(CLERKS.len()).unwrap_or_default();
    CLERKS.get(turn).copied().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_with_points() {
        assert_eq!(date("2023-01-04T10:41:46Z"), "04.01.2023");
        assert_eq!(date(""), "");
    }
}
