//! Section `merkle` of docs/spec/vectors.json: computed here, compared with the file. `MEDREC_BLESS=1` writes it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::path::Path;

use common::{leaves, tree};
use medrec_merkle::{consistency_proof, heads, inclusion_proof, lp, tagged_hash};
use serde_json::{Value, json};

const SECTION: &str = "merkle";

fn computed() -> Value {
    let stored = tree(&leaves("leaf ", 11));
    let hex_all = |hashes: Vec<[u8; 32]>| hashes.iter().map(hex::encode).collect::<Vec<_>>();
    let empty = heads::empty_nodes();
    let head = heads::leaf(5, "log.hospital.example", 11, &stored.root());
    let siblings = std::array::from_fn(|level| empty[level]);
    let heads_root = heads::climb(5, head, &siblings).unwrap()[heads::LEVELS];
    json!({
        "lp": {"input": "abc", "output": hex::encode(lp(b"abc"))},
        "tagged_hash": {
            "domain": "medrec/public-entry/v1",
            "fields": ["616263", "", "00000001"],
            "hash": hex::encode(tagged_hash("medrec/public-entry/v1", &[b"abc", b"", &[0, 0, 0, 1]])),
        },
        "rfc6962": {
            "leaves": (0..11).map(|i| format!("leaf {i}")).collect::<Vec<_>>(),
            "root": hex::encode(stored.root()),
            "inclusion": {"index": 6, "size": 11, "proof": hex_all(inclusion_proof(&stored, 6, 11).unwrap())},
            "consistency": {"old": 6, "new": 11, "proof": hex_all(consistency_proof(&stored, 6, 11).unwrap())},
        },
        "heads": {
            "empty": hex_all(empty.iter().map(|node| node.hash).collect()),
            "slot": 5,
            "origin": "log.hospital.example",
            "size": 11,
            "log_root": hex::encode(stored.root()),
            "leaf": hex::encode(head.hash),
            "root_with_this_log_alone": hex::encode(heads_root.hash),
            "total": heads_root.sum,
        },
    })
}

#[test]
fn vectors_are_what_the_code_computes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors.json");
    let mut file: Value = match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => json!({}),
    };
    if std::env::var_os("MEDREC_BLESS").is_some() {
        file[SECTION] = computed();
        std::fs::write(&path, serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
    }
    assert_eq!(
        file[SECTION],
        computed(),
        "MEDREC_BLESS=1 rewrites {}, if the format is meant to change",
        path.display()
    );
}
