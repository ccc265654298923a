//! The log as everybody reads it, and as it is anchored.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as B64};
use medrec_accesslog::{
    Body, Entry, LogSigner, SignedCheckpoint, TileContent, TilePath, decode_bundle, decode_tile, public_label,
};
use medrec_api::authlog;
use medrec_clients::{Contract, Contracts};
use medrec_merkle::{Hash, split_hashes, verify_consistency, verify_inclusion};
use medrec_relayer::log::{
    anchor::{Anchoring, Error},
    pacing::Pace,
    promises, scopes,
};
use tokio::sync::Notify;

use crate::world::{ALICE, AUTHLOG, BOUNTY, CONTRACT, INSTITUTION, ORIGIN, REGISTRAR, World, fill, key};

async fn checkpoint(world: &World) -> SignedCheckpoint {
    let (status, note) = world.get("/log/checkpoint").await;
    assert_eq!(status, 200);
    world.institution().log_key.verify_note(std::str::from_utf8(&note).unwrap()).unwrap()
}

async fn tile(world: &World, content: TileContent, index: u64, size: u64) -> (TilePath, Vec<u8>) {
    let path = TilePath::in_log(content, index, size).unwrap();
    let (status, bytes) = world.get(&format!("/log/{path}")).await;
    assert_eq!(status, 200, "{path}");
    (path, bytes)
}

