//! From broadcast to committed.

use std::time::Duration;

use anyhow::Result;
use medrec_e2e::report::{Report, Row};
use medrec_e2e::{latency, world::World};

const TRANSACTIONS: usize = 100;

#[tokio::main]
async fn main() -> Result<()> {
    let world = World::start(&[]).await?;
    let times = latency::measure(&world, TRANSACTIONS).await?;
    world.net.down().await;
    let row = |name: &str, time: Duration, bound| {
        Row::new(name, (time.as_secs_f64() * 1_000.0).round(), "ms", bound, "")
    };
    Report {
        setup: format!(
            "{TRANSACTIONS} registrations of persons, one after the other, on four validators of one machine, \
             0.5 s between commits."
        ),
        timer: "broadcast_tx_sync until the same node has the transaction in a block, asked every 10 ms; each \
                goes out right after a commit, when the wait for the next is longest"
            .to_owned(),
        rows: vec![
            row("broadcast to committed, p50", times.percentile(50), None),
            row("broadcast to committed, p95", times.percentile(95), Some(1_200.0)),
            row("broadcast to committed, slowest", times.percentile(100), None),
        ],
    }
    .hand_over()
}
