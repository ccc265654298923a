//! Every message of the three contracts on four real validators: what it costs, and how soon it is in a block.
//! `MEDREC_BLESS=1` writes the figures to docs/gas.json instead of comparing them.

use std::time::{Duration, Instant};

use anyhow::Result;
use medrec_e2e::measure::{Casts, everything};
use medrec_e2e::world::World;
use medrec_e2e::{figures, latency};

const TRANSACTIONS: usize = 40;
const P95: Duration = Duration::from_millis(1_200);

#[tokio::test(flavor = "multi_thread")]
async fn contracts() -> Result<()> {
    let casts = Casts::fresh()?;
    let world = World::start(&casts.accounts()).await?;
    transactions_are_committed_soon(&world).await?;
    messages_cost_what_the_table_says(&world, &casts).await?;
    world.net.down().await;
    Ok(())
}

async fn transactions_are_committed_soon(world: &World) -> Result<()> {
    let times = latency::measure(world, TRANSACTIONS).await?;
    let p95 = times.percentile(95);
    println!("broadcast to committed: p50 {:?}, p95 {p95:?}", times.percentile(50));
    assert!(p95 <= P95, "p95 is {p95:?}, at most {P95:?} is wanted: {times:?}");
    Ok(())
}

async fn messages_cost_what_the_table_says(world: &World, casts: &Casts) -> Result<()> {
    let started = Instant::now();
    let table = everything(world, casts).await?;
    println!("{table:#?}\nmeasured in {:?}", started.elapsed());
    assert_eq!(figures::broken_bounds(&table), [""; 0]);
    if std::env::var_os("MEDREC_BLESS").is_some() {
        figures::store(&table)?;
    }
    assert_eq!(figures::regressions(&figures::load()?, &table), [""; 0]);
    Ok(())
}
