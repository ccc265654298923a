//! Fixed values of everything a second implementation has to agree on; `MEDREC_BLESS=1` writes them anew.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::World;
use medrec_merkle::{Tree, leaf_hash};
use medrec_pow::{Header, Target, U256};
use medrec_seals::{
    Conflict, Retarget, Rules, Watched, checkpoint_text, cosignature_text, own_log, promise_hash,
    sealed_root, verify,
};
use serde_json::{Value, json};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(bytes)
}

fn target(bits: u32) -> Target {
    Target::new(U256::MAX.shr(bits)).unwrap()
}

fn watched() -> Value {
    let log: Tree = (0..5u64).map(|event| leaf_hash(&event.to_be_bytes())).collect();
    let frontier = medrec_merkle::Frontier::read(&log, 5).unwrap();
    let row = [&5u64.to_be_bytes()[..], frontier.nodes().as_flattened()].concat();
    let (size, root) = own_log(Some(&row)).unwrap();
    json!({ "row": hex(&row), "size": size, "root": hex(root) })
}

fn submission() -> Value {
    let world = World::new(&[(0, 1_000), (5, 70_000), (1_023, 16_777_216)]);
    let watched = [
        Watched { contract: "medrec1registrar", size: 5, root: [7; 32], checksum: [8; 32] },
        Watched { contract: "medrec1authlog", size: 0, root: medrec_merkle::root(&[]), checksum: [9; 32] },
    ];
    let sealed = sealed_root(&world.root(), watched);
    let header = Header { sealed, ..world.header(target(3)) };
    let (nonce, recalls) = world.mine(&header, 0);
    let seal = verify(&header, &world.root(), nonce, &recalls).unwrap();
    let heads: Vec<Value> = world
        .logs
        .iter()
        .map(|log| json!({ "slot": log.slot, "origin": log.origin, "size": log.size, "root": hex(log.root()) }))
        .collect();
    let watched: Vec<Value> = watched
        .iter()
        .map(|one| {
            let (root, checksum) = (hex(one.root), hex(one.checksum));
            json!({ "contract": one.contract, "size": one.size, "root": root, "checksum": checksum })
        })
        .collect();
    json!({
        "heads": heads,
        "heads_hash": hex(world.root().hash),
        "watched": watched,
        "header": {
            "chain_id": header.chain_id,
            "contract": header.contract,
            "number": header.number,
            "previous": hex(header.previous),
            "sealed": hex(sealed),
            "entries": header.entries,
            "target": hex(header.target.to_be_bytes()),
            "frozen_at": header.frozen_at,
            "miner": header.miner,
        },
        "header_hash": hex(header.hash()),
        "nonce": nonce,
        "recalls": hex(recalls),
        "mix": hex(seal.mix),
        "id": hex(seal.id),
    })
}

fn targets() -> Value {
    let rules =
        Rules { interval: 60, half_life: 600, anchor: target(16), easiest: target(4), hardest: target(64) };
    let mut retarget = Retarget::start(&rules);
    let steps: Vec<Value> = [60, 60, 5, 0, 1_000, 28_800, 60, 1, 240, 61]
        .into_iter()
        .map(|seconds| {
            retarget = retarget.next(&rules, seconds);
            json!({
                "seconds": seconds,
                "elapsed": retarget.elapsed,
                "waiting": retarget.waiting,
                "target": hex(retarget.target.to_be_bytes()),
                "mean": hex(retarget.mean.to_be_bytes()),
            })
        })
        .collect();
    json!({
        "interval": rules.interval,
        "half_life": rules.half_life,
        "anchor": hex(rules.anchor.to_be_bytes()),
        "easiest": hex(rules.easiest.to_be_bytes()),
        "hardest": hex(rules.hardest.to_be_bytes()),
        "steps": steps,
    })
}

fn texts() -> Value {
    let roots = Conflict::Roots { size: 9, a: [1; 32], b: [2; 32] };
    json!({
        "checkpoint": checkpoint_text("hospital.example/log", 9, &[1; 32]),
        "cosignature": cosignature_text(1_800_000_000, "hospital.example/log", 9, &[1; 32]),
        "promise": hex(promise_hash("hospital.example/log", 4, &[3; 32], 10, 20)),
        "evidence": hex(roots.evidence("hospital.example/log", &[&[4; 64], &[5; 64]])),
    })
}

#[test]
fn values_are_the_pinned_ones() {
    let computed = json!({
        "own_log": watched(),
        "submission": submission(),
        "targets": targets(),
        "texts": texts(),
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/seals.json");
    if std::env::var_os("MEDREC_BLESS").is_some() {
        std::fs::write(path, serde_json::to_string_pretty(&computed).unwrap() + "\n").unwrap();
    }
    let pinned: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(pinned, computed);
}
