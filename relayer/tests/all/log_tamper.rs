//! Whoever has the hospital's disk deletes, edits, exchanges, inserts and forks: rows and files. Each is seen by the
//! check at start, by the chain's anchor, when it is served, or by the patient's own verification.
//!
//! 60 random ones here, 1,000 with MEDREC_SOAK=1.

use std::{path::Path, sync::Arc};

use axum::{body::Body as Content, http::Request};
use medrec_accesslog::{Body, Entry, LogSigner, Place, Root, Scanner, TilePath, bundle_paths, decode_bundle};
use medrec_merkle::Hash;
use medrec_relayer::{
    filing::sealer,
    log::{self, Head, append::Appender, check, retention::retain, serve},
    store::Store,
};
use rand_core::{OsRng, RngCore};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tower::ServiceExt;

const SIZE: u64 = 300;
const KEY: [u8; 32] = [9; 32];

fn below(n: u64) -> u64 {
    OsRng.next_u64() % n
}

fn place(relationship: u64) -> Place<'static> {
    Place { chain_id: "test", contract: "contract", relationship, log_origin: "log.test" }
}

fn root(relationship: u64) -> Root {
    Root::from_bytes([relationship as u8; 32])
}

async fn open(dir: &Path) -> Arc<Store> {
    Arc::new(Store::open(&dir.join("store.sqlite"), &KEY).await.unwrap())
}