#[tokio::test]
async fn tiles_bundles_checkpoint_and_labels_agree() {
    let world = World::new().await;
    fill(&world.store, 300).await;
    world.relationship(ALICE, &key(0), 5).await;
    let signed = checkpoint(&world).await;
    let size = signed.checkpoint.size;
    assert_eq!(size, 300 + 4, "opened, and three records");
    let mut entries = Vec::new();
    let mut leaves: Vec<Hash> = Vec::new();
    for index in 0..2 {
        let (path, bytes) = tile(&world, TileContent::Entries, index, size).await;
        entries.extend(decode_bundle(&path, &bytes).unwrap());
        let (path, bytes) = tile(&world, TileContent::Hashes { level: 0 }, index, size).await;
        leaves.extend(decode_tile(&path, &bytes).unwrap());
    }
    assert_eq!(entries.iter().map(Entry::leaf_hash).collect::<Vec<_>>(), leaves);
    assert_eq!(medrec_merkle::root(&leaves), signed.checkpoint.root);
    let (path, bytes) = tile(&world, TileContent::Hashes { level: 1 }, 0, size).await;
    assert_eq!(decode_tile(&path, &bytes).unwrap(), [medrec_merkle::root(&leaves[..256])]);

    let (status, found) = world.get(&format!("/log/labels/{}", entries[302].label())).await;
    assert_eq!(status, 200);
    let found: serde_json::Value = serde_json::from_slice(&found).unwrap();
    assert_eq!(found["index"], 302);
    let proof: Vec<Hash> = found["proof"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hash| B64.decode(hash.as_str().unwrap()).unwrap().try_into().unwrap())
        .collect();
    verify_inclusion(&leaves[302], 302, size, &proof, &signed.checkpoint.root).unwrap();
    for path in [
        format!("/log/labels/{}", "0".repeat(64)),
        "/log/labels/xyz".into(),
        "/log/tile/0/002".into(),
        "/log/tile/entries/001.p/200".into(),
        "/log/tile/0/1".into(),
        "/log/tile/64/000".into(),
        "/log/tile/0/000/../001".into(),
    ] {
        assert_eq!(world.get(&path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn definitions_are_published_once_and_again_when_they_change() {
    let world = World::new().await;
    let one = vec![("labs".to_owned(), [1; 32])];
    let two = vec![("labs".to_owned(), [2; 32])];
    let mut wrote = Vec::new();
    for definitions in [&one, &one, &two, &two, &one] {
        wrote.push(scopes::publish(&world.store, ORIGIN, 9, definitions).await.unwrap());
    }
    assert_eq!(wrote, [true, false, true, false, true]);
    assert_eq!(world.log_size().await, 3);
    let (path, bytes) = tile(&world, TileContent::Entries, 0, 3).await;
    for (entry, version) in decode_bundle(&path, &bytes).unwrap().iter().zip(1u32..) {
        assert_eq!(entry.label(), public_label(ORIGIN, 16, version));
        let body = entry.open_public(ORIGIN, 16, version).unwrap().unwrap();
        let Body::Scopes { scopes, .. } = body else { panic!("{body:?}") };
        assert_eq!(scopes[0].scope, "labs");
    }
}

fn anchoring(world: &World) -> Anchoring {
    let contract = |address: &str| Contract { address: address.into(), code_id: 1, checksum: String::new() };
    Anchoring {
        store: world.store.clone(),
        chain: Arc::new(world.chain.clone()),
        contracts: Contracts {
            registrar: contract(REGISTRAR),
            relationship: contract(CONTRACT),
            authlog: contract(AUTHLOG),
            bounty: contract(BOUNTY),
        },
        institution: INSTITUTION,
        signer: Arc::new(LogSigner::new(ORIGIN, &world.keystore.log_key().to_bytes()).unwrap()),
        tick: Duration::from_secs(1),
        pace: Pace::default(),
        clock: Arc::new(world.clock.clone()),
        wake: Arc::new(Notify::new()),
        health: world.health.clone(),
    }
}

/// What the chain says of the log after an anchor.
fn on_chain(world: &World, size: u64, root: Hash, height: u64) {
    let log = authlog::LogResponse {
        slot: 3,
        institution: INSTITUTION,
        origin: ORIGIN.into(),
        key: vec![0; 32].into(),
        size,
        root: root.into(),
        signature: vec![0; 64].into(),
        anchored_height: height,
        anchored_at: height,
        forked: None,
    };
    world.chain.answer(AUTHLOG, "log_of", log);
    let config = serde_json::json!({
        "consortium": "c", "registrar": "r", "growth": {"burst": 250, "per_second": 1}
    });
    world.chain.answer(AUTHLOG, "config", config);
}

/// The newest message in the outbox.
async fn queued(world: &World) -> authlog::ExecuteMsg {
    let msg: String = sqlx::query_scalar("SELECT msg FROM outbox ORDER BY id DESC LIMIT 1")
        .fetch_one(world.store.read())
        .await
        .unwrap();
    serde_json::from_str(&msg).unwrap()
}

#[tokio::test]
async fn admitted_then_anchored_in_steps_that_prove_themselves() {
    let world = World::new().await;
    let anchoring = anchoring(&world);
    anchoring.tick().await.unwrap();
    assert_eq!(queued(&world).await, authlog::ExecuteMsg::AdmitLog { institution: INSTITUTION });

    fill(&world.store, 300).await;
    let (mut size, mut root) = (0, medrec_merkle::root(&[]));
    // Growth of 250 at once, then the rest, then the same again: the tick goes on without news.
    // The counter map of yesterday is an entry too.
    for (step, expected) in [(1, 250), (2, 301), (3, 301)] {
        on_chain(&world, size, root, step);
        anchoring.tick().await.unwrap();
        anchoring.tick().await.unwrap();
        let msg = queued(&world).await;
        let authlog::ExecuteMsg::Anchor { slot: 3, size: new, root: new_root, signature, proof } = msg else {
            panic!("{msg:?}")
        };
        assert_eq!(new, expected);
        let new_root: Hash = new_root.to_vec().try_into().unwrap();
        let checkpoint = medrec_accesslog::Checkpoint { origin: ORIGIN.into(), size: new, root: new_root };
        let signature = signature.to_vec().try_into().unwrap();
        world.institution().log_key.verify_signature(&checkpoint, &signature).unwrap();
        if size > 0 {
            verify_consistency(size, &root, new, &new_root, split_hashes(&proof).unwrap()).unwrap();
        } else {
            assert!(proof.is_empty());
        }
        (size, root) = (new, new_root);
    }
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM outbox").fetch_one(world.store.read()).await.unwrap();
    assert_eq!(rows, 4, "one anchor follows one anchor");
}

/// The chain does not tell how much of the burst is used up: what it refused becomes smaller, and never nothing.
#[tokio::test]
async fn a_refused_step_becomes_one_that_is_taken() {
    let world = World::new().await;
    fill(&world.store, 300).await;
    let root = {
        let mut connection = world.store.read().acquire().await.unwrap();
        medrec_relayer::log::tree::root_at(&mut connection, 30).await.unwrap()
    };
    on_chain(&world, 30, root, 7);
    world.health.applied(9, 7 + 20);
    let anchoring = anchoring(&world);
    for expected in [280, 50, 30, 30] {
        anchoring.tick().await.unwrap();
        let authlog::ExecuteMsg::Anchor { size, .. } = queued(&world).await else { panic!() };
        assert_eq!(size, expected);
        let mut tx = world.store.begin().await.unwrap();
        sqlx::query("UPDATE outbox SET state = 'failed'").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_broken_promise_is_told_at_start_and_at_the_tick() {
    let world = World::new().await;
    fill(&world.store, 3).await;
    let mut tx = world.store.begin().await.unwrap();
    let now = medrec_relayer::clock::Clock::now(&world.clock);
    promises::watch(&mut tx, [(2, now + 60)].into_iter()).await.unwrap();
    tx.commit().await.unwrap();
    let root = checkpoint(&world).await.checkpoint.root;
    let anchoring = anchoring(&world);
    let standing = || (world.health.snapshot().promises_open, world.health.snapshot().promises_broken);
    on_chain(&world, 0, medrec_merkle::root(&[]), 0);
    anchoring.check().await.unwrap();
    assert_eq!(standing(), (1, 0));
    world.clock.set(now + 61);
    anchoring.check().await.unwrap();
    assert_eq!(standing(), (1, 1));
    on_chain(&world, 3, root, 1);
    anchoring.tick().await.unwrap();
    assert_eq!(standing(), (0, 0), "late, but kept");
}

#[tokio::test]
async fn a_store_that_is_not_the_anchored_one_is_refused() {
    let world = World::new().await;
    fill(&world.store, 5).await;
    let anchoring = anchoring(&world);
    on_chain(&world, 6, [1; 32], 1);
    let error = anchoring.check().await.unwrap_err();
    assert!(matches!(error, Error::Behind { anchored: 6, stored: 5 }), "{error}");
    on_chain(&world, 5, [1; 32], 1);
    let error = anchoring.check().await.unwrap_err();
    assert!(matches!(error, Error::Contradicts { size: 5 }), "{error}");
    on_chain(&world, 5, checkpoint(&world).await.checkpoint.root, 1);
    anchoring.check().await.unwrap();
}
