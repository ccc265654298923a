//! How fast the log grows says little (security H9).

use std::{sync::Arc, time::Duration};

use medrec_relayer::{filing::FilingTask, log::pacing::Pace, store::Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::world::{ALICE, Asked, World, fill, key};

async fn size(store: &Store) -> u64 {
    let mut connection = store.read().acquire().await.unwrap();
    medrec_relayer::log::head(&mut connection).await.unwrap().size
}

/// Sizes anchored when, between ticks, filing would write `wanted` and reads write `reads`.
async fn anchored(rate: u64, ticks: &[(u64, u64)]) -> Vec<u64> {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.sqlite"), &[1; 32]).await.unwrap();
    let pace = Pace::new(0, rate);
    let (mut waiting, mut sizes) = (0, Vec::new());
    for (wanted, reads) in ticks {
        waiting += wanted;
        let filed = waiting.min(pace.allowance(size(&store).await).unwrap());
        fill(&store, filed).await;
        waiting -= filed;
        fill(&store, *reads).await;
        let before = sizes.last().copied().unwrap_or(0);
        sizes.push(pace.tick(&store, before).await.unwrap().unwrap());
        assert_eq!(sizes.last(), Some(&size(&store).await));
    }
    sizes
}

#[tokio::test]
async fn sizes_tell_nothing_of_what_was_filed_while_the_rate_suffices() {
    let rate = 20;
    let expected: Vec<u64> = (1..=6).map(|tick| tick * rate).collect();
    let rounds = if std::env::var_os("MEDREC_SOAK").is_some() { 300 } else { 6 };
    let mut random = rand_core::OsRng;
    let mut below = |n: u64| rand_core::RngCore::next_u64(&mut random) % n;
    assert_eq!(anchored(rate, &[(0, 0); 6]).await, expected, "nothing happened");
    assert_eq!(anchored(rate, &[(5_000, 10); 6]).await, expected, "a hospital opened, reads come");
    for _ in 0..rounds {
        let ticks: Vec<(u64, u64)> = (0..6).map(|_| (below(60), below(rate / 2 + 1))).collect();
        assert_eq!(anchored(rate, &ticks).await, expected, "{ticks:?}");
    }
}

#[tokio::test]
async fn more_reads_than_the_rate_do_not_wait_and_show_once() {
    let ticks = [(0, 0), (0, 35), (9, 0), (0, 0)];
    assert_eq!(anchored(20, &ticks).await, [20, 55, 75, 95]);
    let off = Pace::default();
    assert_eq!(off.allowance(0), None);
}

#[tokio::test]
async fn a_restart_goes_on_from_the_anchor_before() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.sqlite"), &[1; 32]).await.unwrap();
    fill(&store, 107).await;
    // 100 were anchored; 7 came since; the process is new.
    assert_eq!(Pace::new(0, 20).tick(&store, 100).await.unwrap(), Some(120));
    assert_eq!(Pace::new(0, 0).tick(&store, 100).await.unwrap(), None);
    assert_eq!(size(&store).await, 120);
}

/// Runs the filing task over what is due now, once.
async fn visit(world: &World, pace: &Pace) {
    let task = FilingTask {
        filer: world.filer.clone(),
        wake: Arc::new(Notify::new()),
        poll: Duration::from_secs(3_600),
        reread: 3600,
        pace: pace.clone(),
        health: world.health.clone(),
    };
    assert_eq!(task.file_due(&CancellationToken::new()).await.unwrap(), None);
}

async fn filed(world: &World) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM records").fetch_one(world.store.read()).await.unwrap()
}

#[tokio::test]
async fn a_first_filing_is_spread_and_a_read_does_not_wait_for_it() {
    let mut world = World::new().await;
    for number in 10..50 {
        sqlx::query("INSERT INTO labs VALUES (?, ?, '718-7', '13.2', 'g/dL', 'monday')")
            .bind(format!("l{number}"))
            .bind(ALICE)
            .execute(&mut world.hospital)
            .await
            .unwrap();
    }
    let (steward, sealed) = world.open(ALICE, &key(0), 5).await;
    let (accepted, alice) = world.acceptance(&key(0), 5, &steward, &sealed);
    world.happens(vec![accepted]).await;
    let pace = Pace::new(10_000, 0);
    let start = medrec_relayer::clock::Clock::now(&world.clock);
    visit(&world, &pace).await;
    assert_eq!(filed(&world).await, 0, "the first visit counts");
    for quarter in 1..=3u64 {
        world.clock.set(start + quarter * 2_500);
        visit(&world, &pace).await;
        let filed = filed(&world).await;
        let share = 43 * quarter as i64 / 4;
        assert!((share..=share + 2).contains(&filed), "{filed} of 43 after {quarter} quarters");
    }
    // Her own read shows all of the scope, and files it.
    world.health.caught_up(medrec_relayer::ops::health::ChainView {
        height: world.chain.height(),
        time: start + 7_500,
    });
    let asked = Asked { purpose: medrec_rules::Purpose::PatientRequest, ..Asked::read(5, "labs", None) };
    let (signed, _) = world.draft(&alice.key, &asked);
    assert_eq!(world.send(asked.endpoint, &signed, &asked.body).await.0, 200);
    assert!(filed(&world).await >= 42);
    world.clock.set(start + 10_000);
    visit(&world, &pace).await;
    assert_eq!(filed(&world).await, 43);
    let left: i64 =
        sqlx::query_scalar("SELECT count(*) FROM first_filings").fetch_one(world.store.read()).await.unwrap();
    assert_eq!(left, 0);
    assert!(world.scan(&alice).await.is_complete(None));
    // Later changes are filed as they come.
    sqlx::query("UPDATE labs SET value = '1.0'").execute(&mut world.hospital).await.unwrap();
    let mut tx = world.store.begin().await.unwrap();
    medrec_relayer::filing::want(&mut tx, 5).await.unwrap();
    tx.commit().await.unwrap();
    let before = world.log_size().await;
    visit(&world, &pace).await;
    assert_eq!(world.log_size().await, before + 42);
}
