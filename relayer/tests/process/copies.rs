//! Backup and restore with the real binary; a store that is too old.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::{
    home::{Home, Relayer, json, refusal, until},
    people::{Reader, key},
};

/// A home with one patient, whose rows are filed soon.
async fn scene(rows: u32) -> (Home, Relayer) {
    let home = Home::new().await;
    home.patient("MRN-1", rows).await;
    let relayer = home.ready().await;
    home.relationship("MRN-1", &key(0)).await;
    (home, relayer)
}

async fn anchored(home: &Home) {
    until("everything anchored", async || {
        let (_, status) = home.staff("GET", "/status", None).await.unwrap();
        (status["log_size"] == status["anchored_size"] && status["filing_backlog"] == 0).then_some(())
    })
    .await;
}

fn backup(home: &Home, name: &str) -> std::path::PathBuf {
    let folder = home.path(name);
    let done = home.call(&["backup", folder.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_running_relayer_brings_it_back() {
    let (home, relayer) = scene(300).await;
    anchored(&home).await;
    // Part of the log is in files by now.
    let bundle = home.path("store.log/tile/entries/000");
    until("a bundle in a file", async || bundle.exists().then_some(())).await;
    let folder = backup(&home, "backup");
    for file in fs::read_dir(&folder).unwrap() {
        let about = file.unwrap().metadata().unwrap();
        let private = if about.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(about.permissions().mode() & 0o777, private);
    }
    let words = refusal(&home.call(&["backup", folder.to_str().unwrap()]));
    assert!(words.contains("is not empty"), "{words}");
    let words = refusal(&home.call(&["restore", folder.to_str().unwrap()]));
    assert!(words.contains("store.sqlite exists already"), "{words}");
    relayer.stop().await;
    let before = store_files(&home);
    assert!(before.contains(&"store.sqlite".to_owned()));
    // The disk is gone, and with it all but what lies elsewhere.
    for name in before.iter().map(String::as_str).chain([
        "keystore.age",
        "staff.token",
        "research.token",
        "relayer.toml",
    ]) {
        fs::remove_file(home.path(name)).unwrap();
    }
    fs::remove_dir_all(home.path("store.log")).unwrap();
    let done = home.call(&["restore", folder.to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8(done.stdout).unwrap().contains("refuses to start"));
    for token in ["staff.token", "research.token"] {
        let mode = fs::metadata(home.path(token)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a new {token}");
    }
    let words = refusal(&home.call(&["run"]));
    assert!(words.contains("comes from a backup") && words.contains("--continue-restored"), "{words}");
    let mut relayer = home.spawn(home.command(&["run", "--continue-restored"]));
    assert!(relayer.wait_ready().await);
    relayer.stop().await;
    // It was vouched for once.
    let relayer = home.ready().await;
    let offered = home.offered(&key(0)).unwrap();
    let patient = home.accept("MRN-1", &key(0), &offered);
    let request = home.request(&patient.key, patient.id, "labs");
    let answer = home.ask(&request).await.unwrap().answer();
    assert_eq!((home.findings(&request, &answer), answer.records.len()), (vec![], 300));
    assert!(bundle.exists());
    let mut reader = Reader::default();
    reader.read(&home).await.unwrap();
    assert!(home.scan(&patient, &reader.entries).is_complete(None));
    relayer.stop().await;
}

/// The store and what lies beside it.
fn store_files(home: &Home) -> Vec<String> {
    let names = fs::read_dir(home.dir.path()).unwrap().map(|file| file.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("store.sqlite")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_named_before_anything_is_written() {
    let (home, relayer) = scene(3).await;
    let folder = backup(&home, "backup");
    relayer.stop().await;
    let empty = home.path("elsewhere");
    let restore = |folder: &Path| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_medrec-relayer"));
        refusal(&command.arg("--home").arg(&empty).arg("restore").arg(folder).output().unwrap())
    };
    let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let listed: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert!(listed["log_size"].as_u64().unwrap() > 4);
    for file in listed["files"].as_array().unwrap() {
        let path = folder.join(file["name"].as_str().unwrap());
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        for (bytes, says) in [(bad, "SHA-256"), (good[..middle].to_vec(), "bytes")] {
            fs::write(&path, bytes).unwrap();
            let words = restore(&folder);
            assert!(words.contains(says) && words.contains(file["name"].as_str().unwrap()), "{words}");
        }
        fs::write(&path, good).unwrap();
    }
    for (from, to, says) in [
        ("\"version\": 1", "\"version\": 2", "version 2"),
        ("\"mapping.toml\"", "\"../mapping.toml\"", "leads out"),
        ("\"store.sqlite\"", "\"other.sqlite\"", "store.sqlite is not listed"),
        ("{", "", "manifest"),
    ] {
        fs::write(folder.join("manifest.json"), manifest.replacen(from, to, 1)).unwrap();
        let words = restore(&folder);
        assert!(words.contains(says), "{words}");
    }
    assert!(!empty.exists(), "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_from_an_old_backup_is_refused_with_a_way_out() {
    let (home, relayer) = scene(3).await;
    anchored(&home).await;
    let folder = backup(&home, "backup");
    let patient = home.accept("MRN-1", &key(0), &home.offered(&key(0)).unwrap());
    home.read(&key(0), patient.id, "labs").await.unwrap().answer();
    anchored(&home).await;
    relayer.stop().await;
    for name in store_files(&home) {
        fs::remove_file(home.path(&name)).unwrap();
    }
    fs::remove_file(home.path("relayer.toml")).unwrap();
    assert!(home.call(&["restore", folder.to_str().unwrap()]).status.success());
    for command in [&["check"][..], &["run", "--continue-restored"]] {
        let words = refusal(&home.call(command));
        assert!(words.contains("anchored at") && words.contains("docs/operating.md"), "{command:?}: {words}");
    }
    assert!(
        refusal(&home.call(&["run"])).contains("comes from a backup"),
        "vouching for it in vain changes nothing"
    );
    let size: i64 = {
        use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
        let mut store =
            SqliteConnectOptions::new().filename(home.path("store.sqlite")).connect().await.unwrap();
        sqlx::query_scalar("SELECT size FROM log_edge").fetch_one(&mut store).await.unwrap()
    };
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(size as u64, manifest["log_size"].as_u64().unwrap(), "no entry was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_is_for_people_and_for_machines() {
    let (home, relayer) = scene(3).await;
    anchored(&home).await;
    let machines = json(&home.call(&["status", "--json"]));
    assert_eq!((machines["ready"].as_bool(), machines["healthy"].as_bool()), (Some(true), Some(true)));
    let people = home.call(&["status"]);
    let shown = String::from_utf8(people.stdout).unwrap();
    assert!(people.status.success() && shown.contains("answers reads"), "{shown}");
    home.node.with(|chain| chain.asleep = true);
    until("not ready", async || (home.call(&["status"]).status.code() == Some(3)).then_some(())).await;
    home.node.with(|chain| chain.asleep = false);
    until("ready", async || home.call(&["status"]).status.success().then_some(())).await;
    relayer.stop().await;
    assert!(refusal(&home.call(&["status"])).contains("does the relayer run?"));
}
