//! The sample's own tables, Synthea's ids and all.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Built;
use super::database::Table;
use super::hold::Holding;
use super::sample::{Kind, Sample};

pub fn build(sample: &Sample, holding: &Holding) -> Result<Built> {
    let mut tables = Vec::new();
    for kind in Kind::ALL {
        let csv = sample.of(kind)?;
        let cells =
            |row: usize| csv.header().iter().map(|column| Some(csv.at(row, column).to_owned())).collect();
        tables.push(Table {
            name: kind.table(),
            columns: csv.header().iter().map(|column| (column.clone(), "TEXT")).collect(),
            rows: holding.rows(kind).iter().map(|held| cells(held.row)).collect(),
            index: Some(kind.patient()),
        });
    }
    Ok(Built { tables, records: BTreeMap::new() })
}
