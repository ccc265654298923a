//! Section `bounty` of docs/spec/vectors.json: computed here, compared with the file. `MEDREC_BLESS=1` writes it.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::path::Path;

use common::{answer, count, question};
use cosmwasm_std::{Binary, to_json_string};
use medrec_api::bounty::{Action, Charge, OfferState, Refusal, owning_seals, step};
use medrec_merkle::tagged_hash;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const SECTION: &str = "bounty";

fn hex(bytes: &[u8]) -> String {
    Binary::from(bytes).to_hex()
}

fn steps() -> Vec<Value> {
    let mut all = Vec::new();
    for state in OfferState::ALL {
        for action in Action::ALL {
            for (open, late) in [(false, false), (false, true), (true, false), (true, true)] {
                let outcome = match step(state, open, action, late) {
                    Ok(taken) => {
                        let charge = match taken.charge {
                            Charge::None => "none",
                            Charge::Spend => "spend",
                            Charge::Release => "release",
                        };
                        json!({"state": taken.state.as_str(), "charge": charge})
                    }
                    Err(Refusal::State) => json!({"refused": "state"}),
                    Err(Refusal::Late) => json!({"refused": "late"}),
                    Err(Refusal::Early) => json!({"refused": "early"}),
                };
                all.push(json!({
                    "state": state.as_str(), "open": open, "action": action.as_str(), "late": late,
                    "outcome": outcome,
                }));
            }
        }
    }
    all
}

fn computed() -> Value {
    let (secret, offer, seal) = ([0x11; 32], [0x22; 32], [0x33; 32]);
    json!({
        "noise": {
            "secret": hex(&secret),
            "commitment": hex(&tagged_hash("medrec/noise-commitment/v1", &[&secret])),
            "offer": hex(&offer),
            "seal": hex(&seal),
            "seed": hex(&tagged_hash("medrec/noise/v1", &[&secret, &offer, &seal])),
        },
        "questions": [to_json_string(&question()).unwrap(), to_json_string(&count()).unwrap()],
        "delivery": {"answer": hex(&answer(7)), "hash": hex(&Sha256::digest(answer(7)))},
        "owning_seals": {"seals": 41, "seal": owning_seals(41).collect::<Vec<u64>>()},
        "steps": steps(),
    })
}

#[test]
fn vectors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors.json");
    let mut file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
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
