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
        let columns = csv.header().iter().map(|column| (column.clone(), "TEXT")).collect();
        let mut table = Table::new(kind.table(), columns, Some(kind.patient()));
        for held in holding.rows(kind) {
            table.push(
                csv.header().iter().map(|column| Some(csv.at(held.row, column).to_owned())).collect(),
            )?;
        }
        tables.push(table);
    }
    Ok(Built { tables, records: BTreeMap::new() })
}
