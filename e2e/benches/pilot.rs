//! How long the pilot takes on a warm build, step by step, as `cargo xtask pilot --once` plays it.

use anyhow::{Context, Result};
use medrec_e2e::report::{Report, Row};
use medrec_e2e::world;

/// What issue 5 allows on two cores, seconds.
const BOUND: f64 = 120.0;

#[tokio::main]
async fn main() -> Result<()> {
    let home = tempfile::tempdir()?;
    let (report, outcome) = medrec_pilot::run(&world::pilot(home.path())?).await;
    let running = outcome.with_context(|| report.table())?;
    running.stop().await;
    let total: u64 = report.steps.iter().map(|step| step.ms).sum();
    let mut rows = vec![Row::new("all steps", seconds(total), "s", Some(BOUND), "")];
    for step in &report.steps {
        rows.push(Row::new(&step.step, seconds(step.ms), "s", None, format!("count {}", step.count)));
    }
    let merge = report.merge.context("nothing was merged")?;
    let note = format!("{} records shown as {} items", merge.records, merge.items);
    rows.push(Row::new("wrongly merged pairs of all merged", share(merge.precision), "%", Some(1.0), note));
    rows.push(Row::new(
        "missed pairs of all to be merged",
        share(merge.recall),
        "%",
        Some(1.0),
        String::new(),
    ));
    let her = report.patient.context("no patient was weighed")?;
    let note = format!("{} relationships, {} transactions", her.relationships, her.transactions);
    rows.push(Row::new("chain bytes of one patient's transactions", whole(her.bytes), "bytes", None, note));
    let note = format!("{} log entries of hers, anchored every 2 s with whatever there is", her.entries);
    rows.push(Row::new("her share of the anchors", whole(her.anchor_bytes), "bytes", None, note));
    Report {
        setup: format!(
            "The whole scenario of docs/spec/wire.md section 13 with {} patients at three hospitals: {} log entries \
             filed. Four validators, three relayers and every command of the scenario on one machine, 0.5 s between \
             commits, all built as for tests (opt-level 1).",
            medrec_pilot::PATIENTS,
            report.entries.filed
        ),
        timer: "each step from its first command to its last check; building is not in it".to_owned(),
        rows,
    }
    .hand_over()
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn whole(n: u64) -> f64 {
    n as f64
}

fn seconds(ms: u64) -> f64 {
    (whole(ms) / 100.0).round() / 10.0
}

/// What is missing to all, per cent.
fn share(of_one: f64) -> f64 {
    ((1.0 - of_one) * 100_000.0).round() / 1_000.0
}