/// A log of 300 entries of two relationships, its first bundle in a file; the head the chain has.
async fn honest(dir: &Path) -> Head {
    std::fs::create_dir_all(dir).unwrap();
    let store = open(dir).await;
    let mut tx = store.begin().await.unwrap();
    let mut appender = Appender::open(&store, &mut tx).await.unwrap();
    for id in 1..=2u64 {
        sqlx::query(
            "INSERT INTO relationships (id, patient, steward, status, opened_height) \
                     VALUES (?, 'patient', 'steward', 'active', 1)",
        )
        .bind(id as i64)
        .execute(&mut *tx)
        .await
        .unwrap();
        let (ratchet, tag_key) = (root(id).ratchet(&place(id)), root(id).tag_key(&place(id)));
        let mut sealer = sealer::start(&mut tx, store.vault(), id, ratchet, &tag_key).await.unwrap();
        for height in 0..SIZE / 2 {
            sealer.seal(&mut tx, &mut appender, &Body::Opened { at: 1, height }).await.unwrap();
        }
        sealer.save(&mut tx, store.vault()).await.unwrap();
    }
    appender.close(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(retain(&store, SIZE).await.unwrap(), 1);
    let mut connection = store.read().acquire().await.unwrap();
    let head = log::head(&mut connection).await.unwrap();
    drop(connection);
    store.close().await;
    head
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn sql(dir: &Path, statement: &str) {
    let path = dir.join("store.sqlite");
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    sqlx::Connection::close(connection).await.unwrap();
}

fn edit_file(dir: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let path = dir.join("store.log/tile/entries/000");
    let mut bytes = std::fs::read(&path).unwrap();
    edit(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// A log that is whole in itself and says something else: `keep` entries, the one at `at` another.
async fn fork(dir: &Path, at: u64, keep: u64) {
    let store = open(dir).await;
    let mut connection = store.read().acquire().await.unwrap();
    let indices: Vec<u64> = (0..keep.min(SIZE)).collect();
    let mut entries = log::entries::some(&store, &mut connection, &indices).await.unwrap();
    drop(connection);
    store.close().await;
    while (entries.len() as u64) < keep {
        entries.push(random_entry());
    }
    if let Some(entry) = entries.get_mut(at as usize) {
        *entry = random_entry();
    }
    std::fs::remove_dir_all(dir).unwrap();
    std::fs::create_dir_all(dir).unwrap();
    let store = open(dir).await;
    let mut tx = store.begin().await.unwrap();
    let mut appender = Appender::open(&store, &mut tx).await.unwrap();
    for entry in &entries {
        appender.append(&mut tx, entry, None, "cover").await.unwrap();
    }
    appender.close(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
}

fn random_entry() -> Entry {
    let mut bytes = [0; 512];
    OsRng.fill_bytes(&mut bytes);
    Entry::from_bytes(bytes)
}

/// Does something to the log; says what.
async fn tamper(dir: &Path) -> String {
    let row = 256 + below(SIZE - 256);
    let other = 256 + (row - 255) % (SIZE - 256);
    let any = below(SIZE);
    let node = 1 + below(2 * SIZE - u64::from(SIZE.count_ones()));
    let at_node = format!(
        "(level, idx) IN (SELECT level, idx FROM (SELECT level, idx, row_number() OVER (ORDER BY level, idx) AS n \
         FROM nodes) WHERE n = {node})"
    );
    let statement = match below(18) {
        0 => format!("DELETE FROM entry_bytes WHERE idx = {row}"),
        1 => format!("DELETE FROM entries WHERE idx = {any}"),
        2 => format!("DELETE FROM nodes WHERE {at_node}"),
        3 => format!("UPDATE entry_bytes SET bytes = randomblob(512) WHERE idx = {row}"),
        4 => format!("UPDATE entries SET label = randomblob(32) WHERE idx = {any}"),
        5 => format!("UPDATE nodes SET hash = randomblob(32) WHERE {at_node}"),
        6 => format!(
            "UPDATE entry_bytes SET bytes = CASE idx \
             WHEN {row} THEN (SELECT bytes FROM entry_bytes WHERE idx = {other}) \
             ELSE (SELECT bytes FROM entry_bytes WHERE idx = {row}) END WHERE idx IN ({row}, {other})"
        ),
        7 => format!("INSERT INTO entries (idx, label) VALUES ({SIZE}, randomblob(32))"),
        8 => format!("INSERT INTO entry_bytes (idx, bytes) VALUES ({SIZE}, randomblob(512))"),
        9 => "UPDATE log_edge SET nodes = randomblob(length(nodes))".to_owned(),
        10 => format!("UPDATE log_edge SET size = {any}"),
        11 => "UPDATE bundle_files SET bundles = 0".to_owned(),
        12 => {
            let (at, bit) = (below(256 * 514) as usize, below(8));
            edit_file(dir, |bytes| bytes[at] ^= 1 << bit);
            return format!("a bit of byte {at} of the file");
        }
        13 => {
            let (a, b) = (below(255) as usize, 255);
            edit_file(dir, |bytes| {
                let (first, second) = bytes.split_at_mut(b * 514);
                first[a * 514..(a + 1) * 514].swap_with_slice(second);
            });
            return format!("entries {a} and {b} of the file exchanged");
        }
        14 => {
            let at = below(256) as usize * 514;
            edit_file(dir, |bytes| drop(bytes.drain(at..at + 514)));
            return format!("an entry taken out of the file at byte {at}");
        }
        15 => {
            std::fs::remove_file(dir.join("store.log/tile/entries/000")).unwrap();
            return "the file removed".to_owned();
        }
        16 => {
            let keep = SIZE - below(3);
            fork(dir, any, keep).await;
            return format!("a fork at {any}, {keep} entries");
        }
        _ => {
            let keep = below(SIZE);
            fork(dir, u64::MAX, keep).await;
            return format!("cut to {keep} entries");
        }
    };
    sql(dir, &statement).await;
    statement
}

/// Who sees it, in the order they look.
async fn seen(dir: &Path, anchored: Head) -> Option<&'static str> {
    let Ok(store) = Store::open(&dir.join("store.sqlite"), &KEY).await else { return Some("opening") };
    let store = Arc::new(store);
    let by = looked_at(&store, anchored).await;
    store.close().await;
    by
}

async fn looked_at(store: &Arc<Store>, anchored: Head) -> Option<&'static str> {
    let mut connection = store.read().acquire().await.unwrap();
    if check::whole(store, &mut connection).await.is_err() {
        return Some("start");
    }
    let head = log::head(&mut connection).await.unwrap();
    let root_then = log::tree::root_at(&mut connection, anchored.size).await;
    if head.size < anchored.size || root_then.is_ok_and(|root| root != anchored.root) {
        return Some("anchor");
    }
    drop(connection);
    let signer = Arc::new(LogSigner::new("log.test", &[3; 32]).unwrap());
    let routes = serve::router(serve::Log { store: store.clone(), signer });
    let get = async |path: String| {
        let response =
            routes.clone().oneshot(Request::get(path).body(Content::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, body.to_vec())
    };
    let mut entries = Vec::new();
    for path in bundle_paths(0, anchored.size).collect::<Vec<TilePath>>() {
        let (status, bytes) = get(format!("/log/{path}")).await;
        if status != 200 {
            return Some("served");
        }
        entries.extend(decode_bundle(&path, &bytes).unwrap());
    }
    let leaves: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
    if medrec_merkle::root(&leaves) != anchored.root {
        return Some("verify");
    }
    for path in ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"] {
        if get(format!("/log/{path}")).await.0 != 200 {
            return Some("served");
        }
    }
    for id in 1..=2 {
        let mut scanner = Scanner::new(root(id).ratchet(&place(id)));
        entries.iter().zip(0..).for_each(|(entry, index)| scanner.look(index, entry));
        if !scanner.finish().is_complete(Some(SIZE / 2)) {
            return Some("verify");
        }
    }
    // The patient asks for her labels, and holds each proof against the root.
    for (entry, index) in entries.iter().zip(0u64..) {
        let (status, found) = get(format!("/log/labels/{}", entry.label())).await;
        let found: serde_json::Value = serde_json::from_slice(&found).unwrap_or_default();
        if status != 200 || found["index"] != index {
            return Some("labels");
        }
        let proof: Vec<Hash> = found["proof"].as_array().unwrap().iter().map(hash).collect();
        if medrec_merkle::verify_inclusion(&leaves[index as usize], index, SIZE, &proof, &anchored.root)
            .is_err()
        {
            return Some("labels");
        }
    }
    None
}

fn hash(value: &serde_json::Value) -> Hash {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

#[tokio::test]
async fn every_change_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let template = dir.path().join("honest");
    let anchored = honest(&template).await;
    assert_eq!(seen(&template, anchored).await, None, "nothing is wrong with the honest one");
    let rounds = if std::env::var_os("MEDREC_SOAK").is_some() { 1_000 } else { 60 };
    let mut by = std::collections::BTreeMap::<_, u32>::new();
    for round in 0..rounds {
        let case = dir.path().join(format!("case-{round}"));
        copy(&template, &case);
        let what = tamper(&case).await;
        let seen = seen(&case, anchored).await;
        *by.entry(seen.unwrap_or_else(|| panic!("not seen: {what}"))).or_default() += 1;
        std::fs::remove_dir_all(case).unwrap();
    }
    println!("{rounds} changes, seen by: {by:?}");
}
