//! Gas and chain bytes of every message; also replaces the committed table, docs/gas.json.

use anyhow::{Context, Result};
use medrec_e2e::figures::{self, BOUNDS, Figure, Table};
use medrec_e2e::measure::patient::{self, BATCH, Footprint, RELATIONSHIPS, UPDATES};
use medrec_e2e::measure::{Casts, everything};
use medrec_e2e::report::{Report, Row};
use medrec_e2e::world::World;

#[tokio::main]
async fn main() -> Result<()> {
    let casts = Casts::fresh()?;
    let world = World::start(&casts.accounts()).await?;
    let table = everything(&world, &casts).await?;
    let footprint = patient::footprint(&world).await?;
    world.net.down().await;
    figures::store(&table)?;
    let mut rows: Vec<Row> = BOUNDS
        .iter()
        .map(|bound| {
            row(bound.name, bound.value(&table), unit_of(bound.name), Some(bound.limit), String::new())
        })
        .collect();
    rows.extend(of_patient(&footprint));
    rows.extend(allowances(&table)?);
    rows.extend(table.iter().map(|(name, figure)| row(name, figure.gas, "gas", None, details(figure))));
    Report {
        setup:
            "Every message on real wasmd, four validators, codes pinned; anchors of a log of 10^6 entries, \
                the longest consistency proof. Relationship messages are paid by the contract's allowance. \
                Messages of the consortium are whole group proposals of four signers. An empty call is `{}`, \
                which the contract refuses at once, by the same sender, paid the same way."
                .to_owned(),
        timer: "none: gas as the block states it, bytes of the transaction in the block".to_owned(),
        rows,
    }
    .hand_over()
}

/// One patient, as MedRec v2's authors count her.
#[expect(clippy::cast_precision_loss, reason = "thousands of bytes")]
fn of_patient(footprint: &Footprint) -> [Row; 2] {
    let note = format!(
        "{} for the relationships with their delegates' admission, the rest for anchors; a grant comes to that of the \
         row relationship.grant more; MedRec v2: 41400",
        footprint.relationships
    );
    let record = Row::new(
        format!("chain bytes of a record, {BATCH} under an anchor"),
        footprint.hundredths_a_record() as f64 / 100.0,
        "bytes",
        Some(25.0),
        format!("mean of {UPDATES} anchors, the longest {} bytes", footprint.longest),
    );
    let name = format!("chain bytes of a patient, {RELATIONSHIPS} relationships and {UPDATES} updates");
    [row(&name, footprint.total(), "bytes", Some(9_000), note), record]
}

/// What one more fee allowance costs, from `admit` of 100 delegates and of 1. `open` makes one too.
fn allowances(table: &Table) -> Result<[Row; 2]> {
    let of = |name| table.get(name).copied().context("an admission was not measured");
    let (many, one) = (of("relationship.admit (100 delegates)")?, of("relationship.admit (1 delegate)")?);
    let each = |many: u64, one: u64| many.saturating_sub(one).div_euclid(99);
    let note = || "beside open and accept: the delegate's, made by admit".to_owned();
    Ok([
        row(
            "chain bytes of a delegate's admission and allowance",
            each(many.bytes, one.bytes),
            "bytes",
            None,
            note(),
        ),
        row("gas of a delegate's admission and allowance", each(many.gas, one.gas), "gas", None, note()),
    ])
}

fn details(figure: &Figure) -> String {
    let over = figure.over_empty.map_or(String::new(), |over| format!(", {over} over an empty call"));
    format!("{} bytes{over}, {} unpinned", figure.bytes, figure.gas_unpinned)
}

fn unit_of(bound: &str) -> &'static str {
    if bound.contains("bytes") { "bytes" } else { "gas" }
}

#[expect(clippy::cast_precision_loss, reason = "figures are far below 2^52")]
fn row(name: &str, value: u64, unit: &str, bound: Option<u64>, note: String) -> Row {
    Row::new(name, value as f64, unit, bound.map(|bound| bound as f64), note)
}
