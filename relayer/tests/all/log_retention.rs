//! Full anchored bundles move to files; whoever reads an entry does not see the difference.

use std::path::PathBuf;

use medrec_accesslog::{Entry, TileContent, TilePath, decode_bundle, encode_bundle};
use medrec_relayer::log::{Error, check, entries, retention::retain, tile_dir};

use crate::world::{ALICE, Asked, World, fill, key};

fn file(world: &World, bundle: u64) -> PathBuf {
    world.dir.path().join(format!("store.log/tile/entries/{bundle:03}"))
}

async fn rows(world: &World) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM entry_bytes").fetch_one(world.store.read()).await.unwrap()
}

async fn one(world: &World, index: u64) -> Result<Entry, Error> {
    let mut connection = world.store.read().acquire().await.unwrap();
    entries::one(&world.store, &mut connection, index).await
}

async fn whole(world: &World) -> Result<(), Error> {
    let mut connection = world.store.read().acquire().await.unwrap();
    check::whole(&world.store, &mut connection).await
}

async fn served(world: &World, path: &str) -> Vec<u8> {
    let (status, bytes) = world.get(&format!("/log/tile/{path}")).await;
    assert_eq!(status, 200, "{path}");
    bytes
}

#[tokio::test]
async fn a_damaged_file_is_named_and_never_served() {
    let world = World::new().await;
    fill(&world.store, 600).await;
    retain(&world.store, 600).await.unwrap();
    let good = std::fs::read(file(&world, 1)).unwrap();
    let mut bad = good.clone();
    bad[514 * 7 + 2 + 100] ^= 1;
    std::fs::write(file(&world, 1), &bad).unwrap();
    assert!(matches!(one(&world, 263).await, Err(Error::Damaged { index: 263 })));
    assert_eq!(world.get("/log/tile/entries/001").await.0, 503);
    assert_eq!(world.get("/log/tile/entries/000").await.0, 200, "the others are not");
    one(&world, 264).await.unwrap();

    // Two entries exchanged, each whole in itself.
    let mut swapped = good.clone();
    swapped[..514 * 2].rotate_left(514);
    std::fs::write(file(&world, 1), &swapped).unwrap();
    assert_eq!(world.get("/log/tile/entries/001").await.0, 503);
    std::fs::write(file(&world, 1), &good[1..]).unwrap();
    assert!(matches!(one(&world, 300).await, Err(Error::Files(tile_dir::Error::Length { .. }))));
    std::fs::remove_file(file(&world, 1)).unwrap();
    assert!(matches!(one(&world, 300).await, Err(Error::Damaged { index: 300 })));
    let error = whole(&world).await.unwrap_err();
    assert!(matches!(error, Error::Broken(check::Broken::File { bundle: 1 })), "{error}");
    std::fs::write(file(&world, 1), good).unwrap();
    assert_eq!(world.get("/log/tile/entries/001").await.0, 200);
    whole(&world).await.unwrap();
}

#[tokio::test]
async fn only_full_and_anchored_bundles_move() {
    let world = World::new().await;
    fill(&world.store, 600).await;
    for (anchored, moved, left) in [(0, 0, 600), (255, 0, 600), (256, 1, 344), (511, 0, 344), (600, 1, 88)] {
        assert_eq!(retain(&world.store, anchored).await.unwrap(), moved, "{anchored}");
        assert_eq!(rows(&world).await, left);
        whole(&world).await.unwrap();
    }
    assert!(file(&world, 0).exists() && file(&world, 1).exists() && !file(&world, 2).exists());
    fill(&world.store, 168).await;
    assert_eq!(retain(&world.store, 768).await.unwrap(), 1);
    assert_eq!(rows(&world).await, 0);
    whole(&world).await.unwrap();
}

#[tokio::test]
async fn everything_that_reads_entries_works_from_files() {
    let world = World::new().await;
    fill(&world.store, 100).await;
    let alice = world.relationship(ALICE, &key(0), 5).await;
    fill(&world.store, 500).await;
    let paths = ["entries/000", "entries/001.p/17", "entries/002.p/3", "0/000", "1/000.p/2"];
    let mut before = Vec::new();
    for path in paths {
        before.push(served(&world, path).await);
    }
    let label = one(&world, 101).await.unwrap().label();
    let looked_up = world.get(&format!("/log/labels/{label}")).await;
    let scan = world.scan(&alice).await;

    assert_eq!(retain(&world.store, world.log_size().await).await.unwrap(), 2);
    for (path, before) in paths.iter().zip(before) {
        assert!(served(&world, path).await == before, "{path}");
    }
    assert_eq!(world.get(&format!("/log/labels/{label}")).await, looked_up);
    assert_eq!(world.scan(&alice).await, scan);
    // An answer whose records were filed in what is a file now; sealed, so that its status is all to be seen here.
    let asked = Asked { purpose: medrec_rules::Purpose::PatientRequest, ..Asked::read(5, "labs", None) };
    let (signed, _) = world.draft(&alice.key, &asked);
    assert_eq!(world.send(asked.endpoint, &signed, &asked.body).await.0, 200);
    let asked = Asked::entries(5, None);
    let (signed, _) = world.draft(&alice.key, &asked);
    assert_eq!(world.send(asked.endpoint, &signed, &asked.body).await.0, 200);
}

/// Killed between file and rows: the file is there, the rows too.
#[tokio::test]
async fn a_file_left_by_a_crash_is_compared() {
    let world = World::new().await;
    fill(&world.store, 300).await;
    let bytes = served(&world, "entries/000").await;
    std::fs::create_dir_all(file(&world, 0).parent().unwrap()).unwrap();
    let mut other = bytes.clone();
    other[99] ^= 1;
    std::fs::write(file(&world, 0), &other).unwrap();
    let error = retain(&world.store, 300).await.unwrap_err();
    assert!(matches!(error, Error::Files(tile_dir::Error::Differs { .. })), "{error}");
    assert_eq!(rows(&world).await, 300, "nothing was deleted");
    assert!(served(&world, "entries/000").await == bytes, "rows are served");

    std::fs::write(file(&world, 0), &bytes).unwrap();
    assert_eq!(retain(&world.store, 300).await.unwrap(), 1);
    assert!(served(&world, "entries/000").await == bytes);
}

#[tokio::test]
async fn rows_that_were_altered_do_not_become_files() {
    let world = World::new().await;
    fill(&world.store, 300).await;
    let mut tx = world.store.begin().await.unwrap();
    sqlx::query("UPDATE entry_bytes SET bytes = zeroblob(512) WHERE idx = 9")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(retain(&world.store, 300).await, Err(Error::Damaged { index: 9 })));
    assert_eq!(rows(&world).await, 300);
    assert!(!file(&world, 0).exists());
    assert_eq!(world.get("/log/tile/entries/000").await.0, 503);
}

/// The file is what any C2SP reader would have fetched.
#[tokio::test]
async fn a_file_is_the_bundle_as_it_is_served() {
    let world = World::new().await;
    fill(&world.store, 256).await;
    let before = served(&world, "entries/000").await;
    retain(&world.store, 256).await.unwrap();
    assert!(std::fs::read(file(&world, 0)).unwrap() == before);
    let path = TilePath { content: TileContent::Entries, index: 0, width: 256 };
    assert!(encode_bundle(&decode_bundle(&path, &before).unwrap()) == before);
}
