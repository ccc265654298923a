//! From a grant or revoke to its effect at the gatekeeper, on the pilot's stage.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use medrec_e2e::access::{Consent, MAX_STALENESS, Times};
use medrec_e2e::report::{Report, Row};
use medrec_e2e::world::pilot;
use medrec_pilot::Running;

const ROUNDS: usize = 50;

#[tokio::main]
async fn main() -> Result<()> {
    let home = tempfile::tempdir()?;
    let (report, outcome) = medrec_pilot::run(&pilot(home.path())?).await;
    let Running { stage, cast } = outcome.with_context(|| report.table())?;
    let [_, one, other, ..] = cast.patients.as_slice() else { bail!("the pilot has too few patients") };
    let all_up = Consent::of(&stage, one).await?.measure(ROUNDS).await?;
    let last = stage.net.validators().saturating_sub(1);
    stage.net.stop(last).await?;
    let one_down = Consent::of(&stage, other).await?.measure(ROUNDS).await?;
    stage.stop().await;

    for (times, validators) in [(&all_up, "all validators up"), (&one_down, "one validator down")] {
        let latest = times.latest;
        ensure!(
            latest <= MAX_STALENESS,
            "{validators}: a read was permitted {latest} s after the revoke's block"
        );
    }
    let mut rows = figures("four up", &all_up, 1_500.0);
    rows.extend(figures("one of four down", &one_down, 4_000.0));
    Report {
        setup: format!(
            "{ROUNDS} rounds one after the other, each a grant to a fresh viewer of a scope of one record, a read, the \
             revoke and a refusal, on the pilot's stage: four validators, three relayers with {} patients each, all on \
             one machine, 0.5 s between commits; then the same with one validator stopped. The relayer is built as for \
             tests (opt-level 1).",
            medrec_pilot::PATIENTS
        ),
        timer: "broadcast_tx_sync until the first signed read is answered and opened, or refused as revoked; the \
                viewer asks again 20 ms after each answer"
            .to_owned(),
        rows,
    }
    .hand_over()
}

fn figures(validators: &str, times: &Times, bound: f64) -> Vec<Row> {
    let row = |name: &str, time: Duration, bound| {
        Row::new(format!("{name}, {validators}"), (time.as_secs_f64() * 1_000.0).round(), "ms", bound, "")
    };
    let mut rows = Vec::new();
    for (name, measured) in
        [("grant to first permitted read", &times.granted), ("revoke to first refusal", &times.revoked)]
    {
        rows.push(row(&format!("{name}, p50"), measured.percentile(50), None));
        rows.push(row(&format!("{name}, p95"), measured.percentile(95), Some(bound)));
        rows.push(row(&format!("{name}, slowest"), measured.percentile(100), None));
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds, single digits")]
    rows.push(Row::new(
        format!("latest permitted read after a revoke's block, {validators}"),
        times.latest as f64,
        "s",
        Some(MAX_STALENESS as f64),
        "max_staleness",
    ));
    rows
}
