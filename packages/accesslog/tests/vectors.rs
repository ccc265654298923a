//! Sections `ratchet` and `accesslog` of docs/spec/vectors.json: computed here, compared with the file.
//! `MEDREC_BLESS=1` writes them.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::path::Path;

use common::{ORIGIN, bodies, entries, filed, place, ratchet, root, serve, signer};
use medrec_accesslog::{
    Body, CounterMap, Counters, Entry, Scope, TileContent, TilePath, bundle_paths, consistency_proof,
    counter_leaf, inclusion_proof, seal_counters, seal_scopes,
};
use serde_json::{Value, json};

fn ratchet_section() -> Value {
    let place = place(7);
    let mut state = root().ratchet(&place);
    let first = hex::encode(state.chain_key());
    let steps: Vec<Value> = (0..3)
        .map(|_| {
            let step = state.step();
            json!({
                "counter": step.counter(),
                "label": step.label().to_string(),
                "next_chain_key": hex::encode(state.chain_key()),
            })
        })
        .collect();
    json!({
        "patient_part": hex::encode([0x11; 32]),
        "steward_part": hex::encode([0x22; 32]),
        "chain_id": place.chain_id,
        "contract": place.contract,
        "relationship": place.relationship,
        "log_origin": place.log_origin,
        "root": hex::encode(root().as_bytes()),
        "tag_key": hex::encode(root().tag_key(&place).as_bytes()),
        "chain_key_0": first,
        "steps": steps,
    })
}

/// Entry 0 of relationship 1 files, entries 1, 2, … are one of each other kind.
fn sealed() -> Vec<Value> {
    let mut steward = ratchet(1);
    let mut listed = Vec::new();
    let mut list = |body: &Body, blind: [u8; 32], entry: &Entry| {
        listed.push(json!({
            "kind": body.name(),
            "blind": hex::encode(blind),
            "body": hex::encode(body.encode().unwrap()),
            "commitment": hex::encode(entry.commitment()),
            "entry": hex::encode(entry.as_bytes()),
            "leaf_hash": hex::encode(entry.leaf_hash()),
        }));
    };
    let entry = Entry::file(&steward.step(), [0xc0; 32], filed()).unwrap();
    list(&Body::Filed(filed()), [0; 32], &entry);
    for body in bodies() {
        let blind = [0xb1; 32];
        list(&body, blind, &Entry::seal(&steward.step(), &blind, &body).unwrap());
    }
    listed
}

/// Three relationships, the first with 0 entries, among leaves that are the hashes of their numbers.
fn counters() -> Value {
    let day = 20_717;
    let leaf = |relationship: u64| {
        let tag_key = root().tag_key(&place(relationship));
        let counter = (relationship - 1) * 300;
        let leaf = counter_leaf(&tag_key, day, counter);
        (json!([hex::encode(tag_key.as_bytes()), counter, hex::encode(leaf)]), leaf)
    };
    let (listed, leaves): (Vec<Value>, Vec<_>) = (1..=3).map(leaf).unzip();
    let mut number = 0u64;
    let map = CounterMap::new(leaves, || {
        number += 1;
        medrec_merkle::tagged_hash("filler", &[&number.to_be_bytes()])
    });
    let entry =
        Counters { at: 1_790_000_000, day, size: 901, leaves: map.leaves().len() as u32, root: map.root() };
    let public = seal_counters(ORIGIN, 3, &entry).unwrap();
    let signed = signer().sign_counter(&[0x44; 32], 300, 901, 1_790_000_000);
    json!({
        "day": day,
        "relationships": listed,
        "map": hex::encode(map.to_bytes()),
        "root": hex::encode(map.root()),
        "size": entry.size,
        "at": entry.at,
        "version": 3,
        "entry": hex::encode(public.as_bytes()),
        "signed": {
            "relationship_ref": hex::encode([0x44; 32]),
            "counter": signed.counter,
            "size": signed.size,
            "at": signed.at,
            "signature": hex::encode(signed.signature),
        },
    })
}

fn promise() -> Value {
    let promise = signer().promise(42, [0x1e; 32], 1_790_000_000, 1_790_000_060);
    json!({
        "index": promise.index,
        "leaf": hex::encode(promise.leaf),
        "at": promise.at,
        "by": promise.by,
        "signature": hex::encode(promise.signature),
    })
}

fn log_section() -> Value {
    let hexes = |hashes: Vec<[u8; 32]>| hashes.iter().map(hex::encode).collect::<Vec<_>>();
    let served = serve(entries(300), &[100]);
    let checkpoint = &served.checkpoint.checkpoint;
    let scopes: Vec<_> = (1..=9u8)
        .map(|i| Scope { scope: format!("scope-of-some-length-{i}"), scope_hash: [i; 32] })
        .collect();
    let public = seal_scopes(ORIGIN, 1, 1_790_000_000, &scopes).unwrap();
    let paths = [
        TilePath { content: TileContent::Hashes { level: 0 }, index: 1_234_067, width: 256 },
        TilePath { content: TileContent::Hashes { level: 2 }, index: 0, width: 17 },
        TilePath { content: TileContent::Entries, index: 1_000, width: 1 },
    ];
    json!({
        "sealed": {"ratchet_of_relationship": 1, "entries": sealed()},
        "public": {
            "log_origin": ORIGIN,
            "at": 1_790_000_000,
            "scopes": scopes.iter().map(|s| json!([s.scope, hex::encode(s.scope_hash)])).collect::<Vec<_>>(),
            "entries": public.iter().map(|entry| hex::encode(entry.as_bytes())).collect::<Vec<_>>(),
        },
        "counters": counters(),
        "promise": promise(),
        "checkpoint": {
            "secret_key": hex::encode([0x33; 32]),
            "public_key": hex::encode(signer().public().public_key()),
            "verifier_key": signer().public().verifier_key(),
            "size": checkpoint.size,
            "root": hex::encode(checkpoint.root),
            "text": checkpoint.text(),
            "signature": hex::encode(served.checkpoint.signature),
            "note": served.checkpoint.note(),
        },
        "proofs": {
            "entry": hex::encode(served.entries[42].as_bytes()),
            "inclusion": {"index": 42, "size": 300, "proof": hexes(inclusion_proof(&served.tiles, 42, 300).unwrap())},
            "consistency": {"old": 100, "new": 300, "proof": hexes(consistency_proof(&served.tiles, 100, 300).unwrap())},
        },
        "paths": paths.iter().chain(&bundle_paths(250, 300).collect::<Vec<_>>()).map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[test]
fn vectors_are_what_the_code_computes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors.json");
    let read =
        |path: &Path| std::fs::read_to_string(path).ok().map(|text| serde_json::from_str(&text).unwrap());
    let mut file: Value = read(&path).unwrap_or_else(|| json!({}));
    if std::env::var_os("MEDREC_BLESS").is_some() {
        file["ratchet"] = ratchet_section();
        file["accesslog"] = log_section();
        std::fs::write(&path, serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
    }
    let hint = "MEDREC_BLESS=1 rewrites docs/spec/vectors.json, if the format is meant to change";
    assert_eq!(file["ratchet"], ratchet_section(), "{hint}");
    assert_eq!(file["accesslog"], log_section(), "{hint}");
}
