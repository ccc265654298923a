//! `medrec verify --bundle` and the copy, with the real binary, no chain and no wallet.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A bundle that is right: three entries, one record, an anchor of seven entries.
const BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/exported/right-whole");

fn medrec(args: &[&str], home: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_medrec")).args(args).env_clear().env("HOME", home).output().unwrap()
}

fn verify(file: &Path, more: &[&str]) -> (i32, Value) {
    let args = [&["verify", "--json", "--bundle", file.to_str().unwrap()], more].concat();
    let output = medrec(&args, file.parent().unwrap());
    let json = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap(), json)
}

fn bundle() -> (tempfile::TempDir, PathBuf, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.json");
    fs::copy(BUNDLE, &file).unwrap();
    let value = serde_json::from_slice(&fs::read(BUNDLE).unwrap()).unwrap();
    (folder, file, value)
}

#[test]
fn a_bundle_is_verified_without_wallet_or_network() {
    let (_folder, file, value) = bundle();
    let (code, json) = verify(&file, &[]);
    assert_eq!(code, 0, "{json}");
    assert_eq!((&json["ok"], &json["records"], &json["entries"]), (&true.into(), &1.into(), &3.into()));
    assert_eq!((json["findings"].as_array().unwrap().len(), &json["compared"]), (0, &false.into()));
    let told =
        String::from_utf8(medrec(&["verify", "--bundle", file.to_str().unwrap()], &file).stdout).unwrap();
    assert!(told.contains("NOT COMPARED WITH THE CHAIN") && told.contains("North"), "{told}");

    let root = value["content"]["parts"][0]["anchor"]["root"].as_str().unwrap();
    let (code, json) = verify(&file, &["--expect-anchor", &format!("7:{root}")]);
    assert_eq!((code, &json["compared"]), (0, &true.into()));
    for wrong in
        [format!("6:{root}"), format!("7:{}", "00".repeat(32)), format!("south.example/log=7:{root}")]
    {
        let (code, json) = verify(&file, &["--expect-anchor", &wrong]);
        assert_eq!((code, json["findings"].as_array().unwrap().len()), (3, 1), "{wrong}");
    }
}

#[test]
fn what_was_changed_is_named_and_ends_with_3() {
    let (_folder, file, value) = bundle();
    let edits: [(&str, Value, &str); 4] = [
        (
            "/content/parts/0/answers/0/records/0/content/resource/valueQuantity/value",
            14.into(),
            "differs from what was filed",
        ),
        ("/content/parts/0/entries/1/counter", 2.into(), "number"),
        ("/content/parts/0/anchor/root", "00".repeat(32).into(), "one history"),
        ("/content/made_at", 1.into(), "changed after it was made"),
    ];
    for (place, new, named) in edits {
        let mut changed = value.clone();
        *changed.pointer_mut(place).unwrap() = new;
        fs::write(&file, changed.to_string()).unwrap();
        let (code, json) = verify(&file, &[]);
        assert_eq!((code, &json["ok"]), (3, &false.into()), "{place}");
        assert!(json["findings"].to_string().contains(named), "{place}: {json}");
    }
}

#[test]
fn what_is_no_bundle_is_refused_in_plain_words() {
    let (folder, file, value) = bundle();
    for text in
        ["", "{}", "[1, 2", &value.to_string()[..900], &value.to_string().replace("bundle/v1", "bundle/v2")]
    {
        fs::write(&file, text).unwrap();
        let (code, json) = verify(&file, &[]);
        assert_eq!(code, 3, "{json}");
        assert!(json["error"].as_str().unwrap().contains("the bundle: it "), "{json}");
    }
    assert_eq!(verify(&folder.path().join("nowhere.json"), &[]).0, 1);
    assert_eq!(verify(&file, &["--expect-anchor", "7"]).0, 2);
    assert_eq!(verify(&file, &["--relationship", "3"]).0, 2);
}

#[test]
fn without_a_copy_nothing_is_shown_or_exported() {
    let folder = tempfile::tempdir().unwrap();
    let pass = folder.path().join("pass");
    fs::write(&pass, "correct horse\n").unwrap();
    let pass = pass.to_str().unwrap();
    let run = |args: &[&str]| {
        let home = folder.path();
        let output = Command::new(env!("CARGO_BIN_EXE_medrec"))
            .args(args)
            .args(["--passphrase-file", pass])
            .env_clear()
            .env("HOME", home)
            .env("MEDREC_TEST_SCRYPT_LOG_N", "2")
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run(&["wallet", "new"]).0, 0);
    let out = folder.path().join("out.json");
    for args in [&["record", "--offline"][..], &["export", "--out", out.to_str().unwrap()]] {
        let (code, told) = run(args);
        assert_eq!(code, 1);
        assert!(told.contains("make one with `medrec sync`"), "{told}");
    }
    fs::write(folder.path().join(".medrec/copy"), "not sealed to anybody").unwrap();
    let (code, told) = run(&["record", "--offline"]);
    assert_eq!(code, 1);
    assert!(told.contains("cut off or altered, or is of another wallet"), "{told}");
    assert!(!out.exists());
}
